package destination

import (
	"strings"
	"testing"
)

func TestCheckMember(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind       Kind
		key, value string
		unique     string
		want       error
	}{
		{AddressList, "ann@example.com", "", "", nil},
		{AddressList, "news*@example.com", "", "", nil},
		{AddressList, "*.example.com", "", "", nil},
		{AddressList, "ann@Example.com", "", "", errMemberKey},
		{AddressList, "ann@example.com", "x", "", errMemberValue},
		{AddressList, "", "", "", errMemberKey},
		{Suppression, "ann@example.com", "BOUNCE", "", nil},
		{Suppression, "ann@example.com", "COMPLAINT", "", nil},
		{Suppression, "ann@example.com", "BOUNCF", "", errMemberReason},
		{Suppression, "annexample.com", "BOUNCE", "", errMemberKey},
		{ContactList, "ann@example.com", "OPT_IN", "", nil},
		{ContactList, "ann@example.com", "OPT_OUT news=OPT_IN sport=OPT_OUT\n{\"a b=c\":1}", "", nil},
		{ContactList, "ann@example.com", "OPT_IM", "", errMemberStatus},
		{ContactList, "ann@example.com", "", "", errMemberStatus},
		{ContactList, "ann@example.com", "OPT_IN news=OPT", "", errMemberTopic},
		{ContactList, "ann@example.com", "OPT_IN =OPT_IN", "", errMemberTopic},
		{ContactList, " ann@example.com", "OPT_IN", "", errMemberKey},
		{QuickResponses, "id-1", `{"name":"hello","content":"x"}`, "name hello", nil},
		{QuickResponses, "id-1", `{"name":"hello","shortcutKey":"h"}`, "name hello,shortcut h", nil},
		{QuickResponses, "id-1", `{"name":"hello","shortcutKey":"h"}`, "name hello", errMemberUnique},
		{QuickResponses, "id-1", `{"name":"hello"}`, "", errMemberUnique},
		{AddressList, "ann@example.com", "", "name ann", errMemberUnique},
		{QuickResponses, "id-1", `{"content":"x"}`, "", errMemberJSON},
		{QuickResponses, "id-1", `{`, "", errMemberJSON},
		{QuickResponses, "", `{"name":"hello"}`, "", errMemberKey},
		{"other", "ann@example.com", "", "", errMemberKind},
	} {
		var unique []string
		if tt.unique != "" {
			unique = strings.Split(tt.unique, ",")
		}
		if got := new(MemberChecker).Check(tt.kind, []byte(tt.key), []byte(tt.value), unique); got != tt.want {
			t.Errorf("Check(%s, %q, %q) = %v, want %v", tt.kind, tt.key, tt.value, got, tt.want)
		}
	}
}
