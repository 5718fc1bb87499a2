package record

// Inner reads the arrays that lie within fields of the kind Nested. It keeps its memory from one
// field to the next, so reading allocates nothing per record; what it returns is valid
// until it is asked for more.
type Inner struct {
	scan    jsonScan
	array   []byte // what is unread of an array
	members []Field
}

// NewInner returns an Inner that looks for the members of those names in elements that
// are objects.
func NewInner(members ...string) *Inner {
	return &Inner{scan: jsonScan{want: members}, members: make([]Field, len(members))}
}

// Array begins to read the array that f is; false if f is none.
func (n *Inner) Array(f Field) bool {
	n.array = nil
	if f.Kind != Nested || len(f.Bytes) == 0 || f.Bytes[0] != '[' {
		return false
	}
	n.array = f.Bytes[1:]
	return true
}

// Next returns the next element of the array; false if there is none.
func (n *Inner) Next() (Field, bool) {
	b := n.array
	for len(b) > 0 && (isSpace(b[0]) || b[0] == ',') {
		b = b[1:]
	}
	end, k, o := n.scan.record(b, true, n.members)
	if o != good {
		n.array = nil // at the closing bracket
		return Field{}, false
	}
	n.array = b[end:]
	return Field{Kind: k, Bytes: n.scan.content(0, end, k)}, true
}

// Members returns the members of the element, if it is an object, in the order of their
// names in NewInner. Those that it lacks are Absent.
func (n *Inner) Members() []Field { return n.members }
