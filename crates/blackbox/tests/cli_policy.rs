//! Placement policies of the real binary, as operators see them.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use blackbox::sites::{Site, all_there, join, sites_with};
use blackbox::{Ask, Client, Node, Start, binary, samples};
use http::Method;

/// How long a node may take to join, be seated and vote.
const SEATED_WITHIN: Duration = Duration::from_mins(1);
/// Long enough to lie on disks.
const OBJECT_BYTES: usize = 100 << 10;

const IN_FRANCE: &str = r#"cedar = '''
@id("france") @fr("seulement en France") @en("only in France")
permit (principal, action == Action::"store", resource)
when { resource.country == "FR" };
'''
"#;

/// What a command says that is refused: the exit code and the error output.
fn refused(node: &Node, words: &[&str]) -> Result<(i32, String)> {
    let output = Command::new(binary()?)
        .args(words)
        .arg("--data")
        .arg(node.data())
        .env_remove("LANG")
        .env_remove("LC_ALL")
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = output.status.code().context("no exit code")?;
    ensure!(code != 0, "{words:?} was not refused: {}", String::from_utf8_lossy(&output.stdout));
    Ok((code, said.replace('\u{a0}', " ")))
}

#[tokio::main(flavor = "current_thread")]
async fn status(node: &Node, ask: Ask) -> Result<(u16, String)> {
    let answer = Client::connect(&node.target()).await?.call(ask).await?;
    Ok((answer.status.as_u16(), answer.text()))
}

fn put(node: &Node, key: &str) -> Result<(u16, String)> {
    status(node, Ask::new(Method::PUT, key).body(samples::bytes(OBJECT_BYTES, 7)))
}

#[test]
fn a_policy_is_checked_set_shown_explained_and_removed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    let written = |name: &str, text: &str| -> Result<String> {
        fs::write(at(name), text)?;
        Ok(at(name).display().to_string())
    };
    let town_hall = Site::new("mairie", "44109").at_longitude(-1.55);
    let first = Node::start_with(town_hall.start(&at("a"))?)?;
    status(&first, Ask::new(Method::PUT, "/plans"))?;
    let tenant = first.essaim_json(&["bucket", "show", "plans"])?;
    let tenant = tenant["tenant"].as_str().context("no tenant")?.to_owned();
    let shown = first.essaim(&["policy", "show", "--bucket", "plans"])?;
    ensure!(shown.contains("No policy was set"), "{shown}");

    // Every fault with its line, in both languages; nothing is changed.
    let wrong = written("wrong.toml", "[spread]\nsurvives = 1\n\ndistinct = 'town'\n")?;
    let (code, said) = refused(&first, &["policy", "check", &wrong])?;
    ensure!(code == 1, "exit code {code}");
    for words in ["line 2: spread.survives: no such field", "line 4: spread.distinct: expected"] {
        ensure!(said.contains(words), "{words}: {said}");
    }
    let (_, said) = refused(&first, &["policy", "check", &wrong, "--language", "fr"])?;
    ensure!(said.contains("ligne 2 : spread.survives : champ inconnu"), "{said}");
    let (_, said) = refused(&first, &["policy", "set", "--bucket", "plans", &wrong])?;
    ensure!(said.contains("line 2: spread.survives"), "{said}");

    // One site cannot keep two apart: refused, or set knowingly, and then nothing is written.
    let apart = written("apart.toml", "[spread]\nsurvive = 1\nmin_distance_km = 5\n")?;
    let (_, said) = refused(&first, &["policy", "check", &apart])?;
    ensure!(said.contains("1 site is missing: the rule “survive = 1” asks for 2 sites"), "{said}");
    let (_, said) =
        refused(&first, &["policy", "set", "--bucket", "plans", &apart, "--language", "fr"])?;
    ensure!(said.contains("Il manque 1 site") && said.contains("--even-if"), "{said}");
    ensure!(put(&first, "/plans/before")?.0 == 200);
    let set = ["policy", "set", "--bucket", "plans", &apart, "--even-if-unsatisfiable"];
    let said = first.essaim(&set)?;
    ensure!(said.contains("a policy of its own") && said.contains("NOTHING CAN BE"), "{said}");
    let (code, said) = put(&first, "/plans/refused")?;
    ensure!(code == 503 && said.contains("1 site is missing"), "{code} {said}");

    // A second site that has not said where it is does not help; once it has, it does.
    let second = join(&first, Start { folder: Some(at("b")), ..Start::default() })?;
    sites_with(&first, SEATED_WITHIN, |sites| all_there(sites, 2))?;
    let told = first.essaim(&["policy", "explain", "s3://plans"])?;
    for words in ["mairie", "it has not said where it is", "essaim site set", "not said"] {
        ensure!(told.contains(words), "{words}: {told}");
    }
    let (code, said) = put(&first, "/plans/refused")?;
    ensure!(code == 503 && said.contains("survive = 1"), "{code} {said}");
    let (code, _) = status(&first, Ask::new(Method::GET, "/plans/before"))?;
    ensure!(code == 200, "what is stored is read as before");
    let bad = written("bad.toml", "name = \"école\"\nland = \"FR\"\n")?;
    let (_, said) = refused(&second, &["site", "set", "--site-file", &bad, "--language", "fr"])?;
    ensure!(said.contains("ligne 2 : land : champ inconnu"), "{said}");
    let near = Site::new("école", "44020").at_longitude(-1.54).file(&at("b"))?;
    second.essaim(&["site", "set", "--site-file", &near])?;
    let told = first.essaim(&["policy", "explain", "s3://plans", "--language", "fr"])?;
    let told = told.replace('\u{a0}', " ");
    ensure!(told.contains("moins que les 5,0 km demandés"), "{told}");
    let far = Site::new("école", "44020").at_longitude(-1.20).file(&at("b"))?;
    second.essaim(&["site", "set", "--site-file", &far])?;
    let since = Instant::now();
    while put(&first, "/plans/large")?.0 != 200 {
        ensure!(since.elapsed() < SEATED_WITHIN, "{}", first.log()?);
        std::thread::sleep(Duration::from_millis(200));
    }
    let told = first.essaim_json(&["policy", "explain", "s3://plans/large"])?;
    let drifts = told["object"]["drifts"].as_array().map_or(9, Vec::len);
    ensure!(drifts == 0 && told["object"]["sites_may_vanish"] == 1, "{told:#}");
    let sites = told["sites"].as_array().into_iter().flatten();
    ensure!(sites.filter(|site| site["is_chosen"] == true).count() == 2, "{told:#}");

    // The tenant's holds where the bucket has none, and the cluster's where the tenant has none.
    let france = written("france.toml", IN_FRANCE)?;
    first.essaim(&["policy", "set", "--tenant", &tenant, &france])?;
    first.essaim(&["policy", "set", "--cluster", &france])?;
    let listed = second.essaim(&["policy", "list"])?;
    for words in ["bucket plans", &format!("tenant {tenant}"), "the cluster"] {
        ensure!(listed.contains(words), "{words}: {listed}");
    }
    let source = |node: &Node| -> Result<String> {
        let shown = node.essaim_json(&["policy", "show", "--bucket", "plans"])?;
        ensure!(shown["guarantee"]["sites_may_vanish"] == 1, "{shown:#}");
        Ok(shown["source"].as_str().unwrap_or_default().to_owned())
    };
    ensure!(source(&first)? == "bucket");
    first.essaim(&["policy", "remove", "--bucket", "plans"])?;
    ensure!(source(&first)? == "tenant");
    first.essaim(&["policy", "remove", "--tenant", &tenant])?;
    ensure!(source(&first)? == "cluster");
    first.essaim(&["policy", "remove", "--cluster"])?;
    ensure!(source(&first)? == "default");
    let (_, said) = refused(&first, &["policy", "remove", "--cluster"])?;
    ensure!(said.contains("there is no policy"), "{said}");
    let log = first.log()?;
    ensure!(log.contains("policy set") && log.contains("bucket plans"), "no audit: {log}");
    Ok(())
}
