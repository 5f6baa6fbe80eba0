//! The decision on one request, before its verb is read.

use std::sync::Arc;

use access::{Action, Caller, RequestFacts, SignatureAuth};
use catalog::{VersionAsk, VersionName};
use http::{HeaderMap, header};
use objects::ObjectName;
use s3s::access::S3AccessContext;
use s3s::{S3Result, s3_error};
use units::limits::INLINE_BYTES_MAX;

use super::verbs;
use super::{Grant, Judge, Matter, SourceName, caller_of, conditions, copy_source, facts, names};
use crate::Face;
use crate::auth;
use crate::error::begin_again;
use crate::request::RequestContext;
use crate::server::Query;
use crate::settings::acl;

/// Decides on the request: who asks, what for, and under which rules.
pub(super) async fn decide(face: &Face, cx: &mut S3AccessContext<'_>) -> S3Result<Grant> {
    let context = RequestContext::of(cx.extensions_mut()).cloned();
    let context = context.ok_or_else(|| s3_error!(InternalError))?;
    let version = version(cx.uri().query())?;
    let Some(rule) = verbs::rule(cx.s3_op().name(), version.is_some()) else {
        return Err(s3_error!(
            NotImplemented,
            "A header or query you provided implies functionality that is not implemented."
        ));
    };
    context.note_verb(rule.action.name());
    let caller = match cx.credentials() {
        None => Caller::Anonymous,
        Some(credentials) => {
            let credential = auth::credential(face, &credentials.access_key).await?;
            caller_of(&credential)
        }
    };
    if let Some(identity) = caller.identity()
        && cx.headers().contains_key(header::AUTHORIZATION)
    {
        context.note_known(identity.tenant);
    }
    let (bucket_name, key) = names(cx.s3_path());
    if context.decided_as_of().is_some() && !is_by_rules(face, &caller, rule, bucket_name).await {
        return Err(begin_again());
    }
    face.admission().admit(&caller, &context).await?;
    if brings_body(cx.headers()) {
        context.upload_begin(face.admission().upload(&caller, &context)?);
    }
    let bucket = match bucket_name {
        Some(name) if rule.action != Action::CreateBucket => Some(facts::bucket(face, name).await?),
        _ => None,
    };
    let request = match &bucket {
        Some(bucket) if bucket.looks_at_request() => Arc::new(request_facts(face, cx, &context)),
        _ => face.no_facts(),
    };
    let judge = Judge { caller: Arc::new(caller), bucket, request };
    expected_owner(cx.headers(), "x-amz-expected-bucket-owner", &judge)?;
    let version = version.unwrap_or_default();
    let mut grant = Grant {
        authorised: None,
        source: None,
        copies_tags: false,
        bypass_governance: false,
        acl: None,
        judge,
    };
    if rule.per_key {
        admit_many(&grant.judge)?;
    } else {
        let matter = Matter { action: rule.action, key, version };
        decide_one(face, cx, matter, bucket_name, &context, &mut grant).await?;
    }
    Ok(grant)
}

/// Whether rules alone decide, so that whoever knows that none has changed knows enough: a
/// write of one object by a known caller, where no row of an object is looked at.
async fn is_by_rules(
    face: &Face,
    caller: &Caller,
    rule: verbs::Rule,
    bucket_name: Option<&str>,
) -> bool {
    let is_simple = matches!(rule.action, Action::PutObject | Action::DeleteObject);
    let Some(name) = bucket_name.filter(|_| is_simple && !rule.per_key) else { return false };
    // Before it is let in: of a stranger nothing is looked up.
    caller.identity().is_some()
        && facts::bucket(face, name).await.is_ok_and(|bucket| !bucket.looks_at_objects())
}

/// Whether the body is more than one packet or two: an object of its own in the
/// fragments, or of no known length.
fn brings_body(headers: &HeaderMap) -> bool {
    let length = headers.get(http::header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length = length.and_then(|text| text.parse::<usize>().ok());
    let chunked = headers.contains_key(http::header::TRANSFER_ENCODING);
    chunked || length.is_some_and(|length| length > INLINE_BYTES_MAX)
}

async fn decide_one(
    face: &Face,
    cx: &S3AccessContext<'_>,
    asked: Matter<'_>,
    bucket_name: Option<&str>,
    context: &RequestContext,
    grant: &mut Grant,
) -> S3Result {
    let headers = cx.headers();
    let judge = &grant.judge;
    let matter = |action| Matter { action, ..asked };
    let authorised = if asked.action == Action::CreateBucket {
        create_bucket(face, judge, bucket_name)?
    } else {
        judge.decide(face, matter(asked.action)).await?
    };
    let writes = judge.bucket.as_ref().filter(|_| asked.action == Action::PutObject);
    let owner = writes.map(|bucket| bucket.rules.owner.to_string());
    for action in verbs::also(asked.action, headers, owner.as_deref().unwrap_or_default()) {
        judge.decide_besides(face, matter(action)).await?;
    }
    if asks_bypass(headers) {
        let bypass = matter(Action::BypassGovernanceRetention);
        grant.bypass_governance = asked.key.is_some() && judge.allows(face, bypass).await;
    }
    if asked.action == Action::PutObject
        && let Some(bucket) = &judge.bucket
    {
        grant.acl = acl::asked(face, headers, &judge.caller, bucket).await?;
    }
    if reads_object(asked.action) {
        hide_missing(face, context, judge, asked.key).await;
    }
    if let Some(source) = headers.get("x-amz-copy-source") {
        let source = CopiedFrom::of(face, cx, context, judge, source).await?;
        grant.source = Some(if units::planted::is_on("s3-copy-source-unchecked") {
            authorised.clone()
        } else {
            source.decide(face).await?
        });
        if copies_tags(cx) {
            grant.copies_tags = source.decide_tags(face, judge, asked.key).await?;
        }
    }
    grant.authorised = Some(match context.decided_as_of() {
        Some(entry) => authorised.decided_as_of(entry),
        None => authorised,
    });
    Ok(())
}

fn create_bucket(
    face: &Face,
    judge: &Judge,
    bucket_name: Option<&str>,
) -> S3Result<access::Authorised> {
    let ask = access::Ask {
        action: Action::CreateBucket,
        bucket: None,
        bucket_name,
        key: None,
        object: None,
        request: &judge.request,
        now: face.now(),
    };
    access::decide(&judge.caller, &ask)
        .map_err(|denied| super::refuse(&denied, Action::CreateBucket))
}

/// Whether the verb makes an object at once, or only a part of one.
fn creates_object(verb: &str) -> Option<bool> {
    match verb {
        "PutObject" | "CopyObject" | "CompleteMultipartUpload" => Some(true),
        "CreateMultipartUpload" | "UploadPart" | "UploadPartCopy" => Some(false),
        _ => None,
    }
}

fn request_facts(face: &Face, cx: &S3AccessContext<'_>, context: &RequestContext) -> RequestFacts {
    let auth = signature_auth(cx);
    let creates_object = creates_object(cx.s3_op().name());
    let known = conditions::Known { context, auth, creates_object, now: face.now() };
    conditions::of(cx.headers(), cx.uri().query(), known)
}

/// Whether the copy takes the tags of its source along.
fn copies_tags(cx: &S3AccessContext<'_>) -> bool {
    let directive = cx.headers().get("x-amz-tagging-directive");
    cx.s3_op().name() == "CopyObject" && directive.is_none_or(|directive| directive != "REPLACE")
}

/// The source of a copy, judged by its own bucket's rules.
struct CopiedFrom {
    name: SourceName,
    judge: Judge,
}

impl CopiedFrom {
    async fn of(
        face: &Face,
        cx: &S3AccessContext<'_>,
        context: &RequestContext,
        judge: &Judge,
        source: &http::HeaderValue,
    ) -> S3Result<Self> {
        let source = source.to_str().map_err(|_| copy_source::invalid())?;
        let name = copy_source::copy_source(source)?;
        let bucket = facts::bucket(face, &name.bucket).await?;
        // The target's rules may look at nothing: what the request says is gathered
        // for the source's.
        let request = if bucket.looks_at_request() {
            let mut facts = request_facts(face, cx, context);
            if let VersionAsk::Named(version) = name.version {
                facts.query.insert("versionId".to_owned(), version.to_string());
            }
            Arc::new(facts)
        } else {
            face.no_facts()
        };
        let judge = Judge { caller: Arc::clone(&judge.caller), bucket: Some(bucket), request };
        expected_owner(cx.headers(), "x-amz-source-expected-bucket-owner", &judge)?;
        Ok(Self { name, judge })
    }

    fn matter(&self, current: Action, version: Action) -> Matter<'_> {
        let action = if self.name.version == VersionAsk::Current { current } else { version };
        Matter { action, key: Some(&self.name.key), version: self.name.version }
    }

    /// The right to read it.
    async fn decide(&self, face: &Face) -> S3Result<access::Authorised> {
        self.judge.decide(face, self.matter(Action::GetObject, Action::GetObjectVersion)).await
    }

    /// Whether its tags go along: to read them and to write them are rights of their
    /// own. A copy of an object with tags needs both; one without tags needs neither,
    /// and then takes none along, whatever is tagged meanwhile.
    async fn decide_tags(&self, face: &Face, target: &Judge, key: Option<&str>) -> S3Result<bool> {
        let read = self.matter(Action::GetObjectTagging, Action::GetObjectVersionTagging);
        let write = Matter { action: Action::PutObjectTagging, key, version: VersionAsk::Current };
        let denied = match self.judge.decide(face, read).await {
            Ok(_) => target.decide_besides(face, write).await.err(),
            Err(denied) => Some(denied),
        };
        let Some(denied) = denied else { return Ok(true) };
        let source = ObjectName::new(&self.name.bucket, &self.name.key);
        let source = source.map_err(|_| copy_source::invalid())?;
        match facts::object(face, &source, self.name.version).await? {
            Some(object) if !object.tags.is_empty() => Err(denied),
            _ => Ok(false),
        }
    }
}

/// Whoever may not list a bucket is not told which keys are missing from it.
async fn hide_missing(face: &Face, context: &RequestContext, judge: &Judge, key: Option<&str>) {
    let owner = judge.bucket.as_ref().map(|bucket| bucket.rules.owner);
    let own = owner.is_some() && judge.caller.tenant() == owner;
    let matter = Matter { action: Action::ListBucket, key, version: VersionAsk::Current };
    if !own && !judge.allows(face, matter).await {
        context.note_hidden();
    }
}

fn reads_object(action: Action) -> bool {
    use Action::{
        GetObject, GetObjectAcl, GetObjectAttributes, GetObjectTagging, GetObjectVersion,
        GetObjectVersionAcl, GetObjectVersionAttributes, GetObjectVersionTagging,
    };
    matches!(
        action,
        GetObject
            | GetObjectAcl
            | GetObjectAttributes
            | GetObjectTagging
            | GetObjectVersion
            | GetObjectVersionAcl
            | GetObjectVersionAttributes
            | GetObjectVersionTagging
    )
}

/// A deletion of many objects is decided per key; who could be allowed none of
/// them does not get to send the list.
fn admit_many(judge: &Judge) -> S3Result {
    let open = judge.bucket.as_ref().is_some_and(|bucket| bucket.may_admit_strangers());
    let owner = judge.bucket.as_ref().map(|bucket| bucket.rules.owner);
    if open || owner.is_some() && judge.caller.tenant() == owner {
        return Ok(());
    }
    Err(s3_error!(AccessDenied, "Access Denied"))
}

/// Whether the request asks to get round governance retention.
pub(super) fn asks_bypass(headers: &HeaderMap) -> bool {
    let value = headers.get("x-amz-bypass-governance-retention");
    value.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
}

/// The account that the client believes to own the bucket must.
fn expected_owner(headers: &HeaderMap, name: &str, judge: &Judge) -> S3Result {
    let Some(expected) = headers.get(name) else { return Ok(()) };
    let Some(bucket) = &judge.bucket else { return Ok(()) };
    if expected.as_bytes() == bucket.rules.owner.to_string().as_bytes() {
        return Ok(());
    }
    Err(s3_error!(AccessDenied, "Access Denied"))
}

/// The version that the query names; what is no version is refused by the verb.
fn version(query: Option<&str>) -> S3Result<Option<VersionAsk>> {
    let Some(query) = query else { return Ok(None) };
    let query = Query::parse(Some(query))?;
    let named = query.get("versionId");
    Ok(named.map(|text| VersionAsk::Named(text.parse().unwrap_or(VersionName::Null))))
}

fn signature_auth(cx: &S3AccessContext<'_>) -> SignatureAuth {
    match (cx.credentials(), cx.headers().contains_key(http::header::AUTHORIZATION)) {
        (None, _) => SignatureAuth::None,
        (Some(_), true) => SignatureAuth::Header,
        (Some(_), false) => SignatureAuth::Query,
    }
}
