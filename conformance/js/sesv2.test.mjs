import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import {
  CreateImportJobCommand, DeleteSuppressedDestinationCommand, GetAccountCommand, GetImportJobCommand,
  GetSuppressedDestinationCommand, ListImportJobsCommand, ListSuppressedDestinationsCommand,
  ListTagsForResourceCommand, PutAccountSuppressionAttributesCommand, PutSuppressedDestinationCommand,
  TagResourceCommand, UntagResourceCommand, paginateListImportJobs, paginateListSuppressedDestinations,
} from "@aws-sdk/client-sesv2";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { all, newSES, readReport, refused, region, s3, ses, unique, uniqueRegion, until } from "./client.mjs";

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

  const report = await readReport(job.FailureInfo.FailedRecordsS3Url);
  assert.deepEqual(Object.keys(report[0]), ["emailAddress", "reason", "code", "line", "offset", "record"]);
  assert.deepEqual(report.map((row) => [row.emailAddress, row.line, row.record]),
    [["not an address", "3", "not an address,BOUNCE"], [`c@${host}`, "4", `c@${host},WHY`]]);

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
    await refused(send(new DeleteSuppressedDestinationCommand({ EmailAddress })), "NotFoundException", 404, error.message);
  }
});

test("suppressed destinations are listed in pages, by reason and date", async () => {
  const ses = newSES(uniqueRegion());
  const from = new Date(Date.now() - 60_000);
  for (let i = 0; i < 7; i++) {
    await ses.send(new PutSuppressedDestinationCommand({ EmailAddress: `m${i}@example.com`, Reason: i % 2 ? "BOUNCE" : "COMPLAINT" }));
  }
  const list = async (more) => {
    const pages = paginateListSuppressedDestinations({ client: ses, pageSize: 2 }, more);
    return (await all(pages, "SuppressedDestinationSummaries")).map((s) => s.EmailAddress);
  };
  assert.deepEqual(await list({}), [0, 1, 2, 3, 4, 5, 6].map((i) => `m${i}@example.com`));
  assert.deepEqual(await list({ Reasons: ["BOUNCE"] }), [1, 3, 5].map((i) => `m${i}@example.com`));
  assert.equal((await list({ Reasons: ["BOUNCE", "COMPLAINT"], StartDate: from })).length, 7);
  assert.deepEqual(await list({ EndDate: from }), []);
  await refused(ses.send(new ListSuppressedDestinationsCommand({ NextToken: "forged" })), "InvalidNextTokenException", 400, "Token is invalid.");
});

test("import jobs are listed, tagged and not found", async () => {
  const { JobId } = await create("s3://nowhere/file");
  const suppression = { ImportDestinationType: "SUPPRESSION_LIST" };
  const listed = await all(paginateListImportJobs({ client: ses, pageSize: 2 }, suppression), "ImportJobs");
  assert.equal(listed.filter((job) => job.JobId === JobId).length, 1);
  for (const job of listed) assert.ok(job.ImportDestination.SuppressionListDestination);
  await refused(send(new GetImportJobCommand({ JobId: "unknown" })), "NotFoundException", 404);

  const ResourceArn = `arn:aws:ses:${region}:000000000000:import-job/${JobId}`;
  await send(new TagResourceCommand({ ResourceArn, Tags: [{ Key: "a", Value: "1" }, { Key: "b c", Value: "2" }] }));
  await send(new UntagResourceCommand({ ResourceArn, TagKeys: ["b c"] }));
  assert.deepEqual((await send(new ListTagsForResourceCommand({ ResourceArn }))).Tags, [{ Key: "a", Value: "1" }]);
});

test("bad requests", async () => {
  const suppression = { SuppressionListImportAction: "PUT" };
  const source = { S3Url: "s3://b/k", DataFormat: "CSV" };
  await refused(create("http://x/y"), "BadRequestException", 400);
  await refused(create("s3://b/k", "REPLACE"), "BadRequestException", 400);
  await refused(create("s3://b/k", "PUT", "XML"), "BadRequestException", 400);
  for (const command of [
    new CreateImportJobCommand({ ImportDestination: {}, ImportDataSource: source }),
    new CreateImportJobCommand({ ImportDestination: { SuppressionListDestination: suppression } }),
    new ListImportJobsCommand({ PageSize: 1001 }),
    new ListImportJobsCommand({ NextToken: "forged" }),
    new ListImportJobsCommand({ ImportDestinationType: "BUCKET" }),
    new ListSuppressedDestinationsCommand({ PageSize: 1001 }),
    new ListSuppressedDestinationsCommand({ Reasons: ["SPAM"] }),
    new PutAccountSuppressionAttributesCommand({ SuppressedReasons: ["SPAM"] }),
    new PutSuppressedDestinationCommand({ EmailAddress: "nobody", Reason: "BOUNCE" }),
    new PutSuppressedDestinationCommand({ EmailAddress: "a@b.example", Reason: "SPAM" }),
  ]) {
    const error = await refused(send(command), "BadRequestException", 400);
    assert.ok(error.message && error.$metadata.requestId, command.constructor.name);
  }
});

test("resources that are not there, or elsewhere, have no tags", async () => {
  const unknown = `arn:aws:ses:${region}:000000000000:import-job/unknown`;
  const elsewhere = "arn:aws:ses:xx-test-1:000000000000:import-job/unknown";
  const Tags = [{ Key: "a", Value: "1" }];
  await refused(send(new TagResourceCommand({ ResourceArn: unknown, Tags })), "NotFoundException", 404);
  await refused(send(new UntagResourceCommand({ ResourceArn: unknown, TagKeys: ["a"] })), "NotFoundException", 404);
  await refused(send(new ListTagsForResourceCommand({ ResourceArn: unknown })), "NotFoundException", 404);
  await refused(send(new TagResourceCommand({ ResourceArn: elsewhere, Tags })), "BadRequestException", 400, "Failed to tag resource");
  await refused(send(new UntagResourceCommand({ ResourceArn: elsewhere, TagKeys: ["a"] })), "BadRequestException", 400, "Failed to untag resource");
  await refused(send(new ListTagsForResourceCommand({ ResourceArn: elsewhere })), "BadRequestException", 400);
});

test("the account", async () => {
  const ses = newSES(uniqueRegion());
  const send = (command) => ses.send(command);
  const account = await send(new GetAccountCommand({}));
  assert.deepEqual([...account.SuppressionAttributes.SuppressedReasons].sort(), ["BOUNCE", "COMPLAINT"]);
  assert.equal(account.ProductionAccessEnabled, true);
  await send(new PutAccountSuppressionAttributesCommand({ SuppressedReasons: ["BOUNCE"] }));
  assert.deepEqual((await send(new GetAccountCommand({}))).SuppressionAttributes.SuppressedReasons, ["BOUNCE"]);
  await send(new PutAccountSuppressionAttributesCommand({ SuppressedReasons: ["BOUNCE", "COMPLAINT"] }));
});
