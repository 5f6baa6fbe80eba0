//! The one-way layers of `docs/layers.toml`, held against `cargo metadata`.
//!
//! Development dependencies count too: a test that reaches upwards is a sign
//! that the test lives in the wrong room.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::{MetadataCommand, Package};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    layer: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Layer {
    name: String,
    crates: Vec<String>,
    #[serde(default)]
    neighbours: BTreeMap<String, Vec<String>>,
}

/// Edges that the table does not allow, and crates it does not know.
pub fn check(root: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(root.join("docs/layers.toml"))
        .context("docs/layers.toml cannot be read")?;
    let table: Table = toml::from_str(&text).context("docs/layers.toml")?;
    let metadata = MetadataCommand::new().current_dir(root).no_deps().exec()?;
    Ok(faults(&table, &edges(&metadata.packages)))
}

/// Each crate of the workspace with the crates of the workspace it names.
fn edges(packages: &[Package]) -> BTreeMap<String, BTreeSet<String>> {
    let members: BTreeSet<String> = packages.iter().map(|p| p.name.to_string()).collect();
    packages
        .iter()
        .map(|package| {
            let named = package.dependencies.iter().map(|dependency| dependency.name.clone());
            (package.name.to_string(), named.filter(|name| members.contains(name)).collect())
        })
        .collect()
}

fn faults(table: &Table, edges: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut floor = BTreeMap::new();
    for (number, layer) in table.layer.iter().enumerate() {
        for name in &layer.crates {
            floor.insert(name.as_str(), (number, layer));
        }
    }
    let mut faults = Vec::new();
    for (name, needs) in edges {
        let Some((from, layer)) = floor.get(name.as_str()) else {
            faults.push(format!("{name}: not on any layer of docs/layers.toml"));
            continue;
        };
        for need in needs {
            let Some((to, upper)) = floor.get(need.as_str()) else { continue };
            let listed = layer.neighbours.get(name).is_some_and(|list| list.contains(need));
            if to > from || (to == from && !listed) {
                faults.push(format!(
                    "{name} ({}) may not depend on {need} ({}): docs/layers.toml",
                    layer.name, upper.name
                ));
            }
        }
    }
    for name in floor.keys().filter(|name| !edges.contains_key(**name)) {
        faults.push(format!("docs/layers.toml names {name}, which is not in the workspace"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(edges: &[(&str, &[&str])]) -> Vec<String> {
        let table = toml::from_str(
            "[[layer]]\nname = 'low'\ncrates = ['a', 'b']\nneighbours = { b = ['a'] }\n\
             [[layer]]\nname = 'high'\ncrates = ['c']\n",
        )
        .expect("the table of this test");
        let edges = edges
            .iter()
            .map(|(name, needs)| {
                ((*name).to_owned(), needs.iter().map(|need| (*need).to_owned()).collect())
            })
            .collect();
        faults(&table, &edges)
    }

    #[test]
    fn downwards_and_listed_neighbours_are_allowed() {
        assert_eq!(check(&[("a", &[]), ("b", &["a"]), ("c", &["a", "b"])]), Vec::<String>::new());
    }

    #[test]
    fn upwards_sideways_and_unknown_are_faults() {
        assert_eq!(check(&[("a", &["c"]), ("b", &[]), ("c", &[])]).len(), 1);
        assert_eq!(check(&[("a", &["b"]), ("b", &[]), ("c", &[])]).len(), 1);
        assert_eq!(check(&[("a", &[]), ("b", &[]), ("c", &[]), ("d", &[])]).len(), 1);
        assert_eq!(check(&[("a", &[]), ("b", &[])]).len(), 1);
    }
}
