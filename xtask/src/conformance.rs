//! ceph/s3-tests against a fresh node, and the lists that say what passed.
//!
//! The suite is not ours and not in this repository: `--suite` names a checkout,
//! `--python` an interpreter with its requirements and pytest.
//! Of its tests those count that Amazon's own service is meant to pass and whose
//! feature the contract serves; the marks left out are [`LEFT_OUT`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::shell;
use node::Node;

mod node;

/// Marks of tests that do not apply, each with the reason that the lists print.
const LEFT_OUT: &[(&str, &str)] = &[
    ("fails_on_aws", "the suite itself says that AWS answers otherwise"),
    ("auth_aws2", "signature version 2 is not served"),
    ("appendobject", "an extension of Ceph, not S3"),
    ("bucket_logging", "not served"),
    ("cloud_transition", "transition to other clouds is not served"),
    ("cloud_restore", "transition to other clouds is not served"),
    ("s3select", "S3 Select is in the row *later* of the contract"),
    ("storage_class", "one storage class: the placement policy decides"),
    ("lifecycle_transition", "one storage class: the placement policy decides"),
];

/// The two files of the suite that test S3 itself.
const FILES: &[&str] = &["s3tests/functional/test_s3.py", "s3tests/functional/test_headers.py"];

/// ceph/s3-tests against a fresh node.
#[derive(Args)]
pub struct Conformance {
    /// A checkout of ceph/s3-tests.
    #[arg(long)]
    suite: PathBuf,
    /// A Python with the suite's requirements, pytest and pytest-timeout.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// A binary that is built already, in place of the released one.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// How many sites; with several, the lists are compared and not written.
    #[arg(long, default_value_t = 1)]
    sites: usize,
    /// Through which of them the suite works.
    #[arg(long, default_value_t = 1)]
    through: usize,
    /// Only tests that match this pytest expression; the lists are then not written.
    #[arg(long)]
    only: Option<String>,
}

impl Conformance {
    /// Builds, starts a node, runs the suite, writes `docs/conformance/`.
    pub fn run(self, root: &Path) -> Result<()> {
        let binary = if let Some(binary) = &self.binary {
            binary.clone()
        } else {
            let build = ["build", "--release", "--locked", "--bin", "essaim"];
            shell::run(shell::cargo(root).args(build))?;
            shell::target_folder(root)?.join("release/essaim")
        };
        let folder = tempfile::tempdir().context("no temporary folder")?;
        let mut nodes: Vec<Node> = Vec::with_capacity(self.sites);
        for number in 1..=self.sites {
            let own = folder.path().join(format!("site-{number}"));
            nodes.push(Node::start(&binary, &own, nodes.first())?);
        }
        let first = nodes.first().context("there is one site at least")?;
        if self.sites > 1 {
            first.sites_wait(self.sites as u64)?;
        }
        let through = nodes.get(self.through.saturating_sub(1)).context("no such site")?;
        let settings = folder.path().join("s3tests.conf");
        fs::write(&settings, first.suite_settings(through)?)?;
        let report = folder.path().join("report.xml");
        let marks: Vec<String> = LEFT_OUT.iter().map(|(mark, _)| format!("not {mark}")).collect();
        let mut pytest = Command::new(&self.python);
        pytest
            .current_dir(&self.suite)
            .env("S3TEST_CONF", &settings)
            .env("AWS_MAX_ATTEMPTS", "1")
            .args(["-m", "pytest", "-q", "--timeout=150", "--tb=no", "-m"])
            .arg(marks.join(" and "))
            .arg(format!("--junitxml={}", report.display()))
            .args(FILES);
        if let Some(only) = &self.only {
            pytest.args(["-k", only]);
        }
        // A failed test makes pytest fail; the report is what counts.
        let outcome = shell::run(&mut pytest);
        drop(nodes);
        let Ok(report) = fs::read_to_string(&report) else {
            outcome?;
            bail!("pytest wrote no report");
        };
        let results = parse(&report);
        let passed = results.values().filter(|result| result.as_str() == "passed").count();
        println!("{passed} of {} applicable tests pass", results.len());
        for (name, result) in results.iter().filter(|(_, result)| *result != "passed") {
            println!("  {result}: {name}");
        }
        if self.only.is_some() {
            return Ok(());
        }
        if self.sites == 1 {
            return self.publish(root, &results);
        }
        compare(root, &results)
    }

    /// Writes the lists, with the commits of both sides.
    fn publish(&self, root: &Path, results: &BTreeMap<String, String>) -> Result<()> {
        let commit = |folder: &Path| {
            shell::output(Command::new("git").current_dir(folder).args([
                "rev-parse",
                "--short",
                "HEAD",
            ]))
        };
        let folder = root.join("docs/conformance");
        fs::create_dir_all(&folder)?;
        let passed: Vec<&String> = results
            .iter()
            .filter(|(_, result)| *result == "passed")
            .map(|(name, _)| name)
            .collect();
        let mut text = format!(
            "# ceph/s3-tests\n\nSuite at commit {}, this software at commit {}.\n\
             Passed: {} of {} applicable tests.\n\n",
            commit(&self.suite)?.trim(),
            commit(root)?.trim(),
            passed.len(),
            results.len()
        );
        text.push_str("Command: `cargo xtask conformance --suite PATH --python PATH`.\n\n");
        text.push_str("## Left out by mark\n\n| mark | why |\n|---|---|\n");
        for (mark, why) in LEFT_OUT {
            writeln!(text, "| {mark} | {why} |")?;
        }
        text.push_str("\n## Applicable and not passed\n\n");
        for (name, result) in results.iter().filter(|(_, result)| *result != "passed") {
            writeln!(text, "- `{name}` ({result})")?;
        }
        text.push_str("\nReasons for each are in [reasons.md](reasons.md).\n\n## Passed\n\n");
        for name in passed {
            writeln!(text, "- `{name}`")?;
        }
        Ok(fs::write(folder.join("s3-tests.md"), text)?)
    }
}

/// Fails if a test does not pass that does on one site, by the list of the last run there.
fn compare(root: &Path, results: &BTreeMap<String, String>) -> Result<()> {
    let listed = fs::read_to_string(root.join("docs/conformance/s3-tests.md"))?;
    let passed = listed.split("## Passed").nth(1).context("no list of what passed")?;
    let names = passed.lines().filter_map(|line| line.strip_prefix("- `")?.strip_suffix('`'));
    let is_missing = |name: &&str| results.get(*name).is_none_or(|result| result != "passed");
    let (all, missing): (usize, Vec<&str>) =
        (names.clone().count(), names.filter(is_missing).collect());
    println!("of the {all} that pass on one site {} do not here: {missing:?}", missing.len());
    if missing.is_empty() { Ok(()) } else { bail!("the lists differ") }
}

/// Test name to `passed`, `failed`, `error` or `skipped`, from a JUnit report.
fn parse(report: &str) -> BTreeMap<String, String> {
    let mut results = BTreeMap::new();
    for case in report.split("<testcase ").skip(1) {
        let Some(name) = attribute(case, "name") else { continue };
        let body = case.split("</testcase>").next().unwrap_or(case);
        let has = |tag: &str| body.contains(tag);
        let result = if has("<failure") {
            "failed"
        } else if has("<error") {
            "error"
        } else if has("<skipped") {
            "skipped"
        } else {
            "passed"
        };
        // A test that errs while clearing up is reported twice; the worse result stays.
        let entry = results.entry(name).or_insert_with(|| result.to_owned());
        if result != "passed" {
            result.clone_into(entry);
        }
    }
    results
}

fn attribute(case: &str, name: &str) -> Option<String> {
    let value = format!(" {case}").split(&format!(" {name}=\"")).nth(1)?.to_owned();
    Some(value.split('"').next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_report_is_read() {
        let results = parse(
            "<testsuite><testcase classname=\"a\" name=\"good\" time=\"1\" />\
             <testcase classname=\"a\" name=\"bad\"><failure message=\"x\">y</failure></testcase>\
             <testcase classname=\"a\" name=\"good\"><error>z</error></testcase>\
             <testcase classname=\"a\" name=\"out\"><skipped/></testcase></testsuite>",
        );
        let shown: Vec<String> = results.iter().map(|(n, r)| format!("{n}={r}")).collect();
        assert_eq!(shown, ["bad=failed", "good=error", "out=skipped"]);
    }
}
