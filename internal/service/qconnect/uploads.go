package qconnect

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// StartContentUpload makes the link to which a file goes. Nothing is stored before the
// file comes; what makes an upload exist is its file. The Content-Type that was asked
// for is part of the link's signature: a PUT without it fails.
func (s *Service) StartContentUpload(ctx context.Context, in *qconnectapi.StartContentUploadInput) (*qconnectapi.StartContentUploadOutput, error) {
	base, err := s.base(ctx, in.KnowledgeBaseId)
	if err != nil {
		return nil, err
	}
	id := uuid.NewString()
	link := service.LinkTo(ctx, http.MethodPut, s.upload(base.Ref, id))
	link.Header = http.Header{"Content-Type": {in.ContentType}}
	if in.PresignedUrlTimeToLive != nil {
		link.Life = time.Duration(*in.PresignedUrlTimeToLive) * time.Minute
	}
	expiry := time.Now().UTC().Add(link.Life)
	url, err := s.links.Presign(ctx, link)
	if err != nil {
		return nil, err
	}
	return &qconnectapi.StartContentUploadOutput{
		HeadersToInclude: map[string]string{"Content-Type": in.ContentType},
		UploadId:         id, Url: url, UrlExpiry: expiry,
	}, nil
}

// upload is where the file of an upload to a knowledge base goes.
func (s *Service) upload(base store.ListRef, id string) object.Name {
	return object.Name{Account: base.Owner.Account, Bucket: s.opts.Bucket, Key: "uploads/" + base.ID + "/" + id}
}

// uploaded tells what was put to an upload's link. An id that is none of ours is not
// looked for: it could name other objects.
func (s *Service) uploaded(ctx context.Context, base store.ListRef, id string) (object.Info, error) {
	if u, err := uuid.Parse(id); err != nil || u.String() != id {
		return object.Info{}, noUpload(id)
	}
	info, err := s.objects.Stat(ctx, s.upload(base, id))
	if fault.Is(err, fault.NotFound) {
		return object.Info{}, noUpload(id)
	}
	return info, err
}

func noUpload(id string) error {
	return fault.New(fault.NotFound, "upload %s has no file: call StartContentUpload for this knowledge base, "+
		"PUT the file to the url that it answers with all its headersToInclude, and start the import with its uploadId", id)
}
