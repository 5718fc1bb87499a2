package sluicetest_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"github.com/sluicehq/sluice/sluicetest"
)

// A contact list gets a contact by a call, and two by an import from S3.
func ExampleStart() {
	t := exampleTest() // in a test, t is its *testing.T
	defer t.end()

	srv := sluicetest.Start(t)
	cfg := aws.Config{
		BaseEndpoint: aws.String(srv.URL),
		Region:       srv.Region,
		Credentials:  credentials.NewStaticCredentialsProvider(srv.AccessKeyID, srv.SecretAccessKey, ""),
	}
	ses := sesv2.NewFromConfig(cfg)
	files := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	ctx := context.Background()
	if err := fill(ctx, ses, files); err != nil {
		log.Fatal(err)
	}

	contact, err := ses.GetContact(ctx, &sesv2.GetContactInput{
		ContactListName: aws.String("friends"), EmailAddress: aws.String("bob@example.com"),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*contact.EmailAddress, *contact.AttributesData)

	// Output:
	// COMPLETED: 2 records, 0 failed
	// bob@example.com {"name": "Bob"}
}

// fill makes the contact list and puts the contacts on it.
func fill(ctx context.Context, ses *sesv2.Client, files *s3.Client) error {
	list := aws.String("friends")
	if _, err := ses.CreateContactList(ctx, &sesv2.CreateContactListInput{ContactListName: list}); err != nil {
		return err
	}
	if _, err := ses.CreateContact(ctx, &sesv2.CreateContactInput{
		ContactListName: list, EmailAddress: aws.String("ann@example.com"),
	}); err != nil {
		return err
	}

	bucket, key := aws.String("imports"), aws.String("friends.csv")
	if _, err := files.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket}); err != nil {
		return err
	}
	if _, err := files.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader(
		"emailAddress,attributesData\n" +
			"bob@example.com,\"{\"\"name\"\": \"\"Bob\"\"}\"\n" +
			"cy@example.com,\n")}); err != nil {
		return err
	}
	job, err := ses.CreateImportJob(ctx, &sesv2.CreateImportJobInput{
		ImportDataSource: &types.ImportDataSource{DataFormat: types.DataFormatCsv, S3Url: aws.String("s3://imports/friends.csv")},
		ImportDestination: &types.ImportDestination{ContactListDestination: &types.ContactListDestination{
			ContactListName: list, ContactListImportAction: types.ContactListImportActionPut,
		}},
	})
	if err != nil {
		return err
	}
	for {
		j, err := ses.GetImportJob(ctx, &sesv2.GetImportJobInput{JobId: job.JobId})
		switch {
		case err != nil:
			return err
		case j.JobStatus == types.JobStatusCompleted || j.JobStatus == types.JobStatusFailed:
			fmt.Printf("%s: %d records, %d failed\n", j.JobStatus, *j.ProcessedRecordsCount, *j.FailedRecordsCount)
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
}
