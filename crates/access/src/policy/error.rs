//! Why a policy document is refused. The texts are shown to clients, with the
//! code `MalformedPolicy`.

use thiserror::Error;

/// What is wrong with a policy document.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum PolicyError {
    /// Longer than a policy may be.
    #[error("Policy exceeds the maximum allowed document size")]
    TooLarge,
    /// Not JSON, or not an object.
    #[error("Policies must be valid JSON and the first byte must be '{{'")]
    NotJson {
        /// What the parser said; for the log.
        reason: String,
    },
    /// A field that policies do not have.
    #[error("Unknown field {field}")]
    UnknownField {
        /// Its name.
        field: String,
    },
    /// A field that must be there.
    #[error("Missing required field {field}")]
    MissingField {
        /// Its name.
        field: &'static str,
    },
    /// A field that has the wrong type, is empty, or holds too many values.
    #[error("The value of field {field} is not valid")]
    InvalidField {
        /// Its name.
        field: &'static str,
    },
    /// Two fields of which only one may be there.
    #[error("Statement has both {one} and {other}")]
    Both {
        /// The one.
        one: &'static str,
        /// The other.
        other: &'static str,
    },
    /// A version that does not exist.
    #[error("The policy must contain a valid version string")]
    Version,
    /// Neither `Allow` nor `Deny`.
    #[error("Invalid effect: {effect}")]
    Effect {
        /// What it says.
        effect: String,
    },
    /// Somebody that cannot be.
    #[error("Invalid principal in policy")]
    Principal {
        /// What it says; for the log.
        principal: String,
    },
    /// Everybody but some may never be allowed something.
    #[error("Allow with NotPrincipal is not allowed.")]
    AllowNotPrincipal,
    /// Something that cannot be done.
    #[error("Policy has invalid action")]
    Action {
        /// What it says; for the log.
        action: String,
    },
    /// Something that is not of this bucket.
    #[error("Policy has invalid resource")]
    Resource {
        /// What it says; for the log.
        resource: String,
    },
    /// Actions and resources that never go together.
    #[error("Action does not apply to any resource(s) in statement")]
    ActionResource,
    /// A comparison that does not exist.
    #[error("Invalid Condition type : {operator}")]
    ConditionOperator {
        /// What it says.
        operator: String,
    },
    /// A key that conditions cannot look at.
    #[error("Policy has an invalid condition key")]
    ConditionKey {
        /// What it says; for the log.
        key: String,
    },
    /// A value that the comparison cannot take.
    #[error("Invalid value for condition key {key}")]
    ConditionValue {
        /// The key.
        key: String,
    },
    /// More statements than there may be.
    #[error("Policy has too many statements")]
    TooManyStatements,
    /// Two statements of the same name.
    #[error("Statement IDs (SID) in a single policy must be unique.")]
    DuplicateSid,
}
