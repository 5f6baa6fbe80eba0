//! The error document: the XML body of every answer that is an error.
//!
//! ```xml
//! <?xml version="1.0" encoding="UTF-8"?>
//! <Error><Code>NoSuchKey</Code><Message>…</Message><Key>k</Key>
//! <Resource>/b/k</Resource><RequestId>…</RequestId><HostId>…</HostId></Error>
//! ```
//! Amazon S3 API Reference, "Error responses". The protocol library writes the
//! code and sometimes the message; the rest is added here.

use super::address::Address;
use crate::xml::Xml;

/// What an error document tells.
#[derive(Debug)]
pub(crate) struct ErrorDocument<'a> {
    /// One of S3's error codes.
    pub code: &'a str,
    /// The sentence; the code's usual one if empty.
    pub message: &'a str,
    /// What the request was addressed to.
    pub address: &'a Address,
    /// The request's path as it came.
    pub path: &'a str,
    /// Elements that belong to this code.
    pub details: &'a [(&'static str, String)],
    /// The request's id.
    pub request_id: &'a str,
    /// This node's id.
    pub host_id: &'a str,
}

impl ErrorDocument<'_> {
    /// Writes the document.
    pub(crate) fn to_xml(&self) -> String {
        let mut xml = Xml::new("Error", 512);
        element(&mut xml, "Code", self.code);
        let message = if self.message.is_empty() { usual_message(self.code) } else { self.message };
        element(&mut xml, "Message", message);
        if names_bucket(self.code)
            && let Some(bucket) = &self.address.bucket
        {
            element(&mut xml, "BucketName", bucket);
        }
        if names_key(self.code)
            && let Some(key) = &self.address.key
        {
            element(&mut xml, "Key", key);
        }
        for (name, value) in self.details {
            element(&mut xml, name, value);
        }
        element(&mut xml, "Resource", self.path);
        element(&mut xml, "RequestId", self.request_id);
        element(&mut xml, "HostId", self.host_id);
        xml.end("Error")
    }
}

/// Code and message of a document that the protocol library wrote.
pub(crate) fn read(xml: &[u8]) -> Option<(String, String)> {
    let xml = core::str::from_utf8(xml).ok()?;
    let body = xml.split_once("<Error>")?.1;
    let code = between(body, "<Code>", "</Code>")?;
    let message = between(body, "<Message>", "</Message>").unwrap_or_default();
    Some((unescape(code), unescape(message)))
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(inner, _)| inner)
}

fn unescape(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

/// An element whose text any parser takes: what XML 1.0 cannot carry is replaced.
fn element(xml: &mut Xml, name: &str, value: &str) {
    let carried = |c: char| matches!(c, '\t' | '\n' | '\r') || !c.is_control();
    if value.chars().all(|c| carried(c) && !matches!(c, '\u{fffe}' | '\u{ffff}')) {
        return xml.element(name, value);
    }
    let shown = value.chars().map(|c| match c {
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        c if carried(c) => c,
        _ => '\u{fffd}',
    });
    xml.element(name, &shown.collect::<String>());
}

fn names_bucket(code: &str) -> bool {
    matches!(
        code,
        "NoSuchBucket"
            | "BucketAlreadyExists"
            | "BucketAlreadyOwnedByYou"
            | "BucketNotEmpty"
            | "InvalidBucketName"
            | "NoSuchBucketPolicy"
            | "NoSuchCORSConfiguration"
            | "NoSuchLifecycleConfiguration"
            | "NoSuchTagSet"
            | "NoSuchWebsiteConfiguration"
            | "NoSuchPublicAccessBlockConfiguration"
            | "OwnershipControlsNotFoundError"
            | "ObjectLockConfigurationNotFoundError"
            | "ReplicationConfigurationNotFoundError"
            | "ServerSideEncryptionConfigurationNotFoundError"
    )
}

fn names_key(code: &str) -> bool {
    matches!(code, "NoSuchKey" | "NoSuchVersion")
}

/// The sentence that S3 puts beside a code when there is nothing more to say.
fn usual_message(code: &str) -> &'static str {
    match code {
        "AccessDenied" => "Access Denied",
        "BadDigest" => "The Content-MD5 you specified did not match what we received.",
        "BucketAlreadyExists" => {
            "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again."
        }
        "BucketAlreadyOwnedByYou" => {
            "Your previous request to create the named bucket succeeded and you already own it."
        }
        "BucketNotEmpty" => "The bucket you tried to delete is not empty",
        "EntityTooLarge" => "Your proposed upload exceeds the maximum allowed size",
        "EntityTooSmall" => "Your proposed upload is smaller than the minimum allowed size",
        "ExpiredToken" => "The provided token has expired.",
        "IncompleteBody" => {
            "You did not provide the number of bytes specified by the Content-Length HTTP header"
        }
        "InternalError" => "We encountered an internal error. Please try again.",
        "InvalidAccessKeyId" => "The AWS Access Key Id you provided does not exist in our records.",
        "InvalidArgument" => "Invalid Argument",
        "InvalidBucketName" => "The specified bucket is not valid.",
        "InvalidBucketState" => "The request is not valid with the current state of the bucket.",
        "InvalidDigest" => "The Content-MD5 you specified is not valid.",
        "InvalidLocationConstraint" => "The specified location-constraint is not valid",
        "InvalidPart" => {
            "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."
        }
        "InvalidPartOrder" => {
            "The list of parts was not in ascending order. The parts list must be specified in order by part number."
        }
        "InvalidRange" => "The requested range is not satisfiable",
        "InvalidRequest" => "Invalid Request",
        "InvalidStorageClass" => "The storage class you specified is not valid",
        "InvalidTag" => "The tag provided was not a valid tag.",
        "InvalidURI" => "Couldn't parse the specified URI.",
        "KeyTooLongError" => "Your key is too long",
        "MalformedPolicy" => "This policy contains invalid Json",
        "MalformedACLError" | "MalformedXML" => {
            "The XML you provided was not well-formed or did not validate against our published schema"
        }
        "MaxMessageLengthExceeded" => "Your request was too big.",
        "MetadataTooLarge" => "Your metadata headers exceed the maximum allowed metadata size",
        "MethodNotAllowed" => "The specified method is not allowed against this resource.",
        "MissingContentLength" => "You must provide the Content-Length HTTP header.",
        "NoSuchBucket" => "The specified bucket does not exist",
        "NoSuchBucketPolicy" => "The bucket policy does not exist",
        "NoSuchCORSConfiguration" => "The CORS configuration does not exist",
        "NoSuchKey" => "The specified key does not exist.",
        "NoSuchLifecycleConfiguration" => "The lifecycle configuration does not exist",
        "NoSuchObjectLockConfiguration" => {
            "The specified object does not have a ObjectLock configuration"
        }
        "NoSuchPublicAccessBlockConfiguration" => {
            "The public access block configuration was not found"
        }
        "NoSuchTagSet" => "The TagSet does not exist",
        "NoSuchUpload" => {
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
        }
        "NoSuchVersion" => "The specified version does not exist.",
        "NoSuchWebsiteConfiguration" => {
            "The specified bucket does not have a website configuration"
        }
        "NotImplemented" => "A header you provided implies functionality that is not implemented",
        "ObjectLockConfigurationNotFoundError" => {
            "Object Lock configuration does not exist for this bucket"
        }
        "OperationAborted" => {
            "A conflicting conditional operation is currently in progress against this resource. Please try again."
        }
        "OwnershipControlsNotFoundError" => "The bucket ownership controls were not found",
        "PreconditionFailed" => "At least one of the pre-conditions you specified did not hold",
        "ReplicationConfigurationNotFoundError" => "The replication configuration was not found",
        "RequestTimeTooSkewed" => {
            "The difference between the request time and the current time is too large."
        }
        "RequestTimeout" => {
            "Your socket connection to the server was not read from or written to within the timeout period."
        }
        "ServerSideEncryptionConfigurationNotFoundError" => {
            "The server side encryption configuration was not found"
        }
        "SignatureDoesNotMatch" => {
            "The request signature we calculated does not match the signature you provided. Check your key and signing method."
        }
        "ServiceUnavailable" | "SlowDown" => "Please reduce your request rate.",
        "XAmzContentSHA256Mismatch" => {
            "The provided 'x-amz-content-sha256' header does not match what was computed."
        }
        _ => "The request could not be carried out.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_what_clients_look_for() {
        let address = Address {
            bucket: Some("b".to_owned()),
            key: Some("a<b>&\u{1}".to_owned()),
            virtual_host: false,
        };
        let document = ErrorDocument {
            code: "NoSuchKey",
            message: "",
            address: &address,
            path: "/b/a%3Cb%3E&%01",
            details: &[("UploadId", "u".to_owned())],
            request_id: "0000000000000001",
            host_id: "host",
        };
        assert_eq!(
            document.to_xml(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code>\
             <Message>The specified key does not exist.</Message>\
             <Key>a&lt;b&gt;&amp;\u{fffd}</Key><UploadId>u</UploadId>\
             <Resource>/b/a%3Cb%3E&amp;%01</Resource>\
             <RequestId>0000000000000001</RequestId><HostId>host</HostId></Error>"
        );
    }

    #[test]
    fn a_document_of_the_library_is_read_back() {
        let xml =
            b"<?xml version=\"1.0\"?><Error><Code>X</Code><Message>a &lt; b</Message></Error>";
        assert_eq!(read(xml), Some(("X".to_owned(), "a < b".to_owned())));
        assert_eq!(read(b"<Other/>"), None);
    }
}
