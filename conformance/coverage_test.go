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

// excuse says why some operations do not keep to their table with an error. Services and
// operations are separated by blanks, * stands for all.
type excuse struct{ services, operations, err, why string }

// undeclared are errors that are answered though the tables do not declare them.
var undeclared = []excuse{
	{"sesv2", "CreateImportJob", "NotFoundException", "AWS was seen to answer it for a contact list that is not there"},
	{"wisdom qconnect", "*", "ThrottlingException", "AWS has rates for them and declares no name (D108)"},
}

// unprovoked are declared errors that no call brings forth.
var unprovoked = []excuse{
	{"mailmanager", "*", "AccessDeniedException", "there are no policies that could deny a call: one account, one root key"},
	{"wisdom qconnect", "CreateKnowledgeBase ListKnowledgeBases", "AccessDeniedException", "they name nothing that could be another account's (D80)"},
	{"qconnect", "*", "UnauthorizedException", "a wrong signature has the names that all of AWS's APIs have for it"},
	{"wisdom qconnect", "*", "RequestTimeoutException", "a search that takes too long is the caller's to end"},
	{"wisdom qconnect", "UpdateQuickResponse", "PreconditionFailedException", "an update names no state that it wants to find (D92)"},
	{"wisdom qconnect", "StartImportJob", "ServiceQuotaExceededException", "AWS publishes no limit of import jobs (D86)"},
	{"sesv2", "*", "ConcurrentModificationException", "a status 500, which SDKs repeat in vain (D53)"},
	{"sesv2", "GetAccount", "BadRequestException", "there is no input"},
	{"sesv2", "DeleteSuppressedDestination GetSuppressedDestination", "BadRequestException", "what is no address is not on the list (D32)"},
	{"sesv2", "GetImportJob", "BadRequestException", "what is no id is the id of no job"},
	{"mailmanager", "RegisterMemberToAddressList", "ConflictException", "it can be repeated (D10)"},
	{"mailmanager", "DeregisterMemberFromAddressList TagResource UntagResource", "ConflictException", "nothing conflicts with it"},
	{"mailmanager", "StartAddressListImportJob", "ServiceQuotaExceededException", "AWS publishes no limit of import jobs"},
}

// excuses is a list of them, and which of them were needed.
type excuses struct {
	list   []excuse
	needed map[int]bool
}

// has reports whether an operation is excused.
func (x *excuses) has(op operation, err string) bool {
	for i, e := range x.list {
		if e.err == err && matches(e.services, op.service) && matches(e.operations, op.name) {
			x.needed[i] = true
			return true
		}
	}
	return false
}

func matches(list, name string) bool {
	return list == "*" || slices.Contains(strings.Fields(list), name)
}

// checkCoverage compares what was seen with the tables: every operation was answered with
// success, every declared error was provoked, and no other was, but for what is excused.
func checkCoverage(t *testing.T, seen map[operation]answers) {
	t.Helper()
	quiet, foreign := excuses{unprovoked, map[int]bool{}}, excuses{undeclared, map[int]bool{}}
	operations, served, errors, provoked, calls := 0, 0, 0, 0, 0
	for _, service := range services {
		table := declared(t, service)
		for _, name := range slices.Sorted(maps.Keys(table)) {
			op := operation{service, name}
			got := seen[op]
			operations++
			if got[""] > 0 {
				served++
			} else {
				t.Errorf("%s: no call of %s was answered", service, name)
			}
			for _, err := range table[name] {
				errors++
				if got[err] > 0 {
					provoked++
				}
				switch excused := quiet.has(op, err); {
				case got[err] > 0 && excused:
					t.Errorf("%s: %s answered %s, which is listed as unprovoked", service, name, err)
				case got[err] == 0 && !excused:
					t.Errorf("%s: no call of %s was answered %s, which it declares", service, name, err)
				}
			}
			for err, n := range got {
				calls += n
				if err != "" && !slices.Contains(table[name], err) && !foreign.has(op, err) {
					t.Errorf("%s: %s answered %s, which it does not declare", service, name, err)
				}
			}
		}
	}
	for _, x := range []excuses{quiet, foreign} {
		for i, e := range x.list {
			if !x.needed[i] {
				t.Errorf("%+v excuses nothing", e)
			}
		}
	}
	t.Logf("%d of %d operations served; %d of %d declared errors provoked, the rest listed; %d calls made, each answered as its test wants",
		served, operations, provoked, errors, calls)
}
