package conformance

import (
	"bufio"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// services are those that the JavaScript SDK is driven for, by the names of their tables.
var services = []string{"mailmanager", "sesv2", "wisdom", "qconnect"}

// operation is what a call was for.
type operation struct{ service, name string }

// answers counts how often an operation was answered with an error, by the error's name;
// "" is success.
type answers map[string]int

// readCalls reads what js/client.mjs has noted.
func readCalls(t *testing.T, file string) map[operation]answers {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	seen := map[operation]answers{}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var call struct{ Service, Operation, Error string }
		if err := json.Unmarshal(lines.Bytes(), &call); err != nil {
			t.Fatalf("%s: %v", lines.Bytes(), err)
		}
		op := operation{call.Service, call.Operation}
		if seen[op] == nil {
			seen[op] = answers{}
		}
		seen[op][call.Error]++
	}
	return seen
}

// declared returns the errors that the table of a service declares, by operation.
func declared(t *testing.T, service string) map[string][]string {
	t.Helper()
	var table struct {
		Operations map[string]struct{ Errors []string }
	}
	if err := json.Unmarshal([]byte(readFile(t, "../internal/api/model/"+service+".json")), &table); err != nil {
		t.Fatal(err)
	}
	errors := map[string][]string{}
	for name, op := range table.Operations {
		errors[name] = op.Errors
	}
	return errors
}

// unprovoked names declared errors that no call brings forth, and why. Services and
// operations are separated by blanks, * stands for all that declare the error.
var unprovoked = []struct{ services, operations, err, why string }{
	{"mailmanager", "*", "AccessDeniedException", "there are no policies that could deny a call: one account, one root key"},
	{"wisdom qconnect", "CreateKnowledgeBase ListKnowledgeBases", "AccessDeniedException", "they name nothing that could be another account's (D80)"},
	{"qconnect", "*", "UnauthorizedException", "a wrong signature has the names that all of AWS's APIs have for it"},
	{"wisdom qconnect", "*", "RequestTimeoutException", "a search that takes too long is the caller's to end"},
	{"wisdom qconnect", "UpdateQuickResponse", "PreconditionFailedException", "an update names no state that it wants to find (D92)"},
	{"wisdom qconnect", "StartImportJob", "ServiceQuotaExceededException", "AWS publishes no limit of import jobs (D86)"},
	{"sesv2", "*", "ConcurrentModificationException", "a status 500, which SDKs repeat in vain (D53)"},
	{"sesv2", "CreateContactList", "LimitExceededException", "AWS was seen to answer BadRequestException (D68)"},
	{"sesv2", "GetAccount", "BadRequestException", "there is no input"},
	{"sesv2", "DeleteSuppressedDestination GetSuppressedDestination", "BadRequestException", "what is no address is not on the list (D32)"},
	{"sesv2", "GetImportJob", "BadRequestException", "what is no id is the id of no job"},
	{"mailmanager", "RegisterMemberToAddressList", "ConflictException", "it can be repeated (D10)"},
	{"mailmanager", "DeregisterMemberFromAddressList TagResource UntagResource", "ConflictException", "nothing conflicts with it"},
	{"mailmanager", "StartAddressListImportJob", "ServiceQuotaExceededException", "AWS publishes no limit of import jobs"},
}

// checkCoverage compares what was seen with the tables: every operation was answered with
// success, and every declared error was provoked, but for those in unprovoked.
func checkCoverage(t *testing.T, seen map[operation]answers) {
	t.Helper()
	excused := map[int]bool{}
	excuse := func(service, name, err string) bool {
		for i, u := range unprovoked {
			if u.err == err && lists(u.services, service) && lists(u.operations, name) {
				excused[i] = true
				return true
			}
		}
		return false
	}
	operations, served, errors, provoked, calls := 0, 0, 0, 0, 0
	for _, service := range services {
		table := declared(t, service)
		for _, name := range slices.Sorted(maps.Keys(table)) {
			operations++
			got := seen[operation{service, name}]
			if got[""] > 0 {
				served++
			} else {
				t.Errorf("%s: no call of %s was answered", service, name)
			}
			for _, err := range table[name] {
				errors++
				switch excused := excuse(service, name, err); {
				case got[err] > 0 && excused:
					t.Errorf("%s: %s answered %s, which is listed as unprovoked", service, name, err)
				case got[err] == 0 && !excused:
					t.Errorf("%s: no call of %s was answered %s, which it declares", service, name, err)
				}
				if got[err] > 0 {
					provoked++
				}
			}
		}
	}
	for i, u := range unprovoked {
		if !excused[i] {
			t.Errorf("no operation of %s in %q declares %s, which is listed as unprovoked", u.services, u.operations, u.err)
		}
	}
	for op, got := range seen {
		if slices.Contains(services, op.service) {
			for _, n := range got {
				calls += n
			}
		}
	}
	t.Logf("%d of %d operations served; %d of %d declared errors provoked, the rest listed; %d calls made, each answered as its test wants",
		served, operations, provoked, errors, calls)
}

// lists reports whether a name is in a list of unprovoked.
func lists(list, name string) bool {
	return list == "*" || slices.Contains(strings.Fields(list), name)
}
