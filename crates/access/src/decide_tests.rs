//! Decisions, by tables: who, with which key, on what, under which rules.

use units::Timestamp;

use crate::fixtures::{
    BUCKET, NOW, OTHER, OWNER, allow_if, ask, bucket, bucket_with, caller, identity, nothing,
    policy, request,
};
use crate::{
    Acl, Action, Ask, BucketFacts, Caller, DenyReason, Grant, Grantee, Identity, KeyScope, Level,
    ObjectFacts, Ownership, Permission, PublicAccessBlock, decide, decide_besides, is_public,
};

fn key_of(action: Action) -> Option<&'static str> {
    (action.level() == Level::Object).then_some("a")
}

fn reason(who: &Caller, action: Action, bucket: &BucketFacts) -> Result<(), DenyReason> {
    let request = request("");
    let ask = ask(action, bucket, key_of(action), &request);
    decide(who, &ask).map(drop).map_err(|denied| denied.reason)
}

fn with_object(
    who: &Caller,
    action: Action,
    bucket: &BucketFacts,
    object: Option<&ObjectFacts>,
) -> bool {
    let request = request("");
    let ask = Ask { object, ..ask(action, bucket, key_of(action), &request) };
    decide(who, &ask).is_ok()
}

fn acl(owner: units::TenantId, grants: &[(Grantee, Permission)]) -> Acl {
    let grants = grants
        .iter()
        .map(|(grantee, permission)| Grant { grantee: *grantee, permission: *permission });
    Acl { owner, canned: None, grants: grants.collect() }
}

fn key(change: impl FnOnce(&mut Identity)) -> Caller {
    let mut identity = identity(OWNER, Some("mayor"));
    change(&mut identity);
    Caller::Identity(Box::new(identity))
}

/// Every identity against every verb, on a bucket without rules: the whole table.
#[test]
fn every_identity_against_every_verb() {
    let bucket = bucket();
    let only = |name: &str| KeyScope {
        buckets: Some(vec![catalog::BucketName::new(name).unwrap()]),
        read_only: false,
    };
    let mut cells = 0;
    for &action in Action::ALL {
        let node = action.level() == Level::Node;
        let service = action.level() == Level::Service;
        let own = if node { Err(DenyReason::OperatorOnly) } else { Ok(()) };
        let writes = action.writes();
        let read_only = if writes { Err(DenyReason::KeyScopeReadOnly) } else { own };
        let elsewhere = Err(DenyReason::KeyScopeBucket);
        let strange = match (node, service || action == Action::CreateBucket) {
            (true, _) => Err(DenyReason::OperatorOnly),
            (_, true) => Ok(()),
            _ => Err(DenyReason::NothingAllows),
        };
        let anonymous = match (node, service || action == Action::CreateBucket) {
            (true, _) | (_, true) => Err(DenyReason::Anonymous),
            _ => Err(DenyReason::NothingAllows),
        };
        let table: [(Caller, Result<(), DenyReason>); 12] = [
            (caller(OWNER, None), own),
            (caller(OWNER, Some("mayor")), own),
            (key(|it| it.scope.read_only = true), read_only),
            (key(|it| it.scope = only(BUCKET)), own),
            (key(|it| it.scope = only("autre")), elsewhere),
            (key(|it| it.expires = Some(NOW)), Err(DenyReason::KeyExpired)),
            (key(|it| it.expires = Some(NOW.after(core::time::Duration::from_secs(1)))), own),
            (key(|it| it.revoked = true), Err(DenyReason::KeyRevoked)),
            (key(|it| it.tenant_suspended = true), Err(DenyReason::TenantSuspended)),
            (key(|it| it.operator = true), Ok(())),
            (caller(OTHER, Some("alice")), strange),
            (Caller::Anonymous, anonymous),
        ];
        for (who, expected) in table {
            assert_eq!(reason(&who, action, &bucket), expected, "{action} by {who:?}");
            cells += 1;
        }
    }
    assert_eq!(cells, Action::ALL.len() * 12);
}

#[test]
fn what_was_decided_covers_that_and_nothing_else() {
    let bucket = bucket();
    let request = request("");
    let ask = ask(Action::GetObject, &bucket, Some("a"), &request);
    let authorised = decide(&caller(OWNER, None), &ask).unwrap();
    assert!(authorised.covers(BUCKET, "a"));
    assert!(!authorised.covers(BUCKET, "b"));
    assert!(!authorised.covers("autre", "a"));
    assert!(authorised.covers_bucket(BUCKET) && !authorised.covers_bucket("autre"));
    assert_eq!(authorised.tenant(), Some(OWNER));
    let steward = crate::Authorised::steward("lifecycle");
    assert!(steward.covers("any", "any") && steward.steward_reason().is_some());
}

#[test]
fn an_ask_that_names_nothing_is_refused() {
    let bucket = bucket();
    let request = request("");
    let no_key = ask(Action::GetObject, &bucket, None, &request);
    let no_bucket = Ask { bucket: None, ..no_key };
    let facts = nothing();
    let no_name = Ask {
        action: Action::CreateBucket,
        bucket: None,
        bucket_name: None,
        request: &facts,
        ..no_key
    };
    for ask in [no_key, no_bucket, no_name] {
        let denied = decide(&caller(OWNER, None), &ask).unwrap_err();
        assert_eq!(denied.reason, DenyReason::Incomplete);
    }
}

#[test]
fn a_suspended_owner_is_served_to_nobody() {
    let bucket = BucketFacts { owner_suspended: true, ..bucket_with(&allow_if("")) };
    for who in [caller(OTHER, None), Caller::Anonymous, caller(OWNER, None)] {
        assert_eq!(reason(&who, Action::GetObject, &bucket), Err(DenyReason::OwnerSuspended));
    }
}

#[test]
fn policies_open_to_others_and_close_to_all_but_root_over_the_policy() {
    let open = bucket_with(&allow_if(""));
    assert_eq!(reason(&caller(OTHER, None), Action::PutObject, &open), Ok(()));
    assert_eq!(reason(&Caller::Anonymous, Action::GetObject, &open), Ok(()));
    let closed = policy(
        r#""Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::archives","arn:aws:s3:::archives/*"]"#,
    );
    let mut closed = bucket_with(&closed);
    let root = caller(OWNER, None);
    let denied = Err(DenyReason::PolicyDeny);
    assert_eq!(reason(&root, Action::GetObject, &closed), denied);
    assert_eq!(reason(&root, Action::GetBucketPublicAccessBlock, &closed), denied);
    for action in [Action::GetBucketPolicy, Action::PutBucketPolicy, Action::DeleteBucketPolicy] {
        assert_eq!(reason(&root, action, &closed), Ok(()));
        assert_eq!(reason(&caller(OWNER, Some("mayor")), action, &closed), denied);
        assert_eq!(reason(&caller(OTHER, None), action, &closed), denied);
    }
    closed.policy_binds_root = true;
    assert_eq!(reason(&root, Action::PutBucketPolicy, &closed), denied);
}

#[test]
fn a_narrowed_key_is_narrow_in_the_buckets_of_others_too() {
    let open = bucket_with(&allow_if(""));
    let mut alice = identity(OTHER, Some("alice"));
    alice.scope.read_only = true;
    let alice = Caller::Identity(Box::new(alice));
    assert_eq!(reason(&alice, Action::GetObject, &open), Ok(()));
    assert_eq!(reason(&alice, Action::PutObject, &open), Err(DenyReason::KeyScopeReadOnly));
}

#[test]
fn the_public_access_block_stands_above_public_rules() {
    let mut open = bucket_with(&allow_if(""));
    open.public_access_block.restrict_public_buckets = true;
    let blocked = Err(DenyReason::PublicAccessBlocked);
    assert_eq!(reason(&Caller::Anonymous, Action::GetObject, &open), blocked);
    assert_eq!(reason(&caller(OTHER, None), Action::GetObject, &open), blocked);
    assert_eq!(reason(&caller(OWNER, None), Action::GetObject, &open), Ok(()));
    // A policy for one named account is not public, so it is not restricted.
    let named =
        allow_if("").replace(r#""*","Action"#, r#"{"AWS":"arn:aws:iam::voisine:root"},"Action"#);
    let mut named = bucket_with(&named);
    named.public_access_block.restrict_public_buckets = true;
    assert_eq!(reason(&caller(OTHER, None), Action::GetObject, &named), Ok(()));

    let public = acl(OWNER, &[(Grantee::AllUsers, Permission::Read)]);
    let mut listed =
        BucketFacts { ownership: Ownership::ObjectWriter, acl: Some(public), ..bucket() };
    assert_eq!(reason(&Caller::Anonymous, Action::ListBucket, &listed), Ok(()));
    assert!(is_public(&listed));
    listed.public_access_block.ignore_public_acls = true;
    assert_eq!(reason(&Caller::Anonymous, Action::ListBucket, &listed), blocked);
    assert!(!is_public(&listed));
}

#[test]
fn enforced_ownership_makes_grants_void() {
    let public = acl(OWNER, &[(Grantee::AllUsers, Permission::FullControl)]);
    let bucket = BucketFacts { acl: Some(public), ..bucket() };
    let denied = Err(DenyReason::NothingAllows);
    assert_eq!(reason(&Caller::Anonymous, Action::ListBucket, &bucket), denied);
    assert!(!is_public(&bucket));
}

/// Which verbs each permission on the bucket's list opens to a neighbour.
#[test]
fn grants_on_a_bucket() {
    use Action::{
        DeleteObject, GetBucketAcl, GetBucketPolicy, GetObject, ListBucket, PutBucketAcl, PutObject,
    };
    let verbs = [
        ListBucket,
        PutObject,
        DeleteObject,
        GetBucketAcl,
        PutBucketAcl,
        GetBucketPolicy,
        GetObject,
    ];
    for (permission, expected) in [
        (Permission::Read, [true, false, false, false, false, false, false]),
        (Permission::Write, [false, true, true, false, false, false, false]),
        (Permission::ReadAcp, [false, false, false, true, false, false, false]),
        (Permission::WriteAcp, [false, false, false, false, true, false, false]),
        (Permission::FullControl, [true, true, true, true, true, false, false]),
    ] {
        for grantee in [Grantee::Tenant(OTHER), Grantee::AuthenticatedUsers, Grantee::AllUsers] {
            let granted = acl(OWNER, &[(grantee, permission)]);
            let bucket =
                BucketFacts { ownership: Ownership::ObjectWriter, acl: Some(granted), ..bucket() };
            let existing = ObjectFacts::default();
            let object = Some(&existing);
            let alice = caller(OTHER, Some("alice"));
            let found = verbs.map(|verb| with_object(&alice, verb, &bucket, object));
            assert_eq!(found, expected, "{permission:?} to {grantee:?}");
            let anonymous =
                verbs.map(|verb| with_object(&Caller::Anonymous, verb, &bucket, object));
            let expected = if grantee == Grantee::AllUsers { expected } else { [false; 7] };
            assert_eq!(anonymous, expected, "{permission:?} to {grantee:?}, anonymous");
        }
    }
}

/// Which verbs each permission on the object's list opens to a neighbour.
#[test]
fn grants_on_an_object() {
    use Action::{GetObject, GetObjectAcl, PutObject, PutObjectAcl};
    let verbs = [GetObject, PutObject, GetObjectAcl, PutObjectAcl];
    let bucket = BucketFacts { ownership: Ownership::ObjectWriter, ..bucket() };
    for (permission, expected) in [
        (Permission::Read, [true, false, false, false]),
        (Permission::Write, [false, false, false, false]),
        (Permission::ReadAcp, [false, false, true, false]),
        (Permission::WriteAcp, [false, false, false, true]),
        (Permission::FullControl, [true, false, true, true]),
    ] {
        let object = ObjectFacts {
            acl: Some(acl(OWNER, &[(Grantee::Tenant(OTHER), permission)])),
            ..ObjectFacts::default()
        };
        let alice = caller(OTHER, Some("alice"));
        let found = verbs.map(|verb| with_object(&alice, verb, &bucket, Some(&object)));
        assert_eq!(found, expected, "{permission:?}");
    }
}

#[test]
fn who_owns_an_object_of_another() {
    use Action::{DeleteObject, GetObject, GetObjectAcl, PutObjectAcl};
    let bucket = BucketFacts { ownership: Ownership::ObjectWriter, ..bucket() };
    let theirs = ObjectFacts { owner: Some(OTHER), ..ObjectFacts::default() };
    let verbs = [GetObject, GetObjectAcl, PutObjectAcl, DeleteObject];
    let check = |who: &Caller, bucket: &BucketFacts, object: &ObjectFacts| {
        verbs.map(|verb| with_object(who, verb, bucket, Some(object)))
    };
    let (owner, other) = (caller(OWNER, None), caller(OTHER, None));
    assert_eq!(check(&owner, &bucket, &theirs), [false, false, false, true]);
    assert_eq!(check(&other, &bucket, &theirs), [true, true, true, false]);
    // A list without any grant still lets its owner mend it.
    let locked = ObjectFacts { acl: Some(acl(OTHER, &[])), ..theirs.clone() };
    assert_eq!(check(&other, &bucket, &locked), [false, true, true, false]);
    let enforced = BucketFacts { ownership: Ownership::BucketOwnerEnforced, ..bucket };
    assert_eq!(check(&owner, &enforced, &theirs), [true; 4]);
    assert_eq!(check(&other, &enforced, &theirs), [false; 4]);
}

#[test]
fn whoever_may_list_may_learn_that_nothing_is_there() {
    let shown = |bucket: &BucketFacts, key: &str, object: Option<&ObjectFacts>| {
        let request = request("");
        let ask = Ask { object, ..ask(Action::GetObject, bucket, Some(key), &request) };
        decide(&caller(OTHER, None), &ask).unwrap_err().absence_shown
    };
    let readable = acl(OWNER, &[(Grantee::AllUsers, Permission::Read)]);
    let listed =
        BucketFacts { ownership: Ownership::ObjectWriter, acl: Some(readable), ..bucket() };
    assert!(shown(&listed, "a", None));
    assert!(!shown(&listed, "a", Some(&ObjectFacts::default())), "it is there, and private");
    assert!(!shown(&bucket(), "a", None));
    let prefix = policy(
        r#""Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::archives","Condition":{"StringLike":{"s3:prefix":"public/*"}}"#,
    );
    let prefix = bucket_with(&prefix);
    assert!(shown(&prefix, "public/a", None));
    assert!(!shown(&prefix, "private/a", None));
}

#[test]
fn a_policy_names_what_a_write_does_besides_and_a_grant_brings_it_along() {
    let besides = |bucket: &BucketFacts, who: &Caller, action| {
        let request = request("");
        decide_besides(who, &ask(action, bucket, Some("a"), &request)).is_ok()
    };
    let other = caller(OTHER, None);
    let says = |effect: &str, action: &str| {
        policy(&format!(
            r#""Effect":"{effect}","Principal":"*","Action":{action},"Resource":"arn:aws:s3:::archives/*""#
        ))
    };
    let by_policy = bucket_with(&says("Allow", r#""s3:PutObject""#));
    let by_both = bucket_with(&says("Allow", r#"["s3:PutObject","s3:PutObjectTagging"]"#));
    let grant = |grantee| BucketFacts {
        ownership: Ownership::ObjectWriter,
        acl: Some(acl(OWNER, &[(grantee, Permission::Write)])),
        ..bucket()
    };
    let (tags, grants, hold) =
        (Action::PutObjectTagging, Action::PutObjectAcl, Action::PutObjectLegalHold);
    assert!(!besides(&by_policy, &other, tags), "the policy gives no right to tag");
    assert!(besides(&by_both, &other, tags));
    assert!(!besides(&by_both, &other, grants));
    for action in [tags, grants] {
        assert!(besides(&grant(Grantee::Tenant(OTHER)), &other, action), "{action}");
        assert!(besides(&grant(Grantee::AllUsers), &Caller::Anonymous, action), "{action}");
        assert!(!besides(&bucket(), &other, action), "{action}");
    }
    assert!(!besides(&grant(Grantee::Tenant(OTHER)), &other, hold), "a lock is the owner's");
    let denied = BucketFacts {
        policy: bucket_with(&says("Deny", r#""s3:PutObjectTagging""#)).policy,
        ..grant(Grantee::Tenant(OTHER))
    };
    assert!(!besides(&denied, &other, tags), "an explicit deny wins");
    let mut blocked = grant(Grantee::AllUsers);
    blocked.public_access_block.ignore_public_acls = true;
    assert!(!besides(&blocked, &Caller::Anonymous, tags), "public grants are ignored");
}

#[test]
fn the_four_switches_are_off_unless_set() {
    let off = PublicAccessBlock::default();
    let switches = [
        off.block_public_acls,
        off.ignore_public_acls,
        off.block_public_policy,
        off.restrict_public_buckets,
    ];
    assert_eq!(switches, [false; 4]);
    assert!(NOW > Timestamp::EPOCH);
}

#[cfg(feature = "planted")]
mod planted {
    //! Each planted bug makes a test fail. One test, since the switch is one for
    //! the whole process.
    use std::panic::catch_unwind;

    #[test]
    fn every_planted_bug_is_caught() {
        let catches: [(&'static str, fn()); 5] = [
            ("access-allow-beats-deny", crate::policy::tests::a_deny_wins_in_any_order),
            ("access-any-condition", crate::policy::tests::every_condition_must_hold),
            ("access-first-come-first-served", crate::fair::tests::who_asks_little_is_served_next),
            ("access-forget-expiry", super::every_identity_against_every_verb),
            ("access-covers-any-key", super::what_was_decided_covers_that_and_nothing_else),
        ];
        assert_eq!(catches.len(), crate::PLANTED.len());
        for (name, test) in catches {
            units::planted::select(Some(name));
            let caught = catch_unwind(test).is_err();
            units::planted::select(None);
            assert!(caught, "{name} was not caught");
            test();
        }
    }
}
