//! `essaim up` from outside: what it makes, what it finds again, what it refuses.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use blackbox::{Node, Start, binary};
use serde_json::Value;

/// Runs `essaim up` where it must fail; what it said.
fn refused(data: &Path, more: &[&str]) -> Result<String> {
    let output: Output = Command::new(binary()?)
        .args(["up", "--s3-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .args(more)
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(1), "exit code {:?}: {said}", output.status);
    ensure!(!said.contains("panicked"), "{said}");
    Ok(said)
}

fn mode(path: &Path) -> Result<u32> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o777)
}

fn restarted(folder: &Path) -> Result<Node> {
    Node::start_with(Start { folder: Some(folder.to_owned()), ..Start::default() })
}

/// What the node has printed, once this is in it.
fn printed(node: &Node, wanted: &str) -> Result<String> {
    let since = std::time::Instant::now();
    loop {
        let log = node.log()?;
        if log.contains(wanted) {
            return Ok(log);
        }
        ensure!(since.elapsed().as_secs() < 10, "no {wanted:?} in\n{log}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn a_first_start_makes_everything_and_a_second_finds_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut node = restarted(folder.path())?;
    for field in [
        "s3_endpoint",
        "region",
        "access_key_id",
        "secret_access_key",
        "tenant",
        "admin_url",
        "admin_user",
        "admin_password",
    ] {
        ensure!(!node.credential(field).is_empty(), "no {field}");
    }
    ensure!(mode(&node.data())? == 0o700, "the data directory is open to others");
    ensure!(mode(&folder.path().join("credentials.json"))? == 0o600, "so are the credentials");
    ensure!(mode(&node.data().join("admin.sock"))? == 0o600, "so is the socket");
    let said = printed(&node, "Ctrl-C stops it")?;
    for secret in ["secret_access_key", "admin_password"] {
        ensure!(!said.contains(node.credential(secret)), "{secret} was printed");
    }
    for line in ["aws --endpoint-url", "rclone", "Status page"] {
        ensure!(said.contains(line), "no {line:?} in\n{said}");
    }
    let before = node.essaim_json(&["status"])?;
    let key = node.access_key_id().to_owned();
    ensure!(node.stop()? == Some(0), "SIGTERM is no clean stop:\n{}", node.log()?);

    let node = restarted(folder.path())?;
    let after = node.essaim_json(&["status"])?;
    for id in ["node_id", "site_id", "cluster_id"] {
        ensure!(before[id] == after[id], "{id} changed");
    }
    ensure!(before["disks"][0]["id"] == after["disks"][0]["id"], "the disk changed");
    ensure!(node.access_key_id() == key, "the key changed");
    let keys = node.essaim_json(&["key", "list", "--tenant", node.tenant()])?;
    ensure!(keys.as_array().map(Vec::len) == Some(1), "{keys}");
    Ok(())
}

#[test]
fn a_first_start_that_was_killed_is_completed() -> Result<()> {
    for wait_ms in [5, 10, 15, 20, 30, 40, 60, 120] {
        let folder = tempfile::tempdir()?;
        let mut child = Command::new(binary()?)
            .args(["up", "--s3-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .arg("--data")
            .arg(folder.path().join("data"))
            .arg("--credentials")
            .arg(folder.path().join("credentials.json"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        std::thread::sleep(std::time::Duration::from_millis(wait_ms));
        child.kill()?;
        child.wait()?;
        let node = restarted(folder.path())?;
        let keys = node.essaim_json(&["key", "list", "--tenant", node.tenant()])?;
        let alive = keys.as_array().context("no list")?.iter().filter(|k| k["revoked"] == false);
        let alive: Vec<&Value> = alive.collect();
        ensure!(alive.len() == 1, "after {wait_ms} ms: {keys}");
        ensure!(alive[0]["access_key_id"] == node.access_key_id(), "the file names another key");
    }
    Ok(())
}

#[test]
fn a_port_in_use_is_told_and_nothing_is_made() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port();
    for flag in ["--s3-listen", "--admin-listen"] {
        let data = folder.path().join(flag);
        let output = Command::new(binary()?)
            .arg("up")
            .arg("--data")
            .arg(&data)
            .args([flag, &format!("127.0.0.1:{port}")])
            .args([if flag == "--s3-listen" { "--admin-listen" } else { "--s3-listen" }, ":0"])
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.code() == Some(1), "{said}");
        ensure!(said.contains(&port.to_string()) && said.contains(flag), "{said}");
        ensure!(!data.join("node.json").exists(), "an identity was made all the same");
    }
    Ok(())
}

#[test]
fn a_second_process_on_the_same_data_is_refused() -> Result<()> {
    let node = Node::start()?;
    let said = refused(&node.data(), &[])?;
    ensure!(said.contains("in use by process") && said.contains("--data"), "{said}");
    node.essaim(&["status"]).context("the first one must go on")?;
    Ok(())
}

#[test]
fn a_directory_that_cannot_be_used_is_told() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("file");
    fs::write(&file, b"not a directory")?;
    refused(&file, &[])?;
    refused(&file.join("below"), &[])?;
    ensure!(fs::read(&file)? == b"not a directory", "it was touched");
    let other = folder.path().join("other");
    fs::create_dir(&other)?;
    fs::write(other.join("letters.txt"), b"mine")?;
    let said = refused(&other, &[])?;
    ensure!(said.contains("letters.txt"), "{said}");
    ensure!(!other.join("node.json").exists(), "an identity was made among other files");
    refused(Path::new("/proc/essaim"), &[])?;
    Ok(())
}

#[test]
fn damaged_settings_are_all_told_at_once_with_their_lines() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("essaim.toml");
    fs::write(&config, "region = \"eu\"\ncolour = 1\nlog_format = \"xml\"\n")?;
    let data = folder.path().join("data");
    let text = config.display().to_string();
    let said = refused(&data, &["--config", &text, "--lifecycle-day-seconds", "soon"])?;
    for part in ["line 2", "colour", "line 3", "xml", "--lifecycle-day-seconds"] {
        ensure!(said.contains(part), "no {part:?} in\n{said}");
    }
    ensure!(!data.exists(), "the data directory was made all the same");
    let said = refused(&data, &["--config", "/nowhere/essaim.toml"])?;
    ensure!(said.contains("/nowhere/essaim.toml is not there"), "{said}");
    Ok(())
}

#[test]
fn settings_come_from_the_file() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("essaim.toml");
    fs::write(&config, "region = \"fr-central\"\nlog_format = \"json\"\n")?;
    let arguments = vec!["--config".into(), config.clone().into_os_string()];
    let node = Node::start_with(Start { arguments, ..Start::default() })?;
    ensure!(node.region() == "fr-central", "{}", node.region());
    let log = printed(&node, "\"message\"")?;
    let line = log.lines().find(|line| line.starts_with('{')).context("no JSON in the log")?;
    ensure!(serde_json::from_str::<Value>(line)?["level"].is_string(), "{line}");
    Ok(())
}

#[test]
fn damaged_files_stop_the_start_and_stay_as_they_are() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut node = restarted(folder.path())?;
    node.stop()?;
    let data = node.data();
    for name in ["node.json", "root.key", "node.key", "accounts.json"] {
        let path = data.join(name);
        let whole = fs::read(&path).with_context(|| name.to_owned())?;
        let half = whole.len() / 2;
        for damaged in [whole[..half].to_vec(), Vec::new(), vec![0xA5; whole.len()]] {
            fs::write(&path, &damaged)?;
            let said = refused(&data, &[]).with_context(|| name.to_owned())?;
            ensure!(fs::read(&path)? == damaged, "{name} was changed: {said}");
        }
        fs::write(&path, &whole)?;
    }
    restarted(folder.path()).context("with the files put back")?;
    Ok(())
}

#[test]
fn lost_files_stop_the_start() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut node = restarted(folder.path())?;
    node.stop()?;
    let data = node.data();
    for (name, told) in [
        ("root.key", "root key"),
        ("catalog", "catalog"),
        ("node.json", "node.json"),
        ("disk", "is missing"),
    ] {
        fs::rename(data.join(name), folder.path().join("aside"))?;
        let said = refused(&data, &[]).with_context(|| name.to_owned())?;
        ensure!(said.contains(told), "{name}: {said}");
        if data.join(name).is_dir() {
            fs::remove_dir_all(data.join(name))?;
        }
        ensure!(!data.join(name).exists(), "{name} was made anew: {said}");
        fs::rename(folder.path().join("aside"), data.join(name))?;
    }
    restarted(folder.path()).context("with the files put back")?;
    Ok(())
}

#[test]
fn the_credentials_of_another_node_are_kept() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("credentials.json");
    let words = ["s3_endpoint", "region", "access_key_id", "secret_access_key", "tenant"];
    let more = ["admin_url", "admin_user", "admin_password", "node"];
    let other: serde_json::Map<String, Value> =
        words.iter().chain(&more).map(|word| ((*word).to_owned(), "of another".into())).collect();
    fs::write(&file, serde_json::to_vec(&other)?)?;
    let _node = restarted(folder.path())?;
    let kept = fs::read_to_string(folder.path().join("credentials.json.1"))?;
    ensure!(kept.contains("of another"), "{kept}");
    Ok(())
}

#[test]
fn what_is_no_credentials_file_is_not_moved() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (home, notes) = (folder.path().join("home"), folder.path().join("notes.txt"));
    fs::create_dir(&home)?;
    fs::write(home.join("document"), b"precious")?;
    fs::write(&notes, b"precious")?;
    let data = folder.path().join("data");
    let nowhere = folder.path().join("no/such/folder/credentials.json");
    for (place, words) in [
        (&home, "is no credentials file"),
        (&notes, "is no credentials file"),
        (&nowhere, "is no directory"),
    ] {
        let said = refused(&data, &["--credentials", &place.display().to_string()])?;
        ensure!(said.contains(words) && said.contains("--credentials FILE"), "{said}");
        ensure!(!data.join("node.json").exists(), "a node was founded that cannot be told of");
    }
    ensure!(fs::read(home.join("document"))? == b"precious" && fs::read(&notes)? == b"precious");
    ensure!(fs::read_dir(folder.path())?.count() <= 3, "something was moved aside");
    Ok(())
}

#[test]
fn a_greeting_that_nobody_reads_stops_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut child = Command::new(binary()?)
        .args(["up", "--s3-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data"])
        .arg(folder.path().join("data"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // As `essaim up 2>&1 | true` leaves it.
    drop((child.stdout.take(), child.stderr.take()));
    let since = std::time::Instant::now();
    let socket = folder.path().join("data/admin.sock");
    let status = || {
        Command::new(binary()?)
            .args(["status", "--data"])
            .arg(folder.path().join("data"))
            .output()
            .map_err(anyhow::Error::from)
    };
    while !(socket.exists() && status()?.status.success()) {
        ensure!(child.try_wait()?.is_none(), "the node ended");
        ensure!(since.elapsed() < blackbox::START_MAX, "the node does not answer");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // A clean stop comes after the greeting: a panic in it would be the exit code.
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&child),
        rustix::process::Signal::TERM,
    )?;
    let code = child.wait()?.code();
    ensure!(code == Some(0), "the node ended with {code:?}");
    Ok(())
}

#[test]
fn what_is_to_be_pasted_is_whole_wherever_it_is_pasted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let home = folder.path().join("l'eau et le feu");
    fs::create_dir(&home)?;
    let log = fs::File::create(folder.path().join("log"))?;
    let mut child = Command::new(binary()?)
        .args(["up", "--s3-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .args(["--data", "./data"])
        .current_dir(&home)
        .env("ESSAIM_REGOIN", "eu")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    let since = std::time::Instant::now();
    let said = loop {
        let said = fs::read_to_string(folder.path().join("log"))?;
        if said.contains("Ctrl-C stops it") {
            break said;
        }
        ensure!(since.elapsed() < blackbox::START_MAX && child.try_wait()?.is_none(), "{said}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let from = said.find("export AWS_ACCESS_KEY_ID").context("no export line")?;
    let lines: Vec<&str> = said.get(from..).unwrap_or_default().lines().take(2).collect();
    let script = format!("{}\necho \"$AWS_ACCESS_KEY_ID\"", lines.join("\n"));
    let pasted = Command::new("sh").args(["-c", &script]).current_dir("/").output()?;
    child.kill()?;
    child.wait()?;
    let credentials: Value =
        serde_json::from_slice(&fs::read(home.join("data/credentials.json"))?)?;
    let key = credentials["access_key_id"].as_str().context("no key")?;
    let shown = String::from_utf8_lossy(&pasted.stdout);
    ensure!(shown.trim() == key, "{script}\ngave {shown}");
    ensure!(said.contains("ESSAIM_REGOIN"), "a misspelt setting is not told:\n{said}");
    Ok(())
}

#[test]
fn the_disk_that_stops_the_start_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let other = folder.path().join("other disk");
    let arguments = vec!["--disk".into(), folder.path().join("one").into_os_string()];
    let more = ["--disk".into(), other.clone().into_os_string()];
    let arguments = arguments.into_iter().chain(more).collect();
    let start = Start { folder: Some(folder.path().to_owned()), arguments, ..Start::default() };
    let mut node = Node::start_with(start)?;
    node.stop()?;
    fs::write(other.join("disk.id"), b"rubbish")?;
    let said = refused(&node.data(), &[])?;
    ensure!(said.contains(&other.display().to_string()), "{said}");
    Ok(())
}

#[test]
fn a_disk_that_moved_is_found_where_it_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let start = |disk: &Path| {
        let arguments = vec!["--disk".into(), disk.to_owned().into_os_string()];
        let folder = Some(folder.path().to_owned());
        Node::start_with(Start { folder, arguments, ..Start::default() })
    };
    let mut node = start(&old)?;
    let disk = node.essaim_json(&["status"])?["disks"][0]["id"].clone();
    node.stop()?;
    fs::rename(&old, &new)?;
    let said = refused(&node.data(), &[])?;
    ensure!(said.contains("is missing") && !old.exists(), "{said}");
    let node = start(&new)?;
    let disks = node.essaim_json(&["status"])?["disks"].clone();
    ensure!(disks.as_array().map(Vec::len) == Some(1) && disks[0]["id"] == disk, "{disks}");
    Ok(())
}

#[test]
fn a_disk_named_by_a_link_is_the_disk_itself() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let [disk, link, far] = ["disk", "link", "far"].map(|name| folder.path().join(name));
    let start = |disk: Option<&Path>| {
        let disk = disk.iter().flat_map(|disk| ["--disk".into(), disk.as_os_str().to_owned()]);
        let (folder, arguments) = (Some(folder.path().to_owned()), disk.collect());
        Node::start_with(Start { folder, arguments, ..Start::default() })
    };
    fs::create_dir(&disk)?;
    symlink(&disk, &link)?;
    let mut node = start(Some(&link))?;
    let id = node.essaim_json(&["status"])?["disks"][0]["id"].clone();
    node.stop()?;
    let is_the_one = |named: Option<&Path>| {
        let mut node = start(named)?;
        let disks = node.essaim_json(&["status"])?["disks"].clone();
        ensure!(disks.as_array().map(Vec::len) == Some(1) && disks[0]["id"] == id, "{disks}");
        node.stop()
    };
    for named in [Some(&disk), Some(&link), None] {
        is_the_one(named.map(PathBuf::as_path)).with_context(|| format!("{named:?}"))?;
    }
    // It lies elsewhere now, and a link where it was.
    fs::rename(&disk, &far)?;
    symlink(&far, &disk)?;
    for named in [Some(&disk), None, Some(&far)] {
        is_the_one(named.map(PathBuf::as_path)).with_context(|| format!("moved, {named:?}"))?;
    }
    Ok(())
}

/// A disk that does not answer holds a start, which says meanwhile what it waits for.
#[test]
fn a_start_that_waits_for_a_disk_says_so() -> Result<()> {
    const SAYS: &str = "the start still reads its disks";
    let folder = tempfile::tempdir()?;
    let disk = folder.path().join("slow");
    let start = |wrapper: &[&str]| {
        let arguments = vec!["--disk".into(), disk.clone().into_os_string()];
        let wrapper = wrapper.iter().map(Into::into).collect();
        let folder = Some(folder.path().to_owned());
        Node::start_with(Start { folder, arguments, wrapper, ..Start::default() })
    };
    let mut node = start(&[])?;
    node.stop()?;
    let mark = disk.join("disk.id").display().to_string();
    // The first time a thread opens its mark it waits longer than a start does in silence.
    let delay = "inject=openat:delay_enter=11000000:when=1";
    let strace = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-P", &mark, "-e", delay];
    let mut node = start(&strace)?;
    let log = node.log()?;
    let said: Vec<&str> = log.lines().filter(|line| line.contains(SAYS)).collect();
    ensure!(!said.is_empty(), "{log}");
    let shown = disk.display().to_string();
    ensure!(said.iter().all(|line| line.contains(&shown) && line.contains("dmesg")), "{said:#?}");
    node.stop()?;
    Ok(())
}

#[test]
fn a_reserved_file_takes_the_credentials() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("credentials.json");
    fs::write(&file, b"")?;
    let node = restarted(folder.path())?;
    ensure!(!node.access_key_id().is_empty());
    ensure!(!folder.path().join("credentials.json.1").exists(), "an empty file was kept");
    Ok(())
}

#[test]
fn files_that_are_made_anew_are_told() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut node = restarted(folder.path())?;
    node.stop()?;
    for name in ["accounts.json", "node.key"] {
        fs::remove_file(node.data().join(name))?;
    }
    let node = restarted(folder.path())?;
    let said = node.log()?;
    for name in ["accounts.json is not", "node.key is not"] {
        ensure!(said.contains(name), "{said}");
    }
    Ok(())
}
