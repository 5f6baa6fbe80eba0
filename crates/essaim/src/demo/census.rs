//! What the cluster itself says of where each document lies: how many of its fragments are
//! there, and how many sites may vanish.

use admin::model::{DiskReach, Keeping, Where};

use super::documents::Document;
use crate::client::{Client, segment};
use crate::failure::Failure;

/// All documents together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Fragments that the catalog names.
    pub fragments: u64,
    /// Of these, on a disk that answers.
    pub there: u64,
    /// Documents whose fragments are all there, and survive as many sites as wanted.
    pub whole: u64,
    /// Documents looked at.
    pub documents: u64,
}

impl Census {
    /// Whether nothing is left to be repaired.
    pub const fn is_whole(self) -> bool {
        self.whole == self.documents
    }

    fn add(&mut self, place: &Where, sites_survived: u64) {
        let fragments = || place.parts.iter().flat_map(|part| &part.fragments);
        let there = fragments().filter(|one| one.reach == DiskReach::There).count() as u64;
        let all = fragments().count() as u64;
        self.documents += 1;
        self.fragments += all;
        self.there += there;
        let survives = place.sites_may_vanish.is_some_and(|sites| sites >= sites_survived);
        let in_catalog = place.keeping != Keeping::Fragments;
        self.whole += u64::from(in_catalog || (there == all && survives));
    }
}

/// Where one document lies.
pub async fn place(client: &Client, bucket: &str, key: &str) -> Result<Where, Failure> {
    let path = format!("/api/v1/where?bucket={}&key={}", segment(bucket), segment(key));
    client.get_counted(&path).await
}

/// Counts all documents; each is to survive the loss of so many sites.
pub async fn take(
    client: &Client,
    bucket: &str,
    documents: &[Document],
    sites_survived: u64,
) -> Result<Census, Failure> {
    let mut census = Census::default();
    for document in documents {
        census.add(&place(client, bucket, &document.key).await?, sites_survived);
    }
    Ok(census)
}
