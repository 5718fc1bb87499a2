// Fills what quotas.mjs finds full. It runs without limits.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreateAddressListCommand, CreateAddressListImportJobCommand, GetAddressListImportJobCommand,
  StartAddressListImportJobCommand,
} from "@aws-sdk/client-mailmanager";
import { CreateContactListCommand } from "@aws-sdk/client-sesv2";
import {
  CreateKnowledgeBaseCommand, GetImportJobCommand, StartContentUploadCommand, StartImportJobCommand,
} from "@aws-sdk/client-qconnect";
import { mailmanager, newQConnect, region, ses, until, upload } from "../client.mjs";

test("a hundred address lists, and a list of a hundred thousand addresses", async () => {
  const { AddressListId } = await mailmanager.send(new CreateAddressListCommand({ AddressListName: "list-0" }));
  for (let i = 1; i < 100; i++) await mailmanager.send(new CreateAddressListCommand({ AddressListName: `list-${i}` }));
  const { JobId, PreSignedUrl } = await mailmanager.send(new CreateAddressListImportJobCommand({
    AddressListId, Name: "fill", ImportDataFormat: { ImportDataType: "CSV" },
  }));
  await upload(PreSignedUrl, "address\n" + Array.from({ length: 100_000 }, (_, i) => `user${i}@example.com\n`).join(""));
  await mailmanager.send(new StartAddressListImportJobCommand({ JobId }));
  const job = await until(() => mailmanager.send(new GetAddressListImportJobCommand({ JobId })), (job) => job.Status === "COMPLETED");
  assert.equal(job.ImportedItemsCount, 100_000);
});

test("a contact list", () => ses.send(new CreateContactListCommand({ ContactListName: "only" })));

test("ten knowledge bases, one of a thousand quick responses", async () => {
  const qconnect = newQConnect(region);
  const type = { knowledgeBaseType: "QUICK_RESPONSES" };
  const { knowledgeBase: { knowledgeBaseId } } = await qconnect.send(new CreateKnowledgeBaseCommand({ name: "full", ...type }));
  for (let i = 1; i < 10; i++) await qconnect.send(new CreateKnowledgeBaseCommand({ name: `base ${i}`, ...type }));
  const { uploadId, url, headersToInclude } = await qconnect.send(new StartContentUploadCommand({ knowledgeBaseId, contentType: "text/csv" }));
  await upload(url, "name,content\n" + Array.from({ length: 1000 }, (_, i) => `name ${i},text\n`).join(""), headersToInclude);
  const { importJob: { importJobId } } = await qconnect.send(new StartImportJobCommand({
    knowledgeBaseId, importJobType: "QUICK_RESPONSES", uploadId,
  }));
  const ended = await until(() => qconnect.send(new GetImportJobCommand({ knowledgeBaseId, importJobId })),
    ({ importJob }) => importJob.status !== "START_IN_PROGRESS");
  assert.equal(ended.importJob.status, "COMPLETE");
  assert.equal(ended.importJob.failedRecordReport, undefined);
});
