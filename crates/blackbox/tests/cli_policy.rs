//! Placement policies of the real binary, as operators see them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use blackbox::{Ask, Client, Node, Start, binary, samples};
use http::Method;
use serde_json::Value;

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

fn site_file(folder: &Path, name: &str, commune: &str, longitude: &str) -> Result<String> {
    fs::create_dir_all(folder)?;
    let path = folder.join("site.toml");
    let text = format!(
        "name = {name:?}\ncountry = \"FR\"\ncommune = {commune:?}\ndepartement = \"44\"\n\
         latitude = 47.2\nlongitude = {longitude}\nhosting = \"town-hall\"\n\n[operator]\n\
         name = \"Ville {name}\"\nsiren = \"214401093\"\ncontrol_country = \"FR\"\n"
    );
    fs::write(&path, text)?;
    Ok(path.display().to_string())
}

fn started(folder: &Path, site_file: Option<&str>, join: Option<&Node>) -> Result<Node> {
    fs::create_dir_all(folder)?;
    let mut arguments: Vec<String> = Vec::new();
    arguments.extend(site_file.iter().flat_map(|file| ["--site-file".to_owned(), (*file).into()]));
    if let Some(by) = join {
        let made = by.essaim_json(&["invite"])?;
        let token = made["token"].as_str().context("no token")?;
        arguments.extend(["--join".to_owned(), token.to_owned()]);
    }
    let arguments = arguments.into_iter().map(Into::into).collect();
    let folder = Some(folder.to_owned());
    let start = Start { folder, arguments, joins: join.is_some(), ..Start::default() };
    let node = Node::start_with(start)?;
    Ok(match join {
        Some(by) => node.with_key_of(by),
        None => node,
    })
}

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

fn all_there(node: &Node, count: usize) -> Result<()> {
    let since = Instant::now();
    loop {
        let sites = node.essaim_json(&["site", "list"])?;
        let nodes = sites["sites"].as_array().into_iter().flatten();
        let nodes = nodes.flat_map(|site| site["nodes"].as_array().into_iter().flatten());
        let disks: Vec<&Value> =
            nodes.flat_map(|node| node["disks"].as_array().into_iter().flatten()).collect();
        let there = disks.iter().filter(|disk| disk["reach"] == "there");
        if there.count() == count && sites["voting"] == count && sites["is_current"] == true {
            return Ok(());
        }
        ensure!(since.elapsed() < SEATED_WITHIN, "{sites:#}\n{}", node.log()?);
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_policy_is_checked_set_shown_explained_and_removed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    let written = |name: &str, text: &str| -> Result<String> {
        fs::write(at(name), text)?;
        Ok(at(name).display().to_string())
    };
    let file = site_file(&at("a"), "mairie", "44109", "-1.55")?;
    let first = started(&at("a"), Some(&file), None)?;
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
    let second = started(&at("b"), None, Some(&first))?;
    all_there(&first, 2)?;
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
    let near = site_file(&at("b"), "école", "44020", "-1.54")?;
    second.essaim(&["site", "set", "--site-file", &near])?;
    let told = first.essaim(&["policy", "explain", "s3://plans", "--language", "fr"])?;
    let told = told.replace('\u{a0}', " ");
    ensure!(told.contains("moins que les 5,0 km demandés"), "{told}");
    let far = site_file(&at("b"), "école", "44020", "-1.20")?;
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
