package qconnect

import (
	"context"
	"strings"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// The words for resources in their names, see
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonconnectwisdom.html.
const (
	baseKind     = "knowledge-base"
	responseKind = "quick-response"
)

// baseARN names a knowledge base.
func baseARN(r store.ListRef) string {
	return service.ARN{Service: "wisdom", Owner: r.Owner, Kind: baseKind, ID: r.ID}.String()
}

// responseARN names a quick response of a knowledge base.
func responseARN(r store.ListRef, id string) string {
	return service.ARN{Service: "wisdom", Owner: r.Owner, Kind: responseKind, ID: r.ID + "/" + id}.String()
}

// lastModifiedBy names who changed something last. Sluice knows accounts and not who
// acts for them, so it is the account as a whole.
func lastModifiedBy(o job.Owner) string {
	partition := strings.Split(service.ARN{Owner: o}.String(), ":")[1]
	return "arn:" + partition + ":iam::" + o.Account + ":root"
}

// refOf names a knowledge base of an owner.
func refOf(o job.Owner, id string) store.ListRef {
	return store.ListRef{Owner: o, Kind: destination.QuickResponses, ID: id}
}

// base returns a knowledge base of the caller, by its id or its ARN.
func (s *Service) base(ctx context.Context, idOrARN string) (store.List, error) {
	owner := service.OwnerOf(ctx)
	id, err := idOf(owner, idOrARN, baseKind)
	if err != nil {
		return store.List{}, err
	}
	l, err := s.store.List(ctx, refOf(owner, id))
	return l, noBase(err, id)
}

// noBase words the fault of a base that is not there.
func noBase(err error, id string) error {
	return service.Reword(err, fault.NotFound, "knowledge base %s does not exist", id)
}

// idOf reads what stands in a path for a resource of a kind: its id as it is, or its
// ARN, of which the id is the part behind the kind. The ARN of another account is
// fault.Denied, one of another region or kind fault.NotFound.
func idOf(o job.Owner, idOrARN, kind string) (string, error) {
	if !strings.HasPrefix(idOrARN, "arn:") {
		return idOrARN, nil
	}
	arn, err := service.ParseARN(idOrARN)
	switch {
	case err == nil && arn.Owner.Account != o.Account:
		return "", fault.New(fault.Denied, "account %s may not use %s", o.Account, idOrARN)
	case err != nil, arn != service.ARN{Service: "wisdom", Owner: o, Kind: kind, ID: arn.ID}:
		return "", fault.New(fault.NotFound, "resource %s does not exist", idOrARN)
	}
	return arn.ID, nil
}

// responseID reads what stands in a path for a quick response of a knowledge base.
// Its ARN names the base too, which must be the same.
func responseID(base store.ListRef, idOrARN string) (string, error) {
	id, err := idOf(base.Owner, idOrARN, responseKind)
	if err != nil || id == idOrARN {
		return id, err
	}
	in, id, _ := strings.Cut(id, "/")
	if in != base.ID {
		return "", fault.New(fault.NotFound, "resource %s does not exist in knowledge base %s", idOrARN, base.ID)
	}
	return id, nil
}
