//! The `aws-sdk-s3` crate: puts with its default trailing checksum, multipart.

use anyhow::{Context, Result, ensure};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use blackbox::{Node, samples};

const PART_BYTES: usize = 5 << 20;

fn client(node: &Node) -> Client {
    let credentials =
        Credentials::new(node.access_key_id(), node.secret_access_key(), None, None, "file");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .credentials_provider(credentials)
        .region(Region::new(node.region().to_owned()))
        .endpoint_url(node.endpoint())
        .force_path_style(true)
        .build();
    Client::from_conf(config)
}

#[tokio::test]
async fn documents_go_in_and_come_back_the_same() -> Result<()> {
    let node = Node::start()?;
    let folder = tempfile::tempdir()?;
    let documents = samples::folder(folder.path())?;
    let s3 = client(&node);
    s3.create_bucket().bucket("mairie").send().await?;
    for file in samples::files(&documents)? {
        let key = file.to_string_lossy();
        let body = ByteStream::from_path(documents.join(&file)).await?;
        s3.put_object().bucket("mairie").key(&*key).body(body).send().await?;
        let answer = s3.get_object().bucket("mairie").key(&*key).send().await?;
        let bytes = answer.body.collect().await?.into_bytes();
        ensure!(bytes == std::fs::read(documents.join(&file))?, "{key}: other bytes came back");
    }
    Ok(())
}

#[tokio::test]
async fn an_upload_in_parts_is_one_object() -> Result<()> {
    let node = Node::start()?;
    let s3 = client(&node);
    s3.create_bucket().bucket("mairie").send().await?;
    let upload = s3.create_multipart_upload().bucket("mairie").key("plan.pdf").send().await?;
    let id = upload.upload_id().context("no upload id")?;
    let mut whole = Vec::new();
    let mut parts = CompletedMultipartUpload::builder();
    for number in 1..=3_i32 {
        let length = if number == 3 { 1_000 } else { PART_BYTES };
        let bytes = samples::bytes(length, usize::try_from(number)?);
        let part = s3
            .upload_part()
            .bucket("mairie")
            .key("plan.pdf")
            .upload_id(id)
            .part_number(number)
            .body(ByteStream::from(bytes.clone()))
            .send()
            .await?;
        whole.extend(bytes);
        parts = parts.parts(
            CompletedPart::builder()
                .part_number(number)
                .set_e_tag(part.e_tag)
                .set_checksum_crc32(part.checksum_crc32)
                .build(),
        );
    }
    s3.complete_multipart_upload()
        .bucket("mairie")
        .key("plan.pdf")
        .upload_id(id)
        .multipart_upload(parts.build())
        .send()
        .await?;
    let answer = s3.get_object().bucket("mairie").key("plan.pdf").send().await?;
    ensure!(answer.body.collect().await?.into_bytes() == whole, "other bytes came back");
    Ok(())
}
