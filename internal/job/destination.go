package job

// Destination is what a job imports into, and how.
type Destination struct {
	Kind   Kind   `json:",omitzero"`
	List   string `json:",omitzero"` // id of the list
	Action Action `json:",omitzero"`
}

// Kind is a kind of destination. Package destination has the rules of each.
type Kind string

// The kinds.
const (
	AddressList    Kind = "address-list"
	Suppression    Kind = "suppression"
	ContactList    Kind = "contact-list"
	QuickResponses Kind = "quick-responses"
)

// Kinds returns all of them.
func Kinds() []Kind { return []Kind{AddressList, ContactList, QuickResponses, Suppression} }

// Action is what a job does with the members that its records name.
type Action string

// The actions.
const (
	Put    Action = "PUT"    // the member is there afterwards, with this value
	Delete Action = "DELETE" // the member is not there afterwards; an absent one is no failure
)
