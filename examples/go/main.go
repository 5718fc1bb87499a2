// Command friends imports a file of contacts into a contact list of SES v2, and prints who
// has opted out of a topic.
//
//	sluice serve                     # in another terminal
//	eval "$(sluice env)"
//	go run . friends.csv
//
// The clients take endpoint, key and region from the environment.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

var (
	list   = aws.String("friends")
	topic  = aws.String("news")
	bucket = aws.String("friends-imports")
	key    = aws.String("friends.csv")
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: friends FILE.csv")
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, path string) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	ses := sesv2.NewFromConfig(cfg)
	files := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	if err := upload(ctx, files, path); err != nil {
		return fmt.Errorf("upload %s: %w", path, err)
	}
	if err := createList(ctx, ses); err != nil {
		return fmt.Errorf("create contact list: %w", err)
	}
	job, err := ses.CreateImportJob(ctx, &sesv2.CreateImportJobInput{
		ImportDestination: &types.ImportDestination{ContactListDestination: &types.ContactListDestination{
			ContactListName: list, ContactListImportAction: types.ContactListImportActionPut,
		}},
		ImportDataSource: &types.ImportDataSource{
			S3Url: aws.String("s3://" + *bucket + "/" + *key), DataFormat: types.DataFormatCsv,
		},
	})
	if err != nil {
		return fmt.Errorf("create import job: %w", err)
	}
	if err := wait(ctx, ses, job.JobId); err != nil {
		return err
	}
	return printOptedOut(ctx, ses)
}

func upload(ctx context.Context, files *s3.Client, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	var owned *s3types.BucketAlreadyOwnedByYou
	if _, err := files.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket}); err != nil && !errors.As(err, &owned) {
		return err
	}
	_, err = files.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: file})
	return err
}

// createList creates the contact list with its topic, if it is not there.
func createList(ctx context.Context, ses *sesv2.Client) error {
	var exists *types.AlreadyExistsException
	_, err := ses.CreateContactList(ctx, &sesv2.CreateContactListInput{
		ContactListName: list,
		Topics: []types.Topic{{
			TopicName: topic, DisplayName: aws.String("News"), DefaultSubscriptionStatus: types.SubscriptionStatusOptIn,
		}},
	})
	if errors.As(err, &exists) {
		return nil
	}
	return err
}

// wait waits for the end of a job, and prints its counts and the records that it rejected.
func wait(ctx context.Context, ses *sesv2.Client, id *string) error {
	for {
		job, err := ses.GetImportJob(ctx, &sesv2.GetImportJobInput{JobId: id})
		if err != nil {
			return fmt.Errorf("ask for job %s: %w", *id, err)
		}
		failure := job.FailureInfo
		switch job.JobStatus {
		case types.JobStatusFailed:
			return fmt.Errorf("job %s failed: %s", *id, aws.ToString(failure.ErrorMessage))
		case types.JobStatusCompleted:
			fmt.Printf("%s: %d records, %d of them rejected\n", job.JobStatus, *job.ProcessedRecordsCount, *job.FailedRecordsCount)
			if failure != nil && failure.FailedRecordsS3Url != nil {
				return printReport(ctx, *failure.FailedRecordsS3Url)
			}
			return nil
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func printReport(ctx context.Context, link string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(os.Stdout, res.Body)
	return err
}

func printOptedOut(ctx context.Context, ses *sesv2.Client) error {
	pages := sesv2.NewListContactsPaginator(ses, &sesv2.ListContactsInput{
		ContactListName: list,
		Filter: &types.ListContactsFilter{
			FilteredStatus: types.SubscriptionStatusOptOut, TopicFilter: &types.TopicFilter{TopicName: topic},
		},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list contacts: %w", err)
		}
		for _, contact := range page.Contacts {
			fmt.Println("has opted out:", *contact.EmailAddress)
		}
	}
	return nil
}
