//! Placement policies: what is set for whom, and what it comes to on the sites there are.
//!
//! Sentences are in the language that the request asks for (`Accept-Language`: `fr` or
//! `en`); all else is the same in every language.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// For whom a policy is: a bucket, a tenant, or, without both, the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PolicyOf {
    /// The tenant.
    #[serde(default)]
    pub tenant: Option<String>,
    /// The bucket; not together with a tenant.
    #[serde(default)]
    pub bucket: Option<String>,
}

/// A policy that is to be checked.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyCheckAsk {
    /// The document, as text.
    pub policy: String,
    /// The tenant that it would be for.
    #[serde(default)]
    pub tenant: Option<String>,
    /// The bucket that it would be for.
    #[serde(default)]
    pub bucket: Option<String>,
}

/// A policy that is to be set.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyText {
    /// The document, as text.
    pub policy: String,
    /// Whether to set it also if the sites there are cannot keep it: until they can,
    /// nothing is written under it.
    #[serde(default)]
    pub even_if_unsatisfiable: bool,
}

/// One thing wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyFault {
    /// In which line; the first is 1.
    pub line: u64,
    /// In which field, with the tables around it; empty if in none.
    pub field: String,
    /// What is wrong, and what would be right.
    pub reason: String,
}

/// What a policy comes to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PolicyCheck {
    /// Everything that is wrong with the document; if something is, nothing else is known.
    pub faults: Vec<PolicyFault>,
    /// Whether the sites there are can keep it, if all of them answer and have room; none
    /// if the document is wrong.
    pub is_satisfiable: Option<bool>,
    /// Where an object would lie; or which rule lacks which site, and why.
    pub words: String,
    /// The code of new objects (`3+2`); none if it cannot be kept, or if one site is all
    /// there is and its disks decide.
    pub code: Option<String>,
    /// Sites on which an object could lie.
    pub sites: Vec<String>,
}

/// Where a policy comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PolicySource {
    /// It was set for the bucket.
    Bucket,
    /// It was set for the tenant.
    Tenant,
    /// It was set for the cluster.
    Cluster,
    /// None was set: any active site may store, and one may vanish if there are two.
    Default,
}

/// What an object of a megabyte that is written now survives.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PolicyGuarantee {
    /// The code.
    pub code: String,
    /// The sites, one for each fragment.
    pub sites: Vec<String>,
    /// Any so many sites may vanish.
    pub sites_may_vanish: u64,
    /// All sites of any so many communes.
    pub communes_may_vanish: u64,
    /// All sites of any so many operators.
    pub operators_may_vanish: u64,
    /// Any so many disks.
    pub disks_may_vanish: u64,
    /// The same, and more, in sentences.
    pub words: String,
}

/// The policy in force for somebody.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PolicyShown {
    /// Where it comes from.
    pub source: PolicySource,
    /// The bucket or the tenant that it was set for.
    pub of: Option<String>,
    /// The document; none if none was set.
    pub policy: Option<String>,
    /// Its number, which grows with each change of the site map.
    pub number: Option<u64>,
    /// Since when it holds.
    pub set: Option<String>,
    /// What it comes to on the sites there are.
    pub check: PolicyCheck,
    /// What is guaranteed for what is written now; none if nothing can be written now.
    pub guarantee: Option<PolicyGuarantee>,
    /// Why nothing can be written now, if so.
    pub refusal: Option<String>,
}

/// A policy that was set.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PolicyListed {
    /// Whether for a bucket, a tenant or the cluster.
    pub source: PolicySource,
    /// The bucket or the tenant.
    pub of: Option<String>,
    /// Since when it holds.
    pub set: String,
    /// Whether the sites there are can keep it; none if it cannot be read.
    pub is_satisfiable: Option<bool>,
    /// In a sentence.
    pub words: String,
}

/// Of what a policy is to be explained.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PolicyExplainAsk {
    /// The bucket.
    pub bucket: String,
    /// An object in it.
    #[serde(default)]
    pub key: Option<String>,
}

/// A site, as a policy sees it now.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PolicySite {
    /// Its name.
    pub site: String,
    /// Its commune, if it says so.
    pub commune: Option<String>,
    /// Who runs it, if it says so.
    pub operator: Option<String>,
    /// Whether it may hold fragments.
    pub is_admitted: bool,
    /// Whether an object that is written now would have a fragment there.
    pub is_chosen: bool,
    /// Why, in part of a sentence.
    pub words: String,
}

/// What of an object does not lie as the policy wants it now.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PolicyObject {
    /// Its key.
    pub key: String,
    /// What is wrong with where it lies, sentence by sentence; nothing if all is right.
    pub drifts: Vec<String>,
    /// What may vanish of where it lies, for the part that survives least; none if nothing
    /// of it lies on disks.
    pub words: Option<String>,
    /// Sites that may vanish, the least of all parts; none if nothing of it lies on disks,
    /// or it cannot be read.
    pub sites_may_vanish: Option<u64>,
}

/// What a policy says of each site, and why.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PolicyExplanation {
    /// The bucket.
    pub bucket: String,
    /// Where its policy comes from.
    pub source: PolicySource,
    /// The bucket or the tenant that it was set for.
    pub of: Option<String>,
    /// All sites, by name.
    pub sites: Vec<PolicySite>,
    /// Where an object would lie that is written now, and what that survives.
    pub guarantee: Option<PolicyGuarantee>,
    /// Why nothing can be written now, if so.
    pub refusal: Option<String>,
    /// The object, if one was asked about.
    pub object: Option<PolicyObject>,
}
