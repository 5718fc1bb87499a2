// What the tests share: clients that point at the server under test, and the few
// steps that every user of the import APIs writes for themselves.
import { MailManagerClient } from "@aws-sdk/client-mailmanager";
import { SESv2Client } from "@aws-sdk/client-sesv2";
import { S3Client } from "@aws-sdk/client-s3";
import { setTimeout as pause } from "node:timers/promises";
import { randomUUID } from "node:crypto";

const options = {
  endpoint: process.env.SLUICE_ENDPOINT,
  region: process.env.AWS_REGION,
  maxAttempts: 1, // a refusal must be the server's first word
};

export const mailmanager = new MailManagerClient(options);
export const ses = new SESv2Client(options);
export const s3 = new S3Client({ ...options, forcePathStyle: true });

// unique returns a name that no other test uses.
export const unique = (word) => `${word}-${randomUUID().slice(0, 8)}`;

// until asks again and again until done says that the answer is the one waited for.
export async function until(ask, done, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (done(answer)) return answer;
    if (Date.now() > end) throw new Error(`waited ${seconds} s in vain; last answer: ${JSON.stringify(answer)}`);
    await pause(20);
  }
}

// upload puts text to a pre-signed link, as curl would: without any header.
export async function upload(url, body, headers = {}) {
  const response = await fetch(url, { method: "PUT", body, headers });
  if (!response.ok) throw new Error(`PUT: ${response.status} ${await response.text()}`);
  return response;
}

// refused expects a call to fail with the named error and returns it.
export async function refused(call, name, status) {
  try {
    await call;
  } catch (error) {
    if (error.name !== name || (status && error.$metadata?.httpStatusCode !== status)) {
      throw new Error(`got ${error.name} (${error.$metadata?.httpStatusCode}): ${error.message}; want ${name} (${status})`);
    }
    return error;
  }
  throw new Error(`the call was answered; want ${name}`);
}
