"""Imports a file of bounces into the suppression list, and prints the records that were rejected.

    sluice serve                     # in another terminal
    eval "$(sluice env)"
    python3 suppression.py bounces.csv
"""

import os
import sys
import time
import urllib.request

import boto3
from botocore.config import Config

# Versions of boto3 before 1.28 do not read the variable themselves.
endpoint = os.environ["AWS_ENDPOINT_URL"]
ses = boto3.client("sesv2", endpoint_url=endpoint)
s3 = boto3.client("s3", endpoint_url=endpoint, config=Config(s3={"addressing_style": "path"}))

buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
if "imports" not in buckets:
    s3.create_bucket(Bucket="imports")
s3.upload_file(sys.argv[1], "imports", "bounces.csv")

job_id = ses.create_import_job(
    ImportDestination={"SuppressionListDestination": {"SuppressionListImportAction": "PUT"}},
    ImportDataSource={"S3Url": "s3://imports/bounces.csv", "DataFormat": "CSV"},
)["JobId"]

while True:
    job = ses.get_import_job(JobId=job_id)
    if job["JobStatus"] in ("COMPLETED", "FAILED"):
        break
    time.sleep(0.2)

failed = job["FailedRecordsCount"]
print(f"{job['JobStatus']}: {job['ProcessedRecordsCount']} records, {failed} of them rejected")
if "FailureInfo" in job:
    if "ErrorMessage" in job["FailureInfo"]:
        print(job["FailureInfo"]["ErrorMessage"])
    if "FailedRecordsS3Url" in job["FailureInfo"]:
        with urllib.request.urlopen(job["FailureInfo"]["FailedRecordsS3Url"]) as report:
            print(report.read().decode(), end="")
sys.exit(job["JobStatus"] == "FAILED")
