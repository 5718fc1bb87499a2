package fleet

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// imported is one import: its file, and what must come of it.
type imported struct {
	id, key string
	text    []byte
	rows    int
	refused map[int]string    // by line, from 1
	members map[string]string // address to reason
}

// Every so many rows there is one that is refused, and one that repeats an address.
const (
	refusedEvery = 97
	repeatsEvery = 41
	repeatsBack  = 500
)

// newImport writes a file of n rows, in which no address is another import's.
func newImport(key string, n int) *imported {
	im := &imported{key: key, rows: n, refused: map[int]string{}, members: map[string]string{}}
	var text bytes.Buffer
	for line := 1; line <= n; line++ {
		row, reason := line, "BOUNCE"
		switch {
		case line%refusedEvery == 0:
			im.refused[line] = fmt.Sprintf("no address %d", line)
			fmt.Fprintf(&text, "%s,BOUNCE\n", im.refused[line])
			continue
		case line%repeatsEvery == 0 && line > repeatsBack:
			row, reason = line-repeatsBack, "COMPLAINT"
		}
		address := address(key, row)
		im.members[address] = reason
		fmt.Fprintf(&text, "%s,%s\n", address, reason)
	}
	im.text = text.Bytes()
	if strings.HasSuffix(key, ".gz") {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, _ = w.Write(im.text) // to memory: it cannot fail
		_ = w.Close()
		im.text = packed.Bytes()
	}
	return im
}

// address is one that compresses badly, so that packed files take their time as well.
func address(key string, row int) string {
	sum := sha256.Sum256(fmt.Append(nil, key, row))
	return fmt.Sprintf("%x-%d@%s.example", sum[:12], row, strings.TrimSuffix(key, ".gz"))
}

// upload puts the file where the nodes read it.
func (f *fleet) upload(im *imported, region string) {
	f.t.Helper()
	if _, err := f.files.PutObject(f.t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(sources), Key: aws.String(region + "/" + im.key), Body: bytes.NewReader(im.text),
	}); err != nil {
		f.t.Fatal(err)
	}
}

// create creates the job, at a node.
func (f *fleet) create(im *imported, region string, at *node) {
	f.t.Helper()
	out, err := at.mail(region).CreateImportJob(f.t.Context(), &sesv2.CreateImportJobInput{
		ImportDataSource: &types.ImportDataSource{
			S3Url: aws.String("s3://" + sources + "/" + region + "/" + im.key), DataFormat: types.DataFormatCsv,
		},
		ImportDestination: &types.ImportDestination{SuppressionListDestination: &types.SuppressionListDestination{
			SuppressionListImportAction: types.SuppressionListImportActionPut,
		}},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	im.id = *out.JobId
}

// check waits for the end of the import and compares what came of it.
func (f *fleet) check(im *imported, region string) {
	f.t.Helper()
	within(f.t, soon, "job "+im.id+" is over", func() bool { return f.progress(im.id).final() })
	got, err := f.any().mail(region).GetImportJob(f.t.Context(), &sesv2.GetImportJobInput{JobId: &im.id})
	if err != nil {
		f.t.Fatal(err)
	}
	processed, failed := aws.ToInt32(got.ProcessedRecordsCount), aws.ToInt32(got.FailedRecordsCount)
	if got.JobStatus != types.JobStatusCompleted || int(processed) != im.rows || int(failed) != len(im.refused) {
		f.t.Errorf("import of %s ended %s with %d processed, %d failed; want COMPLETED %d, %d (%+v)",
			im.key, got.JobStatus, processed, failed, im.rows, len(im.refused), aws.ToString(got.FailureInfo.ErrorMessage))
		return
	}
	im.checkReport(f.t, aws.ToString(got.FailureInfo.FailedRecordsS3Url))
}

// checkReport expects exactly the refused rows, each with its line, in the file's order.
func (im *imported) checkReport(t *testing.T, url string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		t.Fatalf("GET report of %s: %s: %s", im.key, resp.Status, body)
	}
	rows, err := csv.NewReader(resp.Body).ReadAll()
	if err != nil || len(rows) != len(im.refused)+1 {
		t.Fatalf("report of %s: %d rows, %v; want a header and %d", im.key, len(rows), err, len(im.refused))
	}
	for i, row := range rows[1:] { // <key column>,reason,code,line,offset,record
		line := (i + 1) * refusedEvery
		if row[0] != im.refused[line] || row[3] != strconv.Itoa(line) {
			t.Fatalf("row %d of the report of %s is %q, want that of line %d", i+1, im.key, row, line)
		}
	}
}
