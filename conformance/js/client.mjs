// What the tests share: clients that point at the server under test and note down what
// they are answered, and the few steps that every user of the import APIs writes for
// themselves.
import { MailManagerClient } from "@aws-sdk/client-mailmanager";
import { QConnectClient } from "@aws-sdk/client-qconnect";
import { S3Client } from "@aws-sdk/client-s3";
import { SESv2Client } from "@aws-sdk/client-sesv2";
import { WisdomClient } from "@aws-sdk/client-wisdom";
import { appendFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { randomUUID } from "node:crypto";

export const region = process.env.AWS_REGION;
const options = (region) => ({
  endpoint: process.env.SLUICE_ENDPOINT,
  region,
  maxAttempts: 1, // a refusal must be the server's first word
});

// noting has a client write one line for each call into the file SLUICE_CALLS: what was
// called, and the error that was the answer. The Go tests compare the lines of all runs
// with the interface tables.
function noting(service, client) {
  const note = (line) => {
    if (process.env.SLUICE_CALLS) appendFileSync(process.env.SLUICE_CALLS, JSON.stringify({ service, ...line }) + "\n");
  };
  const middleware = (next, context) => async (args) => {
    const operation = context.commandName.replace(/Command$/, "");
    try {
      const answer = await next(args);
      note({ operation, status: answer.output.$metadata.httpStatusCode });
      return answer;
    } catch (error) {
      note({ operation, error: error.name, status: error.$metadata?.httpStatusCode });
      throw error;
    }
  };
  client.middlewareStack.add(middleware, { step: "initialize", priority: "high", name: "note" });
  return client;
}

export const newMailManager = (region) => noting("mailmanager", new MailManagerClient(options(region)));
export const newSES = (region) => noting("sesv2", new SESv2Client(options(region)));
export const newWisdom = (region) => noting("wisdom", new WisdomClient(options(region)));
export const newQConnect = (region) => noting("qconnect", new QConnectClient(options(region)));

export const mailmanager = newMailManager(region);
export const ses = newSES(region);
export const s3 = noting("s3", new S3Client({ ...options(region), forcePathStyle: true }));

// unique returns a name that no other test uses.
export const unique = (word) => `${word}-${randomUUID().slice(0, 8)}`;

// An account has things of its own in every region, so a region that no other test uses
// holds nothing.
export const uniqueRegion = () => unique("xx-test");

// until asks again and again until done says that the answer is the one waited for.
export async function until(ask, done, seconds = 120) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (done(answer)) return answer;
    if (Date.now() > end) throw new Error(`waited ${seconds} s in vain; last answer: ${JSON.stringify(answer)}`);
    await pause(20);
  }
}

// upload puts text to a pre-signed link: as curl would, without any header, unless the
// link asks for some.
export async function upload(url, body, headers = {}) {
  const response = await fetch(url, { method: "PUT", body, headers });
  if (!response.ok) throw new Error(`PUT: ${response.status} ${await response.text()}`);
  return response;
}

// refused expects a call to fail with the named error, and with this text if one is
// given, and returns the error.
export async function refused(call, name, status, text) {
  try {
    await call;
  } catch (error) {
    if (error.name !== name || (status && error.$metadata?.httpStatusCode !== status)) {
      throw new Error(`got ${error.name} (${error.$metadata?.httpStatusCode}): ${error.message}; want ${name} (${status})`);
    }
    if (text !== undefined && error.message !== text) throw new Error(`${name} says: ${error.message}; want: ${text}`);
    return error;
  }
  throw new Error(`the call was answered; want ${name}`);
}

// all reads every page that a paginator has, and returns what is in the named member.
export async function all(pages, member) {
  const found = [];
  for await (const page of pages) found.push(...page[member]);
  return found;
}

// A report's rows, each an object by the names of the header. The record stands last and
// may hold commas of its own, in quotes.
export async function readReport(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`GET: ${response.status} ${await response.text()}`);
  const [names, ...rows] = cells(await response.text());
  return rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]])));
}

// cells reads CSV by RFC 4180.
function cells(text) {
  const rows = [];
  let row = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    if (quoted === undefined && plain === "" && end === "" && row.length === 0) break;
    row.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end !== ",") {
      rows.push(row);
      row = [];
    }
  }
  return rows;
}
