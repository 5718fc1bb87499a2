// What only --limits aws refuses: calls that come too fast, and quotas that are full.
// lists.mjs and jobs.mjs have filled them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import * as mm from "@aws-sdk/client-mailmanager";
import * as qc from "@aws-sdk/client-qconnect";
import * as v2 from "@aws-sdk/client-sesv2";
import * as wi from "@aws-sdk/client-wisdom";
import { mailmanager, newMailManager, newQConnect, newSES, newWisdom, refused, region, ses, uniqueRegion } from "../client.mjs";

// patiently repeats a call until it is let through.
async function patiently(call) {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!["ThrottlingException", "TooManyRequestsException"].includes(error.name)) throw error;
    }
    await pause(100);
  }
}

// tooFast makes calls until one is not let through, and expects this refusal. What the
// others are answered does not matter. They are made together: one after the other they
// may be no faster than the rate on a machine that has much else to do.
async function tooFast(call, name, status) {
  for (let round = 0; round < 20; round++) {
    const answers = await Promise.allSettled(Array.from({ length: round === 0 ? 10 : 50 }, call));
    const refusal = answers.find((answer) => answer.status === "rejected" && answer.reason.name === name);
    if (refusal) {
      assert.equal(refusal.reason.$metadata.httpStatusCode, status);
      return;
    }
  }
  throw new Error(`20 times many calls at once, and none was refused as ${name}`);
}

const jobOfSES = {
  ImportDestination: { SuppressionListDestination: { SuppressionListImportAction: "PUT" } },
  ImportDataSource: { S3Url: "s3://files/rows.csv", DataFormat: "CSV" },
};
const list = { AddressListId: "al-unknown" };
const member = { ...list, Address: "ann@example.com" };
const contacts = { ContactListName: "unknown" };
const contact = { ...contacts, EmailAddress: "ann@example.com" };
const entry = { EmailAddress: "ann@example.com" };
const resource = { ResourceArn: "arn:aws:ses:eu-central-1:000000000000:contact-list/unknown" };

test("quotas of Mail Manager", async () => {
  const { AddressLists } = await patiently(() => mailmanager.send(new mm.ListAddressListsCommand({ PageSize: 50 })));
  const { AddressListId } = AddressLists.find((list) => list.AddressListName === "list-0");
  await refused(patiently(() => mailmanager.send(new mm.CreateAddressListCommand({ AddressListName: "list-100" }))),
    "ServiceQuotaExceededException", 400);
  await refused(patiently(() => mailmanager.send(new mm.RegisterMemberToAddressListCommand({ ...member, AddressListId }))),
    "ServiceQuotaExceededException", 400);
});

test("quotas of SES", async () => {
  await refused(patiently(() => ses.send(new v2.CreateImportJobCommand(jobOfSES))), "LimitExceededException", 400);
  await refused(patiently(() => ses.send(new v2.CreateContactListCommand({ ContactListName: "more" }))),
    "BadRequestException", 400, "A maximum of 1 Lists allowed per account.");
});

for (const [name, sdk, newClient] of [["Wisdom", wi, newWisdom], ["Q in Connect", qc, newQConnect]]) {
  test(`quotas of ${name}`, async () => {
    const client = newClient(region);
    const type = { knowledgeBaseType: "QUICK_RESPONSES" };
    const { knowledgeBaseSummaries: bases } = await client.send(new sdk.ListKnowledgeBasesCommand({}));
    const { knowledgeBaseId } = bases.find((base) => base.name === "full");
    await refused(client.send(new sdk.CreateKnowledgeBaseCommand({ name: "more", ...type })), "ServiceQuotaExceededException", 402);
    await refused(client.send(new sdk.CreateQuickResponseCommand({ knowledgeBaseId, name: "more", content: { content: "text" } })),
      "ServiceQuotaExceededException", 402);
  });

  test(`${name} lets ten calls a second through, and fifty at once`, async () => {
    const client = newClient(uniqueRegion());
    const calls = Array.from({ length: 60 }, () => client.send(new sdk.ListKnowledgeBasesCommand({})));
    const answers = await Promise.allSettled(calls);
    const refusals = answers.filter((answer) => answer.status === "rejected").map((answer) => answer.reason);
    assert.ok(answers.length - refusals.length >= 50, `${refusals.length} of 60 were refused`);
    await tooFast(() => client.send(new sdk.ListKnowledgeBasesCommand({})), "ThrottlingException", 429);
    for (const error of refusals) assert.equal(error.name, "ThrottlingException");
  });
}

// Rates are an account's in one region, so these spend what the tests of quotas need not.
test("Mail Manager lets one call a second through", async () => {
  const mailmanager = newMailManager(uniqueRegion());
  for (const command of [
    new mm.CreateAddressListCommand({ AddressListName: "list-0" }),
    new mm.CreateAddressListImportJobCommand({ ...list, Name: "job", ImportDataFormat: { ImportDataType: "CSV" } }),
    new mm.DeleteAddressListCommand(list),
    new mm.DeregisterMemberFromAddressListCommand(member),
    new mm.GetAddressListCommand(list),
    new mm.GetAddressListImportJobCommand({ JobId: "job-unknown" }),
    new mm.GetMemberOfAddressListCommand(member),
    new mm.ListAddressListImportJobsCommand(list),
    new mm.ListAddressListsCommand({}),
    new mm.ListMembersOfAddressListCommand(list),
    new mm.RegisterMemberToAddressListCommand(member),
    new mm.StartAddressListImportJobCommand({ JobId: "job-unknown" }),
    new mm.StopAddressListImportJobCommand({ JobId: "job-unknown" }),
  ]) {
    await tooFast(() => mailmanager.send(command), "ThrottlingException", 400);
  }
});

test("SES lets one call a second through", async () => {
  const ses = newSES(uniqueRegion());
  for (const command of [
    new v2.CreateContactCommand(contact),
    new v2.CreateContactListCommand(contacts),
    new v2.CreateImportJobCommand(jobOfSES),
    new v2.DeleteContactCommand(contact),
    new v2.DeleteContactListCommand(contacts),
    new v2.DeleteSuppressedDestinationCommand(entry),
    new v2.GetAccountCommand({}),
    new v2.GetContactCommand(contact),
    new v2.GetContactListCommand(contacts),
    new v2.GetImportJobCommand({ JobId: "unknown" }),
    new v2.GetSuppressedDestinationCommand(entry),
    new v2.ListContactListsCommand({}),
    new v2.ListContactsCommand(contacts),
    new v2.ListImportJobsCommand({}),
    new v2.ListSuppressedDestinationsCommand({}),
    new v2.ListTagsForResourceCommand(resource),
    new v2.PutAccountSuppressionAttributesCommand({ SuppressedReasons: ["BOUNCE"] }),
    new v2.PutSuppressedDestinationCommand({ ...entry, Reason: "BOUNCE" }),
    new v2.TagResourceCommand({ ...resource, Tags: [{ Key: "team", Value: "mail" }] }),
    new v2.UntagResourceCommand({ ...resource, TagKeys: ["team"] }),
    new v2.UpdateContactCommand(contact),
    new v2.UpdateContactListCommand(contacts),
  ]) {
    await tooFast(() => ses.send(command), "TooManyRequestsException", 429);
  }
});
