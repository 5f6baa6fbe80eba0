//! `essaim site`.

use std::io::IsTerminal as _;

use admin::model::{
    CatalogSeat, DiskReach, Moves, MovesPhase, SignatureCheck, Site, SiteDisk, SiteDrainSet,
    SiteFileText, SiteNode, SiteRemoveAsk, SiteRemoveStep, SiteReplaceAsk, SiteSignature,
    SiteState, SiteVouched, Sites,
};
use reqwest::Method;

use crate::cli::{Connect, SiteVerb};
use crate::client::{Client, segment};
use crate::failure::{Failure, Kind};
use crate::output::{self, Table, counted};
use crate::progress::Progress;

const SITES: &str = "/api/v1/sites";

pub(super) async fn run(verb: SiteVerb) -> Result<(), Failure> {
    match verb {
        SiteVerb::List(connect) => list(&connect).await,
        SiteVerb::Show(named) => {
            let site: Site = Client::new(&named.connect)?.get(&path(&named.name, "")).await?;
            if named.connect.json {
                return output::json(&site);
            }
            show(&site);
            Ok(())
        }
        SiteVerb::Evidence(named) => super::evidence::run(&named).await,
        SiteVerb::Set { site_file, speak, connect } => {
            let text = SiteFileText { site_file: node::file_read(&site_file)? };
            let language = speak.language.unwrap_or_else(node::language_of_machine);
            let client = Client::new(&connect)?.speaking(language);
            let site: Site = client.send_json(Method::PUT, "/api/v1/site-statement", &text).await?;
            if connect.json {
                return output::json(&site);
            }
            show(&site);
            Ok(())
        }
        SiteVerb::Drain { name, undo, connect } => {
            let set = SiteDrainSet { draining: !undo };
            let client = Client::new(&connect)?;
            let site: Site = client.send_json(Method::PUT, &path(&name, "/drain"), &set).await?;
            if connect.json {
                return output::json(&site);
            }
            match site.state {
                SiteState::Draining => say!(
                    "the site {} is being emptied; essaim site list shows what is left, and essaim \
                     site remove {} takes it off the map once nothing is",
                    site.name,
                    site.name
                ),
                SiteState::Active => say!("the site {} takes fragments", site.name),
            }
            Ok(())
        }
        SiteVerb::Replace { old, new, lost, yes, connect } => {
            let client = Client::new(&connect)?;
            if lost && !yes {
                give_up(&client, &old).await?;
            }
            let ask = SiteReplaceAsk { by: new, lost };
            let site: Site =
                client.send_json(Method::POST, &path(&old, "/replacement"), &ask).await?;
            if connect.json {
                return output::json(&site);
            }
            say!(
                "the site {} takes the place of {old}; essaim site list shows how far it is, and \
                 nothing else has to be typed",
                site.name
            );
            Ok(())
        }
        SiteVerb::Remove { name, lost, yes, connect } => remove(&name, lost, yes, &connect).await,
    }
}

pub(super) fn path(name: &str, rest: &str) -> String {
    format!("{SITES}/{}{rest}", segment(name))
}

async fn list(connect: &Connect) -> Result<(), Failure> {
    let known: Sites = Client::new(connect)?.get(SITES).await?;
    if connect.json {
        return output::json(&known);
    }
    say!("{}", voting(&known));
    if !known.is_current {
        say!(
            "This node could not make sure just now that it has the newest of the cluster: below \
             is what it last heard. Nothing is written meanwhile."
        );
    }
    say!();
    let mut table = Table::new(&[
        "SITE", "STATE", "WHERE", "OPERATOR", "NODES", "CATALOG", "DISKS", "USED", "FREE", "MOVES",
    ]);
    for site in &known.sites {
        let room = Room::of(site);
        table.row([
            site.name.clone(),
            state(site).to_owned(),
            place(site),
            operator(site),
            lines(&site.nodes, reachable),
            lines(&site.nodes, |node| seat(node.catalog).to_owned()),
            disks(site),
            room.used,
            room.free,
            moves(site),
        ]);
    }
    table.print("no site has said yet who it is: wait a moment");
    if known.sites.len() > 1 {
        say!();
        for line in moving(known.moves.as_ref()) {
            say!("{line}");
        }
    }
    Ok(())
}

/// What of a site moves, in one cell.
fn moves(site: &Site) -> String {
    let Some(moves) = &site.moves else { return "counting".to_owned() };
    let mut told = Vec::new();
    if moves.leaves.slots > 0 {
        told.push(format!("{} to leave", output::bytes(moves.leaves.bytes)));
    }
    if moves.stays.slots > 0 {
        told.push(format!("{} CANNOT LEAVE", output::bytes(moves.stays.bytes)));
    }
    if moves.clearing.slots > 0 {
        told.push(format!("{} deleted, being cleared", output::bytes(moves.clearing.bytes)));
    }
    if site.state == SiteState::Draining && told.is_empty() {
        told.push("empty".to_owned());
    }
    if moves.came.slots > 0 {
        told.push(format!("{} came", output::bytes(moves.came.bytes)));
    }
    if told.is_empty() { "-".to_owned() } else { told.join(", ") }
}

/// What is moving, and when it will be done.
fn moving(moves: Option<&Moves>) -> Vec<String> {
    const COUNTING: &str = "What is to move between sites is being counted.";
    // The sites have just changed, and nobody has said anything since.
    let Some(moves) = moves else { return vec![COUNTING.to_owned()] };
    let left = moves.to_move;
    let mut lines = Vec::new();
    match moves.phase {
        MovesPhase::Counting if !moves.counted => {
            lines.push(COUNTING.to_owned());
        }
        MovesPhase::Moving => {
            let rate = match (moves.bytes_per_second, moves.seconds_left) {
                (Some(rate), Some(seconds)) => format!(
                    "at {} a second that is done in {}",
                    output::bytes(rate),
                    output::duration(seconds)
                ),
                _ => "how long that takes is not known yet".to_owned(),
            };
            let what = output::bytes(left.bytes);
            lines.push(format!("Moving between sites: {what} left; {rate}."));
        }
        MovesPhase::Counting | MovesPhase::Resting if left.slots > 0 => {
            let what = output::bytes(left.bytes);
            lines.push(format!("To be moved between sites: {what}; it is tried again soon."));
        }
        MovesPhase::Counting | MovesPhase::Resting => {
            lines.push("Nothing is to be moved between sites.".to_owned());
        }
    }
    if moves.recuts.slots > 0 {
        let parts = output::counted(moves.recuts.slots, "part has", "parts have");
        let what = output::bytes(moves.recuts.bytes);
        lines.push(format!(
            "{parts} no place as they are cut: {what} are read whole and cut anew for the sites \
             there are."
        ));
    }
    if moves.waiting_parts > 0 {
        let parts = output::counted(moves.waiting_parts, "part waits", "parts wait");
        lines.push(format!("{parts} for a repair before anything of them moves."));
    }
    if moves.stuck_parts > 0 {
        let parts = output::counted(moves.stuck_parts, "part does", "parts do");
        let risk = match moves.at_risk_parts {
            0 => "all survive what their policy asks for all the same".to_owned(),
            some => format!("{some} OF THEM SURVIVE LESS THAN THEIR POLICY ASKS FOR"),
        };
        lines.push(format!(
            "{parts} not lie as their policy wants, and neither a move nor another code mends that; {risk}."
        ));
        lines.extend(moves.why.iter().map(|why| format!("Why, of one of them: {why}")));
    }
    lines
}

/// How many vote, and what that means.
fn voting(known: &Sites) -> String {
    let vote = match known.voting {
        1 => "1 site votes".to_owned(),
        many => format!("{many} sites vote"),
    };
    let away = match (known.may_be_away, known.voting) {
        (0, 1) => "nothing is written while it is away".to_owned(),
        (0, _) => "none of them may be away: writing stops then".to_owned(),
        (1, _) => "1 of them may be away before writing stops".to_owned(),
        (many, _) => format!("{many} of them may be away before writing stops"),
    };
    let now = match known.voting_unreachable {
        0 => String::new(),
        1 => "; 1 DOES NOT ANSWER NOW".to_owned(),
        gone => format!("; {gone} DO NOT ANSWER NOW"),
    };
    format!("{vote}: {away}{now}")
}

const fn state(site: &Site) -> &'static str {
    match site.state {
        SiteState::Active if site.witness => "witness",
        SiteState::Active => "active",
        SiteState::Draining => "draining",
    }
}

fn place(site: &Site) -> String {
    match &site.vouched {
        None => "not said".to_owned(),
        Some(SiteVouched { statement: None, .. }) => "WRONG SIGNATURE".to_owned(),
        Some(SiteVouched { statement: Some(said), .. }) => {
            format!("{}, {}", said.commune, said.departement)
        }
    }
}

fn operator(site: &Site) -> String {
    let said = site.vouched.as_ref().and_then(|vouched| vouched.statement.as_ref());
    said.map_or_else(|| "not said".to_owned(), |said| said.operator.clone())
}

/// What is to be said of each node, in one cell.
fn lines(nodes: &[SiteNode], told: impl Fn(&SiteNode) -> String) -> String {
    let told: Vec<String> = nodes.iter().map(told).collect();
    if told.is_empty() { "-".to_owned() } else { told.join(" / ") }
}

fn reachable(node: &SiteNode) -> String {
    let heard = node.heard_seconds_ago.map(output::duration);
    match (node.is_this, node.reachable, heard) {
        (true, ..) => "this one".to_owned(),
        (_, Some(true), _) => "yes".to_owned(),
        (_, Some(false), Some(ago)) => format!("NO, last heard {ago} ago"),
        (_, Some(false), None) => "NO, never heard since the start".to_owned(),
        (_, None, _) => "unknown".to_owned(),
    }
}

const fn seat(seat: CatalogSeat) -> &'static str {
    match seat {
        CatalogSeat::Leads => "leads",
        CatalogSeat::Votes => "votes",
        CatalogSeat::Keeps => "keeps it",
        CatalogSeat::None => "not yet",
    }
}

fn all_disks(site: &Site) -> impl Iterator<Item = &SiteDisk> {
    site.nodes.iter().flat_map(|node| &node.disks)
}

fn disks(site: &Site) -> String {
    let mut told = all_disks(site).count().to_string();
    for (reach, words) in [(DiskReach::Unreachable, "unreachable"), (DiskReach::Missing, "MISSING")]
    {
        let count = all_disks(site).filter(|disk| disk.reach == reach).count();
        if count > 0 {
            told = format!("{told}, {count} {words}");
        }
    }
    told
}

/// The room of a site's disks, as far as it is known now.
struct Room {
    used: String,
    free: String,
}

impl Room {
    fn of(site: &Site) -> Self {
        let sum = |value: fn(&SiteDisk) -> Option<u64>| {
            let known: Vec<u64> = all_disks(site).filter_map(value).collect();
            match (all_disks(site).count(), known.len()) {
                (0, _) => "-".to_owned(),
                (_, 0) => "unknown".to_owned(),
                (all, some) => {
                    let bytes = output::bytes(known.iter().copied().fold(0, u64::saturating_add));
                    if some < all { format!("{bytes} on {some} of {all}") } else { bytes }
                }
            }
        };
        Self { used: sum(|disk| disk.used_bytes), free: sum(|disk| disk.free_bytes) }
    }
}

fn show(site: &Site) {
    let room = Room::of(site);
    let this = if site.is_this { "  (this node is of it)" } else { "" };
    let draining = match &site.draining_since {
        Some(since) => format!("draining since {since}"),
        None => state(site).to_owned(),
    };
    output::facts(&[
        ("site", format!("{}{this}", site.name)),
        ("id", site.id.clone()),
        ("state", draining),
        ("joined", site.joined.clone()),
        ("disks", disks(site)),
        ("room", format!("{} used, {} free", room.used, room.free)),
        ("moves", moves(site)),
        ("custody", super::evidence::in_words(site.custody.as_ref())),
        ("replaced by", output::or_dash(site.replaced_by.as_deref())),
    ]);
    say!();
    match &site.vouched {
        None => say!(
            "It has not said where it is nor who runs it: essaim site set --site-file site.toml \
             there says so"
        ),
        Some(vouched) => statement(vouched),
    }
    for node in &site.nodes {
        say!();
        output::facts(&[
            ("node", node.id.clone()),
            ("answers", reachable(node)),
            ("catalog", seat(node.catalog).to_owned()),
            ("role", node.role.clone()),
            ("reached at", node.addresses.join(", ")),
            ("joined", node.joined.clone()),
        ]);
        for disk in &node.disks {
            let bytes =
                |known: Option<u64>| known.map_or_else(|| "unknown".to_owned(), output::bytes);
            say!(
                "  disk {}  {}, {} used, {} free",
                disk.id,
                reach(disk.reach),
                bytes(disk.used_bytes),
                bytes(disk.free_bytes)
            );
        }
    }
}

fn statement(vouched: &SiteVouched) {
    if let Some(said) = &vouched.statement {
        let degrees = |micro: i32| f64::from(micro) / 1e6;
        let siren =
            said.siren.as_ref().map_or_else(String::new, |siren| format!(" (SIREN {siren})"));
        output::facts(&[
            (
                "commune",
                format!("{}, département {}, {}", said.commune, said.departement, said.country),
            ),
            (
                "position",
                format!(
                    "{:.6}, {:.6}",
                    degrees(said.latitude_micro_degrees),
                    degrees(said.longitude_micro_degrees)
                ),
            ),
            ("operator", format!("{}{siren}", said.operator)),
            ("controlled from", said.control_country.clone()),
            ("hosting", said.hosting.clone()),
            ("energy", output::or_dash(said.energy.as_deref())),
        ]);
        for held in &said.certifications {
            let holds = if held.holds { "holds" } else { "DOES NOT HOLD TODAY" };
            say!("certified: {} from {} until {}: {holds}", held.name, held.from, held.until);
        }
    }
    say!("signed by {}", signature(&vouched.signed));
    match &vouched.countersigned {
        Some(by) => say!("seen and countersigned by {}", signature(by)),
        None => say!("not countersigned: no other site has vouched for having seen it"),
    }
    let over = if vouched.expired { ": THAT IS OVER, say it anew: essaim site set" } else { "" };
    say!("good until {}{over}", vouched.until);
}

fn signature(by: &SiteSignature) -> String {
    let check = match by.check {
        SignatureCheck::Good => "checked now: good",
        SignatureCheck::Wrong => "checked now: WRONG",
        SignatureCheck::SignerUnknown => "CANNOT BE CHECKED: that node is not on the map",
    };
    match &by.site {
        Some(site) => format!("node {} of {site} ({check})", by.node),
        None => format!("node {} ({check})", by.node),
    }
}

/// What is known of the way to a disk, in words.
pub(super) const fn reach(reach: DiskReach) -> &'static str {
    match reach {
        DiskReach::There => "there",
        DiskReach::Unreachable => "site does not answer",
        DiskReach::Missing => "MISSING",
        DiskReach::Unknown => "unknown",
    }
}

/// Asks whether what lies at a site is to be given up.
async fn give_up(client: &Client, name: &str) -> Result<(), Failure> {
    let site: Site = client.get(&path(name, "")).await?;
    let message = format!(
        "the site {} with {} is to be given up: what lies there is lost",
        site.name,
        counted(all_disks(&site).count() as u64, "disk", "disks")
    );
    if !std::io::stdin().is_terminal() {
        let hint = "nobody can be asked here: if that is so, say it with --yes";
        return Err(Failure::new(Kind::Usage, message, hint));
    }
    eprintln!("{message}.");
    eprint!("Type its name, {}: ", site.name);
    super::confirm::typed(&site.name)
}

async fn remove(name: &str, lost: bool, yes: bool, connect: &Connect) -> Result<(), Failure> {
    let client = Client::new(connect)?;
    if lost && !yes {
        give_up(&client, name).await?;
    }
    let ask = SiteRemoveAsk { lost };
    let mut progress = Progress::new(connect.json, "{spinner} {msg} {elapsed}");
    let mut looked = 0_u64;
    loop {
        let step: SiteRemoveStep =
            client.send_json(Method::POST, &path(name, "/removal"), &ask).await?;
        if step.finished {
            break;
        }
        looked = looked.saturating_add(step.parts_looked_at);
        progress.at(looked, looked, || format!("looked at {looked} parts: none lies there"));
    }
    progress.end();
    if connect.json {
        return output::json(&SiteRemoveStep { finished: true, parts_looked_at: looked });
    }
    say!("the site {name} is off the map: its nodes are let in nowhere any more");
    Ok(())
}

#[cfg(test)]
mod tests {
    use admin::model::MovingSlots;

    use super::*;

    #[test]
    fn what_may_be_away_is_said() {
        for (voting, may_be_away, voting_unreachable, words) in [
            (1, 0, 0, "1 site votes: nothing is written while it is away"),
            (2, 0, 0, "2 sites vote: none of them may be away: writing stops then"),
            (
                3,
                1,
                1,
                "3 sites vote: 1 of them may be away before writing stops; 1 DOES NOT ANSWER NOW",
            ),
            (
                5,
                2,
                2,
                "5 sites vote: 2 of them may be away before writing stops; 2 DO NOT ANSWER NOW",
            ),
        ] {
            let (is_current, sites) = (true, Vec::new());
            let moves = None;
            let known = Sites { is_current, voting, may_be_away, voting_unreachable, moves, sites };
            assert_eq!(super::voting(&known), words);
        }
    }

    #[test]
    fn what_moves_is_said_and_when_it_is_done() {
        let moves = |phase, left: u64, seconds_left: Option<u64>| Moves {
            said: String::new(),
            phase,
            counted: true,
            to_move: MovingSlots { slots: left.min(7), bytes: left },
            balance: MovingSlots::default(),
            recuts: MovingSlots::default(),
            stuck_parts: 0,
            at_risk_parts: 0,
            why: None,
            waiting_parts: 0,
            bytes_per_second: seconds_left.map(|_| 2 << 20),
            seconds_left,
        };
        let first = |moves: &Moves| moving(Some(moves)).remove(0);
        assert!(moving(None).concat().contains("being counted"), "nobody has said anything");
        let under_way = first(&moves(MovesPhase::Moving, 6 << 20, Some(3)));
        assert!(under_way.contains("left; at") && under_way.contains("done in 3"), "{under_way}");
        let early = first(&moves(MovesPhase::Moving, 6 << 20, None));
        assert!(early.contains("not known yet"), "{early}");
        let none = first(&moves(MovesPhase::Resting, 0, None));
        assert_eq!(none, "Nothing is to be moved between sites.");
        let counting = Moves { counted: false, ..moves(MovesPhase::Counting, 0, None) };
        assert!(first(&counting).contains("being counted"), "no zero before it was counted");
        let recuts = MovingSlots { slots: 1, bytes: 3 << 20 };
        let cut = Moves { recuts, ..moves(MovesPhase::Moving, 6 << 20, None) };
        let told = moving(Some(&cut)).join(" ");
        assert!(told.contains("1 part has no place") && told.contains("cut anew"), "{told}");
        let why = Some("one site more is needed".to_owned());
        let stuck = Moves { stuck_parts: 2, at_risk_parts: 1, why, ..counting };
        let told = moving(Some(&stuck)).join(" ");
        assert!(told.contains("2 parts do not lie") && told.contains("1 OF THEM"), "{told}");
    }
}
