package mailmanager

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/api/mailmanagerapi"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/limits"
)

func TestAddressList_Life(t *testing.T) {
	t.Parallel()
	f, before := newFixture(t, limits.None), time.Now().Add(-time.Second)
	id := f.list(t, "customers")
	if !regexp.MustCompile(`^al-[a-z0-9]{24}$`).MatchString(id) {
		t.Errorf("CreateAddressList: id %q is not in AWS's form", id)
	}
	got := must(f.GetAddressList(me(t), &mailmanagerapi.GetAddressListInput{AddressListId: id}))
	arn := "arn:aws:ses:eu-central-1:111111111111:mailmanager-address-list/" + id
	if got.AddressListId != id || got.AddressListName != "customers" || got.AddressListArn != arn ||
		got.CreatedTimestamp.Before(before) || !got.LastUpdatedTimestamp.Equal(got.CreatedTimestamp) {
		t.Errorf("GetAddressList: %+v", got)
	}
	_, err := f.CreateAddressList(me(t), &mailmanagerapi.CreateAddressListInput{AddressListName: "customers"})
	refused(t, "CreateAddressList with a name that is taken", err, fault.AlreadyExists, "an address list named customers already exists")

	must(f.DeleteAddressList(me(t), &mailmanagerapi.DeleteAddressListInput{AddressListId: id}))
	_, err = f.GetAddressList(me(t), &mailmanagerapi.GetAddressListInput{AddressListId: id})
	refused(t, "GetAddressList after its deletion", err, fault.NotFound, "address list "+id+" does not exist")
	if again := f.list(t, "customers"); again == id {
		t.Errorf("CreateAddressList after a deletion gave the id of the list that was deleted")
	}
}

func TestAddressList_Owners(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	id := f.list(t, "customers")
	job := f.newJob(t, id)
	arn := "arn:aws:ses:eu-central-1:111111111111:mailmanager-address-list/" + id
	for who, ctx := range strangers(t) {
		for op, call := range map[string]func() error{
			"GetAddressList": func() error {
				_, err := f.GetAddressList(ctx, &mailmanagerapi.GetAddressListInput{AddressListId: id})
				return err
			},
			"RegisterMemberToAddressList": func() error {
				_, err := f.RegisterMemberToAddressList(ctx, &mailmanagerapi.RegisterMemberToAddressListInput{AddressListId: id, Address: "a@example.com"})
				return err
			},
			"ListMembersOfAddressList": func() error {
				_, err := f.ListMembersOfAddressList(ctx, &mailmanagerapi.ListMembersOfAddressListInput{AddressListId: id})
				return err
			},
			"CreateAddressListImportJob": func() error {
				_, err := f.CreateAddressListImportJob(ctx, &mailmanagerapi.CreateAddressListImportJobInput{AddressListId: id, Name: "x", ImportDataFormat: new(mailmanagerapi.ImportDataFormat)})
				return err
			},
			"GetAddressListImportJob": func() error {
				_, err := f.GetAddressListImportJob(ctx, &mailmanagerapi.GetAddressListImportJobInput{JobId: job})
				return err
			},
			"ListAddressListImportJobs": func() error {
				_, err := f.ListAddressListImportJobs(ctx, &mailmanagerapi.ListAddressListImportJobsInput{AddressListId: id})
				return err
			},
			"StartAddressListImportJob": func() error {
				_, err := f.StartAddressListImportJob(ctx, &mailmanagerapi.StartAddressListImportJobInput{JobId: job})
				return err
			},
			"StopAddressListImportJob": func() error {
				_, err := f.StopAddressListImportJob(ctx, &mailmanagerapi.StopAddressListImportJobInput{JobId: job})
				return err
			},
			"ListTagsForResource": func() error {
				_, err := f.ListTagsForResource(ctx, &mailmanagerapi.ListTagsForResourceInput{ResourceArn: arn})
				return err
			},
		} {
			if err := call(); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s as %s: %v, want NotFound", op, who, err)
			}
		}
		if out := must(f.ListAddressLists(ctx, &mailmanagerapi.ListAddressListsInput{})); len(out.AddressLists) != 0 {
			t.Errorf("ListAddressLists as %s: %+v, want none", who, out.AddressLists)
		}
		must(f.CreateAddressList(ctx, &mailmanagerapi.CreateAddressListInput{AddressListName: "customers"}))
		must(f.DeleteAddressList(ctx, &mailmanagerapi.DeleteAddressListInput{AddressListId: id}))
	}
	must(f.GetAddressList(me(t), &mailmanagerapi.GetAddressListInput{AddressListId: id}))
}

func TestD19_AddressListPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	var ids []string
	for i := range 60 {
		ids = append(ids, f.list(t, fmt.Sprintf("list-%d", i)))
	}
	first := must(f.ListAddressLists(me(t), &mailmanagerapi.ListAddressListsInput{}))
	if len(first.AddressLists) != 50 || first.NextToken == nil {
		t.Fatalf("ListAddressLists without a page size: %d lists, token %v, want 50 and a token", len(first.AddressLists), first.NextToken)
	}
	var got []string
	in := &mailmanagerapi.ListAddressListsInput{PageSize: new(int64(7))}
	for page := 0; ; page++ {
		out := must(f.ListAddressLists(me(t), in))
		for _, l := range out.AddressLists {
			got = append(got, l.AddressListId)
		}
		if page == 2 { // what was there all the while is listed once, whatever comes and goes
			must(f.DeleteAddressList(me(t), &mailmanagerapi.DeleteAddressListInput{AddressListId: ids[3]}))
			must(f.DeleteAddressList(me(t), &mailmanagerapi.DeleteAddressListInput{AddressListId: ids[40]}))
			ids = append(slices.Delete(ids, 40, 41), f.list(t, "newest"))
		}
		if out.NextToken == nil {
			break
		}
		in.NextToken, in.PageSize = out.NextToken, new(int64(7+page)) // the size may change on the way
	}
	if !slices.Equal(got, ids) {
		t.Errorf("ListAddressLists in pages:\n%v, want\n%v", got, ids)
	}
}

func TestD20_ForgedTokens(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	first, second := f.list(t, "first"), f.list(t, "second")
	for _, id := range []string{first, second} {
		for i := range 3 {
			must(f.RegisterMemberToAddressList(me(t),
				&mailmanagerapi.RegisterMemberToAddressListInput{AddressListId: id, Address: fmt.Sprintf("m%d@example.com", i)}))
			f.newJob(t, id)
		}
	}
	one := new(int64(1))
	lists := must(f.ListAddressLists(me(t), &mailmanagerapi.ListAddressListsInput{PageSize: one})).NextToken
	members := must(f.ListMembersOfAddressList(me(t), &mailmanagerapi.ListMembersOfAddressListInput{AddressListId: first, PageSize: one})).NextToken
	jobs := must(f.ListAddressListImportJobs(me(t), &mailmanagerapi.ListAddressListImportJobsInput{AddressListId: first, PageSize: one})).NextToken
	for what, token := range map[string]*string{"members'": members, "jobs'": jobs, "forged": new("Zm9yZ2Vk")} {
		_, err := f.ListAddressLists(me(t), &mailmanagerapi.ListAddressListsInput{NextToken: token})
		refused(t, "ListAddressLists with a token "+what, err, fault.BadToken, "Token is invalid.")
	}
	for what, in := range map[string]*mailmanagerapi.ListMembersOfAddressListInput{
		"lists'":         {AddressListId: first, NextToken: lists},
		"another list's": {AddressListId: second, NextToken: members},
		"filter's":       {AddressListId: first, NextToken: members, Filter: &mailmanagerapi.AddressFilter{AddressPrefix: new("m")}},
	} {
		_, err := f.ListMembersOfAddressList(me(t), in)
		refused(t, "ListMembersOfAddressList with a token "+what, err, fault.BadToken, "Token is invalid.")
	}
	_, err := f.ListAddressListImportJobs(me(t), &mailmanagerapi.ListAddressListImportJobsInput{AddressListId: second, NextToken: jobs})
	refused(t, "ListAddressListImportJobs with another list's token", err, fault.BadToken, "Token is invalid.")
	for who, ctx := range strangers(t) {
		_, err := f.ListAddressLists(ctx, &mailmanagerapi.ListAddressListsInput{NextToken: lists})
		refused(t, "ListAddressLists as "+who+" with my token", err, fault.BadToken, "Token is invalid.")
	}
}

func TestD15_AddressListClientToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	create := func(name, token string, tags ...mailmanagerapi.Tag) (string, error) {
		out, err := f.CreateAddressList(me(t), &mailmanagerapi.CreateAddressListInput{AddressListName: name, ClientToken: &token, Tags: tags})
		if err != nil {
			return "", err
		}
		return out.AddressListId, nil
	}
	a, b := mailmanagerapi.Tag{Key: "a", Value: "1"}, mailmanagerapi.Tag{Key: "b", Value: "2"}
	id := must(create("customers", "token", a, b))
	if again := must(create("customers", "token", b, a)); again != id {
		t.Errorf("CreateAddressList repeated: %s, want %s", again, id)
	}
	for what, call := range map[string]func() (string, error){
		"name": func() (string, error) { return create("others", "token", a, b) },
		"tags": func() (string, error) { return create("customers", "token", a) },
	} {
		_, err := call()
		refused(t, "CreateAddressList with the same token and another "+what, err, fault.Conflict, "client token was used before")
	}
	_, err := create("customers", "another token", a, b)
	refused(t, "CreateAddressList with another token", err, fault.AlreadyExists, "customers")

	must(f.DeleteAddressList(me(t), &mailmanagerapi.DeleteAddressListInput{AddressListId: id}))
	if again := must(create("customers", "token", a, b)); again == id {
		t.Errorf("CreateAddressList with the token of a deleted list gave that list")
	}
}

func TestD6_DeleteAbsentList(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	must(f.DeleteAddressList(me(t), &mailmanagerapi.DeleteAddressListInput{AddressListId: "al-nothing"}))
}

func TestD7_DeleteListWithJobs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	id := f.list(t, "customers")
	waiting, running := f.newJob(t, id), f.running(t, id)
	_, err := f.DeleteAddressList(me(t), &mailmanagerapi.DeleteAddressListInput{AddressListId: id})
	refused(t, "DeleteAddressList while a job runs", err, fault.Conflict, "import job "+running+" is PROCESSING")

	f.finish(t, f.work(t, "a@example.com"), "completed", "")
	must(f.DeleteAddressList(me(t), &mailmanagerapi.DeleteAddressListInput{AddressListId: id}))
	if got := f.get(t, running); got.Status != mailmanagerapi.ImportJobStatusCompleted || *got.ImportedItemsCount != 1 {
		t.Errorf("GetAddressListImportJob of a deleted list: %+v, want it COMPLETED with 1", got)
	}
	f.upload(t, waiting, "address\n")
	_, err = f.StartAddressListImportJob(me(t), &mailmanagerapi.StartAddressListImportJobInput{JobId: waiting})
	refused(t, "StartAddressListImportJob into a deleted list", err, fault.NotFound, "address list "+id+" does not exist")
	_, err = f.ListAddressListImportJobs(me(t), &mailmanagerapi.ListAddressListImportJobsInput{AddressListId: id})
	refused(t, "ListAddressListImportJobs of a deleted list", err, fault.NotFound, "address list "+id+" does not exist")
}

func TestLimits_AddressLists(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.Profile{AddressLists: 2})
	f.list(t, "first")
	f.list(t, "second")
	_, err := f.CreateAddressList(me(t), &mailmanagerapi.CreateAddressListInput{AddressListName: "third"})
	refused(t, "CreateAddressList beyond the limit", err, fault.LimitExceeded, "at most 2 address lists")
	for _, ctx := range strangers(t) {
		must(f.CreateAddressList(ctx, &mailmanagerapi.CreateAddressListInput{AddressListName: "first"}))
	}
}
