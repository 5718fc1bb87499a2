package s3

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/sluicehq/sluice/internal/object/diskobject"
)

func (c *call) deleteObject() error {
	cond, err := c.condition()
	if err != nil {
		return err
	}
	if err := c.store.DeleteIf(c.r.Context(), c.name(), cond); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

type deletion struct {
	Objects []deletionEntry `xml:"Object"`
	Quiet   bool
}

// deletionEntry is an object to delete, and what must hold for it.
type deletionEntry struct {
	Key              string
	VersionID        string `xml:"VersionId"`
	ETag             *string
	LastModifiedTime *string
	Size             *integer
}

// condition reads what must hold for the object.
func (d deletionEntry) condition() (diskobject.Condition, error) {
	cond := diskobject.Condition{Size: (*int64)(d.Size)}
	if d.VersionID != "" && d.VersionID != "null" {
		return cond, failure{"NotImplemented", http.StatusNotImplemented, "Versions of an object are not implemented."}
	}
	if d.ETag != nil {
		if cond.ETag = etagOf(strings.TrimSpace(*d.ETag)); cond.ETag == "" {
			return cond, failure{"InvalidArgument", http.StatusBadRequest, "The ETag of an object to delete is empty."}
		}
	}
	if d.LastModifiedTime != nil {
		t, err := parseTime(*d.LastModifiedTime)
		if err != nil {
			return cond, failure{"InvalidArgument", http.StatusBadRequest, "The LastModifiedTime of an object to delete is not a time."}
		}
		cond.Modified = t
	}
	return cond, nil
}

type deleted struct{ Key string }

type undeleted struct{ Key, Code, Message string }

type deleteResult struct {
	XMLName xml.Name    `xml:"http://s3.amazonaws.com/doc/2006-03-01/ DeleteResult"`
	Deleted []deleted   `xml:"Deleted"`
	Errors  []undeleted `xml:"Error"`
}

func (c *call) deleteObjects() error {
	var in deletion
	if err := c.document(deleteDocument, &in); err != nil {
		return xmlNeeded(err)
	}
	if len(in.Objects) == 0 || len(in.Objects) > maxKeys {
		return errXML
	}
	for _, o := range in.Objects {
		if o.Key == "" {
			return errXML
		}
	}
	var out deleteResult
	n := c.name()
	for _, o := range in.Objects {
		n.Key = o.Key
		cond, err := o.condition()
		if err == nil {
			err = c.store.DeleteIf(c.r.Context(), n, cond)
		}
		if err != nil {
			f := c.asFailure(err)
			out.Errors = append(out.Errors, undeleted{o.Key, f.code, f.message})
		} else if !in.Quiet {
			out.Deleted = append(out.Deleted, deleted{o.Key})
		}
	}
	c.writeXML(http.StatusOK, out)
	return nil
}

// xmlNeeded says of a body that is missing that it should have been XML.
func xmlNeeded(err error) error {
	if errors.Is(err, io.EOF) {
		return errXML
	}
	return err
}
