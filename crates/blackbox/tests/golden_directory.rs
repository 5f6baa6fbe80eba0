//! A data directory of an earlier version, opened by this one: every object is read
//! back, and every question that was asked when it was made has the same answer.
//!
//! | directory | made by |
//! |---|---|
//! | `data-1.tar.gz` | version 0.1.0, before any release |
//!
//! `ESSAIM_GOLDEN=write cargo test -p blackbox --test golden_directory` makes the
//! last one anew, for a new version of a format only. Its keys were drawn for it and
//! protect nothing else.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use blackbox::{Ask, Client, Node, Program, Start};
use http::Method;
use serde_json::{Value, json};

const STATES: [&str; 1] = ["1"];
const PLAIN: &str = "/actes";
const LOCKED: &str = "/registre";

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Bytes that no other number has.
fn body(number: u8, length: usize) -> Vec<u8> {
    let block = |at: usize| digest(&SHA256, &[&[number], &at.to_le_bytes()[..]].concat());
    let mut bytes: Vec<u8> =
        (0..length.div_ceil(32)).flat_map(|at| block(at).as_ref().to_vec()).collect();
    bytes.truncate(length);
    bytes
}

async fn done(client: &mut Client, ask: Ask) -> Result<String> {
    let told = format!("{} {}?{}", ask.method, ask.path, ask.query);
    let answer = client.call(ask).await?;
    ensure!(answer.status.is_success(), "{told}: {} {}", answer.status, answer.text());
    Ok(if answer.etag.is_empty() { answer.text() } else { answer.etag })
}

fn between<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    text.split(tag).nth(1)?.split('<').next()
}

/// One of everything that a catalog and a disk can hold.
async fn fill(node: &Node) -> Result<()> {
    let mut client = Client::connect(&node.target()).await?;
    let put = |path: &str, bytes: Vec<u8>| Ask::new(Method::PUT, path).body(bytes);
    let set = |path: &str, query: &str, text: &str| {
        Ask::new(Method::PUT, path).query(query).body(text.as_bytes().to_vec())
    };
    for bucket in [PLAIN, LOCKED] {
        done(&mut client, Ask::new(Method::PUT, bucket)).await?;
    }
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    done(&mut client, set(LOCKED, "versioning=", enabled)).await?;
    let lock = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>";
    done(&mut client, set(LOCKED, "object-lock=", lock)).await?;
    // Empty, in rows, at the boundary, in fragments.
    for (number, length) in [(0, 0), (1, 100), (2, 8_192), (3, 8_193), (4, 20_000)] {
        done(&mut client, put(&format!("{PLAIN}/objet-{number}"), body(number, length))).await?;
    }
    for (number, length) in [(10, 200), (11, 9_000), (12, 300)] {
        done(&mut client, put(&format!("{LOCKED}/page"), body(number, length))).await?;
    }
    done(&mut client, put(&format!("{LOCKED}/ray%C3%A9"), body(13, 50))).await?;
    done(&mut client, Ask::new(Method::DELETE, format!("{LOCKED}/ray%C3%A9"))).await?;
    let held = format!("{LOCKED}/page");
    let retention = "<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>2099-01-01T00:00:00Z</RetainUntilDate></Retention>";
    done(&mut client, set(&held, "retention=", retention)).await?;
    done(&mut client, set(&held, "legal-hold=", "<LegalHold><Status>ON</Status></LegalHold>"))
        .await?;
    let tags = "<Tagging><TagSet><Tag><Key>service</Key><Value>état civil</Value></Tag></TagSet></Tagging>";
    done(&mut client, set(&format!("{PLAIN}/objet-4"), "tagging=", tags)).await?;
    done(&mut client, set(PLAIN, "tagging=", tags)).await?;
    let rules = "<LifecycleConfiguration><Rule><ID>vieux</ID><Status>Enabled</Status><Filter><Prefix>old/</Prefix></Filter><Expiration><Days>3650</Days></Expiration></Rule></LifecycleConfiguration>";
    done(&mut client, set(PLAIN, "lifecycle=", rules)).await?;
    let cors = "<CORSConfiguration><CORSRule><AllowedOrigin>https://example.org</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";
    done(&mut client, set(PLAIN, "cors=", cors)).await?;
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::actes/objet-1"}]}"#;
    done(&mut client, set(PLAIN, "policy=", policy)).await?;
    for (name, finished) in [("parties", true), ("inachev%C3%A9", false)] {
        let path = format!("{PLAIN}/{name}");
        let begun = done(&mut client, Ask::new(Method::POST, &path).query("uploads=")).await?;
        let id = between(&begun, "<UploadId>").context("no upload id")?.to_owned();
        let part = Ask::new(Method::PUT, &path).query(format!("partNumber=1&uploadId={id}"));
        let tag = done(&mut client, part.body(body(20, 9_500))).await?;
        if finished {
            let list = format!(
                "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{tag}</ETag></Part></CompleteMultipartUpload>"
            );
            let query = format!("uploadId={id}");
            done(&mut client, Ask::new(Method::POST, &path).query(query).body(list)).await?;
        }
    }
    let tenant = node.tenant().to_owned();
    node.essaim(&["tenant", "create", "asso", "--quota-bytes", "10MiB"])?;
    node.essaim(&["user", "create", "scan", "--tenant", "asso"])?;
    node.essaim(&["key", "create", "--tenant", "asso", "--user", "scan", "--read-only"])?;
    node.essaim(&["kms-key", "create", "coffre", "--tenant", &tenant])?;
    node.essaim(&["bucket", "create", "asso-vide", "--tenant", "asso", "--quota-bytes", "1MiB"])?;
    Ok(())
}

/// What is asked: over S3, and on the command line.
fn questions(node: &Node) -> (Vec<(String, &'static str)>, Vec<Vec<String>>) {
    let mut asked = vec![("/".to_owned(), "")];
    for query in ["list-type=2", "uploads=", "tagging=", "lifecycle=", "cors=", "policy=", "acl="] {
        asked.push((PLAIN.to_owned(), query));
    }
    for query in ["versions=", "versioning=", "object-lock=", "acl="] {
        asked.push((LOCKED.to_owned(), query));
    }
    for number in 0..5 {
        asked.push((format!("{PLAIN}/objet-{number}"), ""));
    }
    asked.push((format!("{PLAIN}/parties"), ""));
    asked.push((format!("{PLAIN}/objet-4"), "tagging="));
    for query in ["", "retention=", "legal-hold=", "acl="] {
        asked.push((format!("{LOCKED}/page"), query));
    }
    let tenant = node.tenant();
    let commands = [
        "tenant list",
        "tenant show asso",
        "bucket list",
        "bucket show actes",
        "user list --tenant asso",
        "key list --tenant asso",
        &format!("key list --tenant {tenant}"),
        &format!("kms-key list --tenant {tenant}"),
    ];
    let words = |command: &str| command.split(' ').map(str::to_owned).collect();
    (asked, commands.iter().map(|command| words(command)).collect())
}

/// Leaves of an XML document as `tag=text`, sorted: neither blanks nor order count.
fn leaves(text: &str) -> Vec<String> {
    let mut found: Vec<String> = text
        .split('<')
        .filter_map(|piece| piece.split_once('>'))
        .filter(|(tag, inside)| !tag.starts_with(['/', '?']) && !inside.trim().is_empty())
        .map(|(tag, inside)| format!("{}={inside}", tag.split(' ').next().unwrap_or_default()))
        .collect();
    found.sort();
    found
}

/// All questions and their answers.
async fn answers(node: &Node) -> Result<BTreeMap<String, Value>> {
    let mut client = Client::connect(&node.target()).await?;
    let (asked, commands) = questions(node);
    let mut all = BTreeMap::new();
    let mut versions = Vec::new();
    for (path, query) in asked {
        let answer = client.call(Ask::new(Method::GET, &path).query(query)).await?;
        ensure!(answer.status.is_success(), "{path}?{query}: {}", answer.text());
        if query == "versions=" {
            let text = answer.text();
            let ids = text.split("<VersionId>").skip(1).filter_map(|rest| rest.split('<').next());
            versions = ids.map(str::to_owned).collect();
        }
        let is_object = query.is_empty() && path.matches('/').count() > 1;
        let value = if is_object {
            json!({ "etag": answer.etag, "sha256": sha256(&answer.body) })
        } else if query == "policy=" {
            serde_json::from_slice(&answer.body)?
        } else {
            json!(leaves(&answer.text()))
        };
        all.insert(format!("GET {path}?{query}"), value);
    }
    ensure!(versions.len() == 5, "{versions:?}");
    for version in versions {
        // A version is of one of the two keys; a marker of none that can be read.
        for key in ["page", "ray%C3%A9"] {
            let (path, query) = (format!("{LOCKED}/{key}"), format!("versionId={version}"));
            let answer = client.call(Ask::new(Method::GET, &path).query(&query)).await?;
            let value = json!({ "status": answer.status.as_u16(), "etag": answer.etag,
                "sha256": answer.status.is_success().then(|| sha256(&answer.body)) });
            all.insert(format!("GET {path}?{query}"), value);
        }
    }
    for words in commands {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        all.insert(words.join(" "), node.essaim_json(&words)?);
    }
    Ok(all)
}

fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether today's answer says all that the earlier one said; new fields may be added.
fn says(now: &Value, then: &Value) -> bool {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => {
            then.iter().all(|(name, then)| now.get(name).is_some_and(|now| says(now, then)))
        }
        (Value::Array(now), Value::Array(then)) => {
            now.len() == then.len() && now.iter().zip(then).all(|(now, then)| says(now, then))
        }
        _ => now == then,
    }
}

fn start(folder: &Path) -> Result<Node> {
    Node::start_with(Start { folder: Some(folder.to_owned()), ..Start::default() })
}

async fn make(state: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut node = start(folder.path())?;
    fill(&node).await?;
    let answers = answers(&node).await?;
    node.stop()?;
    std::fs::create_dir_all(golden(""))?;
    let text = serde_json::to_string_pretty(&answers)? + "\n";
    std::fs::write(golden(&format!("answers-{state}.json")), text)?;
    Program::named("tar")?
        .args(["--sparse", "--owner=0", "--group=0", "--numeric-owner"])
        .args(["--exclude=addresses.json"])
        .args(["--exclude=admin.sock", "--exclude=data/lock", "-C"])
        .args([folder.path()])
        .args([Path::new("-czf"), &golden(&format!("data-{state}.tar.gz"))])
        .args(["data", "credentials.json"])
        .run()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_of_an_earlier_version_is_read_whole() -> Result<()> {
    if std::env::var_os("ESSAIM_GOLDEN").is_some_and(|word| word == "write") {
        make(STATES.last().copied().unwrap_or_default()).await?;
    }
    for state in STATES {
        let folder = tempfile::tempdir()?;
        Program::named("tar")?
            .args([Path::new("-xzf"), &golden(&format!("data-{state}.tar.gz")), Path::new("-C")])
            .args([folder.path()])
            .run()?;
        let then = std::fs::read_to_string(golden(&format!("answers-{state}.json")))?;
        let then: BTreeMap<String, Value> = serde_json::from_str(&then)?;
        let mut node = start(folder.path())?;
        // A second life: what the first one brought up to date is read again.
        for life in 1..=2 {
            let now = answers(&node).await?;
            for (question, then) in &then {
                let now = now.get(question).context("a question that is not asked any more")?;
                let same = says(now, then);
                ensure!(same, "life {life}, state {state}, {question}:\n{now}\nand once\n{then}");
            }
            node.stop()?;
            node = start(folder.path())?;
        }
        // And it goes on: an old object is copied over by a new one. Once the directory has
        // lain for long, the clock is confirmed first, as an operator would.
        let status = node.essaim_json(&["status"])?;
        if let Some(time) = status["unconfirmed"][0]["time"].as_str() {
            node.essaim(&["confirm", "clock", "--time", time])?;
        }
        let mut client = Client::connect(&node.target()).await?;
        let path = format!("{PLAIN}/objet-4");
        done(&mut client, Ask::new(Method::PUT, &path).body(body(99, 30_000))).await?;
        let read = client.call(Ask::new(Method::GET, &path)).await?;
        ensure!(read.body == body(99, 30_000), "what is written today is read");
        println!("state {state}: {} answers are the same", then.len());
    }
    Ok(())
}
