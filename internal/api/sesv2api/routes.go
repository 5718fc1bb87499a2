package sesv2api

import "github.com/sluicehq/sluice/internal/wire"

// aliases are the routes of two lists before AWS moved them: GET with the page in
// the query and the filter in a body. Clients generated at the time still send them,
// see https://docs.aws.amazon.com/goto/WebAPI/sesv2-2019-09-27/ListImportJobs.
var aliases = []wire.Alias{
	{
		Method: "GET", Path: "/v2/email/import-jobs",
		Operation: "ListImportJobs", Query: []string{"NextToken", "PageSize"},
	},
	{
		Method: "GET", Path: "/v2/email/contact-lists/{ContactListName}/contacts",
		Operation: "ListContacts", Query: []string{"NextToken", "PageSize"},
	},
}
