"""The main jobs once more with boto3: botocore is strict in other places than the
JavaScript SDK (required outputs, timestamps, paginators)."""

import os
import time
import urllib.request
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

once = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
ses = boto3.client("sesv2", config=once)
s3 = boto3.client("s3", config=once)
mailmanager = boto3.client("mailmanager", config=once)
tag = uuid.uuid4().hex[:8]


def until(ask, done):
    for _ in range(1500):
        answer = ask()
        if done(answer):
            return answer
        time.sleep(0.02)
    raise AssertionError(f"waited in vain; last answer: {answer}")


def refused(call, code, status):
    try:
        answer = call()
    except ClientError as error:
        got = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        assert got == (code, status), got
        assert error.response["ResponseMetadata"]["RequestId"]
        return error.response["Error"]["Message"]
    raise AssertionError(f"the call was answered with {answer}; want {code}")


def address_list():
    list_id = mailmanager.create_address_list(AddressListName=f"list-{tag}")["AddressListId"]
    job = mailmanager.create_address_list_import_job(
        AddressListId=list_id, Name="job", ImportDataFormat={"ImportDataType": "CSV"})
    rows = "address\n" + "".join(f"user{i}@example.com\n" for i in range(5000)) + "wrong\n"
    put = urllib.request.Request(job["PreSignedUrl"], data=rows.encode(), method="PUT", headers={"Content-Type": "text/csv"})
    assert urllib.request.urlopen(put).status == 200
    mailmanager.start_address_list_import_job(JobId=job["JobId"])
    ended = until(lambda: mailmanager.get_address_list_import_job(JobId=job["JobId"]),
                  lambda j: j["Status"] in ("COMPLETED", "FAILED"))
    assert ended["Status"] == "COMPLETED", ended
    assert (ended["ImportedItemsCount"], ended["FailedItemsCount"]) == (5000, 1), ended
    assert ended["CompletedTimestamp"] >= ended["StartTimestamp"] >= ended["CreatedTimestamp"]

    pages = mailmanager.get_paginator("list_members_of_address_list").paginate(
        AddressListId=list_id, PaginationConfig={"PageSize": 999})
    members = [m["Address"] for page in pages for m in page["Addresses"]]
    assert members == sorted(f"user{i}@example.com" for i in range(5000))
    assert mailmanager.list_address_list_import_jobs(AddressListId=list_id)["ImportJobs"][0]["PreSignedUrl"]
    refused(lambda: mailmanager.get_address_list(AddressListId="al-unknown"), "ResourceNotFoundException", 400)
    refused(lambda: mailmanager.create_address_list(AddressListName="no spaces"), "ValidationException", 400)


def suppression():
    bucket = f"boto-{tag}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket=bucket, Key="file.csv", Body=b"ann@boto.example,BOUNCE\nbad\n")
    destination = {"SuppressionListDestination": {"SuppressionListImportAction": "PUT"}}
    job_id = ses.create_import_job(ImportDestination=destination,
                                   ImportDataSource={"S3Url": f"s3://{bucket}/file.csv", "DataFormat": "CSV"})["JobId"]
    ended = until(lambda: ses.get_import_job(JobId=job_id), lambda j: j["JobStatus"] in ("COMPLETED", "FAILED"))
    assert ended["JobStatus"] == "COMPLETED", ended
    assert (ended["ProcessedRecordsCount"], ended["FailedRecordsCount"]) == (2, 1)
    report = urllib.request.urlopen(ended["FailureInfo"]["FailedRecordsS3Url"]).read().decode()
    assert report.splitlines()[0] == "emailAddress,reason,code,line,offset,record", report
    assert ses.get_suppressed_destination(EmailAddress="ann@boto.example")["SuppressedDestination"]["Reason"] == "BOUNCE"
    assert ses.list_import_jobs(ImportDestinationType="SUPPRESSION_LIST")["ImportJobs"]
    message = refused(lambda: ses.get_suppressed_destination(EmailAddress="no/body+x@boto.example"), "NotFoundException", 404)
    assert message == "Email address no/body+x@boto.example does not exist on your suppression list.", message
    refused(lambda: ses.list_suppressed_destinations(NextToken="x"), "InvalidNextTokenException", 400)
    assert ses.get_account()["EnforcementStatus"]


def keys(key=os.environ["AWS_ACCESS_KEY_ID"], secret=os.environ["AWS_SECRET_ACCESS_KEY"]):
    return {"aws_access_key_id": key, "aws_secret_access_key": secret}


def identity():
    wrong = boto3.client("sesv2", config=once, **keys(secret="wrong"))
    refused(wrong.get_account, "InvalidSignatureException", 403)
    unknown = boto3.client("sesv2", config=once, **keys(key="AKIAUNKNOWN000000000"))
    refused(unknown.get_account, "UnrecognizedClientException", 403)
    refused(boto3.client("s3", config=once, **keys(secret="wrong")).list_buckets, "SignatureDoesNotMatch", 403)
    elsewhere = boto3.client("mailmanager", config=once, region_name="us-west-2")
    assert elsewhere.list_address_lists()["AddressLists"] == []


for check in (address_list, suppression, identity):
    check()
    print("ok", check.__name__)
