//! Keys as an operator sees them: rotated, destroyed, put under a passphrase.

use admin::model::{Rotation, RotationKind, RotationNew, RotationState, Tenant, date_text};
use admin::{Fault, FaultKind};
use catalog::limits::BUCKETS_PER_TENANT_MAX;
use catalog::{LockReason, Refusal};
use objects::ObjectError;
use steward::{RotationOf, RotationPhase, RotationStartError};
use units::TenantId;
use vault::{Passphrase, VaultError};
use zeroize::Zeroizing;

use super::{SiteOperations, undone, unread};
use crate::limits::LOCKED_BUCKETS_NAMED_MAX;
use crate::trouble::chain;

impl SiteOperations {
    pub(super) fn rotations(&self) -> Result<Vec<Rotation>, Fault> {
        let known = self.scrub.hands().rotations().map_err(|error| failed(&error))?;
        known.into_iter().map(|rotation| self.rotation_model(&rotation)).collect()
    }

    pub(super) async fn start_rotation(&self, new: RotationNew) -> Result<Rotation, Fault> {
        let of = match (new.kind, new.name) {
            (RotationKind::Root, None) => RotationOf::Root,
            (RotationKind::Tenant, Some(name)) => {
                RotationOf::Tenant { id: self.tenant_row(&name)?.id }
            }
            (RotationKind::Bucket, Some(name)) => {
                let bucket = self.bucket_row(&name)?;
                RotationOf::Bucket { name: bucket.name, id: bucket.id }
            }
            (RotationKind::Root, Some(_)) => {
                return Err(Fault::invalid("the root key has no name", "leave the name out"));
            }
            (RotationKind::Tenant | RotationKind::Bucket, None) => {
                return Err(Fault::invalid("no name was given", "say whose key is to be rotated"));
            }
        };
        let begun = self.scrub.hands().rotation_start(of).await.map_err(|error| match error {
            RotationStartError::Running => Fault::conflict(
                "its rotation is under way already",
                "see how far it is: essaim rotations",
            ),
            RotationStartError::Held => Fault::conflict(
                "the catalog was put back from a backup, and waits for your word",
                "essaim confirm restore first: until then it may not know whose keys are \
                 destroyed, and the list of them goes with the root key",
            ),
            RotationStartError::NoSuchKey => Fault::new(
                FaultKind::Conflict,
                "its key was destroyed",
                "there is nothing left to rotate",
            ),
            RotationStartError::Steward(error) => failed(&error),
        })?;
        self.rotation_model(&begun)
    }

    fn rotation_model(&self, rotation: &steward::Rotation) -> Result<Rotation, Fault> {
        let (kind, name) = match &rotation.of {
            RotationOf::Root => (RotationKind::Root, None),
            RotationOf::Tenant { id } => {
                let tenant = self.view().tenant(*id).map_err(|error| unread(&error))?;
                let name = tenant.map_or_else(|| id.to_string(), |row| row.name.to_string());
                (RotationKind::Tenant, Some(name))
            }
            RotationOf::Bucket { name, .. } => (RotationKind::Bucket, Some(name.to_string())),
        };
        let state = match rotation.phase {
            RotationPhase::Begun => RotationState::Begun,
            RotationPhase::Rewrapping => RotationState::Rewrapping,
            RotationPhase::Retiring => RotationState::Retiring,
            RotationPhase::Done => RotationState::Done,
        };
        let trouble = self.scrub.steward().last_error;
        Ok(Rotation {
            kind,
            name,
            state,
            rewrapped: rotation.rewrapped,
            looked_at: rotation.looked_at,
            passes: rotation.passes,
            requests_under_way: self.objects.verbs_running() as u64,
            trouble: trouble
                .filter(|words| rotation.is_running() && words.starts_with("key rotation:")),
            started: date_text(rotation.started),
            ended: rotation.ended.map(date_text),
        })
    }

    pub(super) async fn shred_tenant(&self, name: &str) -> Result<Tenant, Fault> {
        let id = self.tenant_row(name)?.id;
        let done = self.objects.tenant_erase(&Self::leave(), id).await;
        done.map_err(|error| self.not_shredded(id, &error))?;
        tracing::warn!(tenant = name, "a tenant's key was destroyed: its data is gone for good");
        self.tenant_model(&self.tenant_row(name)?)
    }

    /// Names the buckets whose locks erasure does not get round.
    fn not_shredded(&self, tenant: TenantId, error: &ObjectError) -> Fault {
        let locked = Refusal::ObjectLocked { reason: LockReason::Bucket };
        if !matches!(error, ObjectError::Refused(refusal) if *refusal == locked) {
            return undone(error);
        }
        let (view, mut names) = (self.view(), Vec::new());
        let buckets = view.tenant_buckets(tenant, None, BUCKETS_PER_TENANT_MAX);
        for bucket in buckets.unwrap_or_default() {
            let held = view.bucket_usage(bucket.id).unwrap_or_default();
            if bucket.object_lock.is_some() && held.objects.get() > 0 {
                names.push(bucket.name.to_string());
            }
        }
        let more = names.len().saturating_sub(LOCKED_BUCKETS_NAMED_MAX);
        names.truncate(LOCKED_BUCKETS_NAMED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Fault::conflict(
            format!("object lock keeps what the tenant has in: {}{more}", names.join(", ")),
            "nothing was destroyed; when the locks have run out, delete the versions in them \
             (rclone purge), and try again",
        )
    }

    pub(super) async fn set_passphrase(&self, passphrase: Option<String>) -> Result<(), Fault> {
        let vault = std::sync::Arc::clone(&self.objects.parts().vault);
        let set = tokio::task::spawn_blocking(move || {
            let passphrase = passphrase.map(|text| Passphrase::new(&Zeroizing::new(text)));
            vault.passphrase_set(passphrase.as_ref())
        });
        match set.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error @ VaultError::PassphraseLength { .. })) => {
                Err(Fault::invalid(error.to_string(), "give another passphrase"))
            }
            Ok(Err(error)) => Err(Fault::new(
                FaultKind::Internal,
                format!("the root key file could not be replaced: {}", chain(&error)),
                "nothing has changed; see essaim doctor",
            )),
            Err(error) => Err(Fault::new(FaultKind::Internal, error.to_string(), "see the log")),
        }
    }
}

fn failed(error: &steward::StewardError) -> Fault {
    Fault::new(FaultKind::Unavailable, chain(error), "see essaim status; it can be tried again")
}
