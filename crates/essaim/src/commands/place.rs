//! `essaim where`.

use admin::model::{Keeping, Where, WherePart};

use super::site::reach;
use crate::cli::Connect;
use crate::client::{Client, segment};
use crate::failure::{Failure, Kind};
use crate::output::{self, Table, counted};

pub(super) async fn run(
    object: &str,
    version_id: Option<&str>,
    connect: &Connect,
) -> Result<(), Failure> {
    let named = object.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
    let Some((bucket, key)) = named.filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
    else {
        let message = format!("{object:?} names no object");
        return Err(Failure::new(Kind::Usage, message, "write it as s3://BUCKET/KEY"));
    };
    let mut path = format!("/api/v1/where?bucket={}&key={}", segment(bucket), segment(key));
    if let Some(version) = version_id {
        path = format!("{path}&version_id={}", segment(version));
    }
    let place: Where = Client::new(connect)?.get_counted(&path).await?;
    if connect.json {
        return output::json(&place);
    }
    match place.keeping {
        Keeping::Empty => say!("the object is empty: there are no bytes to lie anywhere"),
        Keeping::Catalog => in_catalog(&place),
        Keeping::Fragments => on_disks(&place),
    }
    Ok(())
}

fn in_catalog(place: &Where) {
    say!(
        "{}: small enough to lie in the catalog, which is at {}",
        output::bytes(place.bytes),
        counted(place.catalog.len() as u64, "site", "sites")
    );
    say!();
    let mut table = Table::new(&["SITE", "WHERE", "OPERATOR", "CATALOG", "ANSWERS"]);
    for at in &place.catalog {
        let answers = match at.reachable {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "unknown",
        };
        table.row([
            at.site.clone(),
            said(at.commune.as_ref()),
            said(at.operator.as_ref()),
            match (at.votes, at.witness) {
                (true, true) => "votes, as a witness".to_owned(),
                (false, true) => "keeps it, as a witness".to_owned(),
                (true, false) => "votes".to_owned(),
                (false, false) => "keeps it".to_owned(),
            },
            answers.to_owned(),
        ]);
    }
    table.print("no site is known to keep it");
}

fn on_disks(place: &Where) {
    let bytes = output::bytes(place.bytes);
    match &place.parts[..] {
        [only] if place.parts_count == 1 => say!("{bytes}: {}", sentence(only)),
        _ => {
            let vanish = place.sites_may_vanish;
            let vanish = vanish.map_or("SOME CANNOT BE READ".to_owned(), vanish_words);
            say!("{bytes} in {} parts, each by itself: {vanish}", place.parts_count);
        }
    }
    say!();
    let mut table = Table::new(&[
        "PART", "CODE", "FRAGMENT", "SITE", "WHERE", "OPERATOR", "DISK", "NODE", "NOW", "PROVED",
    ]);
    for part in &place.parts {
        for fragment in &part.fragments {
            table.row([
                part.number.to_string(),
                format!("{}+{}", part.data, part.parity),
                (fragment.slot + 1).to_string(),
                fragment.site.clone().unwrap_or_else(|| "unknown".to_owned()),
                said(fragment.commune.as_ref()),
                said(fragment.operator.as_ref()),
                short(&fragment.disk),
                fragment.node.as_deref().map_or_else(|| "unknown".to_owned(), short),
                reach(fragment.reach).to_owned(),
                fragment.proved.clone().unwrap_or_else(|| "not yet".to_owned()),
            ]);
        }
    }
    table.print("nothing");
    if (place.parts.len() as u64) < place.parts_count {
        say!("\nonly the first {} parts are listed", place.parts.len());
    }
}

fn short(id: &str) -> String {
    id.chars().take(8).collect()
}

fn said(text: Option<&String>) -> String {
    text.cloned().unwrap_or_else(|| "not said".to_owned())
}

/// How a part lies, and what may vanish, in words.
fn sentence(part: &WherePart) -> String {
    let fragments = part.fragments.len() as u64;
    let lie = format!(
        "{} on {}",
        counted(fragments, "fragment", "fragments"),
        counted(part.sites, "site", "sites")
    );
    let away = fragments.saturating_sub(part.there);
    let now = match away {
        0 => String::new(),
        1 => "; 1 of them is not there now".to_owned(),
        many => format!("; {many} of them are not there now"),
    };
    let Some(sites) = part.sites_may_vanish else {
        return format!(
            "{lie}: {} are needed and too many are missing: it CANNOT BE READ",
            part.data
        );
    };
    let any = match part.data {
        data if data == fragments => "all are needed".to_owned(),
        1 => "any 1 gives it back".to_owned(),
        data => format!("any {data} give it back"),
    };
    let unread = part.there < part.data;
    let read = if unread { ", too many for it to be read until they are back" } else { "" };
    let vanish = match (part.sites, part.disks_may_vanish) {
        (1, Some(disks)) if disks > 0 => {
            let disks = counted(disks, "disk", "disks");
            format!("{disks} of that site may vanish, the site may not")
        }
        _ => vanish_words(sites),
    };
    format!("{lie}: {any}, so {vanish}{now}{read}")
}

fn vanish_words(sites: u64) -> String {
    match sites {
        0 => "no site may vanish".to_owned(),
        1 => "1 site may vanish".to_owned(),
        many => format!("{many} sites may vanish"),
    }
}

#[cfg(test)]
mod tests {
    use admin::model::{DiskReach, WhereFragment};

    use super::*;

    fn part(data: u64, there: &[DiskReach], sites: u64, may_vanish: Option<u64>) -> WherePart {
        let fragment = |(slot, reach): (usize, &DiskReach)| WhereFragment {
            slot: slot as u64,
            disk: "7".repeat(32),
            reach: *reach,
            node: None,
            site: None,
            commune: None,
            operator: None,
            proved: None,
        };
        WherePart {
            number: 1,
            part: "1".repeat(32),
            bytes: 1,
            data,
            parity: there.len() as u64 - data,
            sites,
            sites_may_vanish: may_vanish,
            disks_may_vanish: Some(1),
            there: there.iter().filter(|reach| **reach == DiskReach::There).count() as u64,
            fragments: there.iter().enumerate().map(fragment).collect(),
        }
    }

    #[test]
    fn what_may_vanish_is_said_in_plain_words() {
        use DiskReach::{Missing, There, Unreachable};
        for (part, words) in [
            (
                part(3, &[There; 5], 5, Some(2)),
                "5 fragments on 5 sites: any 3 give it back, so 2 sites may vanish",
            ),
            (
                part(1, &[There, There, Unreachable], 3, Some(2)),
                "3 fragments on 3 sites: any 1 gives it back, so 2 sites may vanish; 1 of them is \
                 not there now",
            ),
            (
                part(1, &[There; 2], 1, Some(0)),
                "2 fragments on 1 site: any 1 gives it back, so 1 disk of that site may vanish, \
                 the site may not",
            ),
            (
                part(2, &[There, Unreachable, Unreachable], 3, Some(1)),
                "3 fragments on 3 sites: any 2 give it back, so 1 site may vanish; 2 of them are \
                 not there now, too many for it to be read until they are back",
            ),
            (
                part(2, &[There, Missing, Missing], 1, None),
                "3 fragments on 1 site: 2 are needed and too many are missing: it CANNOT BE READ",
            ),
        ] {
            assert_eq!(sentence(&part), words);
        }
    }
}
