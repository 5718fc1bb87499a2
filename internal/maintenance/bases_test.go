package maintenance_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/maintenance"
	"github.com/sluicehq/sluice/internal/store"
)

// TestDeletedKnowledgeBase: what the jobs of a deleted knowledge base have left in the
// server's bucket goes with them, and nothing of another one.
func TestDeletedKnowledgeBase(t *testing.T) {
	inBubble(t, func(r *rig) {
		var bases []store.ListRef
		var keys [][]string
		for range 2 {
			base := store.ListRef{Owner: owner, Kind: destination.QuickResponses, ID: uuid.NewString()}
			_, err := r.store.CreateList(r.Context(), store.List{Ref: base, Name: base.ID}, store.Once{}, 0)
			r.ok(err)
			id, upload := uuid.NewString(), "uploads/"+base.ID+"/"+uuid.NewString()
			r.put(owner, own, upload)
			_, err = r.store.CreateJob(r.Context(), job.Job{
				ID: job.ID(id), Owner: owner, Wire: job.QConnect, State: job.Created, Created: time.Now(),
				Destination: job.Destination{Kind: base.Kind, List: base.ID, Action: destination.Put},
				Source:      job.Source{Bucket: own, Key: upload, Format: "CSV"},
			}, store.Once{}, 0)
			r.ok(err)
			r.put(owner, own, reportKey(owner, id, 1))
			r.end(owner, id, reportKey(owner, id, 1))
			bases, keys = append(bases, base), append(keys, []string{"0 sluice/" + upload, "0 sluice/" + reportKey(owner, id, 1)})
		}
		r.ok(r.store.DeleteListWithJobs(r.Context(), bases[0]))
		o := maintenance.Options{KeepUploads: 7 * day, Grace: day}
		r.round(o)
		r.want("at once", append(keys[0], keys[1]...)...)
		time.Sleep(8 * day)
		r.round(o)
		r.want("after eight days", keys[1]...)
	})
}
