package jobs

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/api/adminapi"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

func TestListInPages(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	for i := range 5 {
		f.add(t, job.ID(fmt.Sprintf("s%d", i)), job.SESv2)
		f.add(t, job.ID(fmt.Sprintf("m%d", i)), job.MailManager)
	}
	f.work(t, 0, job.Failed) // s0, the oldest
	for _, c := range []struct {
		query string
		want  string
	}{
		{"", "m4 s4 m3 s3 m2 s2 m1 s1 m0 s0"},
		{"api=mailmanager", "m4 m3 m2 m1 m0"},
		{"state=failed", "s0"},
		{"state=failed&state=created&api=sesv2", "s4 s3 s2 s1 s0"},
		{"state=completed", ""},
		{"list=suppression&api=sesv2", "s4 s3 s2 s1 s0"},
		{"list=Suppression&state=failed", "s0"},
		{"list=suppression/Suppression&state=failed", "s0"},
		{"list=Suppression&api=mailmanager&state=failed", ""},
	} {
		for _, limit := range []string{"", "&limit=1", "&limit=3"} {
			var ids []string
			next := ""
			for range 20 {
				var page adminapi.Page
				f.ask(t, "GET", "/sluice/v1/jobs?"+c.query+limit+"&next="+next, &page)
				if page.Jobs == nil {
					t.Fatalf("list %s: jobs is null, want an array", c.query)
				}
				for _, j := range page.Jobs {
					ids = append(ids, j.ID)
				}
				if next = page.Next; next == "" {
					break
				}
			}
			if got := strings.Join(ids, " "); got != c.want {
				t.Errorf("list %q%s: %s, want %s", c.query, limit, got, c.want)
			}
		}
	}
}

// TestListsByName: a list is named by its name, by its ID, and by either behind its kind.
func TestListsByName(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	add := func(kind destination.Kind, id, name string) {
		t.Helper()
		l := store.List{Ref: store.ListRef{Owner: us, Kind: kind, ID: id}, Name: name, Created: birth}
		if _, err := f.store.CreateList(t.Context(), l, store.Once{}, 0); err != nil {
			t.Fatal(err)
		}
		_, err := f.store.CreateJob(t.Context(), job.Job{
			ID: job.ID("into-" + id), Owner: us, Wire: job.MailManager, State: job.Created, Created: birth,
			Destination: job.Destination{Kind: kind, List: id, Action: destination.Put},
		}, store.Once{}, 0)
		if err != nil {
			t.Fatal(err)
		}
	}
	add(destination.AddressList, "al-1", "partners")
	add(destination.QuickResponses, "kb-1", "partners")
	add(destination.ContactList, "friends", "friends")
	add(destination.AddressList, "al-2", "gone")
	if err := f.store.DeleteList(t.Context(), store.ListRef{Owner: us, Kind: destination.AddressList, ID: "al-2"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ list, want string }{
		{"friends", "into-friends in contact-list friends"},
		{"contact-list/friends", "into-friends in contact-list friends"},
		{"al-1", "into-al-1 in address-list partners"},
		{"address-list/partners", "into-al-1 in address-list partners"},
		{"quick-responses/partners", "into-kb-1 in quick-responses partners"},
		{"al-2", "into-al-2 in address-list "},
		{"suppression", ""},
		{"gone", `there is no list "gone", and no job into a deleted list of that ID`},
		{"partners", `list: "partners" is one of several: address-list/partners, quick-responses/partners`},
	} {
		var reply struct {
			adminapi.Page
			adminapi.Fault
		}
		f.ask(t, "GET", "/sluice/v1/jobs?list="+url.QueryEscape(c.list), &reply)
		got := reply.Message
		for _, j := range reply.Jobs {
			got += j.ID + " in " + j.List.Kind + " " + j.List.Name
		}
		if got != c.want {
			t.Errorf("jobs of list %q: %s, want %s", c.list, got, c.want)
		}
	}
}

func TestPageTokenIsForOneListing(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	f.add(t, "s0", job.SESv2)
	f.add(t, "s1", job.SESv2)
	var page adminapi.Page
	f.ask(t, "GET", "/sluice/v1/jobs?api=sesv2&limit=1", &page)
	if page.Next == "" {
		t.Fatal("a page of one job of two has no next")
	}
	next := url.QueryEscape(page.Next)
	flipped := []byte(page.Next)
	flipped[len(flipped)/2] ^= 1
	for name, c := range map[string]struct {
		who    job.Owner
		path   string
		status int
	}{
		"as given":               {us, "api=sesv2&next=" + next, 200},
		"with another limit":     {us, "api=sesv2&limit=7&next=" + next, 200},
		"for another filter":     {us, "next=" + next, 400},
		"of another account":     {them, "api=sesv2&next=" + next, 400},
		"changed in one place":   {us, "api=sesv2&next=" + url.QueryEscape(string(flipped)), 400},
		"with something behind":  {us, "api=sesv2&next=" + next + "AAAA", 400},
		"without its last place": {us, "api=sesv2&next=" + next[:len(next)-1], 400},
	} {
		f.who = c.who
		if w := f.ask(t, "GET", "/sluice/v1/jobs?"+c.path, nil); w.Code != c.status {
			t.Errorf("next %s: %d %s, want %d", name, w.Code, w.Body, c.status)
		}
	}
}
