package service

import (
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/job"
)

// Limits is a profile of limits. A limit of 0 is none.
type Limits struct {
	AddressLists   int   // address lists of an account in one Region
	ListMembers    int   // members of one address list
	UnfinishedJobs int   // SES import jobs of an account in one Region that are not final
	PutRecords     int64 // records of a file that puts addresses on the suppression list
	DeleteRecords  int64 // records of a file that takes addresses off it
}

// None limits nothing. It is the default.
var None = Limits{}

// AWS holds the limits that AWS publishes for what is served here.
//
//   - AddressLists, ListMembers: https://docs.aws.amazon.com/ses/latest/dg/quotas.html, Mail
//     Manager quotas; https://docs.aws.amazon.com/ses/latest/dg/eb-addlist.html
//   - UnfinishedJobs: https://docs.aws.amazon.com/ses/latest/dg/quotas.html
//   - PutRecords, DeleteRecords:
//     https://docs.aws.amazon.com/ses/latest/dg/sending-email-suppression-list.html
//
// Limits of a single request (lengths, page sizes, tags) are in the APIs' tables and
// hold in every profile.
var AWS = Limits{
	AddressLists:   100,
	ListMembers:    100_000,
	UnfinishedJobs: 20,
	PutRecords:     100_000,
	DeleteRecords:  10_000,
}

// Members returns how many members a list of kind k may have.
func (l Limits) Members(k destination.Kind) int {
	if k == destination.AddressList {
		return l.ListMembers
	}
	return 0
}

// Records returns how many records a file for d may have.
func (l Limits) Records(d job.Destination) int64 {
	if d.Kind != destination.Suppression {
		return 0
	}
	if d.Action == destination.Delete {
		return l.DeleteRecords
	}
	return l.PutRecords
}
