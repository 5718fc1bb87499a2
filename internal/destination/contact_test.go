package destination

import "testing"

func TestContact(t *testing.T) {
	t.Parallel()
	plain := NewContact(nil, false)
	full := NewContact([]byte{}, true).With("news", OptOut).With("new", OptIn).WithAttributes([]byte("a b=c\nOPT_IN x=OPT_IN"))
	for _, tt := range []struct {
		c            Contact
		text         string
		unsubscribed bool
		news, none   string
		attributes   string
	}{
		{plain, "OPT_IN", false, "", "", "none"},
		{plain.WithAttributes(nil), "OPT_IN\n", false, "", "", ""},
		{full, "OPT_OUT news=OPT_OUT new=OPT_IN\na b=c\nOPT_IN x=OPT_IN", true, OptOut, "", "a b=c\nOPT_IN x=OPT_IN"},
	} {
		news, _ := tt.c.Preference("news")
		none, ok := tt.c.Preference("x")
		attributes, has := tt.c.Attributes()
		if !has {
			attributes = []byte("none")
		}
		if string(tt.c) != tt.text || tt.c.Unsubscribed() != tt.unsubscribed || news != tt.news || none != tt.none || ok || string(attributes) != tt.attributes {
			t.Errorf("contact %q: unsubscribed %t, news %q, x %q %t, attributes %q; want %+v", tt.c, tt.c.Unsubscribed(), news, none, ok, attributes, tt)
		}
		checkContact(t, tt.c)
	}
}
