//! The token of an invitation: everything that a new machine needs to join, as one word.
//!
//! ```text
//! "essaim1-" base64url( postcard { cluster 16, invite 16, seed 32, key 32, addresses } ‖ role?
//!                       ‖ first 4 bytes of their SHA-256 )
//! ```
//! *seed* is the private half of an Ed25519 key (RFC 8032) whose public half the catalog
//! keeps; *key* is that of the node that invites, which the new machine pins; *role* is one
//! byte, 1, in the token of a witness.

use core::fmt;
use core::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use catalog::NodeRole;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use units::{ClusterId, InviteId, NodePublicKey, Random};
use vault::{IdentityError, NodeIdentity};
use zeroize::{Zeroize, Zeroizing};

const PREFIX: &str = "essaim1-";
const CHECK_BYTES: usize = 4;
/// The last byte of a witness's token.
const WITNESS: u8 = 1;
/// Longer is no token.
const TEXT_BYTES_MAX: usize = 4096;

/// An invitation, as the machine that is invited holds it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    /// The cluster to join.
    pub(crate) cluster: ClusterId,
    /// Which invitation.
    pub(crate) invite: InviteId,
    seed: [u8; 32],
    /// The node that invites.
    pub(crate) inviting: NodePublicKey,
    /// Where it is reached.
    pub(crate) addresses: Vec<String>,
    #[serde(skip)]
    witness: bool,
}

/// Text that is not a token.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum ParseTokenError {
    /// It does not begin as one.
    #[error("a token begins with {PREFIX}")]
    Prefix,
    /// Letters are missing or wrong.
    #[error("the token is not whole: copy all of it, as one word")]
    Damaged,
}

impl Token {
    /// A fresh token.
    pub(crate) fn draw(
        cluster: ClusterId,
        inviting: NodePublicKey,
        addresses: Vec<String>,
        random: &dyn Random,
    ) -> Self {
        let mut seed = [0; 32];
        random.fill(&mut seed);
        let invite = InviteId::draw(random);
        Self { cluster, invite, seed, inviting, addresses, witness: false }
    }

    /// The same for a machine that is to do this.
    pub(crate) fn letting_in(mut self, role: NodeRole) -> Self {
        self.witness = role == NodeRole::Witness;
        self
    }

    /// What the machine is to do.
    pub(crate) const fn role(&self) -> NodeRole {
        if self.witness { NodeRole::Witness } else { NodeRole::Full }
    }

    /// What its holder proves itself by.
    pub(crate) fn identity(&self) -> Result<NodeIdentity, IdentityError> {
        NodeIdentity::from_seed(&self.seed)
    }

    /// The word to hand over.
    pub(crate) fn text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(postcard::to_stdvec(self).unwrap_or_default());
        bytes.extend(self.witness.then_some(WITNESS));
        let check = digest(&SHA256, &bytes);
        bytes.extend_from_slice(check.as_ref().get(..CHECK_BYTES).unwrap_or_default());
        let mut text = Zeroizing::new(String::from(PREFIX));
        URL_SAFE_NO_PAD.encode_string(&*bytes, &mut text);
        text
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.seed.zeroize();
    }
}

impl FromStr for Token {
    type Err = ParseTokenError;

    fn from_str(text: &str) -> Result<Self, ParseTokenError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(ParseTokenError::Damaged);
        }
        let coded = text.trim().strip_prefix(PREFIX).ok_or(ParseTokenError::Prefix)?;
        let bytes =
            Zeroizing::new(URL_SAFE_NO_PAD.decode(coded).map_err(|_| ParseTokenError::Damaged)?);
        let parts = bytes.split_last_chunk::<CHECK_BYTES>();
        let (said, check) = parts.ok_or(ParseTokenError::Damaged)?;
        if digest(&SHA256, said).as_ref().get(..CHECK_BYTES) != Some(check) {
            return Err(ParseTokenError::Damaged);
        }
        match postcard::take_from_bytes::<Self>(said) {
            Ok((token, [])) => Ok(token),
            Ok((token, [WITNESS])) => Ok(token.letting_in(NodeRole::Witness)),
            _ => Err(ParseTokenError::Damaged),
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(invitation {}, hidden)", self.invite)
    }
}

#[cfg(test)]
mod tests {
    use units::SimRandom;

    use super::*;

    #[test]
    fn a_token_is_read_whole_or_not_at_all() {
        let random = SimRandom::seeded(4);
        let cluster = ClusterId::from_u128(7);
        let key = NodePublicKey([9; 32]);
        let token = Token::draw(cluster, key, vec!["a.example:8422".to_owned()], &random);
        let text = token.text();
        assert_eq!(text.parse(), Ok(token.clone()));
        assert_eq!(format!(" {}\n", &*text).parse(), Ok(token.clone()));
        assert_eq!(token.role(), NodeRole::Full);
        let witness = token.clone().letting_in(NodeRole::Witness);
        let read: Token = witness.text().parse().unwrap();
        assert_eq!(read.role(), NodeRole::Witness);
        assert_ne!(witness.text(), token.text());
        assert!(!format!("{token:?}").contains(&text[12..20]));
        for end in 0..text.len() {
            assert!(text[..end].parse::<Token>().is_err(), "{end}");
        }
        for at in PREFIX.len()..text.len() {
            let mut wrong = text.as_bytes().to_vec();
            wrong[at] = if wrong[at] == b'A' { b'B' } else { b'A' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert!(wrong.parse::<Token>().is_err(), "{at}");
        }
        assert_eq!("hello".parse::<Token>(), Err(ParseTokenError::Prefix));
        token.identity().unwrap();
    }
}
