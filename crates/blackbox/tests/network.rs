//! The network of sites itself: what it carries, how fast, and what it holds back.

use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use blackbox::{Link, Network, Place};

const PORT: u16 = 7_000;
const PEER: &str = env!("CARGO_BIN_EXE_peer");
/// Says that what only the superuser can do may be left out.
const WITHOUT_ROOT: &str = "ESSAIM_WITHOUT_ROOT";
/// How long a program may take to listen.
const LISTENS_WITHIN: Duration = Duration::from_secs(5);

/// Whether networks are left out here; a test that did nothing passes only where somebody
/// has said that it may.
fn is_left_out() -> bool {
    let Some(why) = Network::refused() else { return false };
    assert!(
        std::env::var_os(WITHOUT_ROOT).is_some(),
        "NOT TESTED: {why}; mend that, or leave it out with {WITHOUT_ROOT}=1"
    );
    eprintln!("NOT TESTED: {why}");
    true
}

/// A program at a site; it ends with its handle.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _killed = self.0.kill();
        let _ended = self.0.wait();
    }
}

fn at(network: &Network, site: usize) -> Result<String> {
    Ok(format!("{}:{PORT}", network.address(Place::Site(site))?))
}

/// A peer listens at a site, and our own namespace reaches it.
fn listens(network: &Network, site: usize) -> Result<Running> {
    let address = at(network, site)?;
    let wrapper = network.wrapper(site)?;
    let (program, words) = wrapper.split_first().context("no wrapper")?;
    let mut command = Command::new(program);
    command.args(words).args([PEER, "listen", &address]).stdin(Stdio::null());
    let running = Running(command.spawn()?);
    let since = Instant::now();
    while let Err(error) = connected(&address) {
        ensure!(since.elapsed() < LISTENS_WITHIN, "{error:#}");
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(running)
}

fn connected(address: &str) -> Result<()> {
    TcpStream::connect_timeout(&address.parse()?, Duration::from_millis(500))?;
    Ok(())
}

/// What a peer measured from one site to another.
fn measured(network: &Network, from: usize, to: usize, what: &str, count: &str) -> Result<f64> {
    let said = network.run(from, &[PEER, what, &at(network, to)?, count])?;
    Ok(said.trim().parse()?)
}

#[test]
fn links_carry_delay_and_can_be_changed_while_they_are_used() -> Result<()> {
    if is_left_out() {
        return Ok(());
    }
    let network = Network::start(3, 1)?;
    let _second = listens(&network, 1)?;
    let near = measured(&network, 0, 1, "ping", "300")?;
    let fast = measured(&network, 0, 1, "send", "1000000000")?;
    network.set_between_sites(Link::round_trip(Duration::from_millis(10)));
    let far = measured(&network, 0, 1, "ping", "50")?;
    let far_fast = measured(&network, 0, 1, "send", "500000000")?;
    println!("round trip {near} ms, {fast} MB/s; with 10 ms: {far} ms, {far_fast} MB/s");
    // On a machine that does much else all of it takes longer; never less.
    ensure!(near < 5.0, "{near} ms without delay");
    ensure!((10.0..40.0).contains(&far), "{far} ms with 10 ms");
    ensure!(fast > 50.0 && far_fast > 5.0, "{fast} and {far_fast} MB/s");
    let narrow = Link { bytes_per_second: Some(20_000_000), ..Link::default() };
    network.set(Place::Site(0), Place::Site(1), narrow);
    network.set(Place::Site(1), Place::Site(0), Link::default());
    let slow = measured(&network, 0, 1, "send", "20000000")?;
    ensure!((2.0..20.5).contains(&slow), "{slow} MB/s through 20");
    let lossy = Link { loss: 0.01, ..Link::default() };
    network.set_between_sites(lossy);
    let before = network.carried(Place::Site(0), Place::Site(1));
    let lost = measured(&network, 0, 1, "send", "200000000")?;
    let after = network.carried(Place::Site(0), Place::Site(1));
    println!("with a loss of 1 %: {lost} MB/s, {} packets lost", after.lost - before.lost);
    ensure!(after.lost > before.lost && after.bytes - before.bytes >= 200_000_000, "{after:?}");
    Ok(())
}

#[test]
fn a_cut_and_a_firewall_hold_back_both_ways_and_heal() -> Result<()> {
    if is_left_out() {
        return Ok(());
    }
    let network = Network::start(3, 1)?;
    let _peers = [listens(&network, 0)?, listens(&network, 1)?, listens(&network, 2)?];
    let reaches = |from: usize, to: usize| {
        let (address, wait) = (at(&network, to)?, "0.3");
        let ping = network.run(from, &["timeout", wait, PEER, "ping", &address, "1"]);
        Ok::<bool, anyhow::Error>(ping.is_ok())
    };
    let (first, second) = (Place::Site(0), Place::Site(1));
    ensure!(reaches(0, 1)? && reaches(1, 2)?);
    network.set_both(first, second, Link::default().cut());
    ensure!(!reaches(0, 1)? && !reaches(1, 0)? && reaches(0, 2)? && reaches(1, 2)?);
    ensure!(network.carried(first, second).lost > 0);
    network.set_both(first, second, Link::default());
    ensure!(reaches(0, 1)? && reaches(1, 0)?);
    // One way only: no connection comes about, as no answer does.
    network.set(second, first, Link::default().cut());
    ensure!(!reaches(0, 1)? && !reaches(1, 0)? && reaches(1, 2)?);
    network.set(second, first, Link::default());
    network.firewall(2, &[first, second])?;
    ensure!(!reaches(2, 0)? && !reaches(1, 2)? && reaches(0, 1)?);
    connected(&at(&network, 2)?).context("clients still reach it")?;
    network.firewall_lift(2)?;
    ensure!(reaches(2, 0)? && reaches(1, 2)?);
    Ok(())
}

#[test]
fn nothing_is_left_of_a_network() -> Result<()> {
    if is_left_out() {
        return Ok(());
    }
    let network = Network::start(2, 1)?;
    let (first, clients) = (network.address(Place::Site(0))?, network.address(Place::Clients)?);
    ensure!(first != clients);
    let mut peer = listens(&network, 0)?;
    let name = network
        .wrapper(0)?
        .iter()
        .find_map(|word| Some(word.to_str()?.strip_prefix("--net=")?.to_owned()));
    let name = name.context("no namespace")?;
    ensure!(std::path::Path::new(&name).exists());
    // A second one has addresses of its own.
    let other = Network::start(2, 1)?;
    ensure!(other.address(Place::Site(0))? != first);
    drop(other);
    ensure!(connected(&at(&network, 0)?).is_ok());
    drop(network);
    ensure!(!std::path::Path::new(&name).exists(), "{name} is left");
    ensure!(peer.0.wait()?.code().is_none(), "the program at the site was killed");
    let gone = |address: Ipv4Addr| std::net::UdpSocket::bind((address, 0)).is_err();
    ensure!(gone(clients), "the clients' device is left");
    Ok(())
}
