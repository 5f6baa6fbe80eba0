//! Which sub-resources each method knows, so that an unknown one never becomes
//! another verb: `DELETE /bucket?notification` must not delete the bucket.
//!
//! Rules, in order:
//! 1. two sub-resources that choose different verbs conflict;
//! 2. a sub-resource of S3 that this method and level do not know is
//!    `NotImplemented`;
//! 3. any other key is ignored if it starts with `x-` (S3 says so), or if the
//!    request only reads and the key has a value; else it is `NotImplemented`.

use http::Method;
use s3s::{S3Error, s3_error};

use super::address::Level;
use super::query::Query;

/// What a method knows at a level.
struct Known {
    /// Keys that choose the verb.
    selectors: &'static [&'static str],
    /// Keys that are arguments of a verb.
    arguments: &'static [&'static str],
}

/// Every name that S3 gives to a sub-resource, served or not.
const SUBRESOURCES: &[&str] = &[
    "accelerate",
    "acl",
    "analytics",
    "append",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metadataConfiguration",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "partNumber",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "renameObject",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "select-type",
    "session",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

const NOTHING: Known = Known { selectors: &[], arguments: &[] };

const SERVICE_GET: Known = Known {
    selectors: &[],
    arguments: &["bucket-region", "continuation-token", "max-buckets", "prefix"],
};

const BUCKET_GET: Known = Known {
    selectors: &[
        "accelerate",
        "acl",
        "analytics",
        "cors",
        "encryption",
        "intelligent-tiering",
        "inventory",
        "lifecycle",
        "location",
        "logging",
        "metadataTable",
        "metrics",
        "notification",
        "object-lock",
        "ownershipControls",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "replication",
        "requestPayment",
        "session",
        "tagging",
        "uploads",
        "versioning",
        "versions",
        "website",
    ],
    arguments: &[
        "continuation-token",
        "delimiter",
        "encoding-type",
        "fetch-owner",
        "id",
        "key-marker",
        "list-type",
        "marker",
        "max-keys",
        "max-uploads",
        "prefix",
        "start-after",
        "upload-id-marker",
        "version-id-marker",
    ],
};

const BUCKET_PUT: Known = Known {
    selectors: &[
        "accelerate",
        "acl",
        "analytics",
        "cors",
        "encryption",
        "intelligent-tiering",
        "inventory",
        "lifecycle",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "ownershipControls",
        "policy",
        "publicAccessBlock",
        "replication",
        "requestPayment",
        "tagging",
        "versioning",
        "website",
    ],
    arguments: &["id"],
};

const BUCKET_DELETE: Known = Known {
    selectors: &[
        "analytics",
        "cors",
        "encryption",
        "intelligent-tiering",
        "inventory",
        "lifecycle",
        "metadataTable",
        "metrics",
        "ownershipControls",
        "policy",
        "publicAccessBlock",
        "replication",
        "tagging",
        "website",
    ],
    arguments: &["id"],
};

const BUCKET_POST: Known = Known { selectors: &["delete", "metadataTable"], arguments: &[] };

const OBJECT_GET: Known = Known {
    selectors: &["acl", "attributes", "legal-hold", "retention", "tagging", "torrent", "uploadId"],
    arguments: &[
        "encoding-type",
        "max-parts",
        "part-number-marker",
        "partNumber",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "versionId",
    ],
};

const OBJECT_HEAD: Known = Known { selectors: &[], arguments: OBJECT_GET.arguments };

const OBJECT_PUT: Known = Known {
    selectors: &["acl", "legal-hold", "retention", "tagging", "uploadId"],
    arguments: &["partNumber", "versionId"],
};

const OBJECT_POST: Known = Known {
    selectors: &["restore", "select", "uploadId", "uploads"],
    arguments: &["select-type", "versionId"],
};

const OBJECT_DELETE: Known =
    Known { selectors: &["tagging", "uploadId"], arguments: &["versionId"] };

fn known(method: &Method, level: Level) -> Option<&'static Known> {
    let known = match (level, method.as_str()) {
        (Level::Service, "GET") => &SERVICE_GET,
        (Level::Bucket, "GET") => &BUCKET_GET,
        (Level::Bucket, "HEAD") => &NOTHING,
        (Level::Bucket, "PUT") => &BUCKET_PUT,
        (Level::Bucket, "DELETE") => &BUCKET_DELETE,
        (Level::Bucket, "POST") => &BUCKET_POST,
        (Level::Object, "GET") => &OBJECT_GET,
        (Level::Object, "HEAD") => &OBJECT_HEAD,
        (Level::Object, "PUT") => &OBJECT_PUT,
        (Level::Object, "POST") => &OBJECT_POST,
        (Level::Object, "DELETE") => &OBJECT_DELETE,
        _ => return None,
    };
    Some(known)
}

/// Refuses a request whose query string would be taken for another verb.
pub(crate) fn check_verb(method: &Method, level: Level, query: &Query<'_>) -> Result<(), S3Error> {
    if method == Method::POST && level == Level::Service {
        return Err(s3_error!(
            NotImplemented,
            "Services beside S3, such as STS, are not served here."
        ));
    }
    let Some(known) = known(method, level) else {
        return Err(s3_error!(
            MethodNotAllowed,
            "The specified method is not allowed against this resource."
        ));
    };
    let mut selector: Option<&str> = None;
    for (key, value) in query.iter() {
        if known.selectors.contains(&key) {
            if let Some(other) = selector {
                return Err(s3_error!(
                    InvalidArgument,
                    "Conflicting query string parameters: {other}, {key}"
                ));
            }
            selector = Some(key);
        } else if !known.arguments.contains(&key) {
            check_stranger(method, key, value)?;
        }
    }
    check_arguments(method, level, query)
}

/// A key that is neither selector nor argument here.
fn check_stranger(method: &Method, key: &str, value: &str) -> Result<(), S3Error> {
    let reads = method == Method::GET || method == Method::HEAD;
    let ours = key.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-"));
    if !SUBRESOURCES.contains(&key) && (ours || reads && !value.is_empty()) {
        return Ok(());
    }
    Err(s3_error!(
        NotImplemented,
        "A header or query you provided implies functionality that is not implemented."
    ))
}

/// Arguments that would be ignored, or would choose another verb, if malformed.
fn check_arguments(method: &Method, level: Level, query: &Query<'_>) -> Result<(), S3Error> {
    if query.get("versionId") == Some("") {
        return Err(s3_error!(InvalidArgument, "Version id cannot be the empty string"));
    }
    if query.get("uploadId") == Some("") {
        return Err(s3_error!(
            NoSuchUpload,
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
        ));
    }
    if level == Level::Bucket
        && query.get("list-type").is_some_and(|kind| kind != "2" && kind != "1")
    {
        return Err(s3_error!(InvalidArgument, "Invalid List Type specified in Request"));
    }
    for name in ["max-keys", "max-uploads", "max-parts"] {
        let number = |text: &str| text.parse::<i32>().is_ok_and(|number| number >= 0);
        if query.get(name).is_some_and(|text| !number(text)) {
            return Err(s3_error!(
                InvalidArgument,
                "Provided {name} not an integer or within integer range"
            ));
        }
    }
    let part = query.has("partNumber");
    let upload = query.has("uploadId");
    if level == Level::Object && method == Method::PUT && part != upload {
        return Err(s3_error!(
            InvalidArgument,
            "This operation does not accept partNumber without uploadId, or uploadId without partNumber."
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &Method, level: Level, query: &str, expected: Result<(), &str>) {
        let parsed = Query::parse(Some(query)).unwrap_or_else(|error| panic!("{query}: {error}"));
        let found = check_verb(method, level, &parsed);
        let found = found.map_err(|error| error.code().as_str().to_owned());
        assert_eq!(found, expected.map_err(str::to_owned), "{method} {level:?} ?{query}");
    }

    #[test]
    fn known_subresources_pass() {
        check(&Method::GET, Level::Bucket, "versions&prefix=a&x-id=ListObjectVersions", Ok(()));
        check(&Method::PUT, Level::Object, "partNumber=1&uploadId=u", Ok(()));
        check(&Method::GET, Level::Object, "uploadId=u&max-parts=2", Ok(()));
        check(&Method::POST, Level::Object, "select&select-type=2", Ok(()));
        check(&Method::GET, Level::Object, "v=12", Ok(()));
    }

    #[test]
    fn unknown_ones_never_fall_through() {
        let refused = Err("NotImplemented");
        check(&Method::DELETE, Level::Bucket, "notification", refused);
        check(&Method::DELETE, Level::Bucket, "unheard-of", refused);
        check(&Method::DELETE, Level::Object, "acl", refused);
        check(&Method::PUT, Level::Object, "restore", refused);
        check(&Method::PUT, Level::Object, "append&position=0", refused);
        check(&Method::PUT, Level::Bucket, "versions", refused);
        check(&Method::GET, Level::Object, "unheard-of", refused);
        check(&Method::HEAD, Level::Bucket, "acl", refused);
        check(&Method::POST, Level::Service, "", refused);
    }

    #[test]
    fn conflicts_and_halves_are_refused() {
        let refused = Err("InvalidArgument");
        check(&Method::GET, Level::Bucket, "acl&policy", refused);
        check(&Method::PUT, Level::Object, "partNumber=1", refused);
        check(&Method::PUT, Level::Object, "uploadId=u", refused);
        check(&Method::GET, Level::Object, "versionId=", refused);
        check(&Method::GET, Level::Bucket, "list-type=3", refused);
    }

    #[test]
    fn methods_that_do_not_exist_are_refused() {
        check(&Method::PUT, Level::Service, "", Err("MethodNotAllowed"));
        check(&Method::PATCH, Level::Object, "", Err("MethodNotAllowed"));
    }
}
