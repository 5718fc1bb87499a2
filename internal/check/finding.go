package check

import (
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
)

// Severity says how bad a finding is.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // something is lost or answered wrongly, or will be
	Warning Severity = "warning" // something is left over that takes space or blocks a name
	Note    Severity = "note"    // normal after a crash or a repair; nothing need be done
)

// Finding is something that is not as it should be.
type Finding struct {
	Code     string   `json:"code"` // stable
	Severity Severity `json:"severity"`
	Subject  string   `json:"subject"` // a file below the data directory, or a row by name
	Problem  string   `json:"problem"`
	Advice   string   `json:"advice"`           // what to do
	Repair   string   `json:"repair,omitempty"` // what --repair does with it; "" is nothing
}

// The codes of this package's own findings; the others are in pebblestore and
// diskobject.
const (
	FileDamaged     = "file-damaged"
	TornEnd         = "torn-end"
	StoreMissing    = "store-missing"
	StoreUnopenable = "store-unopenable"
	IndexMissing    = "object-index-missing"
	IndexUnopenable = "object-index-unopenable"
	Mismatch        = "store-objects-mismatch"
	LinkBroken      = "link-broken"
	Credentials     = "credentials"
	Leftover        = "leftover"
	NotLocked       = "not-locked"
	HoldNoJob       = "hold-without-job"
	HoldFinalJob    = "hold-of-ended-job"
	SourceMissing   = "source-missing"
	ReportNoJob     = "report-without-job"
	ReportUnnamed   = "report-unnamed"
	ReportMissing   = "report-missing"
)

// Kind is what all findings of a code have in common.
type Kind struct {
	Severity Severity
	Title    string
	Advice   string
	Repair   string
}

const (
	restore    = "restore the newest backup (sluice restore); what it lacks is lost"
	reportIt   = "this is a fault of Sluice unless the store was edited by hand: please report it"
	copyFirst  = "copy the data directory before anything else, then restore a backup"
	setAside   = "moves the row where nothing reads it"
	removeFile = "removes the file"
)

// Kinds are all codes, with what they mean.
var Kinds = map[string]Kind{
	FileDamaged:     {Error, "files of the store or of the object index are damaged", copyFirst, ""},
	TornEnd:         {Note, "the last writes before a crash are not complete and will not be read", "nothing: they were not acknowledged, unless the disk has damaged them since", ""},
	StoreMissing:    {Error, "the store is missing", restore, ""},
	StoreUnopenable: {Error, "the store cannot be opened", copyFirst, ""},
	IndexMissing:    {Error, "the object index is missing", restore, ""},
	IndexUnopenable: {Error, "the object index cannot be opened", copyFirst, ""},
	Mismatch: {
		Error, "store and objects are not those of one data directory",
		"mount or put back the right one, or restore a backup; a start with --accept-loss takes both as they are", "",
	},
	LinkBroken:  {Error, "a symbolic link leads nowhere", "mount the volume that it leads to, or correct the link", ""},
	Credentials: {Error, "the root key is damaged", "put the right file back, or remove it to have a new root key made", ""},
	NotLocked:   {Note, "the directory cannot be locked", "make sure that no server runs on it, and check again if errors are found", ""},
	Leftover:    {Note, "left over from a crash; the next start removes it", "nothing", ""},

	pebblestore.RowUnreadable:  {Error, "rows of the store cannot be read", copyFirst, ""},
	pebblestore.RowDamaged:     {Error, "rows of the store are damaged", restore + "; or --repair, to go on without these rows", setAside},
	pebblestore.RowUnknown:     {Error, "rows of the store are of no known form", "was a newer Sluice used on this directory? " + reportIt, setAside},
	pebblestore.IndexMissing:   {Error, "jobs or lists are not in an index", reportIt, ""},
	pebblestore.IndexDangling:  {Error, "an index refers to jobs or lists that do not exist", restore + "; or --repair, to go on without these index rows", setAside},
	pebblestore.JobCounts:      {Error, "counts of jobs are not those of the records stored", reportIt, ""},
	pebblestore.RowsOrphaned:   {Warning, "rows of jobs or lists that do not exist", "they take space and nothing reads them; if a list is missing, " + restore, ""},
	pebblestore.RowsSetAside:   {Note, "rows that an earlier repair has set aside", "nothing", ""},
	pebblestore.MemberDamaged:  {Error, "members are damaged", restore + "; or --repair, to go on without these members", setAside},
	pebblestore.UniqueKeyWrong: {Error, "names and shortcut keys of quick responses do not agree with them", reportIt, setAside},
	pebblestore.NumberWrong:    {Error, "numbers of jobs or lists are wrong", copyFirst, ""},

	diskobject.RowUnreadable:    {Error, "rows of the object index cannot be read", copyFirst, ""},
	diskobject.RowDamaged:       {Error, "rows of the object index are damaged", restore, ""},
	diskobject.RowUnknown:       {Error, "rows of the object index are of no known form", "was a newer Sluice used on this directory? " + reportIt, ""},
	diskobject.NoBucket:         {Error, "objects or uploads are in a bucket that does not exist", "create the bucket by S3", ""},
	diskobject.NoContent:        {Error, "objects without content", "upload them again, or " + restore, ""},
	diskobject.NoUpload:         {Warning, "parts of uploads that do not exist", reportIt, ""},
	diskobject.WrongReferences:  {Error, "references to contents are miscounted", reportIt, ""},
	diskobject.WrongSize:        {Error, "sizes of objects are not those of their contents", "upload them again, or " + restore, ""},
	diskobject.BlobMissing:      {Error, "files of objects are missing", "upload the objects again, or " + restore, ""},
	diskobject.BlobSize:         {Error, "files of objects have the wrong size", "upload the objects again, or " + restore, ""},
	diskobject.BlobDamaged:      {Error, "files of objects are damaged", "upload the objects again, or " + restore, ""},
	diskobject.BlobShared:       {Error, "files that belong to several contents", reportIt, ""},
	diskobject.BlobUnused:       {Warning, "files that no object has", reportIt, ""},
	diskobject.BlobUnknown:      {Error, "files that the object index does not know", "the index may be an older one: " + restore, ""},
	diskobject.BlobUnfinished:   {Note, "uploads that a crash has interrupted", "nothing: the next start removes them", removeFile},
	diskobject.BlobUnreferenced: {Warning, "files that a start has set aside because the object index did not know them", "if no object is missing, remove them with --repair", removeFile},

	HoldNoJob:     {Warning, "sources held for jobs that do not exist", "release them with --repair: they take space", "releases the source"},
	HoldFinalJob:  {Warning, "sources held for jobs that have ended", "release them with --repair: they take space", "releases the source"},
	SourceMissing: {Error, "unfinished jobs whose source is gone", "the job will fail: import the file again", ""},
	ReportNoJob:   {Warning, "reports of jobs that do not exist", "remove them with --repair: they hold rejected records", "removes the report"},
	ReportUnnamed: {Warning, "reports that their jobs do not name", "remove them with --repair: they hold rejected records", "removes the report"},
	ReportMissing: {Note, "jobs whose report is gone", "nothing, if somebody has removed it: sluice report prints it from the store", ""},
}

func (c *Check) found(code, subject, format string, args ...any) {
	c.add(Finding{Code: code, Subject: subject, Problem: fmt.Sprintf(format, args...)}, repair{})
}

// maxRepairs bounds what a check remembers for a repair. The next run finds the rest.
const maxRepairs = 100_000

// add completes a finding, reports it, and remembers how to repair it.
func (c *Check) add(f Finding, r repair) {
	k := Kinds[f.Code]
	f.Severity, f.Advice = k.Severity, k.Advice
	f.Problem = strings.ReplaceAll(f.Problem, "\n<corruption detail carrier>", "") // of Pebble's errors
	if !r.isNothing() {
		f.Repair = k.Repair
		if r.finding = f; len(c.repairs) < maxRepairs {
			c.repairs = append(c.repairs, r)
		}
	}
	c.report(f)
}
