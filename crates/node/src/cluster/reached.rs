//! Where other nodes reach this one.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use catalog::NodeAddress;

use crate::settings::Settings;
use crate::trouble::Trouble;

/// An address that is nobody's (RFC 5737): asking the system for the way there sends
/// nothing, and says from which address of this machine it would leave.
const SOMEWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);

/// The listener for other nodes, and what they are told.
pub(crate) struct Reached {
    pub(crate) listener: TcpListener,
    pub(crate) addresses: Vec<NodeAddress>,
}

impl Reached {
    /// Binds the listener. The usual port, if nobody asked for it and another process has
    /// it, is replaced by a free one: the others are told where.
    pub(crate) fn bind(settings: &Settings) -> Result<Self, Trouble> {
        let wanted = settings.cluster_listen;
        let listener = match TcpListener::bind(wanted) {
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse && !settings.cluster_listen_given =>
            {
                let bound = TcpListener::bind(SocketAddr::new(wanted.ip(), 0));
                tracing::warn!(
                    port = wanted.port(),
                    "another process has the port for other sites: a free one is taken; \
                     name one that stays with --cluster-listen"
                );
                bound
            }
            bound => bound,
        };
        let told = |error: &dyn core::fmt::Display| {
            Trouble::new(
                format!("{wanted} (other sites) cannot be listened on: {error}"),
                "give --cluster-listen another address or port",
            )
        };
        let listener = listener.map_err(|error| told(&error))?;
        let bound = listener.local_addr().map_err(|error| told(&error))?;
        let mut addresses = Vec::new();
        for address in &settings.cluster_addresses {
            // The settings have been read as addresses already.
            addresses.extend(NodeAddress::new(address.clone()).ok());
        }
        if addresses.is_empty() {
            let shown = SocketAddr::new(address_shown(bound.ip()), bound.port());
            addresses.extend(NodeAddress::new(shown.to_string()).ok());
        }
        Ok(Self { listener, addresses })
    }
}

/// The address of this machine that others most likely know it by.
fn address_shown(bound: IpAddr) -> IpAddr {
    if !bound.is_unspecified() {
        return bound;
    }
    let asked = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
        .and_then(|socket| socket.connect(SOMEWHERE).and_then(|()| socket.local_addr()));
    let found = asked.map(|address| address.ip()).ok().filter(|ip| !ip.is_unspecified());
    found.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_address_is_shown_as_it_is() {
        let ip: IpAddr = "192.0.2.77".parse().unwrap();
        assert_eq!(address_shown(ip), ip);
        assert!(!address_shown(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).is_unspecified());
    }
}
