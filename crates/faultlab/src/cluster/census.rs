//! A census of fragments: what the catalog says of each object, and what lies on disks.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde_json::Value;

use super::disks::OnDisk;
use super::lab::Commands;

/// Bytes of a stripe, but for a part's last.
const STRIPE_BYTES: u64 = 4 << 20;

/// All objects together, as `essaim where` tells.
#[derive(Clone, Debug, Default)]
pub struct Census {
    /// Objects that are there.
    pub objects: u64,
    /// Of these, such that lie in the catalog.
    pub in_catalog: u64,
    /// Fragments of the others, by their slots.
    pub slots: u64,
    /// Their parts, to be compared with the disks.
    pub parts: Vec<Part>,
    /// Fragments of them that lie on the disks.
    pub on_disks: u64,
    /// Fragments on the disks of parts that are no object's any more.
    pub left_over: u64,
    /// What is not as it must be.
    pub wrong: Vec<String>,
}

/// A part and where its slots lie.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its id.
    pub id: String,
    /// Its bytes.
    pub bytes: u64,
    /// The name of the site of each slot.
    pub sites: Vec<String>,
}

impl Census {
    /// Asks one site about these keys, each of which is to survive so many sites.
    pub fn take(commands: &Commands, bucket: &str, keys: &[String], survive: u64) -> Result<Self> {
        let mut census = Self::default();
        for key in keys {
            let place = match commands.json(&["where", &format!("s3://{bucket}/{key}")]) {
                Ok(place) => place,
                // It was deleted.
                Err(error) if format!("{error:#}").contains("there is no object") => continue,
                Err(error) => return Err(error.context(format!("where {key} is"))),
            };
            census.add(key, &place, survive);
        }
        Ok(census)
    }

    /// Compares with what lies on the disks, by the names of their sites: each fragment of
    /// each stripe is where the catalog says, and nowhere else.
    pub fn compare(&mut self, disks: &BTreeMap<String, OnDisk>) {
        let mut expected = BTreeMap::new();
        for part in &self.parts {
            let stripes =
                u32::try_from(part.bytes.div_ceil(STRIPE_BYTES).max(1)).unwrap_or(u32::MAX);
            for (slot, site) in (0_u8..).zip(&part.sites) {
                for stripe in 0..stripes {
                    expected.insert((part.id.clone(), stripe, slot), site);
                }
            }
        }
        let known: BTreeSet<&String> = self.parts.iter().map(|part| &part.id).collect();
        let mut found: BTreeMap<_, Vec<&String>> = BTreeMap::new();
        for (site, disk) in disks {
            for (part, stripe, fragment) in disk.fragments.keys() {
                let part = format!("{:032x}", u128::from_be_bytes(*part));
                if known.contains(&part) {
                    found.entry((part, *stripe, *fragment)).or_default().push(site);
                } else {
                    self.left_over += 1;
                }
            }
        }
        for (name, site) in &expected {
            match found.remove(name).unwrap_or_default().as_slice() {
                [one] if one == site => self.on_disks += 1,
                others => {
                    let lies = format!("{name:?} is to lie at {site}, and lies at {others:?}");
                    self.wrong.push(lies);
                }
            }
        }
        for (name, sites) in found {
            self.wrong.push(format!("{name:?} lies at {sites:?}, and is to lie nowhere"));
        }
    }

    fn add(&mut self, key: &str, place: &Value, survive: u64) {
        self.objects += 1;
        match place["keeping"].as_str() {
            Some("fragments") => {}
            Some("catalog" | "empty") => {
                self.in_catalog += 1;
                return;
            }
            other => self.wrong.push(format!("{key} is kept as {other:?}")),
        }
        for part in place["parts"].as_array().into_iter().flatten() {
            let number = |name: &str| part[name].as_u64().unwrap_or_default();
            let fragments: Vec<&Value> =
                part["fragments"].as_array().into_iter().flatten().collect();
            let expected = number("data") + number("parity");
            let sites: Vec<String> = fragments
                .iter()
                .filter_map(|one| one["site"].as_str().map(str::to_owned))
                .collect();
            let distinct: BTreeSet<&String> = sites.iter().collect();
            let there = fragments.iter().filter(|one| one["reach"] == "there").count();
            let vanish = part["sites_may_vanish"].as_u64();
            let is_whole = fragments.len() as u64 == expected
                && there == fragments.len()
                && distinct.len() == fragments.len()
                && vanish.is_some_and(|vanish| vanish >= survive);
            if !is_whole {
                self.wrong.push(format!(
                    "{key}: {} of {expected} fragments, {there} there, on {} sites, {vanish:?} may \
                     vanish",
                    fragments.len(),
                    distinct.len()
                ));
            }
            self.slots += fragments.len() as u64;
            let id = part["part"].as_str().unwrap_or_default().to_owned();
            self.parts.push(Part { id, bytes: number("bytes"), sites });
        }
    }
}
