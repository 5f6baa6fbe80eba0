//! The words about placement policies.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use node::Language;

use super::Connect;

/// What the commands are about.
pub const ABOUT: &str = "Placement policies: where data may be, how they must spread, and why";

/// How the commands are typed.
pub const EXAMPLE: &str = "Example:\n  essaim policy check policy.toml";

/// In which language people are told.
#[derive(Args, Clone, Copy, Debug)]
pub struct Speak {
    /// The language of explanations: fr or en; without it the machine's (LANG), or else English
    #[arg(long, value_name = "fr|en", env = "ESSAIM_LANGUAGE")]
    pub language: Option<Language>,
}

/// For whom a policy is.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub struct PolicyFor {
    /// For all buckets of this tenant that have none of their own
    #[arg(long, value_name = "TENANT")]
    pub tenant: Option<String>,
    /// For this bucket
    #[arg(long, value_name = "BUCKET")]
    pub bucket: Option<String>,
    /// For all tenants that have none of their own
    #[arg(long)]
    pub cluster: bool,
}

/// For whom a policy would be, if that is said.
#[derive(Args, Clone, Debug)]
#[group(multiple = false)]
pub struct PolicyForIfAny {
    /// As a policy of this tenant
    #[arg(long, value_name = "TENANT")]
    pub tenant: Option<String>,
    /// As a policy of this bucket
    #[arg(long, value_name = "BUCKET")]
    pub bucket: Option<String>,
}

/// Commands about placement policies.
#[derive(Subcommand)]
pub enum PolicyVerb {
    /// Read a policy file strictly, and say whether the sites there are can keep it
    #[command(after_help = "\
Changes nothing. Exit code 1 if the file is wrong, or if no set of sites can keep it: then it is said
which rule lacks which site.

Examples:
  essaim policy check policy.toml
  essaim policy check policy.toml --bucket archives --language fr")]
    Check {
        /// The policy, as TOML
        file: PathBuf,
        #[command(flatten)]
        of: PolicyForIfAny,
        #[command(flatten)]
        speak: Speak,
        #[command(flatten)]
        connect: Connect,
    },
    /// Set the policy of a tenant, a bucket or the cluster
    #[command(after_help = "\
Checked as by essaim policy check, and refused if the sites there are cannot keep it. What lies
already is moved to where the policy wants it.

Examples:
  essaim policy set --tenant mairie policy.toml
  essaim policy set --bucket archives policy.toml
  essaim policy set --cluster policy.toml")]
    Set {
        #[command(flatten)]
        of: PolicyFor,
        /// The policy, as TOML
        file: PathBuf,
        /// Set it also if no set of sites can keep it now: nothing is written under it until
        /// one can
        #[arg(long)]
        even_if_unsatisfiable: bool,
        #[command(flatten)]
        speak: Speak,
        #[command(flatten)]
        connect: Connect,
    },
    /// Show the policy in force, where it comes from, and what it guarantees today
    #[command(after_help = "\
A bucket's own policy goes before its tenant's, and that before the cluster's.

Example:
  essaim policy show --bucket archives")]
    Show {
        #[command(flatten)]
        of: PolicyFor,
        #[command(flatten)]
        speak: Speak,
        #[command(flatten)]
        connect: Connect,
    },
    /// Remove a policy: the tenant's, the cluster's or the default holds then
    #[command(after_help = "Example:\n  essaim policy remove --bucket archives")]
    Remove {
        #[command(flatten)]
        of: PolicyFor,
        #[command(flatten)]
        speak: Speak,
        #[command(flatten)]
        connect: Connect,
    },
    /// List the policies that were set
    #[command(after_help = "Example:\n  essaim policy list")]
    List {
        #[command(flatten)]
        speak: Speak,
        #[command(flatten)]
        connect: Connect,
    },
    /// Say for each site whether it may hold what is in a bucket, by which rule not, and where
    /// an object goes now
    #[command(after_help = "\
Of an object it is also said whether it lies as the policy wants it.

Examples:
  essaim policy explain s3://archives
  essaim policy explain s3://archives/2026/plan.pdf --language fr")]
    Explain {
        /// The bucket or the object, as s3://BUCKET or s3://BUCKET/KEY
        #[arg(value_name = "s3://BUCKET[/KEY]")]
        what: String,
        #[command(flatten)]
        speak: Speak,
        #[command(flatten)]
        connect: Connect,
    },
}
