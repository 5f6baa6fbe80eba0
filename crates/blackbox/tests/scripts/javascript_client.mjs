// Moves a folder through the JavaScript SDK and back; fails by throwing.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createReadStream, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  CompleteMultipartUploadCommand, CreateBucketCommand, CreateMultipartUploadCommand, DeleteObjectsCommand,
  GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client, UploadPartCommand,
} from "@aws-sdk/client-s3";

const [source, back] = process.argv.slice(2);
const s3 = new S3Client({ endpoint: process.env.ENDPOINT, forcePathStyle: true });
const Bucket = "mairie";
await s3.send(new CreateBucketCommand({ Bucket }));

const names = readdirSync(source, { recursive: true })
  .map(String)
  .filter((name) => statSync(join(source, name)).isFile());
assert(names.length > 0);
for (const Key of names) {
  const path = join(source, Key);
  // A stream of known length makes the SDK send a trailing checksum.
  const ContentLength = statSync(path).size;
  await s3.send(new PutObjectCommand({ Bucket, Key, Body: createReadStream(path), ContentLength }));
}
const listed = await s3.send(new ListObjectsV2Command({ Bucket }));
assert.deepEqual(listed.Contents.map((entry) => entry.Key).sort(), [...names].sort());
for (const Key of names) {
  const answer = await s3.send(new GetObjectCommand({ Bucket, Key }));
  const target = join(back, Key);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, Buffer.from(await answer.Body.transformToByteArray()));
}

const Key = "en-morceaux";
const part = randomBytes(5 << 20);
const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
const Parts = [];
for (const PartNumber of [1, 2]) {
  const { ETag, ...sums } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body: part }));
  Parts.push({ PartNumber, ETag, ChecksumCRC32: sums.ChecksumCRC32 });
}
await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
const head = await s3.send(new HeadObjectCommand({ Bucket, Key }));
assert.equal(head.ContentLength, 2 * part.length);

const removed = await s3.send(new DeleteObjectsCommand({
  Bucket, Delete: { Objects: [...names, Key].map((name) => ({ Key: name })) },
}));
assert.equal(removed.Deleted.length, names.length + 1);
