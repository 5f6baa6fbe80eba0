//! Who may: the one place that asks `access` to decide.
//!
//! [`Gate::check`] runs before the protocol library reads the body or the
//! headers of a verb. It loads the bucket's rules once, decides, and puts a
//! [`Grant`] into the request; a verb reaches storage only with the
//! `Authorised` in it.
//!
//! **Invariant**: [`authorised`] is the only way to an `Authorised` in this
//! crate. If the gate did not run, it fails with an internal error, so no verb
//! can run unauthenticated.

mod conditions;
mod copy_source;
mod facts;
mod hold;
mod verbs;

use std::sync::Arc;

use access::{
    Action, Ask, Authorised, Caller, Denied, Identity, ObjectFacts, RequestFacts, SignatureAuth,
};
use catalog::{Acl, BucketName, VersionAsk};
use http::Extensions;
use objects::ObjectName;
use s3s::access::{S3Access, S3AccessContext};
use s3s::path::S3Path;
use s3s::{S3Error, S3Request, S3Result, s3_error};

use self::conditions::Known;
pub(crate) use self::copy_source::{SourceName, copy_source};
pub(crate) use self::facts::{Bucket, RuleCache, bucket as bucket_named};
use crate::Face;
use crate::error::failed;
use crate::request::RequestContext;
use crate::settings::acl;

/// Decides for every request.
#[derive(Clone)]
pub(crate) struct Gate {
    face: Face,
}

/// What the gate found, carried by the request.
#[derive(Debug)]
pub(crate) struct Grant {
    authorised: Option<Authorised>,
    source: Option<Authorised>,
    copies_tags: bool,
    bypass_governance: bool,
    acl: Option<Acl>,
    judge: Judge,
}

/// Everything a decision needs but the action and the key; lets verbs on many
/// keys decide for each of them.
#[derive(Clone, Debug)]
pub(crate) struct Judge {
    /// Who asks.
    pub caller: Arc<Caller>,
    /// The bucket and its rules, where the request names one that exists.
    pub bucket: Option<Arc<Bucket>>,
    request: Arc<RequestFacts>,
}

/// What is decided on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matter<'a> {
    /// What is to be done.
    pub action: Action,
    /// On which object, if on one.
    pub key: Option<&'a str>,
    /// On which of its versions.
    pub version: VersionAsk,
}

impl Gate {
    /// A gate for this store.
    pub(crate) fn new(face: Face) -> Self {
        Self { face }
    }
}

#[async_trait::async_trait]
impl S3Access for Gate {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let grant = hold::decide(&self.face, cx).await?;
        cx.extensions_mut().insert(Arc::new(grant));
        Ok(())
    }
}

impl Judge {
    /// Decides on one matter; loads the object's facts only where a rule looks at them.
    pub(crate) async fn decide(&self, face: &Face, matter: Matter<'_>) -> S3Result<Authorised> {
        let object = self.object(face, matter).await?;
        let decided = access::decide(&self.caller, &self.ask(face, matter, object.as_ref()));
        decided.map_err(|denied| refuse(&denied, matter.action))
    }

    /// Decides on what a write does besides to the object it makes.
    pub(crate) async fn decide_besides(&self, face: &Face, matter: Matter<'_>) -> S3Result {
        let object = self.object(face, matter).await?;
        let decided =
            access::decide_besides(&self.caller, &self.ask(face, matter, object.as_ref()));
        decided.map_err(|denied| refuse(&denied, matter.action))
    }

    /// The facts of the object, where a rule looks at them.
    async fn object(&self, face: &Face, matter: Matter<'_>) -> S3Result<Option<ObjectFacts>> {
        let (Some(bucket), Some(key)) = (&self.bucket, matter.key) else { return Ok(None) };
        if !bucket.looks_at_objects() {
            return Ok(None);
        }
        match ObjectName::new(bucket.name().as_str(), key) {
            Ok(name) => facts::object(face, &name, matter.version).await,
            Err(_) => Ok(None),
        }
    }

    fn ask<'a>(
        &'a self,
        face: &Face,
        matter: Matter<'a>,
        object: Option<&'a ObjectFacts>,
    ) -> Ask<'a> {
        Ask {
            action: matter.action,
            bucket: self.bucket.as_ref().map(|bucket| &*bucket.rules),
            bucket_name: self.bucket.as_ref().map(|bucket| bucket.name().as_str()),
            key: matter.key,
            object,
            request: &self.request,
            now: face.now(),
        }
    }

    /// Whether a matter is allowed, for verbs that answer less rather than fail.
    pub(crate) async fn allows(&self, face: &Face, matter: Matter<'_>) -> bool {
        self.decide(face, matter).await.is_ok()
    }
}

/// What a client sees of a refusal; the reason is for the log.
pub(crate) fn refuse(denied: &Denied, action: Action) -> S3Error {
    tracing::debug!(%action, reason = %denied.reason, "access denied");
    if denied.absence_shown {
        return s3_error!(NoSuchKey, "The specified key does not exist.");
    }
    s3_error!(AccessDenied, "Access Denied")
}

fn grant(extensions: &Extensions) -> S3Result<&Arc<Grant>> {
    extensions.get::<Arc<Grant>>().ok_or_else(|| {
        tracing::error!("a verb ran without a decision");
        s3_error!(InternalError)
    })
}

/// The proof that this request was decided on: the one way to it.
pub(crate) fn authorised(extensions: &Extensions) -> S3Result<&Authorised> {
    grant(extensions)?.authorised.as_ref().ok_or_else(|| s3_error!(InternalError))
}

/// The proof that the source of a copy may be read.
pub(crate) fn authorised_source(extensions: &Extensions) -> S3Result<&Authorised> {
    grant(extensions)?.source.as_ref().ok_or_else(|| s3_error!(InternalError))
}

/// Whether a copy takes the tags of its source along.
pub(crate) fn copies_tags(extensions: &Extensions) -> bool {
    grant(extensions).is_ok_and(|grant| grant.copies_tags)
}

/// Whether the request asked to get round governance retention, and may.
pub(crate) fn bypass_governance(extensions: &Extensions) -> bool {
    grant(extensions).is_ok_and(|grant| grant.bypass_governance)
}

/// The access control list that the request's headers ask for.
pub(crate) fn acl_asked(extensions: &Extensions) -> S3Result<Option<Acl>> {
    Ok(grant(extensions)?.acl.clone())
}

/// The bucket that the request is about.
pub(crate) fn bucket(extensions: &Extensions) -> S3Result<&Bucket> {
    let bucket = grant(extensions)?.judge.bucket.as_deref();
    bucket.ok_or_else(|| s3_error!(InternalError))
}

/// What verbs need to decide on further matters.
pub(crate) fn judge(extensions: &Extensions) -> S3Result<&Judge> {
    Ok(&grant(extensions)?.judge)
}

/// What a line of a multi-object deletion is allowed.
#[derive(Debug)]
pub(crate) struct DeleteGrant {
    /// The proof for this key.
    pub authorised: Authorised,
    /// The request asked to get round governance retention, and may for this key.
    pub bypass_governance: bool,
}

/// Decides on one line of a multi-object deletion.
pub(crate) async fn authorise_delete<T>(
    face: &Face,
    req: &S3Request<T>,
    key: &str,
    version: VersionAsk,
) -> S3Result<DeleteGrant> {
    let judge = judge(&req.extensions)?;
    let action = match version {
        VersionAsk::Current => Action::DeleteObject,
        _ => Action::DeleteObjectVersion,
    };
    let key = Some(key);
    let authorised = judge.decide(face, Matter { action, key, version }).await?;
    let bypass = Matter { action: Action::BypassGovernanceRetention, key, version };
    let asked = hold::asks_bypass(&req.headers);
    let bypass_governance = asked && judge.allows(face, bypass).await;
    Ok(DeleteGrant { authorised, bypass_governance })
}

/// What a form upload needs: it is signed in its fields, so it is decided on
/// only once they were read.
pub(crate) struct FormAsk<'a> {
    /// Who signed the form.
    pub caller: Caller,
    /// How.
    pub auth: SignatureAuth,
    /// The bucket it is sent to.
    pub bucket: &'a str,
    /// The key it names.
    pub key: &'a str,
    /// Its fields, in the place of headers.
    pub fields: &'a http::HeaderMap,
    /// Where it comes from.
    pub context: &'a RequestContext,
}

/// What a form upload is allowed.
pub(crate) struct FormGrant {
    /// The proof.
    pub authorised: Authorised,
    /// The access control list that the fields ask for.
    pub acl: Option<Acl>,
    /// Who asks, and the bucket's rules.
    pub judge: Judge,
}

/// Decides on a form upload: the proof, and the access control list it asks for.
pub(crate) async fn authorise_form(face: &Face, ask: FormAsk<'_>) -> S3Result<FormGrant> {
    face.admission().admit(&ask.caller, ask.context).await?;
    ask.context.upload_begin(face.admission().upload(&ask.caller, ask.context)?);
    let bucket = facts::bucket(face, ask.bucket).await?;
    let known =
        Known { context: ask.context, auth: ask.auth, creates_object: Some(true), now: face.now() };
    let request = conditions::of(ask.fields, None, known);
    let judge = Judge {
        caller: Arc::new(ask.caller),
        bucket: Some(Arc::clone(&bucket)),
        request: Arc::new(request),
    };
    let acl = acl::asked(face, ask.fields, &judge.caller, &bucket).await?;
    let version = VersionAsk::Current;
    let matter = |action| Matter { action, key: Some(ask.key), version };
    let owner = bucket.rules.owner.to_string();
    for action in verbs::also(Action::PutObject, ask.fields, &owner) {
        judge.decide_besides(face, matter(action)).await?;
    }
    let authorised = judge.decide(face, matter(Action::PutObject)).await?;
    Ok(FormGrant { authorised, acl, judge })
}

/// What a visitor of a website is judged by: nobody's caller, the bucket's rules.
pub(crate) async fn judge_visit(
    face: &Face,
    bucket: &str,
    headers: &http::HeaderMap,
    context: &RequestContext,
) -> S3Result<Judge> {
    face.admission().admit(&Caller::Anonymous, context).await?;
    let bucket = facts::bucket(face, bucket).await?;
    let auth = SignatureAuth::None;
    let known = Known { context, auth, creates_object: None, now: face.now() };
    let request = conditions::of(headers, None, known);
    let (caller, request) = (Arc::new(Caller::Anonymous), Arc::new(request));
    Ok(Judge { caller, bucket: Some(bucket), request })
}

/// Decides whether a visitor may see an object.
pub(crate) async fn authorise_visit(face: &Face, judge: &Judge, key: &str) -> S3Result<Authorised> {
    let version = VersionAsk::Current;
    judge.decide(face, Matter { action: Action::GetObject, key: Some(key), version }).await
}

/// The caller behind an access key whose signature was verified.
pub(crate) fn caller_of(credential: &objects::Credential) -> Caller {
    Caller::Identity(Box::new(Identity {
        tenant: credential.tenant.id,
        tenant_name: credential.tenant.name.as_str().to_owned(),
        tenant_suspended: credential.tenant.state != catalog::TenantState::Active,
        user: credential.user.as_ref().map(|user| user.name.as_str().to_owned()),
        access_key: credential.key.id.as_str().to_owned(),
        scope: credential.key.scope.clone(),
        expires: credential.key.expires,
        revoked: credential.key.revoked.is_some(),
        operator: false,
    }))
}

/// The name of a bucket as the catalog has it; what is no name is no bucket.
pub(crate) fn bucket_name(text: &str) -> S3Result<BucketName> {
    BucketName::new(text).map_err(|_| failed(catalog::Refusal::NoSuchBucket.into()))
}

fn names(path: &S3Path) -> (Option<&str>, Option<&str>) {
    (path.get_bucket_name(), path.get_object_key())
}
