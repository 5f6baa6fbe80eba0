//! The addresses a node listens on, bound before anything else happens.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use tokio::net::{TcpListener, UnixListener};

use crate::files::SOCKET_NAME;
use crate::settings::Settings;
use crate::trouble::{Trouble, about_file};

/// Bound listeners; nothing is accepted yet.
pub(crate) struct Listeners {
    pub(crate) s3: TcpListener,
    pub(crate) admin: TcpListener,
    pub(crate) socket: UnixListener,
    /// `http://HOST:PORT` as a client on this machine reaches it.
    pub(crate) s3_endpoint: String,
    /// The same for operators.
    pub(crate) admin_url: String,
}

impl Listeners {
    /// Binds them all, or says which cannot be.
    pub(crate) async fn bind(settings: &Settings) -> Result<Self, Trouble> {
        let s3 = bind(settings.s3_listen, "S3", "--s3-listen").await?;
        let admin = bind(settings.admin_listen, "administration", "--admin-listen").await?;
        let socket = bind_socket(&settings.data)?;
        let (s3_endpoint, admin_url) = (url(&s3)?, url(&admin)?);
        Ok(Self { s3, admin, socket, s3_endpoint, admin_url })
    }
}

async fn bind(address: SocketAddr, what: &str, flag: &str) -> Result<TcpListener, Trouble> {
    TcpListener::bind(address).await.map_err(|error| {
        let port = address.port();
        match error.kind() {
            io::ErrorKind::AddrInUse => Trouble::new(
                format!("port {port} ({what}) is in use by another process"),
                format!("stop that process (ss -ltnp 'sport = :{port}' names it), or give {flag} another port; 0 takes a free one"),
            ),
            io::ErrorKind::PermissionDenied => Trouble::new(
                format!("port {port} ({what}) may not be used by this user"),
                format!("give {flag} a port from 1024 up"),
            ),
            io::ErrorKind::AddrNotAvailable => Trouble::new(
                format!("{} is no address of this machine ({what})", address.ip()),
                format!("give {flag} an address that `ip address` shows, 127.0.0.1 or 0.0.0.0"),
            ),
            _ => Trouble::new(
                format!("{address} ({what}) cannot be listened on: {error}"),
                format!("give {flag} another address"),
            ),
        }
    })
}

/// Binds the local socket, for the data's owner alone. The data directory is
/// locked by now, so a socket that is there was left by a node that was killed.
fn bind_socket(data: &Path) -> Result<UnixListener, Trouble> {
    let path = data.join(SOCKET_NAME);
    disk::outside_remove(&path).map_err(|error| about_file(&path, &error))?;
    let listener = UnixListener::bind(&path).map_err(|error| {
        Trouble::new(
            format!("{} cannot be made: {error}", path.display()),
            "a socket's path has at most 107 bytes: choose a shorter --data if it is long",
        )
    })?;
    disk::outside_mode_set(&path, 0o600).map_err(|error| about_file(&path, &error))?;
    Ok(listener)
}

/// The address of a listener that takes connections at every one of this machine.
pub(crate) fn everywhere(listener: &TcpListener) -> Option<SocketAddr> {
    listener.local_addr().ok().filter(|address| address.ip().is_unspecified())
}

fn url(listener: &TcpListener) -> Result<String, Trouble> {
    let address = listener
        .local_addr()
        .map_err(|error| Trouble::new(format!("a listener has no address: {error}"), ""))?;
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => "127.0.0.1".to_owned(),
        IpAddr::V6(ip) if ip.is_unspecified() => "[::1]".to_owned(),
        IpAddr::V6(ip) => format!("[{ip}]"),
        IpAddr::V4(ip) => ip.to_string(),
    };
    Ok(format!("http://{ip}:{}", address.port()))
}
