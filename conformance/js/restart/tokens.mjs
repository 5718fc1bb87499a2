// Makes one of everything that has a client token, each under a token that is always the
// same, and prints what it was answered. A second run must print the same, also when the
// server was killed in between.
import * as mm from "@aws-sdk/client-mailmanager";
import * as qc from "@aws-sdk/client-qconnect";
import { mailmanager, newQConnect, refused, region, upload } from "../client.mjs";

const qconnect = newQConnect(region);
const clientToken = "6a1e54f1-9d0c-4e0b-a5b5-2f1c1a9c9f0e";
const ClientToken = clientToken;

const { AddressListId } = await mailmanager.send(new mm.CreateAddressListCommand({ AddressListName: "list", ClientToken }));
const jobInput = { AddressListId, Name: "job", ImportDataFormat: { ImportDataType: "CSV" }, ClientToken };
const { JobId } = await mailmanager.send(new mm.CreateAddressListImportJobCommand(jobInput));
await refused(mailmanager.send(new mm.CreateAddressListCommand({ AddressListName: "other", ClientToken })), "ConflictException", 400);
await refused(mailmanager.send(new mm.CreateAddressListImportJobCommand({ ...jobInput, Name: "other" })), "ValidationException", 400);

const base = { name: "base", knowledgeBaseType: "QUICK_RESPONSES", clientToken };
const { knowledgeBase: { knowledgeBaseId } } = await qconnect.send(new qc.CreateKnowledgeBaseCommand(base));
await refused(qconnect.send(new qc.CreateKnowledgeBaseCommand({ ...base, name: "other" })), "ConflictException", 409);

const response = { knowledgeBaseId, name: "hello", content: { content: "Good day" }, clientToken };
const { quickResponse: { quickResponseId } } = await qconnect.send(new qc.CreateQuickResponseCommand(response));
await refused(qconnect.send(new qc.CreateQuickResponseCommand({ ...response, name: "other" })), "ConflictException", 409);

// The upload is the first run's; the second asks for the job with that one's id.
let uploadId = process.argv[2];
if (!uploadId) {
  const link = await qconnect.send(new qc.StartContentUploadCommand({ knowledgeBaseId, contentType: "text/csv" }));
  await upload(link.url, "name,content\nbye,See you\n", link.headersToInclude);
  uploadId = link.uploadId;
}
const start = { knowledgeBaseId, importJobType: "QUICK_RESPONSES", uploadId, clientToken };
const { importJob: { importJobId } } = await qconnect.send(new qc.StartImportJobCommand(start));
await refused(qconnect.send(new qc.StartImportJobCommand({ ...start, metadata: { other: "yes" } })), "ConflictException", 409);

console.log(JSON.stringify({ AddressListId, JobId, knowledgeBaseId, quickResponseId, uploadId, importJobId }));
