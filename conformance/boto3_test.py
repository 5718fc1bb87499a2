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
wisdom = boto3.client("wisdom", config=once)
qconnect = boto3.client("qconnect", config=once)
tag = uuid.uuid4().hex[:8]


def until(ask, done):
    for _ in range(15000):
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


def pages(client, operation, member, size, **request):
    """All that botocore's own paginator finds, which refuses a token that comes twice."""
    found = client.get_paginator(operation).paginate(**request, PaginationConfig={"PageSize": size})
    return [entry for page in found for entry in page[member]]


def put(url, text, headers):
    request = urllib.request.Request(url, data=text.encode(), method="PUT", headers=headers)
    assert urllib.request.urlopen(request).status == 200


def read(url):
    return urllib.request.urlopen(url).read().decode()


def address_list():
    list_id = mailmanager.create_address_list(AddressListName=f"list-{tag}")["AddressListId"]
    job = mailmanager.create_address_list_import_job(
        AddressListId=list_id, Name="job", ImportDataFormat={"ImportDataType": "CSV"})
    rows = "address\n" + "".join(f"user{i}@example.com\n" for i in range(5000)) + "wrong\n"
    put(job["PreSignedUrl"], rows, {"Content-Type": "text/csv"})
    mailmanager.start_address_list_import_job(JobId=job["JobId"])
    ended = until(lambda: mailmanager.get_address_list_import_job(JobId=job["JobId"]),
                  lambda j: j["Status"] in ("COMPLETED", "FAILED"))
    assert ended["Status"] == "COMPLETED", ended
    assert (ended["ImportedItemsCount"], ended["FailedItemsCount"]) == (5000, 1), ended
    assert ended["CompletedTimestamp"] >= ended["StartTimestamp"] >= ended["CreatedTimestamp"]

    members = pages(mailmanager, "list_members_of_address_list", "Addresses", 999, AddressListId=list_id)
    assert [m["Address"] for m in members] == sorted(f"user{i}@example.com" for i in range(5000))
    other = mailmanager.create_address_list_import_job(
        AddressListId=list_id, Name="job", ImportDataFormat={"ImportDataType": "JSON"})
    jobs = pages(mailmanager, "list_address_list_import_jobs", "ImportJobs", 1, AddressListId=list_id)
    assert [j["JobId"] for j in jobs] == [job["JobId"], other["JobId"]] and jobs[0]["PreSignedUrl"], jobs
    mailmanager.create_address_list(AddressListName=f"other-{tag}")
    assert list_id in [l["AddressListId"] for l in pages(mailmanager, "list_address_lists", "AddressLists", 1)]
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
    report = read(ended["FailureInfo"]["FailedRecordsS3Url"])
    assert report.splitlines()[0] == "emailAddress,reason,code,line,offset,record", report
    assert ses.get_suppressed_destination(EmailAddress="ann@boto.example")["SuppressedDestination"]["Reason"] == "BOUNCE"
    assert ses.list_import_jobs(ImportDestinationType="SUPPRESSION_LIST")["ImportJobs"]
    message = refused(lambda: ses.get_suppressed_destination(EmailAddress="no/body+x@boto.example"), "NotFoundException", 404)
    assert message == "Email address no/body+x@boto.example does not exist on your suppression list.", message
    refused(lambda: ses.list_suppressed_destinations(NextToken="x"), "InvalidNextTokenException", 400)
    assert ses.get_account()["EnforcementStatus"]


def contacts():
    topics = [{"TopicName": "news", "DisplayName": "News", "DefaultSubscriptionStatus": "OPT_IN"}]
    name = f"contacts-{tag}"
    ses.create_contact_list(ContactListName=name, Topics=topics)
    assert ses.get_contact_list(ContactListName=name)["Topics"] == topics
    address = "o'hara/x+y@boto.example"
    ses.create_contact(ContactListName=name, EmailAddress=address, AttributesData="{}",
                       TopicPreferences=[{"TopicName": "news", "SubscriptionStatus": "OPT_OUT"}])
    contact = ses.get_contact(ContactListName=name, EmailAddress=address)
    assert contact["EmailAddress"] == address and contact["CreatedTimestamp"].tzinfo, contact
    message = refused(lambda: ses.create_contact(ContactListName=name, EmailAddress=address), "AlreadyExistsException", 400)
    assert message == f"{address} already exists in List.", message

    bucket = f"contacts-{tag}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    rows = "emailAddress,topicPreferences.news\n" + "".join(f"user{i}@boto.example,OPT_{'IN' if i % 2 else 'OUT'}\n" for i in range(200))
    s3.put_object(Bucket=bucket, Key="rows.csv", Body=rows.encode())
    job_id = ses.create_import_job(
        ImportDestination={"ContactListDestination": {"ContactListName": name, "ContactListImportAction": "PUT"}},
        ImportDataSource={"S3Url": f"s3://{bucket}/rows.csv", "DataFormat": "CSV"})["JobId"]
    ended = until(lambda: ses.get_import_job(JobId=job_id), lambda j: j["JobStatus"] in ("COMPLETED", "FAILED"))
    assert (ended["JobStatus"], ended["ProcessedRecordsCount"], ended["FailedRecordsCount"]) == ("COMPLETED", 200, 0), ended

    # botocore has no paginator here: the loop that programs write.
    found, request = [], {"ContactListName": name, "PageSize": 30, "Filter": {"FilteredStatus": "OPT_OUT", "TopicFilter": {"TopicName": "news"}}}
    while True:
        page = ses.list_contacts(**request)
        found += [c["EmailAddress"] for c in page["Contacts"]]
        if not page.get("NextToken"):
            break
        assert len(page["Contacts"]) == 30, page
        request["NextToken"] = page["NextToken"]
    assert len(found) == len(set(found)) == 101, found
    ses.delete_contact_list(ContactListName=name)


def quick_responses(client):
    base = client.create_knowledge_base(name=f"{client.meta.service_model.service_name}-{tag}", knowledgeBaseType="QUICK_RESPONSES")["knowledgeBase"]
    base_id = base["knowledgeBaseId"]
    upload = client.start_content_upload(knowledgeBaseId=base_id, contentType="text/csv")
    rows = "name,content\n" + "".join(f"name {i},text {i}\n" for i in range(25)) + ",nothing\n"
    put(upload["url"], rows, upload["headersToInclude"])
    jobs = [client.start_import_job(knowledgeBaseId=base_id, importJobType="QUICK_RESPONSES", uploadId=upload["uploadId"])["importJob"]
            for _ in range(3)]  # the later ones find every name taken
    ended = [until(lambda: client.get_import_job(knowledgeBaseId=base_id, importJobId=j["importJobId"])["importJob"],
                   lambda j: j["status"] != "START_IN_PROGRESS") for j in jobs]
    assert sorted(j["status"] for j in ended) == ["COMPLETE", "FAILED", "FAILED"], ended
    rejects = [len(read(j["failedRecordReport"]).splitlines()) - 1 for j in ended]
    assert sorted(rejects) == [1, 26, 26], rejects

    listed = pages(client, "list_quick_responses", "quickResponseSummaries", 7, knowledgeBaseId=base["knowledgeBaseArn"])
    names = sorted(r["name"] for r in listed)
    assert names == sorted(f"name {i}" for i in range(25)), names
    expression = {"queries": [{"name": "content", "operator": "CONTAINS", "values": ["text"]}]}
    results = pages(client, "search_quick_responses", "results", 7, knowledgeBaseId=base_id, searchExpression=expression)
    assert sorted(r["name"] for r in results) == names, results
    listed = pages(client, "list_import_jobs", "importJobSummaries", 1, knowledgeBaseId=base_id)
    assert sorted(j["importJobId"] for j in listed) == sorted(j["importJobId"] for j in jobs), listed
    client.create_knowledge_base(name=f"other {client.meta.service_model.service_name}", knowledgeBaseType="QUICK_RESPONSES")
    assert base_id in [b["knowledgeBaseId"] for b in pages(client, "list_knowledge_bases", "knowledgeBaseSummaries", 1)]

    one = client.create_quick_response(knowledgeBaseId=base_id, name="hello", content={"content": "Good day"})["quickResponse"]
    assert client.get_quick_response(knowledgeBaseId=base_id, quickResponseId=one["quickResponseArn"])["quickResponse"] == one
    client.tag_resource(resourceArn=one["quickResponseArn"], tags={"a/b": "two words"})
    assert client.list_tags_for_resource(resourceArn=one["quickResponseArn"])["tags"] == {"a/b": "two words"}
    refused(lambda: client.create_quick_response(knowledgeBaseId=base_id, name="hello", content={"content": "x"}), "ConflictException", 409)
    deleted = client.delete_knowledge_base(knowledgeBaseId=base_id)
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    refused(lambda: client.get_knowledge_base(knowledgeBaseId=base_id), "ResourceNotFoundException", 404)


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


address_list()
suppression()
contacts()
quick_responses(wisdom)
quick_responses(qconnect)
identity()
print("ok")
