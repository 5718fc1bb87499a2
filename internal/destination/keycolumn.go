package destination

// keyColumns are the names of the reports' first columns, which are those of the
// sources' first fields.
var keyColumns = map[Kind]string{
	AddressList:    listField,
	Suppression:    suppressionField,
	ContactList:    contactField,
	QuickResponses: responseColumns[nameField],
}

// KeyColumn returns the name of the column of a report that holds the keys.
func KeyColumn(k Kind) string { return keyColumns[k] }
