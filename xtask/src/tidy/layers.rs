//! The one-way layers of `docs/layers.toml`, held against `cargo metadata`.
//!
//! Development dependencies count too: a test that reaches upwards is a sign
//! that the test lives in the wrong room.
//!
//! A package outside the workspace must be listed too, with what it is for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::{MetadataCommand, Package};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Packages with a workspace of their own, and what they are for.
    #[serde(default)]
    outside: BTreeMap<String, String>,
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
pub fn check(root: &Path, tracked: &[PathBuf]) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(root.join("docs/layers.toml"))
        .context("docs/layers.toml cannot be read")?;
    let table: Table = toml::from_str(&text).context("docs/layers.toml")?;
    let metadata = MetadataCommand::new().current_dir(root).no_deps().exec()?;
    let members = metadata.packages.iter().filter_map(|package| {
        package.manifest_path.parent()?.strip_prefix(&metadata.workspace_root).ok()
    });
    let members = members.map(|folder| folder.as_std_path().to_owned()).collect();
    let mut found = faults(&table, &edges(&metadata.packages));
    found.extend(strays(&table, &members, tracked));
    Ok(found)
}

/// Packages outside the workspace that the table does not list, and the reverse.
fn strays(table: &Table, members: &BTreeSet<PathBuf>, tracked: &[PathBuf]) -> Vec<String> {
    let manifests = tracked.iter().filter(|path| path.ends_with("Cargo.toml"));
    let folders: BTreeSet<&Path> = manifests.filter_map(|path| path.parent()).collect();
    let unknown = |folder: &&&Path| {
        let is_root = folder.as_os_str().is_empty();
        !is_root
            && !members.contains(**folder)
            && !folder.to_str().is_some_and(|name| table.outside.contains_key(name))
    };
    let unlisted = folders.iter().filter(unknown).map(|folder| {
        format!("{}: neither in the workspace nor listed in docs/layers.toml", folder.display())
    });
    let missing = table.outside.keys().filter(|name| !folders.contains(Path::new(name)));
    let missing = missing.map(|name| format!("docs/layers.toml lists {name}, which is not there"));
    unlisted.chain(missing).collect()
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
    fn packages_outside_the_workspace_are_listed() {
        let table = toml::from_str("layer = []\n[outside]\nbakeoff = 'why'\n");
        let table: Table = table.expect("the table of this test");
        let members = BTreeSet::from([PathBuf::from("crates/a")]);
        let check = |manifests: &[&str]| {
            let tracked: Vec<PathBuf> = manifests.iter().map(PathBuf::from).collect();
            strays(&table, &members, &tracked).len()
        };
        let known = ["Cargo.toml", "crates/a/Cargo.toml", "bakeoff/Cargo.toml"];
        assert_eq!(check(&known), 0);
        assert_eq!(check(&known[..2]), 1);
        assert_eq!(check(&[&known[..], &["other/Cargo.toml"]].concat()), 1);
    }

    #[test]
    fn upwards_sideways_and_unknown_are_faults() {
        assert_eq!(check(&[("a", &["c"]), ("b", &[]), ("c", &[])]).len(), 1);
        assert_eq!(check(&[("a", &["b"]), ("b", &[]), ("c", &[])]).len(), 1);
        assert_eq!(check(&[("a", &[]), ("b", &[]), ("c", &[]), ("d", &[])]).len(), 1);
        assert_eq!(check(&[("a", &[]), ("b", &[])]).len(), 1);
    }
}
