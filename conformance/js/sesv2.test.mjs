import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import {
  CreateImportJobCommand, DeleteSuppressedDestinationCommand, GetAccountCommand, GetImportJobCommand,
  GetSuppressedDestinationCommand, ListImportJobsCommand, ListSuppressedDestinationsCommand,
  ListTagsForResourceCommand, PutAccountSuppressionAttributesCommand, PutSuppressedDestinationCommand,
  TagResourceCommand, UntagResourceCommand,
} from "@aws-sdk/client-sesv2";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { refused, s3, ses, unique, until } from "./client.mjs";

const send = (command) => ses.send(command);

const create = (S3Url, action = "PUT", DataFormat = "CSV") =>
  send(new CreateImportJobCommand({
    ImportDestination: { SuppressionListDestination: { SuppressionListImportAction: action } },
    ImportDataSource: { S3Url, DataFormat },
  }));

const finished = (JobId) =>
  until(() => send(new GetImportJobCommand({ JobId })), (job) => ["COMPLETED", "FAILED", "CANCELLED"].includes(job.JobStatus));

async function run(text, action, format) {
  const Bucket = unique("files");
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutObjectCommand({ Bucket, Key: "in/file", Body: text }));
  const { JobId } = await create(`s3://${Bucket}/in/file`, action, format);
  return finished(JobId);
}

const get = (EmailAddress) => send(new GetSuppressedDestinationCommand({ EmailAddress }));

test("a suppression CSV is put, reported and deleted again", async () => {
  const host = `${unique("csv")}.example`;
  const job = await run(`a@${host},BOUNCE\nb@${host.toUpperCase()}, COMPLAINT\nnot an address,BOUNCE\nc@${host},WHY\na@${host},COMPLAINT\n`);
  assert.equal(job.JobStatus, "COMPLETED");
  assert.equal(job.ProcessedRecordsCount, 5);
  assert.equal(job.FailedRecordsCount, 2);
  assert.ok(job.CompletedTimestamp >= job.CreatedTimestamp);
  assert.equal((await get(`a@${host}`)).SuppressedDestination.Reason, "COMPLAINT"); // the later row won
  assert.equal((await get(`b@${host}`)).SuppressedDestination.Reason, "COMPLAINT");

  const report = await fetch(job.FailureInfo.FailedRecordsS3Url);
  const lines = (await report.text()).trim().split(/\r?\n/);
  assert.equal(lines[0], "emailAddress,reason,code,line,offset,record");
  assert.equal(lines.length, 3);
  assert.match(lines[1], /^not an address,.*,3,/);
  assert.match(lines[2], /^c@.*,4,/);

  const gone = await run(`a@${host}\nabsent@${host}\n`, "DELETE");
  assert.equal(gone.JobStatus, "COMPLETED");
  assert.equal(gone.FailedRecordsCount, 0);
  assert.equal(gone.FailureInfo, undefined);
  await refused(get(`a@${host}`), "NotFoundException", 404);
  await get(`b@${host}`);
});

test("JSON lines, zipped", async () => {
  const host = `${unique("json")}.example`;
  const job = await run(gzipSync(`{"emailAddress":"a@${host}","reason":"BOUNCE"}\n{"emailAddress":"b@${host}","reason":"COMPLAINT"}\n`), "PUT", "JSON");
  assert.equal(job.JobStatus, "COMPLETED", JSON.stringify(job.FailureInfo));
  assert.equal(job.ProcessedRecordsCount, 2);
  assert.equal((await get(`b@${host}`)).SuppressedDestination.Reason, "COMPLAINT");
});

test("a missing file and a broken file fail their jobs", async () => {
  const missing = await finished((await create("s3://no-such-bucket/no/such/file")).JobId);
  assert.equal(missing.JobStatus, "FAILED");
  assert.match(missing.FailureInfo.ErrorMessage, /s3:\/\/no-such-bucket\/no\/such\/file/);
  const cut = gzipSync(Array.from({ length: 5000 }, (_, i) => `user${i}@cut.example,BOUNCE\n`).join("")).subarray(0, 5000);
  const broken = await run(cut);
  assert.equal(broken.JobStatus, "FAILED");
  assert.match(broken.FailureInfo.ErrorMessage, /line \d+/);
});

test("addresses that are hard on paths", async () => {
  const host = `${unique("path")}.example`;
  for (const local of ["a/b", "a+b", "o'hara", "50%", "a%2Fb", "{x}", "~tilde", "#hash", "q?"]) {
    const EmailAddress = `${local}@${host}`;
    await send(new PutSuppressedDestinationCommand({ EmailAddress, Reason: "BOUNCE" }));
    const { SuppressedDestination } = await get(EmailAddress);
    assert.equal(SuppressedDestination.EmailAddress, EmailAddress);
    assert.ok(SuppressedDestination.LastUpdateTime instanceof Date);
    await send(new DeleteSuppressedDestinationCommand({ EmailAddress }));
    const error = await refused(get(EmailAddress), "NotFoundException", 404);
    assert.equal(error.message, `Email address ${EmailAddress} does not exist on your suppression list.`);
  }
});

test("suppressed destinations are listed in pages, by reason and date", async () => {
  const host = `${unique("pages")}.example`;
  const from = new Date(Date.now() - 60_000);
  for (let i = 0; i < 7; i++) {
    await send(new PutSuppressedDestinationCommand({ EmailAddress: `m${i}@${host}`, Reason: i % 2 ? "BOUNCE" : "COMPLAINT" }));
  }
  const list = async (more) => {
    const found = [];
    let NextToken;
    do {
      const page = await send(new ListSuppressedDestinationsCommand({ PageSize: 2, NextToken, ...more }));
      found.push(...page.SuppressedDestinationSummaries.map((s) => s.EmailAddress).filter((a) => a.endsWith(host)));
      NextToken = page.NextToken;
    } while (NextToken);
    return found;
  };
  assert.equal((await list({})).length, 7);
  assert.equal((await list({ Reasons: ["BOUNCE"] })).length, 3);
  assert.equal((await list({ Reasons: ["BOUNCE", "COMPLAINT"], StartDate: from })).length, 7);
  assert.equal((await list({ EndDate: from })).length, 0);
  const error = await refused(send(new ListSuppressedDestinationsCommand({ NextToken: "forged" })), "InvalidNextTokenException", 400);
  assert.equal(error.message, "Token is invalid.");
  await refused(send(new ListSuppressedDestinationsCommand({ PageSize: 1001 })), "BadRequestException", 400);
});

test("import jobs are listed, tagged and not found", async () => {
  const { JobId } = await create("s3://nowhere/file");
  let NextToken, seen = 0;
  do {
    const page = await send(new ListImportJobsCommand({ ImportDestinationType: "SUPPRESSION_LIST", PageSize: 2, NextToken }));
    seen += page.ImportJobs.filter((job) => job.JobId === JobId).length;
    NextToken = page.NextToken;
  } while (NextToken);
  assert.equal(seen, 1);
  assert.equal((await send(new ListImportJobsCommand({ ImportDestinationType: "CONTACT_LIST" }))).ImportJobs.length, 0);
  await refused(send(new GetImportJobCommand({ JobId: "unknown" })), "NotFoundException", 404);
  const ResourceArn = `arn:aws:ses:eu-central-1:000000000000:import-job/${JobId}`;
  await send(new TagResourceCommand({ ResourceArn, Tags: [{ Key: "a", Value: "1" }, { Key: "b c", Value: "2" }] }));
  await send(new UntagResourceCommand({ ResourceArn, TagKeys: ["b c"] }));
  assert.deepEqual((await send(new ListTagsForResourceCommand({ ResourceArn }))).Tags, [{ Key: "a", Value: "1" }]);
});

test("bad requests", async () => {
  await refused(create("http://x/y"), "BadRequestException", 400);
  await refused(create("s3://b/k", "REPLACE"), "BadRequestException", 400);
  await refused(create("s3://b/k", "PUT", "XML"), "BadRequestException", 400);
  await refused(send(new PutSuppressedDestinationCommand({ EmailAddress: "nobody", Reason: "BOUNCE" })), "BadRequestException", 400);
  await refused(send(new PutSuppressedDestinationCommand({ EmailAddress: "a@b.example", Reason: "SPAM" })), "BadRequestException", 400);
  const error = await refused(send(new CreateImportJobCommand({ ImportDestination: {}, ImportDataSource: { S3Url: "s3://b/k", DataFormat: "CSV" } })),
    "BadRequestException", 400);
  assert.ok(error.message);
});

test("the account", async () => {
  const account = await send(new GetAccountCommand({}));
  assert.deepEqual([...account.SuppressionAttributes.SuppressedReasons].sort(), ["BOUNCE", "COMPLAINT"]);
  assert.equal(account.ProductionAccessEnabled, true);
  await send(new PutAccountSuppressionAttributesCommand({ SuppressedReasons: ["BOUNCE"] }));
  assert.deepEqual((await send(new GetAccountCommand({}))).SuppressionAttributes.SuppressedReasons, ["BOUNCE"]);
  await send(new PutAccountSuppressionAttributesCommand({ SuppressedReasons: ["BOUNCE", "COMPLAINT"] }));
});
