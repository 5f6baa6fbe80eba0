//! `essaim up`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use node::settings::{Settings, Sources};
use node::{Announcement, JoinedCluster, Node, shell};

use crate::cli::{self, UpArgs};
use crate::failure::{Failure, Kind};

pub(super) fn run(args: UpArgs) -> Result<(), Failure> {
    let settings = settings(args)?;
    node::logs_start(&settings)?;
    warn_of_unknown_settings();
    node::open_files_raise()?;
    let runtime = node::runtime()?;
    let outcome = runtime.block_on(async {
        let node = Node::start(settings).await?;
        // A node whose greeting nobody reads serves all the same.
        let mut output = std::io::stdout().lock();
        let _ =
            output.write_all(told(node.announcement()).as_bytes()).and_then(|()| output.flush());
        drop(output);
        node.run_until_stopped().await
    });
    // Work on blocking threads ends with its current call; a stuck disk must not hold the exit.
    runtime.shutdown_timeout(node::limits::RUNTIME_SHUTDOWN_MAX);
    outcome.map_err(Failure::from)
}

fn settings(args: UpArgs) -> Result<Settings, Failure> {
    let file = match args.config {
        Some(path) => {
            let text = node::file_read(&path)?;
            Some((path.display().to_string(), text))
        }
        None => None,
    };
    let environment = |name: &str| std::env::var(name).ok();
    let data_default: PathBuf = node::data_default();
    let sources = Sources { flags: args.flags, environment: &environment, file, data_default };
    sources.resolve().map_err(|faults| {
        let hint =
            "mend this and start again; nothing was changed (settings: docs/reference/settings.md)";
        Failure::new(Kind::Failed, faults.to_string(), hint)
    })
}

/// Says in plain words where everything is and what to type next.
fn told(said: &Announcement) -> String {
    let first = match (said.first_start, &said.joined) {
        (_, Some(_)) => "a new node of a cluster, let in just now",
        (true, None) => "a new node, made just now",
        (false, None) => "as it was left",
    };
    let mut lines = vec![
        String::new(),
        format!("Essaim {} is up: {first}", env!("CARGO_PKG_VERSION")),
        String::new(),
    ];
    lines.extend(said.joined.iter().flat_map(|joined| let_in(joined, &said.data)));
    if said.witness {
        lines
            .push("S3              none: this is a witness, it votes and keeps no data".to_owned());
    } else {
        let (endpoint, region) = (&said.s3_endpoint, &said.region);
        lines.push(format!("S3              {endpoint}  (region {region})"));
        lines.extend(everywhere(said.s3_everywhere));
    }
    lines.push(format!("Status page     {}  (log in as admin)", said.admin_url));
    lines.extend(everywhere(said.admin_everywhere));
    lines.push(format!("Data            {}", said.data));
    let disks = said.disks.iter().zip(1..);
    lines.extend(disks.map(|(disk, number)| format!("Disk {number:<10} {disk}")));
    if let [_] = said.disks[..] {
        lines.push(format!("{:16}one disk: no redundancy; for more, repeat --disk DIR", ""));
    }
    let one_device = said.one_device.iter().map(|group| node::one_device_text(group));
    lines.extend(one_device.map(|told| format!("{:16}{told}", "")));
    if let Some(credentials) = &said.credentials {
        lines.push(format!("Credentials     {credentials}"));
        lines.push(format!("{:16}an access key and the administrator's first password are", ""));
        lines.push(format!(
            "{:16}there, and nowhere else: keep the file safe, it is for you only",
            ""
        ));
    }
    let next = NextLines::of(said);
    let (own, data) = (shell::quoted(&own_name()), shell::quoted(&said.data));
    lines.extend([String::new(), "Type next:".to_owned(), String::new()]);
    if !said.witness {
        lines.extend([next.export, next.aws, next.rclone]);
    }
    lines.push(format!("{own} status --data {data}"));
    let end = "Ctrl-C stops it; starting again finds everything as it is.";
    lines.extend([String::new(), end.to_owned(), String::new()]);
    let indented =
        |line: String| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") };
    lines.into_iter().map(indented).collect()
}

/// What is said to a machine that has just joined.
fn let_in(joined: &JoinedCluster, data: &str) -> Vec<String> {
    let (own, data) = (shell::quoted(&own_name()), shell::quoted(data));
    vec![
        format!("Cluster         {}, with {}", joined.id, joined.others.join(", ")),
        format!(
            "{:16}this site is called {}; all sites: {own} site list --data {data}",
            "", joined.site
        ),
        format!("{:16}tenants and access keys are those of the cluster; the administrator's", ""),
        format!("{:16}password for this node is made by: {own} password admin --data {data}", ""),
    ]
}

/// What is said beneath an address that is good on this machine only.
fn everywhere(listens: Option<SocketAddr>) -> Option<String> {
    let address = listens?;
    let port = address.port();
    Some(format!(
        "{:16}listening on all interfaces ({address}): from elsewhere it is port {port} at this \
         machine's name",
        ""
    ))
}

/// Tells of settings in the environment that do not exist: their name is misspelt.
fn warn_of_unknown_settings() {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    node::settings::warn_of_unknown(names, &cli::VARIABLES);
}

/// What to type for this program: its name where the shell finds it, else its path.
fn own_name() -> String {
    let Ok(own) = std::env::current_exe() else { return "essaim".to_owned() };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("essaim"));
    let found = found.filter_map(|file| file.canonicalize().ok()).any(|file| file == own);
    if found { "essaim".to_owned() } else { own.display().to_string() }
}

/// Lines to paste into a shell.
struct NextLines {
    export: String,
    aws: String,
    rclone: String,
}

impl NextLines {
    fn of(said: &Announcement) -> Self {
        let (url, region) = (&said.s3_endpoint, &said.region);
        let export = if let Some(file) = &said.credentials {
            let file = shell::quoted(file);
            let read = |name: &str| {
                format!("$(sed -n 's/.*\"{name}\": *\"\\([^\"]*\\)\".*/\\1/p' {file})")
            };
            format!(
                "export AWS_ACCESS_KEY_ID={} \\\n         AWS_SECRET_ACCESS_KEY={}",
                read("access_key_id"),
                read("secret_access_key")
            )
        } else {
            let (own, data) = (shell::quoted(&own_name()), shell::quoted(&said.data));
            format!(
                "{own} key create --data {data} --tenant TENANT   # shows what to put here:\n  \
                 export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…"
            )
        };
        Self {
            export,
            aws: format!("aws --endpoint-url {url} --region {region} s3 mb s3://first"),
            rclone: format!(
                "rclone lsd ':s3,provider=Other,env_auth,endpoint=\"{url}\",region={region}:'"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Announcement, JoinedCluster, told};

    #[test]
    fn what_is_to_be_pasted_is_quoted() {
        let mut said = Announcement {
            witness: false,
            first_start: true,
            joined: None,
            s3_endpoint: "http://127.0.0.1:8420".to_owned(),
            s3_everywhere: None,
            region: "eu".to_owned(),
            admin_url: "http://127.0.0.1:8421".to_owned(),
            admin_everywhere: None,
            data: "/my data".to_owned(),
            disks: vec!["/my data/disk".to_owned()],
            one_device: Vec::new(),
            credentials: Some("/l'eau/c.json".to_owned()),
        };
        let text = told(&said);
        assert!(text.contains(r"/p' '/l'\''eau/c.json')"), "{text}");
        assert!(text.contains("status --data '/my data'\n"), "{text}");
        assert!(text.contains("one disk: no redundancy"), "{text}");
        assert!(!text.contains("all interfaces"), "{text}");
        said.s3_everywhere = Some(([0, 0, 0, 0], 8420).into());
        said.admin_everywhere = Some((std::net::Ipv6Addr::UNSPECIFIED, 8421).into());
        let text = told(&said);
        for address in ["0.0.0.0:8420", "[::]:8421"] {
            let line = format!("listening on all interfaces ({address})");
            assert!(text.contains(&line), "{text}");
        }
        said.joined = Some(JoinedCluster {
            id: "7".repeat(32),
            others: vec!["mairie".to_owned()],
            site: "école".to_owned(),
        });
        let text = told(&said);
        for words in ["let in just now", "with mairie", "called école", "password admin --data"] {
            assert!(text.contains(words), "{text}");
        }
        said.joined = None;
        said.disks.push("/b".to_owned());
        said.one_device.push(said.disks.clone());
        said.credentials = None;
        let text = told(&said);
        assert!(text.contains("key create --data '/my data' --tenant TENANT"), "{text}");
        assert!(!text.contains("one disk") && !text.contains("Credentials"), "{text}");
        assert!(text.contains("2 disks lie on one device"), "{text}");
    }
}
