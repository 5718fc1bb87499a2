import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { before, test } from "node:test";
import {
  AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CopyObjectCommand, CreateBucketCommand,
  CreateMultipartUploadCommand, DeleteBucketCommand, DeleteObjectCommand, DeleteObjectsCommand, GetObjectCommand,
  HeadBucketCommand, HeadObjectCommand, ListBucketsCommand, ListPartsCommand, PutObjectCommand, UploadPartCommand,
  paginateListObjectsV2,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { refused, s3, unique } from "./client.mjs";

const send = (command) => s3.send(command);
const Bucket = unique("bucket");
before(() => send(new CreateBucketCommand({ Bucket })));

const read = async (Key, more = {}) => {
  const { Body } = await send(new GetObjectCommand({ Bucket, Key, ...more }));
  return Buffer.from(await Body.transformToByteArray());
};

test("what is put is got, whole and in part", async () => {
  const Body = randomBytes(300_000);
  const Key = "folder/ü %2F +&=;'?#.bin";
  const put = await send(new PutObjectCommand({ Bucket, Key, Body, ContentType: "text/csv", Metadata: { origin: "test" } }));
  const head = await send(new HeadObjectCommand({ Bucket, Key }));
  assert.equal(head.ContentLength, Body.length);
  assert.equal(head.ETag, put.ETag);
  assert.equal(head.ContentType, "text/csv");
  assert.deepEqual(head.Metadata, { origin: "test" });
  assert.deepEqual(await read(Key), Body);
  assert.deepEqual(await read(Key, { Range: "bytes=100-199" }), Body.subarray(100, 200));
  assert.deepEqual(await read(Key, { Range: "bytes=-5" }), Body.subarray(-5));
  await refused(read(Key, { Range: "bytes=300000-" }), "InvalidRange", 416);
  await refused(send(new PutObjectCommand({ Bucket, Key, Body: "x", IfNoneMatch: "*" })), "PreconditionFailed", 412);
  await refused(read("absent"), "NoSuchKey", 404);
});

for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "SHA1", "SHA256"]) {
  test(`checksum ${ChecksumAlgorithm}`, async () => {
    const Key = `sum-${ChecksumAlgorithm}`;
    const put = await send(new PutObjectCommand({ Bucket, Key, Body: "some text", ChecksumAlgorithm }));
    const got = await send(new GetObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" }));
    assert.equal(await got.Body.transformToString(), "some text"); // the client compares the sum as it reads
    assert.equal(got[`Checksum${ChecksumAlgorithm}`], put[`Checksum${ChecksumAlgorithm}`]);
    const wrong = new PutObjectCommand({ Bucket, Key: `${Key}-wrong`, Body: "some text", [`Checksum${ChecksumAlgorithm}`]: Buffer.alloc({ CRC32: 4, CRC32C: 4, SHA1: 20, SHA256: 32 }[ChecksumAlgorithm]).toString("base64") });
    await refused(send(wrong), "BadDigest", 400);
    await refused(read(`${Key}-wrong`), "NoSuchKey", 404);
  });
}

test("listing, with folders and pages", async () => {
  const prefix = "list/";
  const keys = ["a", "b/1", "b/2", "c"].map((k) => prefix + k);
  for (const Key of keys) await send(new PutObjectCommand({ Bucket, Key, Body: Key }));
  const list = async (more) => {
    const found = [];
    for await (const page of paginateListObjectsV2({ client: s3, pageSize: 1 }, { Bucket, Prefix: prefix, ...more })) {
      found.push(...(page.Contents ?? []).map((o) => o.Key), ...(page.CommonPrefixes ?? []).map((p) => p.Prefix));
    }
    return found;
  };
  assert.deepEqual(await list({}), keys);
  assert.deepEqual(await list({ Delimiter: "/" }), ["list/a", "list/b/", "list/c"]);
  assert.deepEqual(await list({ StartAfter: "list/b/1" }), keys.slice(2));
  const { Deleted } = await send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } }));
  assert.equal(Deleted.length, keys.length);
  assert.deepEqual(await list({}), []);
});

test("multipart: parts, abort, too small, complete", async () => {
  const Key = "big";
  const parts = [randomBytes(5 << 20), randomBytes(1000)];
  const { UploadId } = await send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const Parts = [];
  for (const [i, Body] of parts.entries()) {
    const { ETag } = await send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: i + 1, Body }));
    Parts.push({ ETag, PartNumber: i + 1 });
  }
  assert.equal((await send(new ListPartsCommand({ Bucket, Key, UploadId }))).Parts.length, 2);
  await refused(read(Key), "NoSuchKey", 404);
  await send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
  assert.deepEqual(await read(Key), Buffer.concat(parts));

  const small = await send(new CreateMultipartUploadCommand({ Bucket, Key: "small" }));
  const one = await send(new UploadPartCommand({ Bucket, Key: "small", UploadId: small.UploadId, PartNumber: 1, Body: "x" }));
  const two = await send(new UploadPartCommand({ Bucket, Key: "small", UploadId: small.UploadId, PartNumber: 2, Body: "y" }));
  const both = { Parts: [{ ETag: one.ETag, PartNumber: 1 }, { ETag: two.ETag, PartNumber: 2 }] };
  const complete = () => send(new CompleteMultipartUploadCommand({ Bucket, Key: "small", UploadId: small.UploadId, MultipartUpload: both }));
  await refused(complete(), "EntityTooSmall", 400);
  await send(new AbortMultipartUploadCommand({ Bucket, Key: "small", UploadId: small.UploadId }));
  await refused(complete(), "NoSuchUpload", 404);
});

test("copy, delete, buckets", async () => {
  await send(new PutObjectCommand({ Bucket, Key: "from", Body: "text" }));
  await send(new CopyObjectCommand({ Bucket, Key: "to", CopySource: `${Bucket}/from` }));
  await send(new DeleteObjectCommand({ Bucket, Key: "from" }));
  await send(new DeleteObjectCommand({ Bucket, Key: "from" }));
  assert.equal((await read("to")).toString(), "text");
  await send(new HeadBucketCommand({ Bucket }));
  assert.ok((await send(new ListBucketsCommand({}))).Buckets.some((b) => b.Name === Bucket));
  await refused(send(new DeleteBucketCommand({ Bucket })), "BucketNotEmpty", 409);
  const empty = unique("empty");
  await send(new CreateBucketCommand({ Bucket: empty }));
  await send(new DeleteBucketCommand({ Bucket: empty }));
  await refused(send(new HeadBucketCommand({ Bucket: empty })), "NotFound", 404);
});

test("pre-signed links", async () => {
  const put = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: "link" }), { expiresIn: 60 });
  assert.equal((await fetch(put, { method: "PUT", body: "by link" })).status, 200);
  const link = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: "link" }), { expiresIn: 60 });
  assert.equal(await (await fetch(link)).text(), "by link");
  assert.equal((await fetch(link.replace("/link?", "/other?"))).status, 403);
  const old = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: "link" }), { expiresIn: 1, signingDate: new Date(Date.now() - 60_000) });
  const expired = await fetch(old);
  assert.equal(expired.status, 403);
  assert.match(await expired.text(), /<Code>AccessDenied<\/Code><Message>Request has expired<\/Message>/);
});
