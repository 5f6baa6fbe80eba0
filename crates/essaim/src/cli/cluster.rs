//! The words about what a cluster is made of: disks, sites, and invitations to join.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Connect, Named, Speak, parse_duration};

/// An invitation to be made, or another thing to do about invitations.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct InviteArgs {
    #[command(subcommand)]
    pub verb: Option<InviteVerb>,
    /// How long it is good: 1h, 30m, 2d; at most 30d
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = parse_duration)]
    pub expires: u64,
    /// For a machine that votes on the catalog and keeps no data, as the third of two sites
    #[arg(long)]
    pub witness: bool,
    #[command(flatten)]
    pub connect: Connect,
}

/// Commands about invitations.
#[derive(Subcommand)]
pub enum InviteVerb {
    /// List the invitations: open, used, expired
    #[command(after_help = "Example:\n  essaim invite list")]
    List(Connect),
    /// Take back an invitation that nobody has used
    #[command(after_help = "Example:\n  essaim invite revoke INVITE_ID")]
    Revoke {
        /// Its id
        #[arg(value_name = "INVITE_ID")]
        id: String,
        #[command(flatten)]
        connect: Connect,
    },
}

/// Commands about sites.
#[derive(Subcommand)]
pub enum SiteVerb {
    /// List the sites
    #[command(after_help = "Example:\n  essaim site list --json")]
    List(Connect),
    /// Show all that is known of a site, with its signatures checked
    #[command(after_help = "Example:\n  essaim site show mairie")]
    Show(Named),
    /// Show the signed answers a site gave when it was asked to prove what it keeps
    #[command(after_help = "\
Each site is asked once a minute for a range of a fragment that the catalog says it has. Its last
good answer is kept, and those that were not, for 400 days. The signatures are checked here, by
this command, with the key that stands in the answer: compare it with the one you know.

Examples:
  essaim site evidence mairie
  essaim site evidence mairie --json")]
    Evidence(Named),
    /// Say anew what the site of this node is: place, operator, certifications
    #[command(after_help = "Example:\n  essaim site set --site-file site.toml")]
    Set {
        /// The file with what the site says about itself
        #[arg(long, value_name = "FILE")]
        site_file: PathBuf,
        #[command(flatten)]
        speak: Speak,
        #[command(flatten)]
        connect: Connect,
    },
    /// Have a site emptied: its fragments move to the others, and nothing new comes
    #[command(
        after_help = "Examples:\n  essaim site drain mairie\n  essaim site drain mairie --undo"
    )]
    Drain {
        /// Its name
        name: String,
        /// It stays: not to be emptied any more
        #[arg(long)]
        undo: bool,
        #[command(flatten)]
        connect: Connect,
    },
    /// Have a site take the place of another, in one go
    #[command(after_help = "\
The new site has joined already (essaim invite, essaim up --join). The old one is emptied, to the
new one first, and leaves the map by itself when nothing lies there; essaim site list shows how far
it is. With --lost the old one is given up at once, and what lay there is rebuilt from what is left.

Examples:
  essaim site replace mairie ecole
  essaim site replace mairie ecole --lost --yes")]
    Replace {
        /// The name of the site that goes
        old: String,
        /// The name of the site that takes its place
        new: String,
        /// The old one never comes back: what lies there is given up
        #[arg(long)]
        lost: bool,
        /// Yes: nothing is asked then
        #[arg(long, requires = "lost")]
        yes: bool,
        #[command(flatten)]
        connect: Connect,
    },
    /// Take a site off the map: an empty one, or one that never comes back
    #[command(after_help = "\
Refused while a part of an object still has a fragment there: essaim site drain empties it first.
With --lost it goes at once, and what lies there is given up: parts are rebuilt at the other sites
from what is left. A site that was removed so and comes back is not let in again.

Examples:
  essaim site remove mairie
  essaim site remove mairie --lost --yes")]
    Remove {
        /// Its name
        name: String,
        /// It never comes back: what lies there is given up
        #[arg(long)]
        lost: bool,
        /// Yes: nothing is asked then
        #[arg(long, requires = "lost")]
        yes: bool,
        #[command(flatten)]
        connect: Connect,
    },
}

/// Commands about disks.
#[derive(Subcommand)]
pub enum DiskVerb {
    /// List the disks that the node has or expects, and what lies on each
    #[command(after_help = "Example:\n  essaim disk list --json")]
    List(Connect),
    /// Forget a disk that is lost for good: nobody waits for it any more
    #[command(after_help = "\
Refused while a part of an object still has its place on the disk: what lay on it is rebuilt on the
others first, and essaim status says when that is done. Refused, too, for a disk that is there.
Afterwards the node is as if it had never had that disk: it starts without --allow-missing-disks.
There is no way back: a forgotten disk that turns up again is refused until it has been emptied.

Example:
  essaim disk forget 3f2a90c1")]
    Forget {
        /// Its id, or the first 8 digits of it or more
        #[arg(value_name = "DISK_ID")]
        id: String,
        #[command(flatten)]
        connect: Connect,
    },
}
