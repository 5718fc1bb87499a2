package main

// service is what a table does not say about its service.
type service struct {
	pkg     string
	title   string
	faults  string // the table in wire
	aliases bool   // a hand-written routes.go has older routes
	// also are errors that AWS sends though its model does not list them.
	also map[string][]string
}

var services = []service{
	{
		pkg: "mailmanager", title: "Amazon SES Mail Manager", faults: "MailManagerFaults",
	},
	{
		pkg: "sesv2", title: "Amazon SES API v2", faults: "SESFaults", aliases: true,
		also: map[string][]string{
			// "ContactList x doesn't exist" is a 404 on AWS, as probed by the Floci
			// emulator: https://github.com/floci-io/floci/pull/3892.
			"CreateImportJob": {"NotFoundException"},
		},
	},
	{
		pkg: "qconnect", title: "Amazon Q in Connect and Connect Wisdom", faults: "ConnectFaults",
		also: map[string][]string{
			// The path names a knowledge base, and the model has no word for one
			// that is not there.
			"ListImportJobs": {"ResourceNotFoundException"},
		},
	},
}
