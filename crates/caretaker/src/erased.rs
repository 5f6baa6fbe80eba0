//! What erased tenants left: bucket by bucket, everything is to go.
//!
//! Nothing opens it any more, so no rule and no lock is asked; the catalog judges whether
//! the tenant is erased. Where a pass stands is kept in memory only: what is left is in
//! the rows, and after a restart a pass finds it from the head.
//!
//! A catalog that was put back from a backup may have a tenant as living whose key is
//! destroyed: the catalog is told of that first.

use catalog::command::{BucketClear, TenantShredded};
use catalog::limits::CLEAR_VERSIONS_MAX;
use catalog::{BucketName, Command, ObjectKey, ReadError, Refusal, Success, TenantState, View};
use units::TenantId;

use crate::limits::ERASED_TENANTS_MAX;

/// What one step wants done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErasedStep {
    /// To be proposed; what came of it is told to [`ErasedSweep::told`].
    pub command: Option<Command>,
    /// The pass is over; the next step begins a new one.
    pub finished: bool,
}

/// Where a pass over the tenants stands.
#[derive(Clone, Debug, Default)]
pub struct ErasedSweep {
    /// Tenants up to this one are done.
    done: Option<TenantId>,
    /// Buckets of the next one up to this one are passed over: they would not go.
    passed: Option<BucketName>,
    /// Where the next command on the bucket goes on.
    from: Option<ObjectKey>,
    asked: Asked,
}

/// What the last step proposed.
#[derive(Clone, Debug, Default)]
enum Asked {
    #[default]
    Nothing,
    Erased(TenantId),
    Clear(BucketName),
}

impl ErasedSweep {
    /// Looks for what is to be cleared next. `shredded` says whose key is destroyed,
    /// whatever the catalog says.
    pub fn step(
        &mut self,
        view: &View,
        shredded: impl Fn(TenantId) -> bool,
    ) -> Result<ErasedStep, ReadError> {
        self.asked = Asked::Nothing;
        let tenants = view.tenants(self.done, ERASED_TENANTS_MAX)?;
        let all = tenants.len() < ERASED_TENANTS_MAX;
        for tenant in tenants {
            let id = tenant.id;
            if tenant.state == TenantState::Erased {
                let buckets = view.tenant_buckets(id, self.passed.as_ref(), 1)?;
                if let Some(bucket) = buckets.first() {
                    self.asked = Asked::Clear(bucket.name.clone());
                    let clear = BucketClear {
                        bucket: bucket.reference(),
                        from: self.from.clone(),
                        versions: CLEAR_VERSIONS_MAX,
                    };
                    return Ok(Self::ask(Command::BucketClear(clear)));
                }
            } else if shredded(id) {
                self.asked = Asked::Erased(id);
                return Ok(Self::ask(Command::TenantShredded(TenantShredded { id })));
            }
            self.tenant_done(id);
        }
        if all {
            *self = Self::default();
        }
        Ok(ErasedStep { command: None, finished: all })
    }

    fn ask(command: Command) -> ErasedStep {
        ErasedStep { command: Some(command), finished: false }
    }

    /// What came of the command. What was refused is passed over until the next pass.
    pub fn told(&mut self, outcome: Result<&Success, &Refusal>) {
        match (core::mem::take(&mut self.asked), outcome) {
            (_, Ok(Success::Cleared { next, .. })) => self.from.clone_from(next),
            (_, Ok(_)) | (Asked::Nothing, _) => {}
            (Asked::Erased(id), Err(_)) => self.tenant_done(id),
            (Asked::Clear(bucket), Err(_)) => {
                (self.passed, self.from) = (Some(bucket), None);
            }
        }
    }

    fn tenant_done(&mut self, id: TenantId) {
        (self.done, self.passed, self.from) = (Some(id), None, None);
    }
}
