//! The words of the command line.

mod cluster;
mod demo;
mod policy;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use node::settings::{Kind, SETTINGS};

pub use self::cluster::{DiskVerb, InviteArgs, InviteVerb, SiteVerb};
pub use self::demo::DemoArgs;
pub use self::policy::{PolicyFor, PolicyVerb, Speak};

/// Environment variables that are read beside those of the settings.
pub const VARIABLES: [&str; 3] = ["ESSAIM_CONFIG", "ESSAIM_ADMIN_URL", "ESSAIM_ADMIN_TOKEN"];

const AFTER: &str = "\
Exit codes: 0 done, 1 failed (the error output says why and what to do), 2 wrong command line, \
3 no node runs there.

First steps:
  essaim up                          start a node; the first start makes everything it needs
  essaim status                      see what runs, how full, how healthy
  essaim tenant create mairie        make a tenant
  essaim key create --tenant mairie  make an access key for its S3 clients";

/// What [`node::data_default`] comes to, in words: help and manual are for everybody.
const DATA_DEFAULT: &str =
    "/var/lib/essaim for root, else $XDG_DATA_HOME/essaim or ~/.local/share/essaim";

/// The cloud a territory owns: encrypted, crash-safe S3 from one command.
#[derive(Parser)]
#[command(name = "essaim", version, after_help = AFTER, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// Where the node is that a command speaks to.
#[derive(Args, Clone, Debug)]
pub struct Connect {
    /// The data directory of the node, whose socket is used
    #[arg(long, value_name = "DIR", env = "ESSAIM_DATA", help_heading = "Where the node is")]
    pub data: Option<PathBuf>,
    /// The node's administration address; needs a token (ESSAIM_ADMIN_TOKEN or --token-file)
    #[arg(long, value_name = "URL", env = "ESSAIM_ADMIN_URL", help_heading = "Where the node is")]
    pub admin_url: Option<String>,
    /// A file with the token for --admin-url
    #[arg(long, value_name = "FILE", help_heading = "Where the node is")]
    pub token_file: Option<PathBuf>,
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
}

/// The commands.
#[derive(Subcommand)]
pub enum Verb {
    /// Start a node
    #[command(after_help = "Example:\n  essaim up --data ./data --s3-listen 127.0.0.1:8420")]
    Up(UpArgs),
    /// Show what runs, how full, how healthy
    #[command(after_help = "Example:\n  essaim status --json")]
    Status(Connect),
    /// Check this machine and the data directory, and say what to do
    #[command(after_help = "Example:\n  essaim doctor --data ./data")]
    Doctor(Connect),
    /// Show the version
    #[command(after_help = "Example:\n  essaim version --json")]
    Version {
        /// Print JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Tenants: the organisations and households whose data is held
    #[command(
        subcommand,
        after_help = "Example:\n  essaim tenant create mairie --quota-bytes 500GiB"
    )]
    Tenant(TenantVerb),
    /// Users of a tenant
    #[command(
        subcommand,
        after_help = "Example:\n  essaim user create secretariat --tenant mairie"
    )]
    User(UserVerb),
    /// Access keys of S3 clients
    #[command(subcommand, after_help = "Example:\n  essaim key create --tenant mairie")]
    Key(KeyVerb),
    /// Keys that S3 clients name to have their objects sealed under them (SSE-KMS)
    #[command(
        subcommand,
        after_help = "Example:\n  essaim kms-key create archives-2026 --tenant mairie"
    )]
    KmsKey(KmsKeyVerb),
    /// Buckets
    #[command(subcommand, after_help = "Example:\n  essaim bucket create archives --tenant mairie")]
    Bucket(BucketVerb),
    /// Show how much is stored
    #[command(after_help = "Example:\n  essaim usage --tenant mairie")]
    Usage {
        /// Only this tenant
        #[arg(long, value_name = "TENANT")]
        tenant: Option<String>,
        #[command(flatten)]
        connect: Connect,
    },
    /// Show how far re-reading everything stored has come; with --now, do it at once
    #[command(after_help = "Example:\n  essaim scrub --now")]
    Scrub {
        /// Start now and wait until it is done
        #[arg(long)]
        now: bool,
        #[command(flatten)]
        connect: Connect,
    },
    /// The disks: what lies on each, and the end of one that is lost
    #[command(subcommand, after_help = "Example:\n  essaim disk list")]
    Disk(DiskVerb),
    /// Make a token by which one machine joins the cluster; list them, take one back
    #[command(after_help = "Examples:\n  essaim invite --expires 1h\n  essaim invite list")]
    Invite(InviteArgs),
    /// The sites of the cluster: which answer, which vote, how full they are
    #[command(subcommand, after_help = "Example:\n  essaim site list")]
    Site(SiteVerb),
    /// Show on which disks of which sites an object lies, and how many sites may vanish
    #[command(after_help = "Example:\n  essaim where s3://archives/2026/plan.pdf")]
    Where {
        /// The object, as s3://BUCKET/KEY
        #[arg(value_name = "s3://BUCKET/KEY")]
        object: String,
        /// Its version; without it the current one
        #[arg(long, value_name = "ID")]
        version_id: Option<String>,
        #[command(flatten)]
        connect: Connect,
    },
    /// Play through the loss of a house: a cluster of real processes on this machine
    #[command(after_help = "\
Sites are started and joined, documents stored over S3; then sites are killed while others read and
write, everything is read back and compared, and a fresh machine takes the place of a burnt one.
It takes about two minutes, some hundred MiB of disk, and touches no node of yours.

Examples:
  essaim demo
  essaim demo --sites 3 --documents ./archives --keep")]
    Demo(DemoArgs),
    #[command(subcommand, about = policy::ABOUT, after_help = policy::EXAMPLE)]
    Policy(PolicyVerb),
    /// Take a copy of what must not be lost
    #[command(subcommand, after_help = "Example:\n  essaim backup catalog catalog.backup")]
    Backup(BackupVerb),
    /// Put a catalog back into a data directory that lost it; the node must not run
    #[command(after_help = "\
What it needs: the backup FILE (essaim backup catalog), and the root key of the same cluster: it \
is in the data directory unless that was lost too; then give the copy you kept with --root-key,
and with --passphrase-file its passphrase, if it has one. A root key that does not open the keys in
the backup is refused, and nothing is written.
Fragments that are still on their disks are found again; objects written after the backup are not.
Nothing of those is removed from the disks before you say so: essaim confirm restore

Example:
  essaim restore catalog.backup --data ./data --root-key root-key.copy")]
    Restore(RestoreArgs),
    /// Say a word that the node waits for; essaim status tells which
    #[command(subcommand, after_help = "Example:\n  essaim confirm clock")]
    Confirm(ConfirmVerb),
    /// Tokens of the administration API
    #[command(
        subcommand,
        after_help = "Example:\n  essaim token create nightly --scopes backup --expires 365d"
    )]
    Token(TokenVerb),
    /// The root key: under it lie the keys of all tenants
    #[command(subcommand, after_help = "Example:\n  essaim root-key rotate")]
    RootKey(RootKeyVerb),
    /// Show the rotations of keys: those under way and the last ones
    #[command(after_help = "Example:\n  essaim rotations")]
    Rotations(Connect),
    /// Give an administrator a fresh password, making them if need be; it is shown once
    #[command(after_help = "Example:\n  essaim password admin")]
    Password(Named),
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  essaim completions bash > essaim.bash")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual pages into a directory
    #[command(after_help = "Example:\n  essaim man ./man")]
    Man {
        /// Where to
        directory: PathBuf,
    },
}

/// A quota.
#[derive(Args, Clone, Copy, Debug)]
pub struct QuotaArg {
    /// How much may be stored: bytes, or with KiB, MiB, GiB, TiB (5GiB is 5,368,709,120 bytes)
    /// or kB, MB, GB, TB (5GB is 5,000,000,000); French units (Go, Gio) too
    #[arg(long, value_name = "N", value_parser = parse_bytes)]
    pub quota_bytes: Option<u64>,
    /// How many object versions and unfinished uploads there may be
    #[arg(long, value_name = "N")]
    pub quota_objects: Option<u64>,
}

/// A quota that takes the place of another.
#[derive(Args, Clone, Copy, Debug)]
#[group(required = true, multiple = true)]
pub struct QuotaSetArg {
    /// How much may be stored: bytes, or with a unit (500GiB, 500GB)
    #[arg(long, value_name = "N", value_parser = parse_bytes)]
    pub quota_bytes: Option<u64>,
    /// How many object versions and unfinished uploads there may be
    #[arg(long, value_name = "N")]
    pub quota_objects: Option<u64>,
    /// Lift both limits
    #[arg(long, conflicts_with_all = ["quota_bytes", "quota_objects"])]
    pub unlimited: bool,
}

/// Commands about tenants.
#[derive(Subcommand)]
pub enum TenantVerb {
    /// Make a tenant
    #[command(after_help = "\
Example:
  essaim tenant create mairie --quota-bytes 500GiB --quota-objects 1000000 --email contact@mairie.example")]
    Create {
        /// Its name
        name: String,
        /// The e-mail address that S3 grants may name it by
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        #[command(flatten)]
        quota: QuotaArg,
        #[command(flatten)]
        connect: Connect,
    },
    /// List the tenants
    #[command(after_help = "Example:\n  essaim tenant list")]
    List(Connect),
    /// Show one tenant
    #[command(after_help = "Example:\n  essaim tenant show mairie")]
    Show(Named),
    /// Change how much a tenant may store; of the two limits, one that is not given is lifted
    #[command(after_help = "\
Examples:
  essaim tenant quota mairie --quota-bytes 1TiB --quota-objects 1000000
  essaim tenant quota mairie --unlimited")]
    Quota {
        /// Its name
        name: String,
        #[command(flatten)]
        quota: QuotaSetArg,
        #[command(flatten)]
        connect: Connect,
    },
    /// Refuse a tenant's requests; its data stays
    #[command(after_help = "Example:\n  essaim tenant suspend mairie")]
    Suspend(Named),
    /// Serve a suspended tenant again
    #[command(after_help = "Example:\n  essaim tenant resume mairie")]
    Resume(Named),
    /// Give a tenant a new key: keys and secrets are wrapped anew, no data is written
    #[command(after_help = "Example:\n  essaim tenant rotate-key mairie")]
    RotateKey {
        /// Its name
        name: String,
        #[command(flatten)]
        rotate: RotateArgs,
    },
    /// Destroy a tenant's key: nothing it stored can be read again, ever
    #[command(after_help = "\
What this does: the key is forgotten in the catalog and listed as destroyed beside the root key, so
that no copy of a row opens here again, from a log, a snapshot or a backup of the catalog either.
What it cannot do: reach a copy of the root key AND a backup of the catalog, both made before and
kept elsewhere; together they open what is left of the fragments. Destroy those copies too.
Afterwards: what it left is cleared away by itself, from the next minute on: all versions, unfinished
uploads, its buckets, and the room they take on the disks. essaim tenant show says what is left;
then essaim tenant delete removes its name. While a restored catalog waits for a word (essaim
confirm restore), nothing is cleared.
essaim root-key rotate makes it final also against whoever takes today's root key and has an old
backup of the catalog.
Refused while a bucket with object lock holds versions: erasure does not get round a lock.

Example:
  essaim tenant shred mairie --yes-destroy-everything")]
    Shred {
        /// Its name
        name: String,
        /// Yes: everything it stored is to be lost for ever
        #[arg(long, required = true)]
        yes_destroy_everything: bool,
        #[command(flatten)]
        connect: Connect,
    },
    /// Remove a tenant that has no bucket any more, with its users and keys
    #[command(after_help = "Example:\n  essaim tenant delete mairie")]
    Delete(Named),
}

/// A name and where the node is.
#[derive(Args)]
pub struct Named {
    /// Its name
    pub name: String,
    #[command(flatten)]
    pub connect: Connect,
}

/// A tenant and where the node is.
#[derive(Args)]
pub struct OfTenant {
    /// The tenant
    #[arg(long, value_name = "TENANT")]
    pub tenant: String,
    #[command(flatten)]
    pub connect: Connect,
}

/// Commands about users.
#[derive(Subcommand)]
pub enum UserVerb {
    /// Make a user
    #[command(after_help = "Example:\n  essaim user create secretariat --tenant mairie")]
    Create {
        /// Its name
        name: String,
        #[command(flatten)]
        of: OfTenant,
    },
    /// List the users of a tenant
    #[command(after_help = "Example:\n  essaim user list --tenant mairie")]
    List(OfTenant),
    /// Remove a user and revoke its keys
    #[command(after_help = "Example:\n  essaim user delete secretariat --tenant mairie")]
    Delete {
        /// Its name
        name: String,
        #[command(flatten)]
        of: OfTenant,
    },
}

/// Commands about access keys.
#[derive(Subcommand)]
pub enum KeyVerb {
    /// Make an access key; its secret is shown once
    #[command(after_help = "\
Example:
  essaim key create --tenant mairie --user scan --buckets archives,plans --expires 30d")]
    Create {
        #[command(flatten)]
        of: OfTenant,
        /// The user it acts for; without it, the tenant itself
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// The only buckets it opens
        #[arg(long, value_name = "A,B", value_delimiter = ',')]
        buckets: Option<Vec<String>>,
        /// It may only read
        #[arg(long)]
        read_only: bool,
        /// When it stops to work: 30d, 12h, 15m
        #[arg(long, value_name = "TIME", value_parser = parse_duration)]
        expires: Option<u64>,
    },
    /// List the access keys of a tenant, without secrets
    #[command(after_help = "Example:\n  essaim key list --tenant mairie")]
    List(OfTenant),
    /// Revoke an access key
    #[command(after_help = "Example:\n  essaim key revoke ACCESS_KEY_ID --tenant mairie")]
    Revoke {
        /// The key's id
        #[arg(value_name = "ACCESS_KEY_ID")]
        id: String,
        #[command(flatten)]
        of: OfTenant,
    },
}

/// Commands about named keys.
#[derive(Subcommand)]
pub enum KmsKeyVerb {
    /// Make a key under the tenant's key; it never leaves the node
    #[command(after_help = "Example:\n  essaim kms-key create archives-2026 --tenant mairie")]
    Create {
        /// Its name, which clients send as x-amz-server-side-encryption-aws-kms-key-id
        name: String,
        #[command(flatten)]
        of: OfTenant,
    },
    /// List the named keys of a tenant
    #[command(after_help = "Example:\n  essaim kms-key list --tenant mairie")]
    List(OfTenant),
}

/// Commands about buckets.
#[derive(Subcommand)]
pub enum BucketVerb {
    /// Make a bucket
    #[command(after_help = "Example:\n  essaim bucket create archives --tenant mairie")]
    Create {
        /// Its name
        name: String,
        #[command(flatten)]
        of: OfTenant,
        #[command(flatten)]
        quota: QuotaArg,
    },
    /// List the buckets
    #[command(after_help = "Example:\n  essaim bucket list --tenant mairie")]
    List {
        /// Only this tenant's
        #[arg(long, value_name = "TENANT")]
        tenant: Option<String>,
        #[command(flatten)]
        connect: Connect,
    },
    /// Show one bucket
    #[command(after_help = "Example:\n  essaim bucket show archives")]
    Show(Named),
    /// Change how much a bucket may hold; of the two limits, one that is not given is lifted
    #[command(after_help = "\
Examples:
  essaim bucket quota archives --quota-bytes 10GiB
  essaim bucket quota archives --unlimited")]
    Quota {
        /// Its name
        name: String,
        #[command(flatten)]
        quota: QuotaSetArg,
        #[command(flatten)]
        connect: Connect,
    },
    /// Say whether clients may bring keys of their own (SSE-C); without a word, as the node's
    /// settings say
    #[command(after_help = "Example:\n  essaim bucket sse-c archives --allow")]
    SseC {
        /// Its name
        name: String,
        /// They may
        #[arg(long, conflicts_with = "forbid")]
        allow: bool,
        /// They may not, whatever the node's settings say
        #[arg(long)]
        forbid: bool,
        #[command(flatten)]
        connect: Connect,
    },
    /// Give a bucket a new key: the keys of its parts are wrapped anew, no data is written
    #[command(after_help = "Example:\n  essaim bucket rotate-key archives")]
    RotateKey {
        /// Its name
        name: String,
        #[command(flatten)]
        rotate: RotateArgs,
    },
    /// Remove an empty bucket
    #[command(after_help = "Example:\n  essaim bucket delete archives")]
    Delete(Named),
}

/// What can be confirmed.
#[derive(Subcommand)]
pub enum ConfirmVerb {
    /// The clock, which jumped ahead, is right: writes are taken again
    #[command(after_help = "\
Locks and retention are judged by the clock, and what ran out does not come back. What the node's \
clock says is shown, and you are asked whether it is right: look at another clock.
In a program, say what time it is; the node refuses if its clock is more than a minute away.

Examples:
  essaim confirm clock
  essaim confirm clock --time 2026-11-22T12:00:00Z")]
    Clock {
        /// What time it is (RFC 3339), by a clock that is right; nothing is asked then
        #[arg(long, value_name = "TIME")]
        time: Option<String>,
        #[command(flatten)]
        connect: Connect,
    },
    /// What the restored catalog does not know is not wanted: its room is given back
    #[command(after_help = "\
From then on, what was written after the backup is removed from the disks, for good. What is held \
is shown, and you are asked. In a program, say --yes.

Examples:
  essaim confirm restore
  essaim confirm restore --yes")]
    Restore {
        /// Yes: what the restored catalog does not know is to be removed; nothing is asked then
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        connect: Connect,
    },
}

/// How a rotation is asked for.
#[derive(Args)]
pub struct RotateArgs {
    /// Do not wait for its end; the node goes on, also after a restart
    #[arg(long)]
    pub no_wait: bool,
    #[command(flatten)]
    pub connect: Connect,
}

/// Commands about the root key.
#[derive(Subcommand)]
pub enum RootKeyVerb {
    /// Make a new root key and wrap every tenant's key under it; no data is written
    #[command(after_help = "\
Afterwards take fresh copies of both: a backup of the catalog made before opens only with a copy of
the root key made before.

Example:
  essaim root-key rotate")]
    Rotate(RotateArgs),
    /// Put the root key under a passphrase, change it, or take it away
    #[command(
        group = clap::ArgGroup::new("which").required(true).args(["file", "remove"]),
        after_help = "\
The node must be started with the same passphrase from then on (--passphrase-file).

Example:
  essaim root-key passphrase --file ./passphrase
  essaim root-key passphrase --remove"
    )]
    Passphrase {
        /// A file with the passphrase, in one line
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Take the passphrase away
        #[arg(long)]
        remove: bool,
        #[command(flatten)]
        connect: Connect,
    },
}

/// Commands that take copies.
#[derive(Subcommand)]
pub enum BackupVerb {
    /// Write the catalog to a file, whole and consistent, while the node runs
    #[command(after_help = "Example:\n  essaim backup catalog catalog.backup")]
    Catalog {
        /// The file; it must not exist
        file: PathBuf,
        #[command(flatten)]
        connect: Connect,
    },
    /// Copy the root key to a file: keep it away from the node, it opens everything
    #[command(after_help = "Example:\n  essaim backup root-key root-key.copy")]
    RootKey {
        /// The file; it must not exist
        file: PathBuf,
        #[command(flatten)]
        connect: Connect,
    },
}

/// What a restore needs.
#[derive(Args)]
pub struct RestoreArgs {
    /// The backup of the catalog
    pub file: PathBuf,
    /// The data directory
    #[arg(long, value_name = "DIR", env = "ESSAIM_DATA")]
    pub data: Option<PathBuf>,
    /// A copy of the root key, if the data directory has lost it
    #[arg(long, value_name = "FILE")]
    pub root_key: Option<PathBuf>,
    /// A file with the passphrase that protects the root key, if one does
    #[arg(long, value_name = "FILE", env = "ESSAIM_PASSPHRASE_FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// A directory with fragments of this cluster, if the node does not know its disks any
    /// more; repeat it for each disk
    #[arg(long = "disk", value_name = "DIR")]
    pub disks: Vec<PathBuf>,
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
}

/// Commands about tokens.
#[derive(Subcommand)]
pub enum TokenVerb {
    /// Make a token; it is shown once
    #[command(
        after_help = "Example:\n  essaim token create nightly --scopes backup --expires 365d"
    )]
    Create {
        /// What it is for
        name: String,
        /// What it may do: read, manage, backup
        #[arg(long, value_name = "A,B", value_delimiter = ',', default_value = "read")]
        scopes: Vec<String>,
        /// When it stops to work: 30d, 12h, 15m
        #[arg(long, value_name = "TIME", value_parser = parse_duration)]
        expires: Option<u64>,
        #[command(flatten)]
        connect: Connect,
    },
    /// List the tokens, without secrets
    #[command(after_help = "Example:\n  essaim token list")]
    List(Connect),
    /// Revoke a token
    #[command(after_help = "Example:\n  essaim token revoke TOKEN_ID")]
    Revoke {
        /// The token's id
        #[arg(value_name = "TOKEN_ID")]
        id: String,
        #[command(flatten)]
        connect: Connect,
    },
}

/// The flags of `up`, made from the table of settings.
pub struct UpArgs {
    /// The settings file.
    pub config: Option<PathBuf>,
    /// What was given, by the setting's name.
    pub flags: BTreeMap<&'static str, Vec<String>>,
}

impl Args for UpArgs {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .env("ESSAIM_CONFIG")
            .value_parser(clap::value_parser!(PathBuf))
            .help("A TOML file with settings; flags and environment go before it");
        SETTINGS.iter().fold(command.arg(config), |command, setting| {
            let arg = Arg::new(setting.name).long(setting.name);
            let help = match setting.default {
                "" if setting.name == "data" => {
                    format!("{} [default: {DATA_DEFAULT}]", setting.doc)
                }
                "" => setting.doc.to_owned(),
                default => format!("{} [default: {default}]", setting.doc),
            };
            let arg = match (setting.kind, setting.many) {
                (Kind::Switch, _) => arg.action(ArgAction::SetTrue),
                (kind, true) => arg.value_name(kind.placeholder()).action(ArgAction::Append),
                (kind, false) => arg.value_name(kind.placeholder()).action(ArgAction::Set),
            };
            command.arg(arg.help(help))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for UpArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = BTreeMap::new();
        for setting in SETTINGS {
            if setting.kind == Kind::Switch {
                if matches.get_flag(setting.name) {
                    flags.insert(setting.name, vec!["true".to_owned()]);
                }
            } else if let Some(values) = matches.get_many::<String>(setting.name) {
                flags.insert(setting.name, values.cloned().collect());
            }
        }
        Ok(Self { config: matches.get_one("config").cloned(), flags })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// `30d`, `12h`, `15m`, `90s`: in seconds.
fn parse_duration(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is not a time: write 30d, 12h, 15m or 90s");
    let split = text.len().saturating_sub(1);
    let (number, unit) = text.split_at_checked(split).ok_or_else(wrong)?;
    let seconds = match unit {
        "d" => 86_400,
        "h" => 3_600,
        "m" => 60,
        "s" => 1,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).filter(|total| *total > 0).ok_or_else(wrong)
}

/// `1000`, `10KiB`, `500GiB`, `5Go`: in bytes.
fn parse_bytes(text: &str) -> Result<u64, String> {
    let wrong = || {
        format!(
            "{text:?} is not a size: write a whole number of bytes, or with KiB, MiB, GiB, TiB or \
             kB, MB, GB, TB (or Kio, Mio, Gio, Tio, ko, Mo, Go, To): 1500MB, not 1.5GB"
        )
    };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim() {
        "" | "B" | "o" => 1,
        "KiB" | "Kio" => 1 << 10,
        "MiB" | "Mio" => 1 << 20,
        "GiB" | "Gio" => 1 << 30,
        "TiB" | "Tio" => 1 << 40,
        "kB" | "ko" => 1_000,
        "MB" | "Mo" => 1_000_000,
        "GB" | "Go" => 1_000_000_000,
        "TB" | "To" => 1_000_000_000_000,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(factor).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::{Cli, parse_bytes, parse_duration};

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example() {
        fn check(command: &clap::Command) {
            command.get_subcommands().for_each(check);
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let named = ["Example:\n  essaim ", "Examples:\n  essaim ", "First steps:\n  essaim "];
            assert!(named.iter().any(|head| after.contains(head)), "{}", command.get_name());
            let examples = after.lines().filter_map(|line| line.strip_prefix("  essaim "));
            for example in examples.filter(|_| command.has_subcommands()) {
                let words = example.split("  ").next().unwrap_or_default().split_whitespace();
                let words = core::iter::once("essaim").chain(words);
                let parsed = Cli::command().try_get_matches_from(words);
                assert!(parsed.is_ok(), "{example}: {:?}", parsed.err());
            }
        }
        check(&Cli::command());
    }

    #[test]
    fn help_says_where_the_data_lies_without_data() {
        let mut command = Cli::command();
        let up = command.find_subcommand_mut("up").expect("up");
        let help = up.render_help().to_string();
        assert!(help.contains("~/.local/share/essaim"), "{help}");
    }

    #[test]
    fn times_and_sizes() {
        assert_eq!(parse_duration("30d"), Ok(2_592_000));
        for text in ["", "d", "30", "0d", "-1d", "3w", "é"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert_eq!(parse_bytes("10GiB"), Ok(10 << 30));
        assert_eq!(parse_bytes("5GiB"), Ok(5_368_709_120));
        assert_eq!(parse_bytes("5GB"), Ok(5_000_000_000));
        assert_eq!(parse_bytes("5Go"), parse_bytes("5GB"));
        assert_eq!(parse_bytes("5 Gio"), parse_bytes("5GiB"));
        assert_eq!(parse_bytes("7"), Ok(7));
        for text in ["", "GiB", "-1", "1XB", "99999999999TiB", "1,5GB", "1.5Go", "1 000", "5g"] {
            let told = parse_bytes(text).unwrap_err();
            assert!(told.contains("1500MB") && told.contains("Go"), "{text}: {told}");
        }
    }

    #[test]
    fn no_quota_is_lifted_without_a_word() {
        let parse = |words: &[&str]| {
            let words = ["essaim", "tenant", "quota", "mairie"].iter().chain(words);
            Cli::command().try_get_matches_from(words).map_err(|error| error.to_string())
        };
        let told = parse(&[]).unwrap_err();
        for word in ["--quota-bytes", "--quota-objects", "--unlimited"] {
            assert!(told.contains(word), "{told}");
        }
        parse(&["--quota-bytes", "1GiB", "--quota-objects", "7"]).unwrap();
        parse(&["--quota-objects", "7"]).unwrap();
        parse(&["--unlimited"]).unwrap();
        parse(&["--unlimited", "--quota-objects", "7"]).unwrap_err();
    }
}
