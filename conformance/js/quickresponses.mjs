// The tests of Wisdom and of Q in Connect, which are the same on the wire. In come the
// SDK's package for one of them and a function that makes its client for a region.
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomUUID } from "node:crypto";
import { all, readReport, refused, region, unique, uniqueRegion, until, upload } from "./client.mjs";

const plain = "application/x.quickresponse;format=plain";
const markdown = "application/x.quickresponse;format=markdown";
const text = (content) => ({ content: { content } });

export function suite(sdk, newClient) {
  const client = newClient(region);
  const call = (operation, input = {}) => client.send(new sdk[`${operation}Command`](input));

  async function newBase(more = {}) {
    const { knowledgeBase } = await call("CreateKnowledgeBase", { name: unique("base"), knowledgeBaseType: "QUICK_RESPONSES", ...more });
    return knowledgeBase;
  }

  const create = async (knowledgeBaseId, name, more = {}) =>
    (await call("CreateQuickResponse", { knowledgeBaseId, name, ...text(`content of ${name}`), ...more })).quickResponse;
  const get = async (knowledgeBaseId, quickResponseId) =>
    (await call("GetQuickResponse", { knowledgeBaseId, quickResponseId })).quickResponse;
  const update = async (knowledgeBaseId, quickResponseId, more) =>
    (await call("UpdateQuickResponse", { knowledgeBaseId, quickResponseId, ...more })).quickResponse;
  const names = async (knowledgeBaseId) =>
    (await all(sdk.paginateListQuickResponses({ client, pageSize: 2 }, { knowledgeBaseId }), "quickResponseSummaries")).map((r) => r.name);

  const getJob = async (knowledgeBaseId, importJobId) => (await call("GetImportJob", { knowledgeBaseId, importJobId })).importJob;
  const finished = (knowledgeBaseId, importJobId) =>
    until(() => getJob(knowledgeBaseId, importJobId), (job) => job.status !== "START_IN_PROGRESS");

  async function send(knowledgeBaseId, csv) {
    const { uploadId, url, headersToInclude } = await call("StartContentUpload", { knowledgeBaseId, contentType: "text/csv" });
    await upload(url, csv, headersToInclude);
    return uploadId;
  }

  async function start(knowledgeBaseId, csv, more = {}) {
    const uploadId = await send(knowledgeBaseId, csv);
    return (await call("StartImportJob", { knowledgeBaseId, importJobType: "QUICK_RESPONSES", uploadId, ...more })).importJob;
  }

  async function run(knowledgeBaseId, csv, more) {
    const { importJobId } = await start(knowledgeBaseId, csv, more);
    return finished(knowledgeBaseId, importJobId);
  }

  const search = async (knowledgeBaseId, searchExpression, more = {}) =>
    (await call("SearchQuickResponses", { knowledgeBaseId, searchExpression, ...more })).results;
  const found = async (...args) => (await search(...args)).map((result) => result.name);

  test("a knowledge base's life", async () => {
    const tags = { team: "mail" };
    const base = await newBase({ description: "answers", tags, serverSideEncryptionConfiguration: { kmsKeyId: "key" } });
    assert.match(base.knowledgeBaseId, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.equal(base.knowledgeBaseArn, `arn:aws:wisdom:${region}:000000000000:knowledge-base/${base.knowledgeBaseId}`);
    assert.equal(base.status, "ACTIVE");
    assert.deepEqual(base.tags, tags);
    for (const knowledgeBaseId of [base.knowledgeBaseId, base.knowledgeBaseArn]) {
      const { knowledgeBase } = await call("GetKnowledgeBase", { knowledgeBaseId });
      assert.deepEqual(knowledgeBase, base);
    }
    const taken = { name: base.name, knowledgeBaseType: "QUICK_RESPONSES" };
    await refused(call("CreateKnowledgeBase", taken), "ConflictException", 409);
    await create(base.knowledgeBaseId, "hello");
    const { $metadata } = await call("DeleteKnowledgeBase", { knowledgeBaseId: base.knowledgeBaseArn });
    assert.equal($metadata.httpStatusCode, 204);
    await refused(call("GetKnowledgeBase", { knowledgeBaseId: base.knowledgeBaseId }), "ResourceNotFoundException", 404);
    await refused(names(base.knowledgeBaseId), "ResourceNotFoundException", 404);
    assert.notEqual((await newBase({ name: base.name })).knowledgeBaseId, base.knowledgeBaseId);
  });

  test("knowledge bases are listed in pages", async () => {
    const client = newClient(uniqueRegion());
    const want = ["a", "b", "c", "d", "e"];
    for (const name of want) await client.send(new sdk.CreateKnowledgeBaseCommand({ name, knowledgeBaseType: "QUICK_RESPONSES" }));
    const bases = await all(sdk.paginateListKnowledgeBases({ client, pageSize: 2 }, {}), "knowledgeBaseSummaries");
    assert.deepEqual(bases.map((base) => base.name), want);
  });

  test("a quick response's life", async () => {
    const { knowledgeBaseId, knowledgeBaseArn } = await newBase();
    const groupingConfiguration = { criteria: "RoutingProfileArn", values: ["arn:aws:connect:eu-central-1:000000000000:instance/1/routing-profile/2"] };
    const full = {
      description: "a greeting", shortcutKey: "hi", channels: ["Chat"], language: "de_DE", isActive: false,
      contentType: markdown, groupingConfiguration, tags: { team: "mail" },
    };
    const made = await create(knowledgeBaseId, "hello", full);
    assert.equal(made.quickResponseArn, `arn:aws:wisdom:${region}:000000000000:quick-response/${knowledgeBaseId}/${made.quickResponseId}`);
    assert.equal(made.knowledgeBaseArn, knowledgeBaseArn);
    assert.equal(made.status, "CREATED");
    assert.equal(made.name, "hello");
    assert.equal(made.contents.markdown.content, "content of hello");
    for (const member of Object.keys(full)) assert.deepEqual(made[member], full[member], member);
    assert.ok(made.createdTime instanceof Date && made.lastModifiedTime >= made.createdTime);
    for (const id of [made.quickResponseId, made.quickResponseArn]) {
      assert.deepEqual(await get(knowledgeBaseId, id), made);
      assert.deepEqual(await get(knowledgeBaseArn, id), made);
    }

    const changed = await update(knowledgeBaseId, made.quickResponseId, { ...text("new"), contentType: plain, isActive: true });
    assert.equal(changed.contents.plainText.content, "new");
    assert.equal(changed.isActive, true);
    for (const member of ["name", "description", "shortcutKey", "channels", "language", "groupingConfiguration", "createdTime"]) {
      assert.deepEqual(changed[member], made[member], member);
    }
    const bare = await update(knowledgeBaseArn, made.quickResponseArn,
      { removeDescription: true, removeGroupingConfiguration: true, removeShortcutKey: true });
    for (const member of ["description", "shortcutKey", "groupingConfiguration"]) assert.equal(bare[member], undefined, member);

    const { $metadata } = await call("DeleteQuickResponse", { knowledgeBaseId, quickResponseId: made.quickResponseArn });
    assert.equal($metadata.httpStatusCode, 204);
    await refused(get(knowledgeBaseId, made.quickResponseId), "ResourceNotFoundException", 404);
  });

  test("what a quick response is when little is said", async () => {
    const { knowledgeBaseId } = await newBase();
    const made = await create(knowledgeBaseId, "short");
    assert.equal(made.contentType, plain);
    assert.equal(made.contents.plainText.content, "content of short");
    assert.equal(made.isActive, true);
    assert.equal(made.shortcutKey, undefined);
    await create(knowledgeBaseId, "x".repeat(100)); // Wisdom's own model says 40
  });

  test("names and shortcut keys are taken by one quick response at a time", async () => {
    const { knowledgeBaseId } = await newBase();
    const first = await create(knowledgeBaseId, "one", { shortcutKey: "o" });
    const second = await create(knowledgeBaseId, "two");
    await refused(create(knowledgeBaseId, "one"), "ConflictException", 409);
    await refused(create(knowledgeBaseId, "three", { shortcutKey: "o" }), "ConflictException", 409);
    await refused(update(knowledgeBaseId, second.quickResponseId, { name: "one" }), "ConflictException", 409);
    await refused(update(knowledgeBaseId, second.quickResponseId, { shortcutKey: "o" }), "ConflictException", 409);
    await update(knowledgeBaseId, first.quickResponseId, { name: "uno", removeShortcutKey: true });
    await update(knowledgeBaseId, second.quickResponseId, { name: "one", shortcutKey: "o" });

    const race = await Promise.allSettled(Array.from({ length: 8 }, () => create(knowledgeBaseId, "race", { clientToken: randomUUID() })));
    assert.equal(race.filter((answer) => answer.status === "fulfilled").length, 1);
    for (const answer of race) if (answer.reason) assert.equal(answer.reason.name, "ConflictException");
    await create((await newBase()).knowledgeBaseId, "one", { shortcutKey: "o" });
  });

  test("quick responses are listed in pages, without what is long", async () => {
    const { knowledgeBaseId, knowledgeBaseArn } = await newBase();
    for (const name of ["e", "d", "c", "b", "a"]) await create(knowledgeBaseId, name, { shortcutKey: name, description: name });
    assert.deepEqual((await names(knowledgeBaseArn)).sort(), ["a", "b", "c", "d", "e"]);
    const { quickResponseSummaries: [summary] } = await call("ListQuickResponses", { knowledgeBaseId, maxResults: 1 });
    assert.ok(summary.quickResponseArn && summary.description && summary.createdTime instanceof Date);
    assert.equal(summary.contents ?? summary.shortcutKey, undefined);
  });

  test("a file is imported, and its bad rows reported", async () => {
    const { knowledgeBaseId, knowledgeBaseArn } = await newBase();
    await create(knowledgeBaseId, "taken", { shortcutKey: "t" });
    const metadata = { origin: "test" };
    const started = await start(knowledgeBaseArn, [
      "Name,Content,Shortcut key,Description,Is active",
      'hello,"Good day,\nhow are you?",hi,a greeting,true',
      "bye,See you,,,false",
      "taken,again,,,",
      "other,same shortcut,t,,",
      ",nameless,,,",
      "empty,,,,",
      "",
    ].join("\n"), { metadata });
    assert.equal(started.importJobType, "QUICK_RESPONSES");
    assert.equal(started.knowledgeBaseArn, knowledgeBaseArn);
    assert.ok(["START_IN_PROGRESS", "COMPLETE"].includes(started.status));

    const job = await finished(knowledgeBaseId, started.importJobId);
    assert.equal(job.status, "COMPLETE");
    assert.deepEqual(job.metadata, metadata);
    assert.ok(job.urlExpiry > new Date() && job.lastModifiedTime >= job.createdTime);
    assert.match(await (await fetch(job.url)).text(), /^Name,Content/);
    assert.deepEqual((await names(knowledgeBaseId)).sort(), ["bye", "hello", "taken"]);
    const [hello] = await search(knowledgeBaseId, { queries: [{ name: "name", operator: "CONTAINS", values: ["hello"] }] });
    assert.equal(hello.contents.plainText.content, "Good day,\nhow are you?");
    assert.equal(hello.shortcutKey, "hi");
    assert.equal(hello.description, "a greeting");

    const report = await readReport(job.failedRecordReport);
    assert.deepEqual(Object.keys(report[0]), ["name", "reason", "code", "line", "offset", "record"]);
    assert.deepEqual(report.map((row) => [row.name, row.line]), [["taken", "5"], ["other", "6"], ["", "7"], ["empty", "8"]]);
    assert.ok(report.every((row) => row.reason && row.code && row.record));
  });

  test("a file of which no row is kept, and one that is none, fail their jobs", async () => {
    const { knowledgeBaseId } = await newBase();
    const none = await run(knowledgeBaseId, "name,content\n,nameless\n");
    assert.equal(none.status, "FAILED");
    assert.equal((await readReport(none.failedRecordReport)).length, 1);
    const headless = await run(knowledgeBaseId, "first name,surname\nAnn,Lee\n");
    assert.equal(headless.status, "FAILED");
    assert.deepEqual(await names(knowledgeBaseId), []);
  });

  test("of imports at the same time each name is kept once", async () => {
    const { knowledgeBaseId } = await newBase();
    const csv = "name,content\n" + Array.from({ length: 500 }, (_, i) => `name ${i},text\n`).join("");
    const jobs = await Promise.all([1, 2, 3].map(() => run(knowledgeBaseId, csv)));
    const rejects = await Promise.all(jobs.map((job) => (job.failedRecordReport ? readReport(job.failedRecordReport) : [])));
    assert.equal(rejects.flat().length, 1000);
    for (const row of rejects.flat()) assert.equal(row.code, "name-taken");
    const pages = sdk.paginateListQuickResponses({ client, pageSize: 100 }, { knowledgeBaseId });
    assert.equal(new Set((await all(pages, "quickResponseSummaries")).map((r) => r.name)).size, 500);
  });

  test("an upload must bring the headers that were asked for", async () => {
    const { knowledgeBaseId } = await newBase();
    const input = { knowledgeBaseId, contentType: "text/csv", presignedUrlTimeToLive: 5 };
    const { url, urlExpiry, headersToInclude, uploadId } = await call("StartContentUpload", input);
    assert.ok(Object.keys(headersToInclude).length > 0);
    assert.ok(Math.abs(urlExpiry - Date.now() - 5 * 60_000) < 60_000);
    const naked = await fetch(url, { method: "PUT", body: new Uint8Array([110]) });
    assert.equal(naked.status, 403);
    const other = Object.fromEntries(Object.keys(headersToInclude).map((name) => [name, "application/other"]));
    assert.equal((await fetch(url, { method: "PUT", body: "n", headers: other })).status, 403);
    await upload(url, "name,content\nhello,Good day\n", headersToInclude);
    const job = await call("StartImportJob", { knowledgeBaseId, importJobType: "QUICK_RESPONSES", uploadId });
    assert.equal((await finished(knowledgeBaseId, job.importJob.importJobId)).status, "COMPLETE");
  });

  test("import jobs are listed in pages and deleted; what they made stays", async () => {
    const { knowledgeBaseId } = await newBase();
    const made = [];
    for (let i = 0; i < 5; i++) made.push((await run(knowledgeBaseId, `name,content\nname ${i},text\n`)).importJobId);
    const jobs = await all(sdk.paginateListImportJobs({ client, pageSize: 2 }, { knowledgeBaseId }), "importJobSummaries");
    assert.deepEqual(jobs.map((job) => job.importJobId), made);
    assert.equal(jobs[0].url, undefined);
    const input = { knowledgeBaseId, importJobId: made[0] };
    assert.equal((await call("DeleteImportJob", input)).$metadata.httpStatusCode, 204);
    await refused(call("GetImportJob", input), "ResourceNotFoundException", 404);
    await refused(call("DeleteImportJob", input), "ResourceNotFoundException", 404);
    assert.equal((await call("ListImportJobs", { knowledgeBaseId })).importJobSummaries.length, 4);
    assert.equal((await names(knowledgeBaseId)).length, 5);
  });

  test("a job that runs is not deleted, nor is its knowledge base", async () => {
    const { knowledgeBaseId } = await newBase();
    const rows = Array.from({ length: 40_000 }, (_, i) => `name ${i},text\n`).join("");
    const { importJobId } = await start(knowledgeBaseId, "name,content\n" + rows);
    await refused(call("DeleteImportJob", { knowledgeBaseId, importJobId }), "ConflictException", 409);
    await refused(call("DeleteKnowledgeBase", { knowledgeBaseId }), "ConflictException", 409);
    assert.equal((await finished(knowledgeBaseId, importJobId)).status, "COMPLETE");
    await call("DeleteKnowledgeBase", { knowledgeBaseId });
  });

  test("client tokens make a call repeatable", async () => {
    const repeated = async (operation, input, id, otherInput) => {
      const repeat = { ...input, clientToken: randomUUID() };
      const answers = await Promise.all(Array.from({ length: 8 }, () => call(operation, repeat)));
      answers.push(await call(operation, repeat));
      assert.equal(new Set(answers.map(id)).size, 1, operation);
      await refused(call(operation, { ...repeat, ...otherInput }), "ConflictException", 409);
      return answers[0];
    };
    const { knowledgeBase: { knowledgeBaseId } } = await repeated("CreateKnowledgeBase", { name: unique("base"), knowledgeBaseType: "QUICK_RESPONSES" },
      (answer) => answer.knowledgeBase.knowledgeBaseId, { name: unique("base") });
    await repeated("CreateQuickResponse", { knowledgeBaseId, name: "hello", ...text("Good day") },
      (answer) => answer.quickResponse.quickResponseId, { name: "bye" });
    const uploadId = await send(knowledgeBaseId, "name,content\nbye,See you\n");
    await repeated("StartImportJob", { knowledgeBaseId, importJobType: "QUICK_RESPONSES", uploadId },
      (answer) => answer.importJob.importJobId, { metadata: { other: "yes" } });
    assert.equal((await call("ListImportJobs", { knowledgeBaseId })).importJobSummaries.length, 1);
  });

  test("search: words, priorities and fuzziness", async () => {
    const { knowledgeBaseId, knowledgeBaseArn } = await newBase();
    await create(knowledgeBaseId, "refund policy", { ...text("You get your money back"), shortcutKey: "money" });
    await create(knowledgeBaseId, "money order", text("We take cheques"));
    await create(knowledgeBaseId, "opening hours", { ...text("From nine to five"), description: "when money can be paid in" });
    const query = (name, values, more = {}) => ({ queries: [{ name, operator: "CONTAINS", values, ...more }] });
    assert.deepEqual(await found(knowledgeBaseId, query("name", ["money"])), ["money order"]);
    assert.deepEqual(await found(knowledgeBaseArn, query("content", ["money"])), ["refund policy"]);
    assert.deepEqual(await found(knowledgeBaseId, query("description", ["money"])), ["opening hours"]);
    assert.deepEqual(await found(knowledgeBaseId, query("shortcutKey", ["money"])), ["refund policy"]);
    assert.deepEqual(await found(knowledgeBaseId, query("name", ["open"], { operator: "CONTAINS_AND_PREFIX" })), ["opening hours"]);
    assert.deepEqual(await found(knowledgeBaseId, query("name", ["refnd"], { allowFuzziness: false })), []);
    assert.deepEqual(await found(knowledgeBaseId, query("name", ["refnd"], { allowFuzziness: true })), ["refund policy"]);
    const weighed = (high, low) => ({ queries: [
      { name: high, operator: "CONTAINS", values: ["money"], priority: "HIGH" },
      { name: low, operator: "CONTAINS", values: ["money"], priority: "LOW" },
    ] });
    assert.equal((await found(knowledgeBaseId, weighed("name", "description")))[0], "money order");
    assert.equal((await found(knowledgeBaseId, weighed("description", "name")))[0], "opening hours");
  });

  test("search: filters, order and pages", async () => {
    const { knowledgeBaseId } = await newBase();
    await create(knowledgeBaseId, "b", { description: "described", language: "en_US" });
    await create(knowledgeBaseId, "a", { isActive: false, language: "de_DE" });
    await create(knowledgeBaseId, "c", { channels: ["Chat"], groupingConfiguration: { criteria: "RoutingProfileArn", values: ["x"] } });
    const where = (name, operator, values, more = {}) => ({ filters: [{ name, operator, values, ...more }], orderOnField: { name: "name" } });
    assert.deepEqual(await found(knowledgeBaseId, where("isActive", "EQUALS", ["true"])), ["b", "c"]);
    assert.deepEqual(await found(knowledgeBaseId, where("language", "PREFIX", ["de"])), ["a"]);
    assert.deepEqual(await found(knowledgeBaseId, where("description", "EQUALS", ["described"])), ["b"]);
    assert.deepEqual(await found(knowledgeBaseId, where("description", "EQUALS", ["described"], { includeNoExistence: true })), ["a", "b", "c"]);
    assert.deepEqual(await found(knowledgeBaseId, where("channels", "EQUALS", ["Chat"])), ["c"]);
    assert.deepEqual(await found(knowledgeBaseId, where("groupingConfiguration.values", "EQUALS", ["x"])), ["c"]);
    assert.deepEqual(await found(knowledgeBaseId, { orderOnField: { name: "name", order: "DESC" } }), ["c", "b", "a"]);
    const pages = sdk.paginateSearchQuickResponses({ client, pageSize: 2 }, { knowledgeBaseId, searchExpression: { orderOnField: { name: "name" } } });
    assert.deepEqual((await all(pages, "results")).map((result) => result.name), ["a", "b", "c"]);
  });

  test("search: attributes are put into placeholders", async () => {
    const { knowledgeBaseId } = await newBase();
    await create(knowledgeBaseId, "hello", text("Dear {{Attributes.FirstName}} of {{Attributes.City}}"));
    const [result] = await search(knowledgeBaseId, { queries: [{ name: "name", operator: "CONTAINS", values: ["hello"] }] },
      { attributes: { FirstName: "Ann" } });
    assert.equal(result.contents.plainText.content, "Dear Ann of {{Attributes.City}}");
    assert.deepEqual(result.attributesInterpolated, ["FirstName"]);
    assert.deepEqual(result.attributesNotInterpolated, ["City"]);
  });

  test("tags", async () => {
    const { knowledgeBaseId, knowledgeBaseArn } = await newBase({ tags: { first: "1" } });
    const { quickResponseArn } = await create(knowledgeBaseId, "hello", { tags: { first: "1" } });
    for (const resourceArn of [knowledgeBaseArn, quickResponseArn]) {
      await call("TagResource", { resourceArn, tags: { second: "two words", "third/+": "3" } });
      await call("UntagResource", { resourceArn, tagKeys: ["first", "third/+"] });
      assert.deepEqual((await call("ListTagsForResource", { resourceArn })).tags, { second: "two words" });
      const tags = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`key${i}`, "value"]));
      await refused(call("TagResource", { resourceArn, tags }), "TooManyTagsException", 400);
    }
    assert.deepEqual((await get(knowledgeBaseId, quickResponseArn)).tags, { second: "two words" });
    const resourceArn = knowledgeBaseArn.replace(knowledgeBaseId, randomUUID());
    await refused(call("TagResource", { resourceArn, tags: { a: "1" } }), "ResourceNotFoundException", 404);
    await refused(call("UntagResource", { resourceArn, tagKeys: ["a"] }), "ResourceNotFoundException", 404);
    await refused(call("ListTagsForResource", { resourceArn }), "ResourceNotFoundException", 404);
  });

  // Every operation on a knowledge base, with an input that the table allows.
  const operations = (knowledgeBaseId) => ({
    CreateQuickResponse: { knowledgeBaseId, name: "name", ...text("text") },
    DeleteImportJob: { knowledgeBaseId, importJobId: randomUUID() },
    DeleteKnowledgeBase: { knowledgeBaseId },
    DeleteQuickResponse: { knowledgeBaseId, quickResponseId: randomUUID() },
    GetImportJob: { knowledgeBaseId, importJobId: randomUUID() },
    GetKnowledgeBase: { knowledgeBaseId },
    GetQuickResponse: { knowledgeBaseId, quickResponseId: randomUUID() },
    ListImportJobs: { knowledgeBaseId },
    ListQuickResponses: { knowledgeBaseId },
    SearchQuickResponses: { knowledgeBaseId, searchExpression: {} },
    StartContentUpload: { knowledgeBaseId, contentType: "text/csv" },
    StartImportJob: { knowledgeBaseId, importJobType: "QUICK_RESPONSES", uploadId: "unknown" },
    UpdateQuickResponse: { knowledgeBaseId, quickResponseId: randomUUID() },
  });

  test("what is not there is not found", async () => {
    for (const [operation, input] of Object.entries(operations(randomUUID()))) {
      if (operation === "ListImportJobs") continue; // it declares no such error
      await refused(call(operation, input), "ResourceNotFoundException", 404);
    }
    const { knowledgeBaseId } = await newBase();
    for (const operation of ["DeleteImportJob", "GetImportJob", "DeleteQuickResponse", "GetQuickResponse", "UpdateQuickResponse"]) {
      await refused(call(operation, operations(knowledgeBaseId)[operation]), "ResourceNotFoundException", 404);
    }
  });

  test("what is another account's is denied", async () => {
    const arn = `arn:aws:wisdom:${region}:111111111111:knowledge-base/${randomUUID()}`;
    for (const [operation, input] of Object.entries(operations(arn))) {
      await refused(call(operation, input), "AccessDeniedException", 403);
    }
  });

  test("bad input is refused by the table's constraints", async () => {
    const { knowledgeBaseId } = await newBase();
    for (const [operation, input] of Object.entries(operations("no-id"))) {
      const error = await refused(call(operation, input), "ValidationException", 400);
      assert.ok(error.message && error.$metadata.requestId, operation);
    }
    const bad = (operation, input) => refused(call(operation, { knowledgeBaseId, ...input }), "ValidationException", 400);
    await bad("CreateKnowledgeBase", { name: "name", knowledgeBaseType: "SHELF" });
    await bad("ListKnowledgeBases", { maxResults: 101 });
    await bad("ListKnowledgeBases", { nextToken: "forged" });
    await bad("ListQuickResponses", { maxResults: 101 });
    await bad("ListImportJobs", { nextToken: "forged" });
    await bad("CreateQuickResponse", { name: "x".repeat(101), ...text("text") });
    await bad("CreateQuickResponse", { name: "name", ...text("") });
    await bad("CreateQuickResponse", { name: "name", ...text("text"), shortcutKey: "x".repeat(11) });
    await bad("StartContentUpload", { contentType: "text/csv", presignedUrlTimeToLive: 61 });
    await bad("StartImportJob", { importJobType: "CONTENT", uploadId: "unknown" });
    await bad("SearchQuickResponses", { searchExpression: { queries: [{ name: "name", operator: "EQUALS", values: ["x"] }] } });
  });
}
