// Uploads a file to an address list of SES Mail Manager, waits for the end of its import, and
// prints the list's entries.
//
//     sluice serve                     # in another terminal
//     eval "$(sluice env)"
//     npm install
//     node partners.mjs partners.csv
//
// The client takes endpoint, key and region from the environment.
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CreateAddressListCommand, CreateAddressListImportJobCommand, GetAddressListImportJobCommand, MailManagerClient,
  StartAddressListImportJobCommand, paginateListAddressLists, paginateListMembersOfAddressList,
} from "@aws-sdk/client-mailmanager";

const client = new MailManagerClient({});

// findList returns the id of the address list of a name, which it creates if it is not there.
async function findList(name) {
  for await (const page of paginateListAddressLists({ client }, {})) {
    const list = page.AddressLists.find((list) => list.AddressListName === name);
    if (list) return list.AddressListId;
  }
  return (await client.send(new CreateAddressListCommand({ AddressListName: name }))).AddressListId;
}

const AddressListId = await findList("partners");
const { JobId, PreSignedUrl } = await client.send(new CreateAddressListImportJobCommand({
  AddressListId, Name: "partners.csv", ImportDataFormat: { ImportDataType: "CSV" },
}));
const upload = await fetch(PreSignedUrl, { method: "PUT", body: await readFile(process.argv[2]) });
if (!upload.ok) throw new Error(`upload: ${upload.status} ${await upload.text()}`);
await client.send(new StartAddressListImportJobCommand({ JobId }));

let job;
do {
  await sleep(200);
  job = await client.send(new GetAddressListImportJobCommand({ JobId }));
} while (!["COMPLETED", "FAILED", "STOPPED"].includes(job.Status));
console.log(`${job.Status}: ${job.ImportedItemsCount} imported, ${job.FailedItemsCount} rejected`);
if (job.Error) console.log(job.Error);

for await (const page of paginateListMembersOfAddressList({ client }, { AddressListId })) {
  for (const entry of page.Addresses) console.log(entry.Address);
}
process.exitCode = job.Status === "COMPLETED" ? 0 : 1;
