//! Tokens of the API and administrators' logins.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a token may do.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Look at everything but secrets.
    Read,
    /// Change tenants, users, keys and buckets, and start a scrub.
    Manage,
    /// Take a copy of the catalog.
    Backup,
}

impl Scope {
    /// All scopes, as an administrator has them.
    pub const ALL: [Self; 3] = [Self::Read, Self::Manage, Self::Backup];
}

/// A token, without its secret.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// Its id, by which it is revoked.
    pub id: String,
    /// What it is for, as its maker named it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created: String,
    /// When it stops to work.
    pub expires: Option<String>,
}

/// A token to make.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenNew {
    /// What it is for.
    #[schema(example = "nightly-backup")]
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// In how many seconds it stops to work; none means never.
    #[serde(default)]
    pub expires_in_seconds: Option<u64>,
}

/// A token just made. The secret is shown here and never again.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct TokenMade {
    /// The token.
    #[serde(flatten)]
    pub token: Token,
    /// What goes behind `Authorization: Bearer`.
    pub secret: String,
}

/// An administrator's name and password.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The administrator.
    pub user: String,
    /// The password.
    pub password: String,
}

/// A session just begun.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct LoginMade {
    /// What goes behind `Authorization: Bearer`.
    pub token: String,
    /// When the session ends.
    pub expires: String,
}

/// An administrator's fresh password. It is shown here and never again.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct PasswordMade {
    /// The administrator.
    pub user: String,
    /// The password.
    pub password: String,
}
