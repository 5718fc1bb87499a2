package main

import (
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/wire"
)

// service is what a table does not say about its service.
type service struct {
	pkg   string
	title string
	// reference is where AWS documents the operations: the beginning of each page's URL.
	reference string
	// faults has the errors that the API has for each kind of fault, the best first.
	faults  wire.Faults
	aliases bool // a hand-written routes.go has older routes
	// also are errors that AWS sends though its model does not list them.
	also map[string][]string
}

var services = []service{
	{
		pkg: "mailmanager", title: "Amazon SES Mail Manager",
		reference: "https://docs.aws.amazon.com/sesmailmanager/latest/APIReference/API_",
		faults: wire.Faults{
			fault.Invalid:            {"ValidationException"},
			fault.NotFound:           {"ResourceNotFoundException"},
			fault.AlreadyExists:      {"ConflictException"},
			fault.Conflict:           {"ConflictException"},
			fault.LimitExceeded:      {"ServiceQuotaExceededException"},
			fault.PreconditionFailed: {"ConflictException"},
			fault.BadToken:           {"ValidationException"},
			fault.Broken:             {"ValidationException"},
		},
	},
	{
		pkg: "sesv2", title: "Amazon SES API v2", aliases: true,
		reference: "https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_",
		// A conflict is a bad request here: the model's ConcurrentModificationException is
		// a 500, which every SDK repeats.
		faults: wire.Faults{
			fault.Invalid:            {"BadRequestException"},
			fault.NotFound:           {"NotFoundException"},
			fault.AlreadyExists:      {"AlreadyExistsException"},
			fault.Conflict:           {"BadRequestException"},
			fault.LimitExceeded:      {"LimitExceededException"},
			fault.PreconditionFailed: {"BadRequestException"},
			fault.BadToken:           {"InvalidNextTokenException"},
			fault.Broken:             {"BadRequestException"},
			fault.Throttled:          {"TooManyRequestsException"},
		},
		also: map[string][]string{
			// "ContactList x doesn't exist" is a 404 on AWS, as probed by the Floci
			// emulator: https://github.com/floci-io/floci/pull/3892.
			"CreateImportJob": {"NotFoundException"},
		},
	},
	{
		pkg: "qconnect", title: "Amazon Q in Connect and Connect Wisdom",
		reference: "https://docs.aws.amazon.com/connect/latest/APIReference/API_amazon-q-connect_",
		faults: wire.Faults{
			fault.Invalid:            {"ValidationException"},
			fault.NotFound:           {"ResourceNotFoundException"},
			fault.AlreadyExists:      {"ConflictException"},
			fault.Conflict:           {"ConflictException"},
			fault.LimitExceeded:      {"ServiceQuotaExceededException", "TooManyTagsException"},
			fault.PreconditionFailed: {"PreconditionFailedException", "ConflictException"},
			fault.BadToken:           {"ValidationException"},
			fault.Broken:             {"ValidationException"},
		},
		also: map[string][]string{
			// The path names a knowledge base, and the model has no word for one
			// that is not there.
			"ListImportJobs": {"ResourceNotFoundException"},
		},
	},
}
