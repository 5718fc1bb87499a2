// Package limits holds the profiles of quotas and call rates that a server may keep: none,
// or those that AWS publishes. A profile only states limits. Services enforce those on
// what they create, the gateway those on calls, and the engine those on what jobs import.
package limits

import (
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/job"
)

// Profile is a set of limits. A limit of 0 is none.
type Profile struct {
	AddressLists   int   // address lists of an account in one Region
	ListMembers    int   // members of one address list
	UnfinishedJobs int   // SES import jobs of an account in one Region that are not final
	PutRecords     int64 // records of a file that puts addresses on the suppression list
	DeleteRecords  int64 // records of a file that takes addresses off it

	ContactLists   int   // contact lists of an account in one Region
	ContactRecords int64 // records of a file for a contact list

	KnowledgeBases       int   // knowledge bases of an account in one Region
	QuickResponses       int   // quick responses of one knowledge base
	QuickResponseRecords int64 // records of a file for a knowledge base

	SESCalls     float64 // calls a second to SES v2, and to Mail Manager, of an account
	ConnectCalls float64 // calls a second to an operation of Q in Connect or Wisdom, of an account
	ConnectBusy  float64 // the same for DeleteQuickResponse and SearchQuickResponses
}

// None limits nothing. It is the default.
var None = Profile{}

// AWS holds the limits that AWS publishes for what is served here.
//
//   - AddressLists, ListMembers: https://docs.aws.amazon.com/ses/latest/dg/quotas.html, Mail
//     Manager quotas; https://docs.aws.amazon.com/ses/latest/dg/eb-addlist.html
//   - UnfinishedJobs: https://docs.aws.amazon.com/ses/latest/dg/quotas.html
//   - PutRecords, DeleteRecords:
//     https://docs.aws.amazon.com/ses/latest/dg/sending-email-suppression-list.html
//   - ContactLists, ContactRecords:
//     https://docs.aws.amazon.com/ses/latest/dg/sending-email-list-management.html
//   - KnowledgeBases, QuickResponses, ConnectCalls, ConnectBusy:
//     https://docs.aws.amazon.com/connect/latest/adminguide/amazon-connect-service-limits.html
//   - QuickResponseRecords: https://docs.aws.amazon.com/connect/latest/adminguide/add-data.html
//   - SESCalls: https://docs.aws.amazon.com/ses/latest/dg/quotas.html, API quotas
//
// Limits of a single request (lengths, page sizes, tags) are in the APIs' tables and
// hold in every profile.
var AWS = Profile{
	AddressLists:   100,
	ListMembers:    100_000,
	UnfinishedJobs: 20,
	PutRecords:     100_000,
	DeleteRecords:  10_000,

	ContactLists:   1,
	ContactRecords: 1_000_000,

	KnowledgeBases:       10,
	QuickResponses:       1000,
	QuickResponseRecords: 100,

	SESCalls:     1,
	ConnectCalls: 10,
	ConnectBusy:  20,
}

// Members returns how many members a list of kind k may have.
func (p Profile) Members(k destination.Kind) int {
	switch k {
	case destination.AddressList:
		return p.ListMembers
	case destination.QuickResponses:
		return p.QuickResponses
	}
	return 0
}

// Records returns how many records a file for d may have.
func (p Profile) Records(d job.Destination) int64 {
	switch {
	case d.Kind == destination.ContactList:
		return p.ContactRecords
	case d.Kind == destination.QuickResponses:
		return p.QuickResponseRecords
	case d.Kind != destination.Suppression:
		return 0
	case d.Action == destination.Delete:
		return p.DeleteRecords
	}
	return p.PutRecords
}

// Rate returns how many calls a second an account may make to an operation of an API,
// by the API's name in package api, and the name of the bucket that they are taken
// from, which other operations may share. A rate of 0 is none.
func (p Profile) Rate(api, operation string) (bucket string, perSecond float64) {
	switch {
	case api != "qconnect":
		return api, p.SESCalls
	case operation == "DeleteQuickResponse" || operation == "SearchQuickResponses":
		return operation, p.ConnectBusy
	}
	return operation, p.ConnectCalls
}
