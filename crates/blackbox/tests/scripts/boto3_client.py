"""Moves a folder through boto3 and back; fails by raising."""
import hashlib
import os
import sys
import urllib.request
from pathlib import Path

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

source, back = Path(sys.argv[1]), Path(sys.argv[2])
# Without this, boto3 presigns with signature version 2 at addresses that are not Amazon's.
s3 = boto3.client("s3", endpoint_url=os.environ["ENDPOINT"], config=Config(signature_version="s3v4"))
s3.create_bucket(Bucket="mairie")
parts = TransferConfig(multipart_threshold=6 << 20, multipart_chunksize=5 << 20)
names = [str(path.relative_to(source)) for path in sorted(source.rglob("*")) if path.is_file()]
for name in names:
    extra = {"Metadata": {"origine": "mairie"}, "ContentType": "application/octet-stream"}
    s3.upload_file(str(source / name), "mairie", name, Config=parts, ExtraArgs=extra)

pages = s3.get_paginator("list_objects_v2").paginate(Bucket="mairie", PaginationConfig={"PageSize": 3})
listed = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
assert listed == sorted(names, key=lambda name: name.encode()), (listed, names)

for name in names:
    (back / name).parent.mkdir(parents=True, exist_ok=True)
    s3.download_file("mairie", name, str(back / name), Config=parts)
    head = s3.head_object(Bucket="mairie", Key=name)
    assert head["Metadata"] == {"origine": "mairie"}, head
    assert head["ContentLength"] == (source / name).stat().st_size

# A presigned address needs no credentials; the presigned put sends what La Suite Drive sends.
body = b"par une adresse signee"
address = s3.generate_presigned_url("put_object", Params={"Bucket": "mairie", "Key": "signe", "ACL": "private"})
put = urllib.request.Request(address, data=body, method="PUT", headers={"x-amz-acl": "private"})
assert urllib.request.urlopen(put).status == 200
address = s3.generate_presigned_url("get_object", Params={"Bucket": "mairie", "Key": "signe"})
assert urllib.request.urlopen(address).read() == body

# Each checksum algorithm is stored, given back, and a wrong one refused.
for algorithm in ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]:
    try:
        stored = s3.put_object(Bucket="mairie", Key="somme", Body=body, ChecksumAlgorithm=algorithm)
    except Exception as error:  # CRC32C and CRC64NVME need an extra package on the client's side
        assert "CRT" in str(error) or "crt" in str(error), error
        continue
    head = s3.head_object(Bucket="mairie", Key="somme", ChecksumMode="ENABLED")
    assert head[f"Checksum{algorithm}"] == stored[f"Checksum{algorithm}"], head
wrong = hashlib.sha256(b"other").digest()
import base64
try:
    s3.put_object(Bucket="mairie", Key="faux", Body=body, ChecksumSHA256=base64.b64encode(wrong).decode())
    raise SystemExit("a wrong checksum was accepted")
except ClientError as error:
    assert error.response["Error"]["Code"] in ("BadDigest", "XAmzContentChecksumMismatch"), error
try:
    s3.head_object(Bucket="mairie", Key="faux")
    raise SystemExit("an object with a wrong checksum appeared")
except ClientError as error:
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 404

# Two writers, one wins.
s3.put_object(Bucket="mairie", Key="unique", Body=b"1", IfNoneMatch="*")
try:
    s3.put_object(Bucket="mairie", Key="unique", Body=b"2", IfNoneMatch="*")
    raise SystemExit("a conditional write was not conditional")
except ClientError as error:
    assert error.response["Error"]["Code"] == "PreconditionFailed", error
