//! `essaim up`.

use std::path::PathBuf;

use node::settings::{Settings, Sources};
use node::{Announcement, Node};

use crate::cli::UpArgs;
use crate::failure::{Failure, Kind};

pub(super) fn run(args: UpArgs) -> Result<(), Failure> {
    let settings = settings(args)?;
    node::logs_start(&settings)?;
    node::open_files_raise();
    let runtime = node::runtime()?;
    let outcome = runtime.block_on(async {
        let node = Node::start(settings).await?;
        tell(node.announcement());
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
fn tell(said: &Announcement) {
    let first = if said.first_start { "a new node, made just now" } else { "as it was left" };
    println!("\n  Essaim {} is up: {first}\n", env!("CARGO_PKG_VERSION"));
    println!("  S3              {}  (region {})", said.s3_endpoint, said.region);
    println!("  Status page     {}  (log in as admin)", said.admin_url);
    println!("  Data            {}", said.data);
    for (number, disk) in said.disks.iter().enumerate() {
        println!("  Disk {:<10} {disk}", number + 1);
    }
    if let Some(credentials) = &said.credentials {
        println!("  Credentials     {credentials}");
        println!("                  the access key and the administrator's password are there,");
        println!("                  and nowhere else: keep the file safe, only you can read it");
    }
    let next = NextLines::of(said);
    println!("\n  Type next:\n");
    println!("  {}", next.export);
    println!("  {}", next.aws);
    println!("  {}", next.rclone);
    println!("  {} status --data {}", own_name(), said.data);
    println!("\n  Ctrl-C stops it; starting again finds everything as it is.\n");
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
        let export = match &said.credentials {
            Some(file) => {
                let read = |name: &str| {
                    format!("$(sed -n 's/.*\"{name}\": *\"\\([^\"]*\\)\".*/\\1/p' '{file}')")
                };
                format!(
                    "export AWS_ACCESS_KEY_ID={} \\\n         AWS_SECRET_ACCESS_KEY={}",
                    read("access_key_id"),
                    read("secret_access_key")
                )
            }
            None => {
                "export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…   # from the credentials file"
                    .to_owned()
            }
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
