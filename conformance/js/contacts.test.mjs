import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreateContactCommand, CreateContactListCommand, CreateImportJobCommand, DeleteContactCommand, DeleteContactListCommand,
  GetContactCommand, GetContactListCommand, GetImportJobCommand, ListContactListsCommand, ListContactsCommand,
  ListImportJobsCommand, ListTagsForResourceCommand, TagResourceCommand, UntagResourceCommand, UpdateContactCommand,
  UpdateContactListCommand, paginateListContactLists, paginateListContacts,
} from "@aws-sdk/client-sesv2";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { all, newSES, readReport, refused, region, s3, ses, unique, uniqueRegion, until } from "./client.mjs";

const send = (command) => ses.send(command);

const topic = (TopicName, DefaultSubscriptionStatus = "OPT_IN") => ({ TopicName, DisplayName: `About ${TopicName}`, DefaultSubscriptionStatus });
const preference = (TopicName, SubscriptionStatus) => ({ TopicName, SubscriptionStatus });

async function newList(more = {}) {
  const ContactListName = unique("list");
  await send(new CreateContactListCommand({ ContactListName, Topics: [topic("news"), topic("sports", "OPT_OUT")], ...more }));
  return ContactListName;
}

const getList = (ContactListName) => send(new GetContactListCommand({ ContactListName }));
const create = (ContactListName, EmailAddress, more = {}) => send(new CreateContactCommand({ ContactListName, EmailAddress, ...more }));
const get = (ContactListName, EmailAddress) => send(new GetContactCommand({ ContactListName, EmailAddress }));

const byTopic = (preferences = []) => Object.fromEntries(preferences.map((p) => [p.TopicName, p.SubscriptionStatus]));

async function addresses(ContactListName, Filter) {
  const pages = paginateListContacts({ client: ses, pageSize: 2 }, { ContactListName, Filter });
  return (await all(pages, "Contacts")).map((contact) => contact.EmailAddress);
}

async function run(ContactListName, text, ContactListImportAction = "PUT", DataFormat = "CSV") {
  const Bucket = unique("contacts");
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutObjectCommand({ Bucket, Key: "file", Body: text }));
  const { JobId } = await send(new CreateImportJobCommand({
    ImportDestination: { ContactListDestination: { ContactListName, ContactListImportAction } },
    ImportDataSource: { S3Url: `s3://${Bucket}/file`, DataFormat },
  }));
  return until(() => send(new GetImportJobCommand({ JobId })), (job) => ["COMPLETED", "FAILED"].includes(job.JobStatus));
}

test("a list's life", async () => {
  const Tags = [{ Key: "team", Value: "mail" }];
  const ContactListName = await newList({ Description: "readers", Tags });
  const list = await getList(ContactListName);
  assert.equal(list.ContactListName, ContactListName);
  assert.equal(list.Description, "readers");
  assert.deepEqual(list.Topics, [topic("news"), topic("sports", "OPT_OUT")]);
  assert.deepEqual(list.Tags, Tags);
  assert.ok(list.CreatedTimestamp instanceof Date && list.LastUpdatedTimestamp >= list.CreatedTimestamp);

  // What is absent stays.
  await send(new UpdateContactListCommand({ ContactListName, Topics: [topic("arts")] }));
  assert.equal((await getList(ContactListName)).Description, "readers");
  await send(new UpdateContactListCommand({ ContactListName, Description: "viewers" }));
  const changed = await getList(ContactListName);
  assert.deepEqual(changed.Topics, [topic("arts")]);
  assert.equal(changed.Description, "viewers");
  assert.deepEqual(changed.CreatedTimestamp, list.CreatedTimestamp);

  await create(ContactListName, "ann@example.com");
  await send(new DeleteContactListCommand({ ContactListName }));
  await refused(getList(ContactListName), "NotFoundException", 404, `List with name: ${ContactListName} doesn't exist.`);
  await refused(get(ContactListName, "ann@example.com"), "NotFoundException", 404);
  await send(new CreateContactListCommand({ ContactListName }));
  assert.deepEqual(await addresses(ContactListName), []);
});

test("lists are listed in pages", async () => {
  const client = newSES(uniqueRegion());
  const names = ["a", "b", "c", "d", "e"];
  for (const ContactListName of names) await client.send(new CreateContactListCommand({ ContactListName }));
  const lists = await all(paginateListContactLists({ client, pageSize: 2 }, {}), "ContactLists");
  assert.deepEqual(lists.map((list) => list.ContactListName), names);
  for (const list of lists) assert.ok(list.LastUpdatedTimestamp instanceof Date);
});

test("a contact's life", async () => {
  const list = await newList();
  const AttributesData = '{"name":"Ann","note":"a \\"quoted\\" word, ü"}';
  await create(list, "Ann.Lee+x/y@Example.com", { TopicPreferences: [preference("news", "OPT_OUT")], AttributesData });
  const contact = await get(list, "Ann.Lee+x/y@example.com");
  assert.equal(contact.ContactListName, list);
  assert.equal(contact.EmailAddress, "Ann.Lee+x/y@example.com");
  assert.deepEqual(byTopic(contact.TopicPreferences), { news: "OPT_OUT" });
  assert.deepEqual(byTopic(contact.TopicDefaultPreferences), { sports: "OPT_OUT" }); // of topics without a choice
  assert.equal(contact.UnsubscribeAll, false);
  assert.equal(contact.AttributesData, AttributesData);
  await refused(create(list, "Ann.Lee+x/y@example.com"), "AlreadyExistsException", 400, "Ann.Lee+x/y@example.com already exists in List.");

  // Preferences are merged by topic; the rest is replaced.
  const EmailAddress = "Ann.Lee+x/y@example.com";
  await send(new UpdateContactCommand({ ContactListName: list, EmailAddress, TopicPreferences: [preference("sports", "OPT_IN")], UnsubscribeAll: true }));
  const changed = await get(list, EmailAddress);
  assert.deepEqual(byTopic(changed.TopicPreferences), { news: "OPT_OUT", sports: "OPT_IN" });
  assert.deepEqual(byTopic(changed.TopicDefaultPreferences), {});
  assert.equal(changed.UnsubscribeAll, true);
  assert.equal(changed.AttributesData, undefined);
  assert.deepEqual(changed.CreatedTimestamp, contact.CreatedTimestamp);
  assert.ok(changed.LastUpdatedTimestamp >= contact.LastUpdatedTimestamp);

  await send(new DeleteContactCommand({ ContactListName: list, EmailAddress }));
  await refused(get(list, EmailAddress), "NotFoundException", 404, `${EmailAddress} doesn't exist in List.`);
  await refused(send(new DeleteContactCommand({ ContactListName: list, EmailAddress })), "NotFoundException", 404);
  await refused(send(new UpdateContactCommand({ ContactListName: list, EmailAddress })), "NotFoundException", 404);
});

test("addresses that are hard on paths", async () => {
  const ContactListName = await newList();
  for (const local of ["a/b", "a+b", "o'hara", "50%", "a%2Fb", "{x}", "~tilde", "#hash", "q?", "list"]) {
    const EmailAddress = `${local}@example.com`;
    await create(ContactListName, EmailAddress);
    assert.equal((await get(ContactListName, EmailAddress)).EmailAddress, EmailAddress);
    await send(new UpdateContactCommand({ ContactListName, EmailAddress, UnsubscribeAll: true }));
    await send(new DeleteContactCommand({ ContactListName, EmailAddress }));
    await refused(get(ContactListName, EmailAddress), "NotFoundException", 404, `${EmailAddress} doesn't exist in List.`);
  }
});

test("contacts are listed by every filter, in full pages", async () => {
  const ContactListName = await newList();
  await create(ContactListName, "default@example.com");
  await create(ContactListName, "in@example.com", { TopicPreferences: [preference("news", "OPT_IN"), preference("sports", "OPT_IN")] });
  await create(ContactListName, "left@example.com", { TopicPreferences: [preference("news", "OPT_IN")], UnsubscribeAll: true });
  await create(ContactListName, "out@example.com", { TopicPreferences: [preference("news", "OPT_OUT")] });
  const list = (FilteredStatus, TopicName, UseDefaultIfPreferenceUnavailable) =>
    addresses(ContactListName, { FilteredStatus, TopicFilter: TopicName && { TopicName, UseDefaultIfPreferenceUnavailable } })
      .then((found) => found.map((address) => address.split("@")[0]).join(" "));

  assert.deepEqual((await addresses(ContactListName)).length, 4);
  assert.equal(await list("OPT_IN"), "default in out");
  assert.equal(await list("OPT_OUT"), "left");
  assert.equal(await list("OPT_IN", "news"), "in");
  assert.equal(await list("OPT_OUT", "news"), "left out");
  assert.equal(await list("OPT_IN", "news", true), "default in");
  assert.equal(await list("OPT_OUT", "news", true), "left out");
  assert.equal(await list("OPT_IN", "sports", true), "in");
  assert.equal(await list("OPT_OUT", "sports", true), "default left out");

  for (let i = 0; i < 20; i++) await create(ContactListName, `z${i}@example.com`, { UnsubscribeAll: i % 5 === 0 });
  const left = { ContactListName, Filter: { FilteredStatus: "OPT_OUT" } };
  const pages = [];
  for await (const page of paginateListContacts({ client: ses, pageSize: 2 }, left)) pages.push(page.Contacts.length);
  assert.deepEqual(pages, [2, 2, 1]);
  const [contact] = (await send(new ListContactsCommand({ ...left, PageSize: 1 }))).Contacts;
  assert.equal(contact.UnsubscribeAll, true);
  assert.ok(contact.LastUpdatedTimestamp instanceof Date);
  assert.equal(contact.AttributesData, undefined);
});

test("a CSV with topic columns replaces contacts outright", async () => {
  const list = await newList();
  await create(list, "ann@example.com", { TopicPreferences: [preference("sports", "OPT_IN")], AttributesData: "old", UnsubscribeAll: true });
  const { CreatedTimestamp } = await get(list, "ann@example.com");
  const job = await run(list, [
    "emailAddress,unsubscribeAll,attributesData,topicPreferences.news,topicPreferences.sports",
    'ann@example.com,false,{"Name": "Ann"},OPT_OUT,',
    'bob@example.com,true,"{""name"":""Bob"",""age"":7}",,OPT_IN',
    "cay@example.com,,,,",
    "nobody,,,,",
    "dan@example.com,maybe,,,",
    "eve@example.com,,,OPT_OVER,",
    "",
  ].join("\n"));
  assert.equal(job.JobStatus, "COMPLETED", JSON.stringify(job.FailureInfo));
  assert.equal(job.ProcessedRecordsCount, 6);
  assert.equal(job.FailedRecordsCount, 3);
  assert.deepEqual(job.ImportDestination, { ContactListDestination: { ContactListName: list, ContactListImportAction: "PUT" } });

  const ann = await get(list, "ann@example.com");
  assert.deepEqual(byTopic(ann.TopicPreferences), { news: "OPT_OUT" });
  assert.equal(ann.UnsubscribeAll, false);
  assert.equal(ann.AttributesData, '{"Name": "Ann"}');
  assert.deepEqual(ann.CreatedTimestamp, CreatedTimestamp);
  const bob = await get(list, "bob@example.com");
  assert.deepEqual(byTopic(bob.TopicPreferences), { sports: "OPT_IN" });
  assert.equal(bob.UnsubscribeAll, true);
  assert.equal(bob.AttributesData, '{"name":"Bob","age":7}');
  assert.equal((await get(list, "cay@example.com")).AttributesData, undefined);

  const report = await readReport(job.FailureInfo.FailedRecordsS3Url);
  assert.deepEqual(Object.keys(report[0]), ["emailAddress", "reason", "code", "line", "offset", "record"]);
  assert.deepEqual(report.map((row) => [row.emailAddress, row.line]), [["nobody", "5"], ["dan@example.com", "6"], ["eve@example.com", "7"]]);
});

test("JSON values over several lines, and a DELETE", async () => {
  const list = await newList();
  const job = await run(list, `{
  "emailAddress": "ann@example.com",
  "unsubscribeAll": false,
  "attributesData": "{\\"Name\\": \\"Ann\\"}",
  "topicPreferences": [
    { "topicName": "news", "subscriptionStatus": "OPT_OUT" },
    { "topicName": "sports", "subscriptionStatus": "OPT_IN" }
  ]
}
{ "emailAddress": "bob@example.com", "attributesData": {"age": 7} }
{ "emailAddress": "cay@example.com", "topicPreferences": [{ "topicName": "unknown", "subscriptionStatus": "OPT_IN" }] }
`, "PUT", "JSON");
  assert.equal(job.JobStatus, "COMPLETED", JSON.stringify(job.FailureInfo));
  assert.equal(job.ProcessedRecordsCount, 3);
  assert.equal(job.FailedRecordsCount, 1);
  const ann = await get(list, "ann@example.com");
  assert.deepEqual(byTopic(ann.TopicPreferences), { news: "OPT_OUT", sports: "OPT_IN" });
  assert.equal(ann.AttributesData, '{"Name": "Ann"}');
  assert.deepEqual(JSON.parse((await get(list, "bob@example.com")).AttributesData), { age: 7 });

  const gone = await run(list, "emailAddress\nann@example.com\nabsent@example.com\n", "DELETE");
  assert.equal(gone.JobStatus, "COMPLETED", JSON.stringify(gone.FailureInfo));
  assert.equal(gone.FailedRecordsCount, 0);
  assert.deepEqual(await addresses(list), ["bob@example.com"]);
  const rest = await run(list, '{"emailAddress":"bob@example.com"}', "DELETE", "JSON");
  assert.equal(rest.JobStatus, "COMPLETED", JSON.stringify(rest.FailureInfo));
  assert.deepEqual(await addresses(list), []);

  const jobs = (await send(new ListImportJobsCommand({ ImportDestinationType: "CONTACT_LIST" }))).ImportJobs;
  assert.ok(jobs.some((listed) => listed.JobId === job.JobId));
  for (const listed of jobs) assert.ok(listed.ImportDestination.ContactListDestination);
});

test("files that are broken as a whole, and lists that are not there", async () => {
  const list = await newList();
  const headless = await run(list, "ann@example.com,true\n");
  assert.equal(headless.JobStatus, "FAILED");
  assert.match(headless.FailureInfo.ErrorMessage, /emailAddress/);
  await refused(run("unknown", "emailAddress\n"), "NotFoundException", 404, "ContactList unknown doesn't exist");
});

test("tags of a list", async () => {
  const ContactListName = await newList();
  const ResourceArn = `arn:aws:ses:${region}:000000000000:contact-list/${ContactListName}`;
  await send(new TagResourceCommand({ ResourceArn, Tags: [{ Key: "a", Value: "1" }, { Key: "b c", Value: "" }] }));
  await send(new UntagResourceCommand({ ResourceArn, TagKeys: ["b c"] }));
  assert.deepEqual((await send(new ListTagsForResourceCommand({ ResourceArn }))).Tags, [{ Key: "a", Value: "1" }]);
  assert.deepEqual((await getList(ContactListName)).Tags, [{ Key: "a", Value: "1" }]);
  await refused(send(new ListTagsForResourceCommand({ ResourceArn: ResourceArn.replace(ContactListName, "unknown") })),
    "NotFoundException", 404, "No ContactList present with name: unknown");
  const many = Array.from({ length: 51 }, (_, i) => ({ Key: `key${i}`, Value: "" }));
  await refused(newList({ Tags: many }), "LimitExceededException", 400);
  await refused(send(new TagResourceCommand({ ResourceArn, Tags: many })), "BadRequestException", 400);
});

test("what is not there is not found", async () => {
  const unknown = { ContactListName: "unknown" };
  const contact = { ...unknown, EmailAddress: "ann@example.com" };
  for (const command of [
    new CreateContactCommand(contact), new DeleteContactCommand(contact), new GetContactCommand(contact),
    new UpdateContactCommand(contact), new DeleteContactListCommand(unknown), new GetContactListCommand(unknown),
    new ListContactsCommand(unknown), new UpdateContactListCommand(unknown),
  ]) {
    await refused(send(command), "NotFoundException", 404, "List with name: unknown doesn't exist.");
  }
  const ContactListName = await newList();
  const filter = (TopicName) => ({ ContactListName, Filter: { FilteredStatus: "OPT_IN", TopicFilter: { TopicName } } });
  await refused(send(new ListContactsCommand(filter("unknown"))), "NotFoundException", 404,
    `List: ${ContactListName} doesn't contain Topic: unknown`);
});

test("bad requests, in the words that were seen", async () => {
  const ContactListName = await newList();
  const bad = async (command, text) => refused(send(command), "BadRequestException", 400, text);
  await bad(new CreateContactCommand({ ContactListName, EmailAddress: "nobody" }), "EmailAddress <nobody> is invalid");
  await bad(new CreateContactCommand({ ContactListName, EmailAddress: " " }), "EmailAddress can't be blank.");
  await bad(new CreateContactListCommand({ ContactListName: "no blanks" }));
  await bad(new CreateContactListCommand({ ContactListName: "x".repeat(65) }));
  await bad(new CreateContactListCommand({ ContactListName: unique("list"), Topics: Array.from({ length: 21 }, (_, i) => topic(`t${i}`)) }),
    "Maximum of <20> topics allowed per ContactList");
  await bad(new CreateContactListCommand({ ContactListName: unique("list"), Topics: [topic("twice"), topic("twice")] }));
  await bad(new UpdateContactListCommand({ ContactListName, Topics: [topic("no blanks")] }));
  await bad(new UpdateContactListCommand({ ContactListName, Topics: [{ ...topic("news"), DisplayName: "x".repeat(129) }] }));
  await bad(new ListContactListsCommand({ PageSize: 1001 }));
  await bad(new ListContactListsCommand({ NextToken: "forged" }));
  await bad(new ListContactsCommand({ ContactListName, PageSize: 1001 }), "The page size must be between 1 and 1000");
  await bad(new ListContactsCommand({ ContactListName, NextToken: "forged" }), "Provided NextToken is invalid");
  await bad(new ListContactsCommand({ ContactListName, Filter: { TopicFilter: { TopicName: "news" } } }), "Invalid FilteredStatus <null>");
  const contact = { ContactListName, EmailAddress: "ann@example.com" };
  await bad(new UpdateContactCommand({ ...contact, TopicPreferences: [preference("news", "MAYBE")] }));
  await bad(new CreateContactCommand({ ...contact, TopicPreferences: [preference("unknown", "OPT_IN")] }),
    `List: ${ContactListName} doesn't contain Topic: unknown`);
  await bad(new GetContactCommand({ ContactListName, EmailAddress: "nobody" }), "EmailAddress <nobody> is invalid");
  await bad(new DeleteContactCommand({ ContactListName, EmailAddress: "nobody" }), "EmailAddress <nobody> is invalid");
  await bad(new GetContactListCommand({ ContactListName: "no blanks" }));
  await bad(new DeleteContactListCommand({ ContactListName: "no blanks" }));
  await refused(send(new CreateContactListCommand({ ContactListName })), "AlreadyExistsException", 400);
});
