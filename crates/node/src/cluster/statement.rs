//! What a site says about itself, signed by its node and countersigned by the node that
//! lets it in.
//!
//! ```text
//! signed: "essaim site statement 1" ‖ 0 ‖ cluster 16 ‖ site 16 ‖ until 8 ‖ statement
//! ```
//! The countersignature covers the same bytes and the first signature: it says who saw it.

use core::time::Duration;

use catalog::{NodeSignature, SignedStatement, StatementBytes};
use placement::{Language, SiteFile, SiteStatement};
use units::{ClusterId, NodeId, NodePublicKey, Signature, SiteId, Timestamp};
use vault::NodeIdentity;

use crate::files::file_read;
use crate::trouble::Trouble;

const CONTEXT: &[u8] = b"essaim site statement 1\0";

/// How long a statement is good before it has to be given again.
pub(crate) const STATEMENT_LIFE: Duration = Duration::from_hours(2 * 365 * 24);

/// Reads a `site.toml`.
pub(crate) fn read(path: &std::path::Path, language: Language) -> Result<SiteStatement, Trouble> {
    let text = file_read(path)?;
    SiteFile::parse(&text).map_err(|error| {
        let (path, told) = (path.display(), error.explain(language));
        Trouble::new(
            language.pick(
                format!("{path} ne peut pas être pris\u{a0}:\n{told}"),
                format!("{path} cannot be taken:\n{told}"),
            ),
            language.pick(
                "corrigez-le et recommencez\u{a0}; rien n'a été changé",
                "mend it and start again; nothing was changed",
            ),
        )
    })
}

fn message(cluster: ClusterId, site: SiteId, until: Timestamp, statement: &[u8]) -> Vec<u8> {
    let mut message = CONTEXT.to_vec();
    message.extend_from_slice(&cluster.to_bytes());
    message.extend_from_slice(&site.to_bytes());
    message.extend_from_slice(&until.micros().to_be_bytes());
    message.extend_from_slice(statement);
    message
}

/// A node of the site signs its statement.
pub(crate) fn sign(
    statement: &SiteStatement,
    cluster: ClusterId,
    site: SiteId,
    (node, identity): (NodeId, &NodeIdentity),
    now: Timestamp,
) -> SignedStatement {
    let bytes = postcard::to_stdvec(statement).unwrap_or_default();
    let until = now.after(STATEMENT_LIFE);
    let signature = identity.sign(&message(cluster, site, until, &bytes));
    SignedStatement {
        bytes: StatementBytes::new(bytes),
        signed: NodeSignature { node, signature },
        countersigned: None,
        until,
    }
}

/// Whether the site's node signed it, for this cluster and site, and it can be read.
pub(crate) fn verified(
    signed: &SignedStatement,
    cluster: ClusterId,
    site: SiteId,
    key: NodePublicKey,
) -> Option<SiteStatement> {
    let message = message(cluster, site, signed.until, signed.bytes.as_slice());
    if !vault::node_verify(key, &message, &signed.signed.signature) {
        return None;
    }
    match postcard::take_from_bytes(signed.bytes.as_slice()) {
        Ok((statement, [])) => Some(statement),
        _ => None,
    }
}

/// Whether the countersignature is by this key.
pub(crate) fn countersigned(
    signed: &SignedStatement,
    cluster: ClusterId,
    site: SiteId,
    key: NodePublicKey,
) -> bool {
    let by = signed.countersigned.as_ref();
    by.is_some_and(|by| vault::node_verify(key, &seen(signed, cluster, site), &by.signature))
}

/// What is countersigned.
fn seen(signed: &SignedStatement, cluster: ClusterId, site: SiteId) -> Vec<u8> {
    let Signature(first) = signed.signed.signature;
    let mut message = message(cluster, site, signed.until, signed.bytes.as_slice());
    message.extend_from_slice(&first);
    message
}

/// A node of another site says that it has seen this statement.
pub(crate) fn countersign(
    signed: &mut SignedStatement,
    cluster: ClusterId,
    site: SiteId,
    (node, identity): (NodeId, &NodeIdentity),
) {
    let signature = identity.sign(&seen(signed, cluster, site));
    signed.countersigned = Some(NodeSignature { node, signature });
}
