//! What a node proves itself by, and how TLS is set up: one version, one kind of key, no
//! certificate, no session that comes back.
//!
//! An Ed25519 public key as a SubjectPublicKeyInfo (RFC 8410, section 4):
//!
//! ```text
//! 30 2a 30 05 06 03 2b 65 70 03 21 00 ‖ public key (32)
//! ```

use core::fmt;
use std::sync::Arc;

use parking_lot::RwLock;
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig, SignatureAlgorithm, SignatureScheme};
use units::NodePublicKey;
use vault::NodeIdentity;

use super::verify::{OfRoster, Pinned};
use crate::Roster;

/// What is spoken behind the handshake.
pub(super) const ALPN: &[u8] = b"essaim/1";
/// The same on a connection for upkeep: both sides keep little of it on the way.
pub(super) const ALPN_UPKEEP: &[u8] = b"essaim-upkeep/1";

const SPKI_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The public key in what a peer presents; `None` if it presents anything else.
pub(super) fn key_in(presented: &[u8]) -> Option<NodePublicKey> {
    let key = presented.strip_prefix(&SPKI_PREFIX)?;
    key.try_into().ok().map(NodePublicKey)
}

fn spki(key: NodePublicKey) -> CertificateDer<'static> {
    CertificateDer::from([&SPKI_PREFIX[..], &key.0].concat())
}

/// This node's key pair, for handshakes.
#[derive(Clone)]
pub(super) struct Credentials {
    certified: Arc<CertifiedKey>,
    provider: Arc<CryptoProvider>,
}

impl Credentials {
    pub(super) fn new(identity: Arc<NodeIdentity>) -> Self {
        let presented = vec![spki(identity.public())];
        let certified = Arc::new(CertifiedKey::new(presented, Arc::new(Key(identity))));
        Self { certified, provider: Arc::new(aws_lc_rs::default_provider()) }
    }

    /// To dial the node of exactly this key. For upkeep, a node that does not know of it is
    /// content with what it knows.
    pub(super) fn client(
        &self,
        pinned: NodePublicKey,
        is_upkeep: bool,
    ) -> Result<ClientConfig, rustls::Error> {
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Pinned(pinned)))
            .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(
                self.certified.clone(),
            )));
        config.alpn_protocols = vec![ALPN.to_vec()];
        if is_upkeep {
            config.alpn_protocols.insert(0, ALPN_UPKEEP.to_vec());
        }
        config.enable_sni = false;
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    /// To let in whom the roster names at that moment.
    pub(super) fn server(
        &self,
        roster: Arc<RwLock<Roster>>,
    ) -> Result<ServerConfig, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(Arc::new(OfRoster(roster)))
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(
                self.certified.clone(),
            )));
        config.alpn_protocols = vec![ALPN_UPKEEP.to_vec(), ALPN.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.max_early_data_size = 0;
        Ok(config)
    }
}

/// The identity as TLS signs with it.
#[derive(Clone)]
struct Key(Arc<NodeIdentity>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl SigningKey for Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let signer: Box<dyn Signer> = Box::new(self.clone());
        offered.contains(&SignatureScheme::ED25519).then_some(signer)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ED25519
    }
}

impl Signer for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        Ok(self.0.sign(message).0.to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_ed25519_key_is_a_key() {
        let key = NodePublicKey([7; 32]);
        let presented = spki(key);
        assert_eq!(key_in(&presented), Some(key));
        let longer = [&*presented, &[0]].concat();
        for other in [&[][..], &presented[1..], &presented[..43], &longer] {
            assert_eq!(key_in(other), None, "{other:02x?}");
        }
        for at in 0..SPKI_PREFIX.len() {
            let mut other = presented.to_vec();
            other[at] ^= 1;
            assert_eq!(key_in(&other), None, "byte {at}");
        }
    }
}
