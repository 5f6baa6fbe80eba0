//! Answers what operators ask: [`admin::Operations`] over the parts of this node.
//!
//! Whoever calls has been let in by `admin`; the object path is given the node's
//! own leave. Reading walks the catalog's view on the caller's thread: a page of
//! a list is microseconds.

mod buckets;
mod confirm;
mod disks;
mod evidence;
mod invites;
mod keys;
mod kms_keys;
mod place;
mod placement_map;
mod policies;
mod rotations;
mod scrub;
mod site_changes;
mod site_moves;
mod sites;
mod status;
mod tenants;
mod usage;
mod users;
mod vouched;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use access::Authorised;
use admin::model::{
    Bucket, BucketNew, BucketQuota, Confirmation, Disk, Invite, InviteMade, InviteNew, Key,
    KeyMade, KeyNew, KmsKey, KmsKeyNew, List, Page, PolicyCheck, PolicyCheckAsk, PolicyExplainAsk,
    PolicyExplanation, PolicyListed, PolicyOf, PolicyShown, PolicyText, Rotation, RotationNew,
    Scrub, Site, SiteEvidence, SiteRemoveStep, SiteReplaceAsk, Sites, Status, Tenant, TenantNew,
    TenantQuota, Usage, User, UserNew, Where, WhereAsk,
};
use admin::{Fault, FaultKind, Operations};
use async_trait::async_trait;
use axum::body::Body;
use catalog::{NodeAddress, ReadError, Refusal, View};
use consensus::{Consensus, ProposeError};
use disk::RealDisk;
use insight::Insight;
use objects::{ObjectError, Objects};
use parking_lot::Mutex;
use placement::Language;
use steward::Steward;
use units::{Clock, ClusterId, DiskId, NodeId, Random, SiteId, Timestamp};
use vault::NodeIdentity;
use wire::TcpTransport;

use crate::announcement::Announcement;
use crate::identity::{Identity, KnownDisk};
use crate::parts::Parts;
use crate::settings::Settings;
use crate::trouble::chain;

pub(crate) use disks::{component, missing_text, poison_text};
pub(crate) use status::{CLOCK, CLOCK_WHAT_TO_DO, CUT_OFF};

/// This node among the others.
struct Place {
    cluster: ClusterId,
    site: SiteId,
    node: NodeId,
    key: Arc<NodeIdentity>,
    addresses: Vec<NodeAddress>,
    transport: Arc<TcpTransport>,
}

/// The node, as operators ask it.
pub(crate) struct SiteOperations {
    objects: Objects,
    consensus: Consensus,
    fragments: fragments::FragmentStore,
    disks: Vec<(DiskId, PathBuf)>,
    missing: Mutex<Vec<KnownDisk>>,
    /// As it stands in its file.
    identity: Mutex<Identity>,
    root: Arc<RealDisk>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    insight: Insight,
    announcement: Announcement,
    cluster: Place,
    region: String,
    started: Timestamp,
    /// The same by the stop-watch.
    began: Duration,
    scrub: scrub::Scrubber,
}

impl SiteOperations {
    pub(crate) fn new(
        settings: &Settings,
        parts: &Parts,
        announcement: &Announcement,
        insight: &Insight,
        steward: Steward,
    ) -> Self {
        Self {
            objects: parts.objects.clone(),
            consensus: parts.consensus.clone(),
            fragments: parts.disks.store.clone(),
            disks: parts.disks.present.clone(),
            missing: Mutex::new(parts.disks.missing.clone()),
            identity: Mutex::new(parts.identity.clone()),
            root: Arc::clone(&parts.root),
            clock: Arc::clone(&parts.clock),
            random: Arc::clone(&parts.random),
            insight: insight.clone(),
            announcement: announcement.clone(),
            cluster: Place {
                cluster: parts.identity.cluster,
                site: parts.identity.site,
                node: parts.identity.node,
                key: Arc::clone(&parts.cluster.key),
                addresses: parts.cluster.addresses.clone(),
                transport: Arc::clone(&parts.cluster.transport),
            },
            region: settings.region.clone(),
            started: parts.clock.now(),
            began: parts.clock.elapsed(),
            scrub: scrub::Scrubber::new(steward),
        }
    }

    /// The catalog as of now.
    fn view(&self) -> View {
        self.consensus.view()
    }

    /// The node's own leave, for an operator that `admin` has let in.
    fn leave() -> Authorised {
        Authorised::steward("administration")
    }
}

/// A catalog that cannot be read.
fn unread(error: &ReadError) -> Fault {
    tracing::error!(error = %chain(error), "the catalog could not be read");
    Fault::new(
        FaultKind::Internal,
        format!("the catalog could not be read: {}", chain(error)),
        "run essaim doctor; if the catalog's disk fails, restore from a backup",
    )
}

/// What to do for a catalog whose disk is full.
const CATALOG_ROOM: &str = "make room on the disk of the data directory, which holds the catalog \
                            (essaim status shows where it is): delete data if its fragments lie \
                            there too, or other files; one more --disk does not help";

/// A verb of the object path that was not carried out.
fn undone(error: &ObjectError) -> Fault {
    match error {
        ObjectError::Refused(refusal) => refused(refusal),
        ObjectError::Unavailable { .. }
        | ObjectError::SlowDown { .. }
        | ObjectError::RulesChanged => Fault::new(
            FaultKind::Unavailable,
            chain(error),
            "see essaim status; it can be tried again",
        ),
        ObjectError::Clock(_) => Fault::new(
            FaultKind::Unavailable,
            chain(error),
            "look at date --utc; set the clock right, or type essaim confirm clock if it is",
        ),
        ObjectError::Full => Fault::new(
            FaultKind::Unavailable,
            "the disks have no room left",
            "delete data or add a disk, then try again",
        ),
        ObjectError::CatalogFull(_) => {
            Fault::new(FaultKind::Unavailable, chain(error), CATALOG_ROOM)
        }
        ObjectError::Invalid { reason } => Fault::invalid(reason.clone(), "mend it and try again"),
        other => {
            tracing::error!(error = %chain(other), "an operation failed");
            Fault::new(FaultKind::Internal, chain(other), "see the log")
        }
    }
}

/// A command that was not carried out.
fn unproposed(error: &ProposeError) -> Fault {
    match error {
        ProposeError::Refused(refusal) => refused(refusal),
        ProposeError::Full(_) => Fault::new(FaultKind::Unavailable, chain(error), CATALOG_ROOM),
        ProposeError::Clock(_) => Fault::new(
            FaultKind::Unavailable,
            chain(error),
            "look at date --utc; set the clock right, or type essaim confirm clock if it is",
        ),
        ProposeError::Unavailable(_) | ProposeError::DirectoryChanged => Fault::new(
            FaultKind::Unavailable,
            chain(error),
            "see essaim site list: with too few sites that vote nothing is written; it can be \
             tried again",
        ),
        ProposeError::TooLong { .. } => Fault::invalid(chain(error), "send less"),
    }
}

fn refused(refusal: &Refusal) -> Fault {
    let (kind, what_to_do) = match refusal {
        Refusal::NoSuchTenant => (FaultKind::NotFound, "see: essaim tenant list"),
        Refusal::NoSuchUser => (FaultKind::NotFound, "see: essaim user list --tenant T"),
        Refusal::NoSuchAccessKey => (FaultKind::NotFound, "see: essaim key list --tenant T"),
        Refusal::NoSuchBucket => (FaultKind::NotFound, "see: essaim bucket list"),
        Refusal::TenantNotEmpty => {
            (FaultKind::Conflict, "delete its buckets first: essaim bucket list --tenant T")
        }
        Refusal::BucketNotEmpty => (
            FaultKind::Conflict,
            "delete its objects first, with all their versions, through S3 (rclone purge)",
        ),
        Refusal::BucketExists { .. }
        | Refusal::TenantExists
        | Refusal::UserExists
        | Refusal::NamedKeyExists => (FaultKind::Conflict, "choose another name"),
        Refusal::EmailTaken => (FaultKind::Conflict, "choose another address"),
        Refusal::TenantSuspended => {
            (FaultKind::Conflict, "serve it again first: essaim tenant resume NAME")
        }
        Refusal::TenantErased => (FaultKind::Conflict, "that is final; make a new tenant"),
        Refusal::ObjectLocked { .. } => {
            (FaultKind::Conflict, "a bucket with object lock still holds versions: wait for it")
        }
        Refusal::NoMap => (FaultKind::Conflict, "start the first site anew: it says who it is"),
        Refusal::NoSuchSite | Refusal::NoSuchNode => (FaultKind::NotFound, "see: essaim site list"),
        Refusal::NoSuchInvite
        | Refusal::InviteExpired { .. }
        | Refusal::InviteUsed { .. }
        | Refusal::InviteForRole { .. }
        | Refusal::InviteExists => {
            (FaultKind::Conflict, "make another one on a running site: essaim invite")
        }
        Refusal::SiteNameTaken => (FaultKind::Conflict, "choose another name"),
        Refusal::SiteDraining { .. } => {
            (FaultKind::Conflict, "choose another site: essaim site list")
        }
        Refusal::SiteInUse { .. } => {
            (FaultKind::Conflict, "empty it first: essaim site drain NAME; or say that it is lost")
        }
        Refusal::LastSite => (FaultKind::Conflict, "bring another site in first: essaim invite"),
        Refusal::MapChanged { .. } => (FaultKind::Unavailable, "try again"),
        _ => (FaultKind::Conflict, "see the log"),
    };
    Fault::new(kind, refusal.to_string(), what_to_do)
}

#[async_trait]
impl Operations for SiteOperations {
    async fn catch_up(&self) -> Result<(), Fault> {
        self.consensus.catch_up().await.map_err(|error| {
            Fault::new(
                FaultKind::Unavailable,
                format!("this node cannot make sure that it knows the newest: {}", error.reason),
                "ask a node that most of the voting sites reach, or wait until this one does: \
                 essaim site list",
            )
        })
    }

    fn cut_off_since(&self) -> Option<Timestamp> {
        self.consensus.cut_off().map(|cut_off| cut_off.since)
    }

    async fn status(&self) -> Result<Status, Fault> {
        self.look()
    }

    async fn tenants_list(&self, page: &Page) -> Result<List<Tenant>, Fault> {
        self.tenants(page)
    }
    async fn tenant_create(&self, new: TenantNew) -> Result<Tenant, Fault> {
        self.create_tenant(new).await
    }
    async fn tenant_show(&self, name: &str) -> Result<Tenant, Fault> {
        self.tenant_model(&self.tenant_row(name)?)
    }
    async fn tenant_suspend(&self, name: &str) -> Result<Tenant, Fault> {
        let id = self.tenant_row(name)?.id;
        let done = self.objects.tenant_suspend(&Self::leave(), id).await;
        done.map_err(|error| undone(&error))?;
        self.tenant_model(&self.tenant_row(name)?)
    }
    async fn tenant_resume(&self, name: &str) -> Result<Tenant, Fault> {
        let id = self.tenant_row(name)?.id;
        let done = self.objects.tenant_resume(&Self::leave(), id).await;
        done.map_err(|error| undone(&error))?;
        self.tenant_model(&self.tenant_row(name)?)
    }
    async fn tenant_quota_set(&self, name: &str, quota: TenantQuota) -> Result<Tenant, Fault> {
        self.set_tenant_quota(name, quota).await
    }
    async fn tenant_delete(&self, name: &str) -> Result<(), Fault> {
        self.delete_tenant(name).await
    }

    async fn users_list(&self, tenant: &str, page: &Page) -> Result<List<User>, Fault> {
        self.users(tenant, page)
    }
    async fn user_create(&self, tenant: &str, new: UserNew) -> Result<User, Fault> {
        self.create_user(tenant, new).await
    }
    async fn user_delete(&self, tenant: &str, name: &str) -> Result<(), Fault> {
        self.delete_user(tenant, name).await
    }

    async fn keys_list(&self, tenant: &str, page: &Page) -> Result<List<Key>, Fault> {
        self.keys(tenant, page)
    }
    async fn key_create(&self, tenant: &str, new: KeyNew) -> Result<KeyMade, Fault> {
        self.create_key(tenant, new).await
    }
    async fn key_revoke(&self, tenant: &str, id: &str) -> Result<(), Fault> {
        self.revoke_key(tenant, id).await
    }

    async fn kms_keys_list(&self, tenant: &str, page: &Page) -> Result<List<KmsKey>, Fault> {
        self.kms_keys(tenant, page)
    }
    async fn kms_key_create(&self, tenant: &str, new: KmsKeyNew) -> Result<KmsKey, Fault> {
        self.create_kms_key(tenant, new).await
    }

    async fn buckets_list(&self, page: &Page) -> Result<List<Bucket>, Fault> {
        self.buckets(page)
    }
    async fn bucket_create(&self, new: BucketNew) -> Result<Bucket, Fault> {
        self.create_bucket(new).await
    }
    async fn bucket_show(&self, name: &str) -> Result<Bucket, Fault> {
        self.bucket_model(&self.bucket_row(name)?)
    }
    async fn bucket_quota_set(&self, name: &str, quota: BucketQuota) -> Result<Bucket, Fault> {
        self.set_bucket_quota(name, quota).await
    }
    async fn bucket_sse_c_set(&self, name: &str, allowed: Option<bool>) -> Result<Bucket, Fault> {
        self.set_bucket_sse_c(name, allowed).await
    }
    async fn bucket_delete(&self, name: &str) -> Result<(), Fault> {
        let row = self.bucket_row(name)?;
        let done = self.objects.bucket_delete(&Self::leave(), &row.name).await;
        done.map_err(|error| undone(&error))
    }

    async fn usage(&self, tenant: Option<&str>) -> Result<Usage, Fault> {
        self.usage_of(tenant)
    }

    async fn scrub_show(&self) -> Result<Scrub, Fault> {
        Ok(self.scrub.state())
    }
    async fn scrub_start(&self) -> Result<Scrub, Fault> {
        self.scrub.start(self.clock.now());
        Ok(self.scrub.state())
    }

    async fn disks_list(&self) -> Result<Vec<Disk>, Fault> {
        self.list_disks().await
    }
    async fn disk_forget(&self, id: &str) -> Result<Disk, Fault> {
        self.forget_disk(id).await
    }

    async fn invites_list(&self) -> Result<Vec<Invite>, Fault> {
        self.invites()
    }
    async fn invite_create(&self, new: InviteNew, made_by: &str) -> Result<InviteMade, Fault> {
        self.create_invite(new, made_by).await
    }
    async fn invite_revoke(&self, id: &str) -> Result<(), Fault> {
        self.revoke_invite(id).await
    }

    async fn sites_list(&self) -> Result<Sites, Fault> {
        self.list_sites().await
    }
    async fn site_show(&self, name: &str) -> Result<Site, Fault> {
        self.show_site(name).await
    }
    async fn site_evidence(&self, name: &str) -> Result<SiteEvidence, Fault> {
        self.evidence_of(name)
    }
    async fn site_set(&self, site_file: &str, language: Language) -> Result<Site, Fault> {
        self.set_site(site_file, language).await
    }
    async fn site_drain(&self, name: &str, draining: bool) -> Result<Site, Fault> {
        self.drain_site(name, draining).await
    }
    async fn site_remove(&self, name: &str, lost: bool) -> Result<SiteRemoveStep, Fault> {
        self.remove_site(name, lost).await
    }
    async fn site_replace(&self, name: &str, ask: SiteReplaceAsk) -> Result<Site, Fault> {
        self.replace_site(name, ask).await
    }

    async fn object_where(&self, ask: &WhereAsk) -> Result<Where, Fault> {
        self.object_place(ask)
    }

    async fn policies_list(&self, language: Language) -> Result<Vec<PolicyListed>, Fault> {
        self.list_policies(language)
    }
    async fn policy_show(&self, of: &PolicyOf, language: Language) -> Result<PolicyShown, Fault> {
        self.show_policy(of, language)
    }
    async fn policy_set(
        &self,
        of: &PolicyOf,
        text: PolicyText,
        language: Language,
    ) -> Result<PolicyShown, Fault> {
        self.set_policy(of, text, language).await
    }
    async fn policy_remove(&self, of: &PolicyOf, language: Language) -> Result<PolicyShown, Fault> {
        self.remove_policy(of, language).await
    }
    async fn policy_check(
        &self,
        ask: &PolicyCheckAsk,
        language: Language,
    ) -> Result<PolicyCheck, Fault> {
        self.check_policy(ask, language)
    }
    async fn policy_explain(
        &self,
        ask: &PolicyExplainAsk,
        language: Language,
    ) -> Result<PolicyExplanation, Fault> {
        self.explain_policy(ask, language)
    }

    async fn confirm(&self, word: Confirmation) -> Result<(), Fault> {
        self.take_word(word).await
    }

    async fn rotations_list(&self) -> Result<Vec<Rotation>, Fault> {
        self.rotations()
    }
    async fn rotation_start(&self, new: RotationNew) -> Result<Rotation, Fault> {
        self.start_rotation(new).await
    }
    async fn tenant_shred(&self, name: &str) -> Result<Tenant, Fault> {
        self.shred_tenant(name).await
    }
    async fn passphrase_set(&self, passphrase: Option<String>) -> Result<(), Fault> {
        self.set_passphrase(passphrase).await
    }

    async fn backup_catalog(&self) -> Result<Body, Fault> {
        Ok(crate::operations::status::backup(self.consensus.clone()))
    }
}
