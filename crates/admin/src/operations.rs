//! What can be asked of a node.

use async_trait::async_trait;
use axum::body::Body;
use placement::Language;
use units::Timestamp;

use crate::fault::Fault;
use crate::model::{
    Bucket, BucketNew, BucketQuota, Confirmation, Disk, Invite, InviteMade, InviteNew, Key,
    KeyMade, KeyNew, KmsKey, KmsKeyNew, List, Page, PolicyCheck, PolicyCheckAsk, PolicyExplainAsk,
    PolicyExplanation, PolicyListed, PolicyOf, PolicyShown, PolicyText, Rotation, RotationNew,
    Scrub, Site, SiteEvidence, SiteRemoveStep, SiteReplaceAsk, Sites, Status, Tenant, TenantNew,
    TenantQuota, Usage, User, UserNew, Where, WhereAsk,
};

/// A node, as the API asks it. Names are those of the path or of the body,
/// unchecked: whoever answers checks them.
#[async_trait]
pub trait Operations: Send + Sync {
    /// Waits until what this node knows shows everything that was done before the call,
    /// wherever in the cluster; asked before anything about the catalog.
    async fn catch_up(&self) -> Result<(), Fault>;
    /// Since when this node is cut off from the other sites, if it is: it shows what it knew
    /// then.
    fn cut_off_since(&self) -> Option<Timestamp>;

    /// What runs, how full, how healthy.
    async fn status(&self) -> Result<Status, Fault>;

    /// Tenants by name.
    async fn tenants_list(&self, page: &Page) -> Result<List<Tenant>, Fault>;
    /// Creates a tenant with its key.
    async fn tenant_create(&self, new: TenantNew) -> Result<Tenant, Fault>;
    /// One tenant.
    async fn tenant_show(&self, name: &str) -> Result<Tenant, Fault>;
    /// Refuses the tenant's requests; its data stays.
    async fn tenant_suspend(&self, name: &str) -> Result<Tenant, Fault>;
    /// Serves the tenant again.
    async fn tenant_resume(&self, name: &str) -> Result<Tenant, Fault>;
    /// Changes how much the tenant may store.
    async fn tenant_quota_set(&self, name: &str, quota: TenantQuota) -> Result<Tenant, Fault>;
    /// Removes a tenant that owns no bucket any more.
    async fn tenant_delete(&self, name: &str) -> Result<(), Fault>;

    /// Users of a tenant by name.
    async fn users_list(&self, tenant: &str, page: &Page) -> Result<List<User>, Fault>;
    /// Creates a user.
    async fn user_create(&self, tenant: &str, new: UserNew) -> Result<User, Fault>;
    /// Removes a user and revokes its keys.
    async fn user_delete(&self, tenant: &str, name: &str) -> Result<(), Fault>;

    /// Access keys of a tenant by id.
    async fn keys_list(&self, tenant: &str, page: &Page) -> Result<List<Key>, Fault>;
    /// Makes an access key.
    async fn key_create(&self, tenant: &str, new: KeyNew) -> Result<KeyMade, Fault>;
    /// Revokes an access key.
    async fn key_revoke(&self, tenant: &str, id: &str) -> Result<(), Fault>;

    /// Named keys of a tenant by name.
    async fn kms_keys_list(&self, tenant: &str, page: &Page) -> Result<List<KmsKey>, Fault>;
    /// Makes a named key.
    async fn kms_key_create(&self, tenant: &str, new: KmsKeyNew) -> Result<KmsKey, Fault>;

    /// Buckets by name, of one tenant if the page says so.
    async fn buckets_list(&self, page: &Page) -> Result<List<Bucket>, Fault>;
    /// Creates a bucket.
    async fn bucket_create(&self, new: BucketNew) -> Result<Bucket, Fault>;
    /// One bucket.
    async fn bucket_show(&self, name: &str) -> Result<Bucket, Fault>;
    /// Changes how much a bucket may hold.
    async fn bucket_quota_set(&self, name: &str, quota: BucketQuota) -> Result<Bucket, Fault>;
    /// Says whether clients may bring keys of their own to a bucket (SSE-C).
    async fn bucket_sse_c_set(&self, name: &str, allowed: Option<bool>) -> Result<Bucket, Fault>;
    /// Removes an empty bucket.
    async fn bucket_delete(&self, name: &str) -> Result<(), Fault>;

    /// What is stored, by tenant and bucket; of one tenant if named.
    async fn usage(&self, tenant: Option<&str>) -> Result<Usage, Fault>;

    /// The running scrub, or the last one.
    async fn scrub_show(&self) -> Result<Scrub, Fault>;
    /// Starts a scrub now, unless one runs.
    async fn scrub_start(&self) -> Result<Scrub, Fault>;

    /// The disks that the node has, or expects.
    async fn disks_list(&self) -> Result<Vec<Disk>, Fault>;
    /// Forgets a disk that is missing for good; as it was known.
    async fn disk_forget(&self, id: &str) -> Result<Disk, Fault>;

    /// Invitations, open or not.
    async fn invites_list(&self) -> Result<Vec<Invite>, Fault>;
    /// Makes an invitation, in the name of who asks.
    async fn invite_create(&self, new: InviteNew, made_by: &str) -> Result<InviteMade, Fault>;
    /// Takes back an invitation that nobody has used.
    async fn invite_revoke(&self, id: &str) -> Result<(), Fault>;

    /// The sites by name, as this node knows them now.
    async fn sites_list(&self) -> Result<Sites, Fault>;
    /// One site, by its name or the first digits of its id.
    async fn site_show(&self, name: &str) -> Result<Site, Fault>;
    /// What is kept of a site's signed answers about what it keeps.
    async fn site_evidence(&self, name: &str) -> Result<SiteEvidence, Fault>;
    /// Stores what this node's own site says about itself: the text of a `site.toml`.
    async fn site_set(&self, site_file: &str, language: Language) -> Result<Site, Fault>;
    /// Has a site emptied, or not any more.
    async fn site_drain(&self, name: &str, draining: bool) -> Result<Site, Fault>;
    /// A step towards removing a site; to be asked for until it is the last.
    async fn site_remove(&self, name: &str, lost: bool) -> Result<SiteRemoveStep, Fault>;

    /// Has a site take the place of another.
    async fn site_replace(&self, name: &str, ask: SiteReplaceAsk) -> Result<Site, Fault>;

    /// Where the bytes of an object lie.
    async fn object_where(&self, ask: &WhereAsk) -> Result<Where, Fault>;

    /// The placement policies that were set.
    async fn policies_list(&self, language: Language) -> Result<Vec<PolicyListed>, Fault>;
    /// The policy in force for somebody, and what it comes to.
    async fn policy_show(&self, of: &PolicyOf, language: Language) -> Result<PolicyShown, Fault>;
    /// Sets a policy, if the sites there are can keep it.
    async fn policy_set(
        &self,
        of: &PolicyOf,
        text: PolicyText,
        language: Language,
    ) -> Result<PolicyShown, Fault>;
    /// Removes a policy that was set for exactly this; shows what holds then.
    async fn policy_remove(&self, of: &PolicyOf, language: Language) -> Result<PolicyShown, Fault>;
    /// What a policy comes to that is not set.
    async fn policy_check(
        &self,
        ask: &PolicyCheckAsk,
        language: Language,
    ) -> Result<PolicyCheck, Fault>;
    /// What the policy of a bucket says of each site.
    async fn policy_explain(
        &self,
        ask: &PolicyExplainAsk,
        language: Language,
    ) -> Result<PolicyExplanation, Fault>;

    /// Takes an operator's word.
    async fn confirm(&self, word: Confirmation) -> Result<(), Fault>;

    /// Rotations under way and the last ones.
    async fn rotations_list(&self) -> Result<Vec<Rotation>, Fault>;
    /// Begins the rotation of a key.
    async fn rotation_start(&self, new: RotationNew) -> Result<Rotation, Fault>;
    /// Destroys a tenant's key.
    async fn tenant_shred(&self, name: &str) -> Result<Tenant, Fault>;
    /// Sets, changes or takes away the passphrase of the root key.
    async fn passphrase_set(&self, passphrase: Option<String>) -> Result<(), Fault>;

    /// The catalog, whole and consistent, as a stream.
    async fn backup_catalog(&self) -> Result<Body, Fault>;
}
