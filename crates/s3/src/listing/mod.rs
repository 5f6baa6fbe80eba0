//! The four listings of a bucket, and what they share.
//!
//! Keys are opaque to S3 but not to XML: with `encoding-type=url` everything
//! that comes from a key is percent-encoded.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use catalog::{ETag, ListAsk, VersionHead};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::S3Result;
use s3s::dto::{CommonPrefix, EncodingType, Owner, StorageClass};
use units::TenantId;

use crate::Face;
use crate::date;
use crate::error::{failed, invalid_argument};
use crate::gate::Bucket;
use crate::limits::KEYS_LISTED_MAX;
use crate::object::checksums;
use crate::settings::owner_of;
use crate::xml::Xml;

pub(crate) mod objects;
pub(crate) mod objects_v2;
mod slices;
pub(crate) mod uploads;
pub(crate) mod versions;

/// What `encoding-type=url` leaves as it is.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// How names are written into the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spelling {
    url: bool,
}

impl Spelling {
    fn of(encoding: Option<&EncodingType>) -> S3Result<Self> {
        match encoding.map(EncodingType::as_str) {
            None | Some("") => Ok(Self { url: false }),
            Some("url") => Ok(Self { url: true }),
            Some(_) => Err(invalid_argument("Invalid Encoding Method specified in Request")),
        }
    }

    fn write(self, text: &str) -> String {
        if !self.url {
            return text.to_owned();
        }
        Cow::from(utf8_percent_encode(text, PLAIN)).into_owned()
    }

    fn write_some(self, text: Option<&str>) -> Option<String> {
        text.map(|text| self.write(text))
    }

    /// An element of a name.
    fn element(self, xml: &mut Xml, name: &str, text: &str) {
        if self.url {
            xml.plain(name, utf8_percent_encode(text, PLAIN));
        } else {
            xml.element(name, text);
        }
    }

    /// The common prefixes of a page.
    fn prefixes_into(self, xml: &mut Xml, prefixes: &[String]) {
        for prefix in prefixes {
            xml.open("CommonPrefixes");
            self.element(xml, "Prefix", prefix);
            xml.close("CommonPrefixes");
        }
    }

    fn prefixes(self, prefixes: &[String]) -> Option<Vec<CommonPrefix>> {
        let prefixes = prefixes.iter().map(|prefix| self.write(prefix));
        let prefixes: Vec<CommonPrefix> =
            prefixes.map(|prefix| CommonPrefix { prefix: Some(prefix) }).collect();
        (!prefixes.is_empty()).then_some(prefixes)
    }
}

/// How many lines to show: what was asked, but no more than a page.
fn lines(asked: Option<i32>) -> S3Result<usize> {
    let Some(asked) = asked else { return Ok(KEYS_LISTED_MAX) };
    let asked = usize::try_from(asked).map_err(|_| {
        invalid_argument("Argument maxKeys must be an integer between 0 and 2147483647")
    })?;
    Ok(asked.min(KEYS_LISTED_MAX))
}

fn as_i32(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn ask(prefix: Option<&str>, delimiter: Option<&str>, limit: usize) -> ListAsk {
    ListAsk {
        prefix: prefix.unwrap_or_default().to_owned(),
        delimiter: delimiter.filter(|text| !text.is_empty()).map(str::to_owned),
        limit,
        rows_max: None,
    }
}

/// Whether a marker is a common prefix of this listing, so that it stands for
/// everything below it.
fn is_common_prefix(ask: &ListAsk, marker: &str) -> bool {
    let Some(delimiter) = &ask.delimiter else { return false };
    let Some(rest) = marker.strip_prefix(ask.prefix.as_str()) else { return false };
    rest.find(delimiter.as_str()).is_some_and(|at| at + delimiter.len() == rest.len())
}

/// The owners named in one page, each looked up once.
struct Owners<'a> {
    face: &'a Face,
    bucket_owner: TenantId,
    known: BTreeMap<TenantId, Owner>,
}

impl<'a> Owners<'a> {
    fn of(face: &'a Face, bucket: &Bucket) -> Self {
        let owner = bucket.owner();
        let known = BTreeMap::from([(owner.id, owner_of(owner))]);
        Self { face, bucket_owner: owner.id, known }
    }

    async fn owner(&mut self, id: Option<TenantId>) -> S3Result<Owner> {
        let id = id.unwrap_or(self.bucket_owner);
        if let Some(owner) = self.known.get(&id) {
            return Ok(owner.clone());
        }
        let tenant = self.face.objects.tenant_facts(id).await.map_err(failed)?;
        let owner = tenant.map_or_else(
            || Owner { display_name: None, id: Some(id.to_string()) },
            |tenant| owner_of(&tenant),
        );
        self.known.insert(id, owner.clone());
        Ok(owner)
    }
}

/// What a listing says of every version: object or marker.
fn marker_facts(xml: &mut Xml, head: &VersionHead, owner: Option<&Owner>) {
    xml.open("LastModified");
    xml.raw(|text| date::iso_date_into(text, head.modified));
    xml.close("LastModified");
    if let Some(owner) = owner {
        xml.open("Owner");
        xml.element_some("ID", owner.id.as_deref());
        xml.element_some("DisplayName", owner.display_name.as_deref());
        xml.close("Owner");
    }
}

/// What a listing says of an object's version.
fn version_facts(xml: &mut Xml, head: &VersionHead, owner: Option<&Owner>) {
    marker_facts(xml, head, owner);
    xml.open("ETag");
    match &head.etag {
        ETag::Opaque(text) => xml.text(&format!("\"{text}\"")),
        digest => xml.raw(|text| {
            let _ = write!(text, "&quot;{digest}&quot;");
        }),
    }
    xml.close("ETag");
    if let Some((algorithm, kind)) = head.checksum {
        xml.plain("ChecksumAlgorithm", ::objects::checksum_name(algorithm));
        xml.plain("ChecksumType", checksums::kind_name(kind));
    }
    xml.plain("Size", head.size.get());
    let class = head.storage_class.as_deref().unwrap_or(StorageClass::STANDARD);
    xml.element("StorageClass", class);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_spelling() {
        let url = Spelling { url: true };
        assert_eq!(url.write("foo+1/b ar/é~_-."), "foo%2B1/b%20ar/%C3%A9~_-.");
        assert_eq!(Spelling { url: false }.write("a b"), "a b");
    }

    #[test]
    fn common_prefixes_are_told_from_keys() {
        let check = |prefix: &str, delimiter: &str, marker: &str, expected: bool| {
            let ask = ask(Some(prefix), Some(delimiter), 1);
            assert_eq!(is_common_prefix(&ask, marker), expected, "{prefix} {delimiter} {marker}");
        };
        check("", "/", "a/", true);
        check("", "/", "a/b", false);
        check("", "/", "a/b/", false);
        check("a/", "/", "a/b/", true);
        check("a/", "/", "a/", false);
        check("x", "/", "a/", false);
        check("", "", "a/", false);
        check("", "--", "a--", true);
    }
}
