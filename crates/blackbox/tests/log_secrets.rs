//! Nothing secret in the log of a real node, whatever it is told to write down: keys,
//! passphrases, tokens, logins, signatures good and bad, and what was stored.
//!
//! The node runs at its most talkative, its own rooms and all libraries below them, in
//! both formats, with and without a passphrase. That the search would find each secret
//! is shown by planting it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::{digest, hmac};
use blackbox::{Node, Start, Target};
use time::OffsetDateTime;
use time::macros::format_description;

const PASSPHRASE: &str = "seven-herons-on-the-weir-canary";
const BAD_SIGNATURE: &str = "5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e";
const GUESSED: &str = "a-guessed-password-canary";
const BODY: &str = "the-mayor-keeps-a-yellow-canary-named-Hector";
const CUSTOMER_KEY: &str = "canary-key-of-the-customer-32byt";
const CUSTOMER_KEY_BASE64: &str = "Y2FuYXJ5LWtleS1vZi10aGUtY3VzdG9tZXItMzJieXQ=";
const CUSTOMER_KEY_MD5: &str = "XdtVHOc6SRWp1pAa2JyO0w==";

/// The file of the root key; its layout is drawn in the vault.
const ROOT_KEY_FILE: &str = "root.key";

/// Where it says whether a passphrase protects it.
const PROTECTION_AT: usize = 30;

/// Where the newest key stands if none does.
const ROOT_KEY: core::ops::Range<usize> = 36..68;

/// A secret by name, in each way it might be written.
type Secrets = Vec<(&'static str, Vec<String>)>;

/// Sends lines as they are; the answer as text.
fn raw(address: &str, verb: &str, path: &str, headers: &[String], body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "{verb} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n")?;
    for header in headers {
        write!(stream, "{header}\r\n")?;
    }
    write!(stream, "Content-Length: {}\r\n\r\n{body}", body.len())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn ensure_status(answer: &str, expected: &str) -> Result<()> {
    let status = answer.split(' ').nth(1).unwrap_or_default();
    ensure!(status.starts_with(expected), "{expected} was expected: {answer}");
    Ok(())
}

/// Signature version 4 with headers of any kind; blackbox's own signer has but one shape.
struct Signing<'a> {
    target: &'a Target,
    stamp: String,
    scope: String,
    key: hmac::Key,
}

impl<'a> Signing<'a> {
    fn of(target: &'a Target) -> Result<Self> {
        let format = format_description!("[year][month][day]T[hour][minute][second]Z");
        let stamp = OffsetDateTime::now_utc().format(&format)?;
        let date = stamp.split('T').next().unwrap_or_default();
        let mut key = format!("AWS4{}", target.secret_access_key).into_bytes();
        for word in [date, &target.region, "s3", "aws4_request"] {
            let step = hmac::Key::new(hmac::HMAC_SHA256, &key);
            key = hmac::sign(&step, word.as_bytes()).as_ref().to_vec();
        }
        let scope = format!("{date}/{}/s3/aws4_request", target.region);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        Ok(Self { target, stamp, scope, key })
    }

    fn signature(&self, canonical: &str) -> String {
        let digest = digest::digest(&digest::SHA256, canonical.as_bytes());
        let (stamp, scope) = (&self.stamp, &self.scope);
        let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", hex::encode(digest.as_ref()));
        hex::encode(hmac::sign(&self.key, text.as_bytes()).as_ref())
    }

    /// The headers of a request, and its signature; `more` are `x-amz-…` beyond the date,
    /// in order.
    fn headers(&self, verb: &str, path: &str, more: &[(&str, &str)]) -> (Vec<String>, String) {
        let (stamp, address) = (self.stamp.as_str(), self.target.address.as_str());
        let mut all = vec![
            ("host", address),
            ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
            ("x-amz-date", stamp),
        ];
        all.extend(more);
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let lines: String = all.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical = format!("{verb}\n{path}\n\n{lines}\n{names}\nUNSIGNED-PAYLOAD");
        let signature = self.signature(&canonical);
        let credential = format!("{}/{}", self.target.access_key_id, self.scope);
        let mut headers: Vec<String> =
            all.iter().skip(1).map(|(name, value)| format!("{name}: {value}")).collect();
        headers.push(format!(
            "Authorization: AWS4-HMAC-SHA256 Credential={credential},SignedHeaders={names},\
             Signature={signature}"
        ));
        (headers, signature)
    }

    /// A presigned path and its signature.
    fn presigned(&self, path: &str) -> (String, String) {
        let credential = format!("{}/{}", self.target.access_key_id, self.scope);
        let query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}&X-Amz-Date={}\
             &X-Amz-Expires=600&X-Amz-SignedHeaders=host",
            credential.replace('/', "%2F"),
            self.stamp
        );
        let host = &self.target.address;
        let canonical = format!("GET\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD");
        let signature = self.signature(&canonical);
        (format!("{path}?{query}&X-Amz-Signature={signature}"), signature)
    }
}

/// Everything an S3 client sends that is secret.
fn s3_secrets(node: &Node) -> Result<Secrets> {
    let target = node.target();
    let (address, signing) = (target.address.as_str(), Signing::of(&target)?);
    let mut signatures = Vec::new();
    let customer = [
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
        ("x-amz-server-side-encryption-customer-key", CUSTOMER_KEY_BASE64),
        ("x-amz-server-side-encryption-customer-key-md5", CUSTOMER_KEY_MD5),
    ];
    let mut send = |verb: &str, path: &str, more: &[(&str, &str)], body: &str, expected: &str| {
        let (headers, signature) = signing.headers(verb, path, more);
        signatures.push(signature);
        ensure_status(&raw(address, verb, path, &headers, body)?, expected)
    };
    send("PUT", "/letters", &[], "", "200")?;
    node.essaim(&["bucket", "sse-c", "letters", "--allow"])?;
    send("PUT", "/letters/one", &[], BODY, "200")?;
    send("GET", "/letters/one", &[], "", "200")?;
    send("GET", "/letters/none", &[], "", "404")?;
    send("PUT", "/letters/two", &customer, BODY, "200")?;
    send("GET", "/letters/two", &customer, "", "200")?;
    send("GET", "/letters/two", &[], "", "400")?;
    let (path, signature) = signing.presigned("/letters/one");
    ensure_status(&raw(address, "GET", &path, &[], "")?, "200")?;
    // Wrong signatures in both places; a secret in the clear, as a muddled client sends it.
    let wrong = path.replace(&signature, BAD_SIGNATURE);
    ensure_status(&raw(address, "GET", &wrong, &[], "")?, "403")?;
    let (mut headers, right) = signing.headers("GET", "/letters/two", &customer);
    for header in &mut headers {
        *header = header.replace(&right, BAD_SIGNATURE);
    }
    ensure_status(&raw(address, "GET", "/letters/two", &headers, "")?, "403")?;
    let (id, secret) = (&target.access_key_id, &target.secret_access_key);
    let muddled = format!("Authorization: AWS {id}:{secret}");
    ensure_status(&raw(address, "GET", "/letters/one", &[muddled], "")?, "501")?;
    signatures.push(signature);
    Ok(vec![
        ("an access key's secret", vec![secret.clone()]),
        ("a good signature", signatures),
        ("a bad signature", vec![BAD_SIGNATURE.to_owned()]),
        ("a customer's key", vec![CUSTOMER_KEY_BASE64.to_owned(), CUSTOMER_KEY.to_owned()]),
        ("what was stored", vec![BODY.to_owned()]),
    ])
}

/// Everything an administrator sends, or is told, that is secret.
fn admin_secrets(node: &Node) -> Result<Secrets> {
    let told = |words: &[&str], field: &str| -> Result<String> {
        let made = node.essaim_json(words)?;
        let secret = made.get(field).and_then(serde_json::Value::as_str);
        Ok(secret.with_context(|| format!("no {field} in {made}"))?.to_owned())
    };
    let made = told(&["key", "create", "--tenant", node.tenant()], "secret_access_key")?;
    let token = told(&["token", "create", "nightly", "--scopes", "read"], "secret")?;
    let admin = node.admin_url().trim_start_matches("http://").to_owned();
    let (user, password) = (node.credential("admin_user"), node.credential("admin_password"));
    raw(&admin, "POST", "/login", &[], &format!("user={user}&password={GUESSED}"))?;
    let page = raw(&admin, "POST", "/login", &[], &format!("user={user}&password={password}"))?;
    let cookie = page.split("essaim_session=").nth(1).and_then(|rest| rest.split(';').next());
    let cookie = cookie.context("no session")?.to_owned();
    let page = raw(&admin, "GET", "/", &[format!("Cookie: essaim_session={cookie}")], "")?;
    ensure_status(&page, "200")?;
    let bearer = |token: &str| format!("Authorization: Bearer {token}");
    ensure_status(&raw(&admin, "GET", "/api/v1/scrub", &[bearer(&token)], "")?, "200")?;
    ensure_status(&raw(&admin, "GET", "/api/v1/scrub", &[bearer(GUESSED)], "")?, "401")?;
    Ok(vec![
        ("another access key's secret", vec![made]),
        ("the administrator's password", vec![password.to_owned()]),
        ("a wrong password", vec![GUESSED.to_owned()]),
        ("a session", vec![cookie]),
        ("a token", vec![token]),
        ("the passphrase", vec![PASSPHRASE.to_owned()]),
    ])
}

/// The newest root key, in stretches, as hexadecimal in both cases and as a list of
/// numbers; nothing if a passphrase protects it.
fn root_key(data: &Path) -> Result<Vec<String>> {
    let file = fs::read(data.join(ROOT_KEY_FILE))?;
    let protection = file.get(PROTECTION_AT).context("a short root key file")?;
    if *protection != 0 {
        return Ok(Vec::new());
    }
    let key = file.get(ROOT_KEY).context("a short root key file")?;
    let mut written = Vec::new();
    for stretch in key.windows(8) {
        let numbers: Vec<String> = stretch.iter().map(ToString::to_string).collect();
        written.extend([hex::encode(stretch), hex::encode_upper(stretch), numbers.join(", ")]);
    }
    Ok(written)
}

/// The first line that gives a secret away.
fn leak<'a>(log: &'a str, secrets: &Secrets) -> Option<(&'static str, &'a str)> {
    let leaks = |line: &str| {
        let given = secrets.iter().find(|(_, ways)| ways.iter().any(|way| line.contains(way)));
        given.map(|(what, _)| *what)
    };
    log.lines().find_map(|line| Some((leaks(line)?, line)))
}

fn check(log_level: &str, format: &str, passphrase: bool) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut arguments = vec!["--log".into(), log_level.into()];
    arguments.extend(["--log-format".into(), format.into()]);
    if passphrase {
        let file = folder.path().join("passphrase");
        let mut open = fs::OpenOptions::new();
        open.write(true).create(true).mode(0o600).open(&file)?.write_all(PASSPHRASE.as_bytes())?;
        arguments.extend(["--passphrase-file".into(), file.into_os_string()]);
    }
    let given = Some(folder.path().to_owned());
    let mut node = Node::start_with(Start { folder: given, arguments, ..Start::default() })?;
    let mut secrets = s3_secrets(&node)?;
    secrets.extend(admin_secrets(&node)?);
    secrets.push(("the root key", root_key(&node.data())?));
    node.essaim(&["root-key", "rotate"])?;
    secrets.push(("the next root key", root_key(&node.data())?));
    let keys = secrets.iter().filter(|(what, ways)| what.ends_with("root key") && !ways.is_empty());
    ensure!(passphrase || keys.count() == 2, "no root key to search for");
    node.stop()?;
    let log = node.log()?;
    let lines = log.lines().count();
    ensure!(lines > 20, "a log of {lines} lines:\n{log}");
    if let Some((what, line)) = leak(&log, &secrets) {
        anyhow::bail!("{what} is in the log ({log_level}, {format}): {line}");
    }
    let mut planted = 0;
    for (what, ways) in &secrets {
        for way in ways {
            ensure!(way.len() >= 8, "{what} is too short to be searched for");
            let line = format!("2026-11-22 TRACE a room: said=\"{way}\" and went on");
            ensure!(leak(&line, &secrets).is_some(), "{what} was planted and not found");
            planted += 1;
        }
    }
    println!("{lines} lines ({log_level}, {format}): 0 of {planted} found; planted, each was");
    Ok(())
}

#[test]
fn nothing_secret_is_logged_by_the_rooms() -> Result<()> {
    check("trace", "text", true)?;
    check("trace", "json", false)
}

#[test]
fn nothing_secret_is_logged_by_the_libraries_below_them() -> Result<()> {
    check("trace,essaim=trace", "text", false)?;
    check("trace,essaim=trace", "json", true)
}
