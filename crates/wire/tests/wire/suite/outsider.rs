//! Somebody who speaks TLS, but not as a node does.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use units::NodePublicKey;

/// Trusts everybody.
#[derive(Debug)]
struct Gullible {
    raw: bool,
}

impl ServerCertVerifier for Gullible {
    fn verify_server_cert(
        &self,
        _presented: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _presented: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _presented: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.raw
    }
}

/// A client that presents this public key and signs with the key of this seed.
pub fn raw(presents: NodePublicKey, signs: [u8; 32], alpn: &[&[u8]]) -> ClientConfig {
    let spki = [
        &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00],
        &presents.0[..],
    ];
    let pkcs8 = [
        &[0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22],
        &[0x04, 0x20][..],
        &signs,
    ]
    .concat();
    let key = aws_lc_rs::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8)).unwrap();
    let presented = vec![CertificateDer::from(spki.concat())];
    let certified = Arc::new(CertifiedKey::new(presented, key));
    let mut config = builder(true)
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(certified)));
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    config.resumption = Resumption::in_memory_sessions(8);
    config
}

/// A client with a certificate, as everybody else's.
pub fn x509(with_certificate: bool) -> ClientConfig {
    let mut config = if with_certificate {
        let certificate = CertificateDer::from(&include_bytes!("../../x509/certificate.der")[..]);
        let key = PrivatePkcs8KeyDer::from(&include_bytes!("../../x509/key.der")[..]);
        builder(false).with_client_auth_cert(vec![certificate], PrivateKeyDer::Pkcs8(key)).unwrap()
    } else {
        builder(false).with_no_client_auth()
    };
    config.alpn_protocols = vec![b"essaim/1".to_vec()];
    config
}

fn builder(raw: bool) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Gullible { raw }))
}

/// Shakes hands; the server may still say no.
pub async fn connect(
    to: SocketAddr,
    config: &Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(to).await?;
    let nameless = ServerName::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    TlsConnector::from(config.clone()).connect(nameless, tcp).await
}

/// Whether the server lets this client say something, and answers.
pub async fn is_let_in(to: SocketAddr, config: ClientConfig) -> bool {
    let spoken = async {
        let mut io = connect(to, &Arc::new(config)).await?;
        io.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await?;
        let mut answer = [0];
        io.read_exact(&mut answer).await
    };
    let spoken = tokio::time::timeout(Duration::from_secs(10), spoken).await;
    spoken.expect("the server says yes or no").is_ok()
}
