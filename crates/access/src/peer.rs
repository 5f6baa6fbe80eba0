//! Whom an address counts as: one host, or one network that a host can roam in.

use core::net::{IpAddr, Ipv6Addr};

/// The address that stands for a peer where peers are counted.
///
/// An IPv4 address stands for itself, also where it came in as an IPv6 one; an
/// IPv6 address stands for its /64, since one host owns all of it.
pub fn peer_group(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) if v6.is_loopback() => IpAddr::V6(v6),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::peer_group;

    fn check(address: &str, group: &str) {
        assert_eq!(peer_group(address.parse().unwrap()).to_string(), group);
    }

    #[test]
    fn groups() {
        check("192.0.2.7", "192.0.2.7");
        check("::ffff:192.0.2.7", "192.0.2.7");
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::");
        check("::1", "::1");
    }
}
