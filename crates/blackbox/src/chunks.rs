//! A PUT whose body comes in chunks that are signed one by one, so that a client can
//! hold on in the middle of one.
//!
//! Source: "Signature Calculations for the Authorization Header: Transferring Payload
//! in Multiple Chunks" and "… Including Trailing Headers", Amazon S3 API reference.

use aws_lc_rs::digest;

use crate::signer::Signer;

/// The trailing header: the CRC-32 of the body.
const TRAILER: &str = "x-amz-checksum-crc32";
/// A CRC-32 in base64.
const TRAILER_VALUE_BYTES: usize = 8;
/// The SHA-256 of nothing, as each chunk's text to sign has it.
const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// How the body of such a PUT is cut.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Bytes of the object, a multiple of those of a chunk.
    pub object_bytes: usize,
    /// Bytes of each chunk.
    pub chunk_bytes: usize,
    /// Whether a signed checksum follows the last chunk.
    pub trailer: bool,
}

impl Cut {
    /// Bytes of the body as they are sent.
    fn wire_bytes(self) -> usize {
        let line = |length: usize| format!("{length:x};chunk-signature=\r\n").len() + 64;
        let each = line(self.chunk_bytes) + self.chunk_bytes + 2;
        let trailer = if self.trailer {
            TRAILER.len() + TRAILER_VALUE_BYTES + "x-amz-trailer-signature".len() + 64 + 2 * 3
        } else {
            0
        };
        self.object_bytes / self.chunk_bytes.max(1) * each + line(0) + trailer + 2
    }
}

/// The chain of signatures of one PUT.
pub struct SignedChunks<'a> {
    signer: &'a Signer,
    previous: String,
}

impl<'a> SignedChunks<'a> {
    /// Begins one; gives the head of the request too.
    pub fn begin(signer: &'a Signer, path: &str, cut: Cut) -> (Self, String) {
        let payload = if cut.trailer {
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
        } else {
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
        };
        let mut headers = vec![("x-amz-decoded-content-length", cut.object_bytes.to_string())];
        if cut.trailer {
            headers.push(("x-amz-trailer", TRAILER.to_owned()));
        }
        let (stamp, authorization) = signer.sign_payload("PUT", path, "", &headers, payload);
        let mut head = format!(
            "PUT {path} HTTP/1.1\r\nhost: {}\r\nx-amz-date: {stamp}\r\n\
             x-amz-content-sha256: {payload}\r\nauthorization: {authorization}\r\n\
             content-encoding: aws-chunked\r\ncontent-length: {}\r\n",
            signer.host(),
            cut.wire_bytes(),
        );
        for (name, value) in headers {
            head.extend([name, ": ", &value, "\r\n"]);
        }
        head.push_str("\r\n");
        let previous = authorization.rsplit('=').next().unwrap_or_default().to_owned();
        (Self { signer, previous }, head)
    }

    /// The next chunk as it is sent.
    pub fn chunk(&mut self, data: &[u8]) -> Vec<u8> {
        let mut wire = self.line(data).into_bytes();
        wire.extend_from_slice(data);
        wire.extend_from_slice(b"\r\n");
        wire
    }

    /// The end of a body: the empty chunk, and behind it the checksum where one was
    /// announced, in base64.
    pub fn end(mut self, checksum: Option<&str>) -> Vec<u8> {
        let mut wire = self.line(b"");
        if let Some(value) = checksum {
            let trailer = format!("{TRAILER}:{value}\n");
            let digest = hex::encode(digest::digest(&digest::SHA256, trailer.as_bytes()));
            let rest = format!("{}\n{digest}", self.previous);
            let signature = self.signer.sign_text("AWS4-HMAC-SHA256-TRAILER", &rest);
            wire.extend([TRAILER, ":", value, "\r\nx-amz-trailer-signature:", &signature, "\r\n"]);
        }
        wire.push_str("\r\n");
        wire.into_bytes()
    }

    /// The line before a chunk's data.
    fn line(&mut self, data: &[u8]) -> String {
        let digest = hex::encode(digest::digest(&digest::SHA256, data));
        let rest = format!("{}\n{NOTHING}\n{digest}", self.previous);
        self.previous = self.signer.sign_text("AWS4-HMAC-SHA256-PAYLOAD", &rest);
        format!("{:x};chunk-signature={}\r\n", data.len(), self.previous)
    }
}
