//! A network of sites on one machine: one namespace per site, and a relay between them
//! that delays, loses, narrows and cuts, and can be changed while it runs.
//!
//! ```text
//! site 0: 198.18.N.1        site 1: 198.18.N.2           clients: 198.18.N.254
//! namespace essaim-N-0      namespace essaim-N-1         the test's own namespace
//!       TUN                       TUN                          TUN
//!        └──────────────────── the relay ──────────────────────┘
//! ```
//!
//! N is a number that no other network on the machine has ([`lease`]). The addresses are
//! of the range that RFC 2544 keeps for measuring: no network that a machine is part of
//! uses them. A program in a namespace reaches the others and the clients, nothing else.
//!
//! The devices carry packets of up to 64 KiB, so that the relay has few of them to carry.
//!
//! It takes root, `/dev/net/tun`, and the programs `ip`, `nft` and `nsenter`.

mod lane;
mod lease;
mod link;
mod namespace;
mod relay;

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use tappers::{Interface, Tun};

use self::lease::Lease;
pub use self::link::Link;
use self::namespace::{Namespace, ip};
pub use self::relay::Carried;
use self::relay::Relay;

/// Sites of one network: a cluster has up to 20.
const SITES_MAX: usize = 32;
/// The most a device of this kind takes.
const MTU_BYTES: &str = "65535";
/// Packets that wait for the relay: what all connections of a test have under way.
const DEVICE_QUEUE: &str = "4096";
/// The last octet of the clients' address.
const CLIENTS_OCTET: u8 = 254;

/// An end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A site, from 0.
    Site(usize),
    /// The test's own namespace, from where clients ask.
    Clients,
}

/// The sites' namespaces and the relay; all of it goes with the handle.
pub struct Network {
    sites: Vec<Namespace>,
    relay: Relay,
    lease: Lease,
}

impl Network {
    /// Why there can be no network here, if there can be none.
    pub fn refused() -> Option<&'static str> {
        if !rustix::process::geteuid().is_root() {
            return Some("only the superuser can make network namespaces");
        }
        if !Path::new("/dev/net/tun").exists() {
            return Some("there is no /dev/net/tun");
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let is_there =
            |name: &str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
        let missing = ["ip", "nft", "nsenter"].into_iter().find(|name| !is_there(name));
        missing.map(|name| match name {
            "nsenter" => "`nsenter` is not installed (util-linux)",
            "nft" => "`nft` is not installed (nftables)",
            _ => "`ip` is not installed (iproute2)",
        })
    }

    /// So many sites; the seed decides which packets are lost, and jitter.
    pub fn start(sites: usize, seed: u64) -> Result<Self> {
        ensure!((1..=SITES_MAX).contains(&sites), "{sites} sites: 1 to {SITES_MAX} are possible");
        if let Some(why) = Self::refused() {
            anyhow::bail!("no network of sites: {why}");
        }
        let lease = Lease::take()?;
        let number = lease.number;
        // What a run left that was killed.
        namespace::clear_all(&format!("essaim-{number}-"))?;
        let mut devices = Vec::with_capacity(sites + 1);
        let mut namespaces = Vec::with_capacity(sites);
        for site in 0..sites {
            let namespace = Namespace::make(namespace_name(number, site))?;
            let (name, address) = (device_name(number, site), address(number, site_octet(site)?));
            devices.push((address, device(&name)?));
            ip(&["link", "set", &name, "netns", &namespace_name(number, site)])?;
            namespace.ip(&["address", "add", &format!("{address}/24"), "dev", &name])?;
            namespace.ip(&["link", "set", &name, "up"])?;
            namespaces.push(namespace);
        }
        let (name, clients) = (device_name(number, sites), address(number, CLIENTS_OCTET));
        devices.push((clients, device(&name)?));
        ip(&["address", "add", &format!("{clients}/24"), "dev", &name])?;
        ip(&["link", "set", &name, "up"])?;
        Ok(Self { sites: namespaces, relay: Relay::start(devices, seed)?, lease })
    }

    /// The number that no other network on this machine has.
    pub fn number(&self) -> u8 {
        self.lease.number
    }

    /// How many sites.
    pub fn sites(&self) -> usize {
        self.sites.len()
    }

    /// The address of a place.
    pub fn address(&self, place: Place) -> Result<Ipv4Addr> {
        let octet = match place {
            Place::Site(site) => site_octet(site)?,
            Place::Clients => CLIENTS_OCTET,
        };
        Ok(address(self.lease.number, octet))
    }

    /// What stands before a program that is to run at a site, see
    /// [`crate::Start::wrapper`]: it is replaced by the program.
    pub fn wrapper(&self, site: usize) -> Result<Vec<OsString>> {
        Ok(self.site(site)?.wrapper())
    }

    /// Runs a program at a site to its end; what it printed.
    pub fn run(&self, site: usize, words: &[&str]) -> Result<String> {
        self.site(site)?.run(words)
    }

    /// Changes one direction, from now on.
    pub fn set(&self, from: Place, to: Place, link: Link) {
        self.relay.set(self.index(from), self.index(to), link);
    }

    /// Changes both directions between two places.
    pub fn set_both(&self, one: Place, other: Place, link: Link) {
        self.set(one, other, link);
        self.set(other, one, link);
    }

    /// Changes all directions between sites; the clients' are left as they are.
    pub fn set_between_sites(&self, link: Link) {
        for one in 0..self.sites.len() {
            for other in (0..self.sites.len()).filter(|other| *other != one) {
                self.set(Place::Site(one), Place::Site(other), link);
            }
        }
    }

    /// What a direction is like.
    pub fn link(&self, from: Place, to: Place) -> Link {
        self.relay.link(self.index(from), self.index(to))
    }

    /// What a direction has carried so far.
    pub fn carried(&self, from: Place, to: Place) -> Carried {
        self.relay.carried(self.index(from), self.index(to))
    }

    /// Cuts a site off from these others by its own firewall (nftables), both ways, in
    /// place of what it dropped before.
    pub fn firewall(&self, site: usize, others: &[Place]) -> Result<()> {
        let peers: Result<Vec<_>> = others.iter().map(|place| self.address(*place)).collect();
        self.site(site)?.firewall(&peers?)
    }

    /// The site's firewall lets everything pass again.
    pub fn firewall_lift(&self, site: usize) -> Result<()> {
        self.site(site)?.firewall_lift()
    }

    fn site(&self, site: usize) -> Result<&Namespace> {
        self.sites.get(site).with_context(|| format!("there is no site {site}"))
    }

    fn index(&self, place: Place) -> usize {
        match place {
            Place::Site(site) => site,
            Place::Clients => self.sites.len(),
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.relay.stop();
        // A device goes with its namespace, and a thread that reads it ends.
        let sites = self.sites.len();
        self.sites.clear();
        if let Err(error) = ip(&["link", "delete", &device_name(self.lease.number, sites)]) {
            eprintln!("the network device of the clients is left: {error:#}");
            return;
        }
        self.relay.join();
    }
}

fn namespace_name(number: u8, site: usize) -> String {
    format!("essaim-{number}-{site}")
}

fn device_name(number: u8, place: usize) -> String {
    format!("es{number}-{place}")
}

fn address(number: u8, octet: u8) -> Ipv4Addr {
    Ipv4Addr::new(198, 18, number, octet)
}

fn site_octet(site: usize) -> Result<u8> {
    ensure!(site < SITES_MAX, "there is no site {site}");
    Ok(u8::try_from(site + 1)?)
}

/// A device in our own namespace, not switched on yet.
///
/// It is deleted by its name, with its namespace: `tappers` 0.4 closes nothing in a
/// released build, so that its descriptor stays open until the program ends.
fn device(name: &str) -> Result<Tun> {
    let made = Interface::new(name).and_then(Tun::new_named);
    let made = made.with_context(|| format!("the network device {name} cannot be made"))?;
    ip(&["link", "set", name, "mtu", MTU_BYTES, "txqueuelen", DEVICE_QUEUE])?;
    Ok(made)
}
