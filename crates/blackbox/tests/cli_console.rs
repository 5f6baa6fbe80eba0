//! The status page as a browser without JavaScript sees it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context as _, Result, ensure};
use blackbox::Node;

struct Page {
    status: u16,
    head: String,
    body: String,
}

/// One request with these header lines and this body.
fn ask(node: &Node, verb: &str, path: &str, headers: &[String], body: &str) -> Result<Page> {
    let stream = TcpStream::connect(node.admin_url().trim_start_matches("http://"))?;
    ask_over(stream, verb, path, headers, body)
}

/// One request from another address of this machine.
fn ask_from(node: &Node, from: &str, verb: &str, path: &str, body: &str) -> Result<Page> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(format!("{from}:0").parse()?)?;
        let stream = socket.connect(node.admin_url().trim_start_matches("http://").parse()?);
        anyhow::Ok(stream.await?.into_std()?)
    })?;
    stream.set_nonblocking(false)?;
    ask_over(stream, verb, path, &[], body)
}

fn ask_over(
    mut stream: TcpStream,
    verb: &str,
    path: &str,
    headers: &[String],
    body: &str,
) -> Result<Page> {
    let address = stream.peer_addr()?;
    let length = body.len();
    write!(stream, "{verb} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n")?;
    for header in headers {
        write!(stream, "{header}\r\n")?;
    }
    write!(stream, "Content-Length: {length}\r\n\r\n{body}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no end of the head")?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok(Page { status, head: head.to_lowercase(), body: body.to_owned() })
}

fn cookie(page: &Page) -> Result<String> {
    let line = page.head.lines().find(|line| line.starts_with("set-cookie: essaim_session="));
    let line = line.context("no session")?;
    for flag in ["httponly", "samesite=strict"] {
        ensure!(line.contains(flag), "{line}");
    }
    let value = line.trim_start_matches("set-cookie: ").split(';').next().unwrap_or_default();
    Ok(format!("Cookie: {value}"))
}

#[test]
fn nothing_is_shown_without_a_login_and_all_with_one() -> Result<()> {
    let node = Node::start()?;
    let outside = ask(&node, "GET", "/", &[], "")?;
    ensure!(outside.status == 303 && outside.head.contains("location: /login"), "{}", outside.head);
    let form = ask(&node, "GET", "/login", &[], "")?;
    ensure!(form.status == 200 && form.body.contains("<html lang=\"fr\">"), "{}", form.body);
    let data = node.data().display().to_string();
    ensure!(!form.body.contains(&data), "the login page tells too much");
    ensure!(form.head.contains("default-src 'none'"), "{}", form.head);

    let (user, password) = (node.credential("admin_user"), node.credential("admin_password"));
    let wrong = ask(&node, "POST", "/login", &[], &format!("user={user}&password=guess"))?;
    ensure!(wrong.status == 401 && wrong.body.contains("est faux"), "{}", wrong.status);
    let right = format!("user={user}&password={password}");
    let foreign = vec!["Origin: http://evil.example".to_owned()];
    ensure!(ask(&node, "POST", "/login", &foreign, &right)?.status == 403, "a foreign form");
    let session = cookie(&ask(&node, "POST", "/login", &[], &right)?)?;

    let page = ask(&node, "GET", "/", std::slice::from_ref(&session), "")?;
    ensure!(page.status == 200, "{}", page.status);
    for shown in [data.as_str(), node.endpoint(), "Disques", "aws --endpoint-url"] {
        ensure!(page.body.contains(shown), "no {shown:?} in\n{}", page.body);
    }
    for hidden in [password, node.secret_access_key(), "<script", "style=\""] {
        ensure!(!page.body.contains(hidden), "{hidden:?} is in the page");
    }
    let english = ask(&node, "GET", "/?lang=en", std::slice::from_ref(&session), "")?;
    ensure!(english.body.contains("<html lang=\"en\">") && english.body.contains("Disks"));
    ensure!(english.head.contains("set-cookie: essaim_lang=en"), "{}", english.head);

    ask(&node, "POST", "/logout", std::slice::from_ref(&session), "")?;
    ensure!(ask(&node, "GET", "/", &[session], "")?.status == 303, "the session lives on");
    Ok(())
}

#[test]
fn a_fresh_password_takes_the_place_of_the_old_one() -> Result<()> {
    let node = Node::start()?;
    let (user, old) = (node.credential("admin_user"), node.credential("admin_password"));
    let login = |password: &str| {
        ask(&node, "POST", "/login", &[], &format!("user={user}&password={password}"))
    };
    let session = cookie(&login(old)?)?;
    let open = |session: &str| ask(&node, "GET", "/", &[session.to_owned()], "");
    ensure!(open(&session)?.status == 200, "the old password opens");
    let made = node.essaim_json(&["password", user])?;
    let fresh = made["password"].as_str().context("no password is shown")?.to_owned();
    ensure!(fresh != old, "the same again");
    ensure!(login(old)?.status == 401, "the old one still opens");
    ensure!(open(&session)?.status == 303, "who came with the old one is still in");
    let session = cookie(&login(&fresh)?)?;
    ensure!(open(&session)?.status == 200, "the fresh one does not open");
    // An administrator more: the first stays as they are.
    node.essaim(&["password", "second"])?;
    ensure!(open(&session)?.status == 200, "another's password shut the first out");
    Ok(())
}

#[test]
fn who_guesses_at_a_password_keeps_nobody_else_out() -> Result<()> {
    let node = Node::start()?;
    let (user, password) = (node.credential("admin_user"), node.credential("admin_password"));
    let right = format!("user={user}&password={password}");
    let stranger = |path: &str, body: &str| ask_from(&node, "127.0.0.2", "POST", path, body);
    for _ in 0..5 {
        ensure!(stranger("/login", &format!("user={user}&password=guess"))?.status == 401);
    }
    ensure!(stranger("/login", &right)?.status == 429, "who guesses is stopped");
    ensure!(ask(&node, "POST", "/login", &[], &right)?.status == 303, "and nobody else is");
    ensure!(stranger("/login", &right)?.status == 429, "who guesses still is");
    Ok(())
}

#[test]
fn the_assets_are_served() -> Result<()> {
    let node = Node::start()?;
    let sheet = ask(&node, "GET", "/assets/console.css", &[], "")?;
    ensure!(sheet.status == 200 && sheet.head.contains("text/css"), "{}", sheet.head);
    ensure!(!sheet.body.contains("http"), "something comes from elsewhere");
    let picture = ask(&node, "GET", "/assets/essaim.svg", &[], "")?;
    ensure!(picture.head.contains("image/svg+xml"), "{}", picture.head);
    Ok(())
}
