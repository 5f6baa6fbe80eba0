//! Every command against a running node: what it prints, for people and programs.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use blackbox::{Node, Program, Start, binary, plain_get};

/// Runs the binary alone; exit code, output, error output.
fn run(words: &[&str]) -> Result<(Option<i32>, String, String)> {
    let output = Command::new(binary()?).args(words).output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.code(), text(&output.stdout), text(&output.stderr)))
}

#[test]
fn a_tenant_from_its_creation_to_its_end() -> Result<()> {
    let node = Node::start()?;
    let made = node.essaim_json(&["tenant", "create", "asso", "--quota-bytes", "10MiB"])?;
    ensure!(made["quota_bytes"] == 10 << 20 && made["state"] == "active", "{made}");
    ensure!(node.essaim(&["tenant", "create", "asso"]).is_err(), "twice");
    let user = node.essaim_json(&["user", "create", "scan", "--tenant", "asso"])?;
    ensure!(user["tenant"] == "asso", "{user}");
    let words = ["bucket", "create", "asso-archives", "--tenant", "asso", "--quota-bytes", "1MiB"];
    let bucket = node.essaim_json(&words)?;
    ensure!(bucket["tenant"] == "asso" && bucket["quota_bytes"] == 1 << 20, "{bucket}");
    let key = node.essaim_json(&[
        "key",
        "create",
        "--tenant",
        "asso",
        "--user",
        "scan",
        "--buckets",
        "asso-archives",
        "--read-only",
        "--expires",
        "30d",
    ])?;
    ensure!(key["read_only"] == true && key["user"] == "scan", "{key}");
    ensure!(key["secret_access_key"].as_str().is_some_and(|s| s.len() >= 32), "{key}");
    let keys = node.essaim_json(&["key", "list", "--tenant", "asso"])?;
    ensure!(!keys.to_string().contains("secret"), "{keys}");
    let brief = ["key", "create", "--tenant", "asso", "--expires", "1s"];
    let brief = node.essaim_json(&brief)?["access_key_id"].clone();
    let since = std::time::Instant::now();
    loop {
        let keys = node.essaim_json(&["key", "list", "--tenant", "asso"])?;
        let of_it = |listed: &&serde_json::Value| listed["access_key_id"] == brief;
        let listed = keys.as_array().and_then(|keys| keys.iter().find(of_it));
        if listed.context("it is not listed")?["expired"] == true {
            break;
        }
        ensure!(since.elapsed().as_secs() < 10, "it does not expire: {keys}");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let text = node.essaim(&["key", "list", "--tenant", "asso"])?;
    ensure!(text.contains("expired") && text.contains("read"), "{text}");
    let shown = node.essaim_json(&["tenant", "show", "asso"])?;
    ensure!(shown["buckets"] == 1, "{shown}");
    ensure!(node.essaim(&["tenant", "delete", "asso"]).is_err(), "it still has a bucket");
    ensure!(node.essaim_json(&["tenant", "suspend", "asso"])?["state"] == "suspended");
    ensure!(node.essaim_json(&["tenant", "resume", "asso"])?["state"] == "active");
    ensure!(node.essaim(&["tenant", "quota", "asso"]).is_err(), "lifted without a word");
    ensure!(node.essaim_json(&["tenant", "show", "asso"])?["quota_bytes"] == 10 << 20);
    let lifted = node.essaim_json(&["tenant", "quota", "asso", "--unlimited"])?;
    ensure!(lifted["quota_bytes"].is_null(), "{lifted}");
    let id = key["access_key_id"].as_str().context("no id")?;
    node.essaim(&["key", "revoke", id, "--tenant", "asso"])?;
    node.essaim(&["user", "delete", "scan", "--tenant", "asso"])?;
    node.essaim(&["bucket", "delete", "asso-archives"])?;
    node.essaim_json(&["tenant", "delete", "asso"])?;
    let names = node.essaim_json(&["tenant", "list"])?;
    ensure!(!names.to_string().contains("asso"), "{names}");
    Ok(())
}

#[test]
fn what_is_printed_for_people_is_printed_for_programs_too() -> Result<()> {
    let node = Node::start()?;
    let tenant = node.tenant().to_owned();
    for words in [
        vec!["status"],
        vec!["version"],
        vec!["tenant", "list"],
        vec!["tenant", "show", &tenant],
        vec!["user", "list", "--tenant", &tenant],
        vec!["key", "list", "--tenant", &tenant],
        vec!["bucket", "list"],
        vec!["bucket", "list", "--tenant", &tenant],
        vec!["usage"],
        vec!["usage", "--tenant", &tenant],
        vec!["scrub"],
        vec!["scrub", "--now"],
        vec!["token", "list"],
    ] {
        let version = words == ["version"];
        if version {
            let (code, text, _) = run(&["version", "--json"])?;
            ensure!(code == Some(0) && serde_json::from_str::<serde_json::Value>(&text).is_ok());
            continue;
        }
        ensure!(!node.essaim(&words)?.trim().is_empty(), "{words:?} prints nothing");
        node.essaim_json(&words)?;
    }
    Ok(())
}

#[test]
fn the_doctor_looks_and_harms_nothing() -> Result<()> {
    let node = Node::start()?;
    let found = node.essaim_json(&["doctor"])?;
    let subjects: Vec<&str> =
        found.as_array().context("no list")?.iter().filter_map(|f| f["subject"].as_str()).collect();
    for subject in ["data directory", "node", "key file", "disk space", "disk sync", "clock"] {
        ensure!(subjects.contains(&subject), "{subject} is not looked at: {subjects:?}");
    }
    std::fs::set_permissions(
        node.data().join("root.key"),
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )?;
    let said = node.essaim(&["doctor"]).err().context("a key for all to read is fine?")?;
    ensure!(said.to_string().contains("chmod 600"), "{said}");
    Ok(())
}

#[test]
fn a_token_opens_the_api_from_elsewhere() -> Result<()> {
    let node = Node::start()?;
    let made = node.essaim_json(&["token", "create", "watch", "--scopes", "read"])?;
    let secret = made["secret"].as_str().context("no secret")?;
    let ask = |words: &[&str], token: &str| -> Result<Option<i32>> {
        let output = Command::new(binary()?)
            .args(words)
            .args(["--admin-url", node.admin_url()])
            .env("ESSAIM_ADMIN_TOKEN", token)
            .output()?;
        Ok(output.status.code())
    };
    ensure!(ask(&["tenant", "list"], secret)? == Some(0), "it reads");
    ensure!(ask(&["tenant", "create", "x"], secret)? == Some(1), "it does not change");
    let copy = node.data().join("never.backup");
    let words = ["backup", "catalog", &copy.display().to_string()];
    ensure!(ask(&words, secret)? == Some(1) && !copy.exists(), "it takes no copy");
    let audited = |line: &str| {
        ["audit", "refused", "watch", "/api/v1/backup/catalog"].iter().all(|w| line.contains(w))
    };
    ensure!(node.log()?.lines().any(audited), "nobody would know: {}", node.log()?);
    ensure!(ask(&["tenant", "list"], "essaim_t_wrong")? == Some(1), "another is refused");
    let id = made["id"].as_str().context("no id")?;
    node.essaim(&["token", "revoke", id])?;
    ensure!(ask(&["tenant", "list"], secret)? == Some(1), "revoked");
    ensure!(!node.log()?.contains(secret), "the token is in the log");
    Ok(())
}

#[test]
fn exit_codes_say_what_is_wrong() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let nowhere = folder.path().display().to_string();
    let (code, _, said) = run(&["status", "--data", &nowhere])?;
    ensure!(code == Some(3) && said.contains("essaim up"), "{code:?} {said}");
    ensure!(run(&["status", "--admin-url", "http://127.0.0.1:1"])?.0 == Some(2), "no token");
    ensure!(run(&["fly"])?.0 == Some(2));
    ensure!(run(&["tenant", "create", "a", "--quota-bytes", "much"])?.0 == Some(2));
    ensure!(run(&["--help"])?.0 == Some(0));
    Ok(())
}

#[test]
fn completions_and_manual_pages_are_written() -> Result<()> {
    for shell in ["bash", "zsh", "fish"] {
        let (code, script, _) = run(&["completions", shell])?;
        ensure!(code == Some(0) && script.contains("essaim"), "{shell}");
    }
    let folder = tempfile::tempdir()?;
    let (code, _, said) = run(&["man", &folder.path().display().to_string()])?;
    ensure!(code == Some(0), "{said}");
    ensure!(folder.path().join("essaim-up.1").exists());
    Ok(())
}

#[test]
fn metrics_and_health_are_served() -> Result<()> {
    let node = Node::start()?;
    let get = |path: &str| plain_get(node.admin_url(), path);
    ensure!(get("/health/live")?.0 == 200);
    let since = std::time::Instant::now();
    while get("/health/ready")?.0 != 200 {
        ensure!(since.elapsed().as_secs() < 10, "{}", get("/health/ready")?.1);
    }
    let (status, text) = get("/metrics")?;
    ensure!(status == 200 && text.contains("essaim_process_resident_memory_bytes "), "{text}");
    let mut checker = Program::named("promtool")
        .context("it is in the Debian package prometheus")?
        .args(["check", "metrics"])
        .into_command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    checker.stdin.take().context("no input")?.write_all(text.as_bytes())?;
    let output = checker.wait_with_output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (status, _) = get("/api/v1/status")?;
    ensure!(status == 401, "{status}");
    let (_, document) = get("/api/openapi.json")?;
    ensure!(document.contains("\"/api/v1/status\""));
    Ok(())
}

/// What a command says when its output goes there; its exit code and error output.
fn with_output(words: &[&str], node: &Node, output: Stdio) -> Result<(Option<i32>, String)> {
    let child = Command::new(binary()?)
        .args(words)
        .arg("--data")
        .arg(node.data())
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(Stdio::piped())
        .spawn()?;
    let done = child.wait_with_output()?;
    Ok((done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned()))
}

#[test]
fn a_reader_that_goes_away_is_no_panic() -> Result<()> {
    let node = Node::start()?;
    for words in [&["status"][..], &["tenant", "list"], &["doctor"], &["usage", "--json"]] {
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        let (code, said) = with_output(words, &node, writer.into())?;
        ensure!(code == Some(0) && said.is_empty(), "{words:?}: {code:?} {said}");
        let full = std::fs::File::options().write(true).open("/dev/full")?;
        let (code, said) = with_output(words, &node, full.into())?;
        ensure!(code == Some(1) && said.contains("no room"), "{words:?}: {code:?} {said}");
    }
    Ok(())
}

#[test]
fn the_doctor_finds_what_stops_a_start() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let start = Start { folder: Some(folder.path().to_owned()), ..Start::default() };
    let mut node = Node::start_with(start)?;
    let found = node.essaim_json(&["doctor"])?;
    let hints = found.as_array().context("no list")?.iter().filter(|f| f["verdict"] == "hint");
    let hints: Vec<&str> = hints.filter_map(|hint| hint["subject"].as_str()).collect();
    ensure!(hints == ["root key", "redundancy"], "{found}");
    node.stop()?;
    let names = ["node.json", "root.key", "node.key", "accounts.json", "disk/disk.id"];
    for name in names {
        let path = node.data().join(name);
        let whole = std::fs::read(&path)?;
        std::fs::write(&path, b"rubbish")?;
        let said = node.essaim(&["doctor"]).err().with_context(|| format!("{name} is fine?"))?;
        ensure!(said.to_string().contains("1 thing is wrong"), "{name}: {said}");
        ensure!(std::fs::read(&path)? == b"rubbish", "{name} was changed");
        std::fs::write(&path, &whole)?;
    }
    for name in ["node.json", "root.key", "catalog", "disk/disk.id"] {
        let (path, aside) = (node.data().join(name), folder.path().join("aside"));
        std::fs::rename(&path, &aside)?;
        let said = node.essaim(&["doctor"]).err().with_context(|| format!("{name} is fine?"))?;
        ensure!(said.to_string().contains("1 thing is wrong"), "{name}: {said}");
        std::fs::rename(&aside, &path)?;
    }
    node.essaim(&["doctor"])?;
    Ok(())
}

#[test]
fn what_looks_at_this_machine_takes_no_url() -> Result<()> {
    let ask = |words: &[&str]| -> Result<(Option<i32>, String)> {
        let output = Command::new(binary()?).args(words).output()?;
        Ok((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()))
    };
    let url = "http://127.0.0.1:9";
    let (code, said) = ask(&["doctor", "--admin-url", url])?;
    ensure!(code == Some(2) && said.contains("this machine"), "{said}");
    let (code, said) = ask(&["backup", "root-key", "/nowhere/copy", "--admin-url", url])?;
    ensure!(code == Some(2) && said.contains("own machine"), "{said}");
    let (code, said) = ask(&["status", "--admin-url", "127.0.0.1:9"])?;
    ensure!(code == Some(2) && said.contains("http://127.0.0.1:9"), "{said}");
    Ok(())
}
