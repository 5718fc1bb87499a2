import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreateAddressListCommand, CreateAddressListImportJobCommand, DeleteAddressListCommand,
  DeregisterMemberFromAddressListCommand, GetAddressListCommand, GetAddressListImportJobCommand,
  GetMemberOfAddressListCommand, ListAddressListImportJobsCommand, ListAddressListsCommand,
  ListMembersOfAddressListCommand, ListTagsForResourceCommand, RegisterMemberToAddressListCommand,
  StartAddressListImportJobCommand, StopAddressListImportJobCommand, TagResourceCommand, UntagResourceCommand,
  paginateListAddressListImportJobs, paginateListAddressLists, paginateListMembersOfAddressList,
} from "@aws-sdk/client-mailmanager";
import { all, mailmanager, refused, unique, until, upload } from "./client.mjs";

const send = (command) => mailmanager.send(command);

async function newList(tags) {
  const AddressListName = unique("list");
  const { AddressListId } = await send(new CreateAddressListCommand({ AddressListName, Tags: tags }));
  return { AddressListName, AddressListId };
}

const newJob = (AddressListId, ImportDataType = "CSV", more = {}) =>
  send(new CreateAddressListImportJobCommand({
    AddressListId, Name: unique("job"), ImportDataFormat: { ImportDataType }, ...more,
  }));

const getJob = (JobId) => send(new GetAddressListImportJobCommand({ JobId }));

const finished = (JobId) =>
  until(() => getJob(JobId), (job) => ["COMPLETED", "FAILED", "STOPPED"].includes(job.Status));

async function members(AddressListId, filter) {
  const pages = paginateListMembersOfAddressList({ client: mailmanager, pageSize: 2 }, { AddressListId, Filter: filter });
  return (await all(pages, "Addresses")).map((member) => member.Address);
}

async function run(AddressListId, text, type = "CSV", headers = {}) {
  const { JobId, PreSignedUrl } = await newJob(AddressListId, type);
  await upload(PreSignedUrl, text, headers);
  await send(new StartAddressListImportJobCommand({ JobId }));
  return finished(JobId);
}

test("a CSV is imported, with exact counts", async () => {
  const { AddressListId } = await newList();
  const job = await run(AddressListId,
    "address\nAnn@Example.com\nno address\n*@example.org\nuser@*.example.com\nann@example.com\n");
  assert.equal(job.Status, "COMPLETED", job.Error);
  assert.equal(job.ImportedItemsCount, 4);
  assert.equal(job.FailedItemsCount, 1);
  assert.equal(job.Error, undefined);
  assert.ok(job.StartTimestamp >= job.CreatedTimestamp && job.CompletedTimestamp >= job.StartTimestamp);
  assert.deepEqual(await members(AddressListId), ["*@example.org", "Ann@example.com", "ann@example.com", "user@*.example.com"]);
  assert.deepEqual(await members(AddressListId, { AddressPrefix: "ann" }), ["ann@example.com"]);
});

test("JSON items are imported, with any content type", async () => {
  const { AddressListId } = await newList();
  const text = JSON.stringify({ items: [{ address: "a@b.example" }, { address: "*@d.example" }, { address: 7 }] });
  const job = await run(AddressListId, text, "JSON", { "Content-Type": "application/json" });
  assert.equal(job.Status, "COMPLETED", job.Error);
  assert.equal(job.ImportedItemsCount, 2);
  assert.equal(job.FailedItemsCount, 1);
});

test("a file that is broken as a whole fails its job with a sentence", async () => {
  const { AddressListId } = await newList();
  const job = await run(AddressListId, "first name,surname\nAnn,Lee\n");
  assert.equal(job.Status, "FAILED");
  assert.match(job.Error, /line 1/);
});

test("the states of a job", async () => {
  const { AddressListId } = await newList();
  const { JobId, PreSignedUrl } = await newJob(AddressListId);
  const fresh = await getJob(JobId);
  assert.equal(fresh.Status, "CREATED");
  assert.equal(fresh.ImportedItemsCount, undefined);
  assert.ok(fresh.PreSignedUrl && fresh.CreatedTimestamp instanceof Date);
  await refused(send(new StartAddressListImportJobCommand({ JobId })), "ConflictException", 400);
  await refused(send(new StopAddressListImportJobCommand({ JobId })), "ConflictException", 400);
  await upload(PreSignedUrl, "address\nwrong@example.com\n");
  await upload((await getJob(JobId)).PreSignedUrl, "address\nright@example.com\n");
  await send(new StartAddressListImportJobCommand({ JobId }));
  assert.equal((await finished(JobId)).ImportedItemsCount, 1);
  assert.deepEqual(await members(AddressListId), ["right@example.com"]);
  await refused(send(new StartAddressListImportJobCommand({ JobId })), "ConflictException", 400);
  await refused(send(new StopAddressListImportJobCommand({ JobId })), "ConflictException", 400);
  await refused(getJob("job-unknown"), "ResourceNotFoundException", 400);
});

test("a job can be stopped, and keeps what it did", async () => {
  const { AddressListId } = await newList();
  const rows = Array.from({ length: 1_500_000 }, (_, i) => `user${i}@example.com\n`);
  const { JobId, PreSignedUrl } = await newJob(AddressListId);
  await upload(PreSignedUrl, "address\n" + rows.join(""));
  await send(new StartAddressListImportJobCommand({ JobId }));
  await until(() => getJob(JobId), (job) => job.ImportedItemsCount > 0);
  await refused(send(new DeleteAddressListCommand({ AddressListId })), "ConflictException", 400);
  await send(new StopAddressListImportJobCommand({ JobId }));
  const stopped = await getJob(JobId);
  assert.equal(stopped.Status, "STOPPED");
  assert.ok(stopped.ImportedItemsCount > 0 && stopped.ImportedItemsCount < rows.length);
  await send(new GetMemberOfAddressListCommand({ AddressListId, Address: "user0@example.com" }));
  await refused(send(new GetMemberOfAddressListCommand({ AddressListId, Address: `user${rows.length - 1}@example.com` })),
    "ResourceNotFoundException", 400);
  assert.deepEqual((await getJob(JobId)).ImportedItemsCount, stopped.ImportedItemsCount);
});

test("jobs and lists are listed in pages, each once", async () => {
  const { AddressListId } = await newList();
  const made = [];
  for (let i = 0; i < 5; i++) made.push((await newJob(AddressListId)).JobId);
  const seen = [];
  for await (const page of paginateListAddressListImportJobs({ client: mailmanager, pageSize: 2 }, { AddressListId })) {
    for (const job of page.ImportJobs) {
      assert.ok(job.PreSignedUrl);
      seen.push(job.JobId);
    }
    made.push((await newJob(AddressListId)).JobId); // more come while we read
    if (seen.length > 50) break;
  }
  assert.equal(new Set(seen).size, seen.length);
  for (const id of made.slice(0, 5)) assert.ok(seen.includes(id));
  let found = false;
  for await (const page of paginateListAddressLists({ client: mailmanager, pageSize: 1 }, {})) {
    found ||= page.AddressLists.some((list) => list.AddressListId === AddressListId);
  }
  assert.ok(found);
});

test("members, one by one", async () => {
  const { AddressListId } = await newList();
  const Address = "Some.One+tag@EXAMPLE.com";
  await send(new RegisterMemberToAddressListCommand({ AddressListId, Address }));
  await send(new RegisterMemberToAddressListCommand({ AddressListId, Address }));
  const member = await send(new GetMemberOfAddressListCommand({ AddressListId, Address: "Some.One+tag@example.com" }));
  assert.equal(member.Address, "Some.One+tag@example.com");
  await send(new DeregisterMemberFromAddressListCommand({ AddressListId, Address }));
  await refused(send(new DeregisterMemberFromAddressListCommand({ AddressListId, Address })), "ResourceNotFoundException", 400);
  await refused(send(new RegisterMemberToAddressListCommand({ AddressListId, Address: "a b c" })), "ValidationException", 400);
  await refused(send(new RegisterMemberToAddressListCommand({ AddressListId: "al-unknown", Address })), "ResourceNotFoundException", 400);
});

test("client tokens make a call repeatable", async () => {
  const ClientToken = unique("token");
  const AddressListName = unique("list");
  const create = (input) => send(new CreateAddressListCommand(input));
  const same = await Promise.all(Array.from({ length: 8 }, () => create({ AddressListName, ClientToken })));
  const [{ AddressListId }] = same;
  assert.deepEqual(new Set(same.map((list) => list.AddressListId)), new Set([AddressListId]));
  assert.equal((await create({ AddressListName, ClientToken })).AddressListId, AddressListId);
  await refused(create({ AddressListName: unique("list"), ClientToken }), "ConflictException", 400);
  await refused(create({ AddressListName, ClientToken, Tags: [{ Key: "a", Value: "1" }] }), "ConflictException", 400);
  await refused(create({ AddressListName }), "ConflictException", 400);

  const input = { Name: unique("job"), ClientToken }; // the same token, but another operation's
  const jobs = await Promise.all(Array.from({ length: 8 }, () => newJob(AddressListId, "CSV", input)));
  assert.equal(new Set(jobs.map((job) => job.JobId)).size, 1);
  for (const { PreSignedUrl } of jobs.slice(-2)) await upload(PreSignedUrl, "address\nann@example.com\n");
  await refused(newJob(AddressListId, "JSON", input), "ValidationException", 400);
});

test("of concurrent calls with one name and tokens of their own, one is answered", async () => {
  const AddressListName = unique("list");
  const answers = await Promise.allSettled(Array.from({ length: 8 }, () => send(new CreateAddressListCommand({ AddressListName }))));
  assert.equal(answers.filter((answer) => answer.status === "fulfilled").length, 1);
  for (const answer of answers) if (answer.reason) assert.equal(answer.reason.name, "ConflictException");
});

test("tags, and a list's life", async () => {
  const { AddressListId, AddressListName } = await newList([{ Key: "team", Value: "mail" }]);
  const list = await send(new GetAddressListCommand({ AddressListId }));
  assert.equal(list.AddressListName, AddressListName);
  assert.match(list.AddressListArn, /^arn:aws:ses:eu-central-1:000000000000:mailmanager-address-list\/al-[a-z0-9]{24}$/);
  const ResourceArn = list.AddressListArn;
  await send(new TagResourceCommand({ ResourceArn, Tags: [{ Key: "stage", Value: "test" }] }));
  await send(new UntagResourceCommand({ ResourceArn, TagKeys: ["team"] }));
  assert.deepEqual((await send(new ListTagsForResourceCommand({ ResourceArn }))).Tags, [{ Key: "stage", Value: "test" }]);
  await send(new DeleteAddressListCommand({ AddressListId }));
  await send(new DeleteAddressListCommand({ AddressListId })); // gone is gone
  await refused(send(new GetAddressListCommand({ AddressListId })), "ResourceNotFoundException", 400);
  await refused(send(new ListTagsForResourceCommand({ ResourceArn })), "ResourceNotFoundException", 400);
});

const aList = { AddressListId: "al-unknown" };
const aMember = { ...aList, Address: "ann@example.com" };
const aResource = { ResourceArn: "arn:aws:ses:eu-central-1:000000000000:mailmanager-address-list/al-unknown" };
const aTag = { Key: "team", Value: "mail" };
const csv = { ImportDataType: "CSV" };

test("what is not there is not found", async () => {
  for (const command of [
    new CreateAddressListImportJobCommand({ ...aList, Name: "job", ImportDataFormat: csv }),
    new DeregisterMemberFromAddressListCommand(aMember),
    new GetAddressListCommand(aList),
    new GetAddressListImportJobCommand({ JobId: "job-unknown" }),
    new GetMemberOfAddressListCommand(aMember),
    new ListAddressListImportJobsCommand(aList),
    new ListMembersOfAddressListCommand(aList),
    new ListTagsForResourceCommand(aResource),
    new RegisterMemberToAddressListCommand(aMember),
    new StartAddressListImportJobCommand({ JobId: "job-unknown" }),
    new StopAddressListImportJobCommand({ JobId: "job-unknown" }),
    new TagResourceCommand({ ...aResource, Tags: [aTag] }),
    new UntagResourceCommand({ ...aResource, TagKeys: ["team"] }),
  ]) {
    const error = await refused(send(command), "ResourceNotFoundException", 400);
    assert.ok(error.message && error.$metadata.requestId, command.constructor.name);
  }
});

test("bad input is refused by the table's constraints", async () => {
  const bad = { AddressListId: "no blanks" };
  for (const command of [
    new CreateAddressListCommand({ AddressListName: "no blanks" }),
    new CreateAddressListImportJobCommand({ ...aList, Name: "job", ImportDataFormat: { ImportDataType: "XML" } }),
    new DeleteAddressListCommand(bad),
    new DeregisterMemberFromAddressListCommand({ ...bad, Address: "ann@example.com" }),
    new GetAddressListCommand({ AddressListId: "x".repeat(300) }),
    new GetAddressListImportJobCommand({ JobId: "" }),
    new GetMemberOfAddressListCommand({ ...aList, Address: "a" }),
    new ListAddressListImportJobsCommand({ ...aList, PageSize: 51 }),
    new ListAddressListsCommand({ PageSize: 0 }),
    new ListAddressListsCommand({ NextToken: "forged" }),
    new ListMembersOfAddressListCommand({ ...aList, PageSize: 1001 }),
    new ListTagsForResourceCommand({ ResourceArn: "no ARN" }),
    new RegisterMemberToAddressListCommand({ ...aList, Address: "a".repeat(321) }),
    new StartAddressListImportJobCommand({}),
    new StopAddressListImportJobCommand({ JobId: "no blanks" }),
    new TagResourceCommand({ ...aResource, Tags: [{ Key: "no blanks", Value: "" }] }),
    new UntagResourceCommand({ ...aResource, TagKeys: ["no blanks"] }),
  ]) {
    const error = await refused(send(command), "ValidationException", 400);
    assert.ok(error.message && error.$metadata.requestId, command.constructor.name);
  }
});

test("a list has two hundred tags at most", async () => {
  const { AddressListId } = await newList(Array.from({ length: 200 }, (_, i) => ({ Key: `key${i}`, Value: "" })));
  const { AddressListArn: ResourceArn } = await send(new GetAddressListCommand({ AddressListId }));
  await refused(send(new TagResourceCommand({ ResourceArn, Tags: [aTag] })), "ServiceQuotaExceededException", 400);
  await send(new TagResourceCommand({ ResourceArn, Tags: [{ Key: "key7", Value: "other" }] }));
});
