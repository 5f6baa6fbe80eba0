//! The API as a caller sees it, over a node that answers without being one.

use std::sync::Arc;

use admin::auth::{AccountStore, Accounts, Transport};
use admin::model::{
    Bucket, BucketNew, BucketQuota, Confirmation, Disk, Invite, InviteMade, InviteNew, Key,
    KeyMade, KeyNew, KmsKey, KmsKeyNew, List, Page, PolicyCheck, PolicyCheckAsk, PolicyExplainAsk,
    PolicyExplanation, PolicyListed, PolicyOf, PolicyShown, PolicyText, Rotation, RotationNew,
    Scope, Scrub, Site, SiteEvidence, SiteRemoveStep, SiteReplaceAsk, Sites, Status, Tenant,
    TenantNew, TenantQuota, TenantState, TokenNew, Usage, User, UserNew, Where, WhereAsk,
};
use admin::{Admin, Fault, FaultKind, Operations, openapi_document, router};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use placement::Language;
use serde_json::Value;
use tower::ServiceExt as _;
use units::{SimClock, SimRandom, Timestamp};

/// A node with one tenant, `mairie`, and nothing else.
#[derive(Default)]
struct Stub {
    /// Whether it cannot make sure that it knows the newest.
    is_behind: bool,
    /// Since when it is cut off.
    cut_off: Option<Timestamp>,
}

fn mairie() -> Tenant {
    Tenant {
        id: "0".repeat(32),
        name: "mairie".to_owned(),
        state: TenantState::Active,
        created: "2026-01-01T00:00:00Z".to_owned(),
        email: None,
        quota_bytes: None,
        quota_objects: None,
        buckets: 0,
        objects: 0,
        bytes: 0,
    }
}

fn absent<T>() -> Result<T, Fault> {
    Err(Fault::not_found("thing", "x", "essaim thing list"))
}

fn nothing<T>() -> List<T> {
    List { items: Vec::new(), next: None }
}

#[async_trait::async_trait]
impl Operations for Stub {
    async fn catch_up(&self) -> Result<(), Fault> {
        let behind = || Fault::new(FaultKind::Unavailable, "behind", "wait");
        if self.is_behind { Err(behind()) } else { Ok(()) }
    }
    fn cut_off_since(&self) -> Option<Timestamp> {
        self.cut_off
    }
    async fn status(&self) -> Result<Status, Fault> {
        Err(Fault::new(FaultKind::Unavailable, "starting", "wait"))
    }
    async fn tenants_list(&self, page: &Page) -> Result<List<Tenant>, Fault> {
        Ok(page.cut(std::iter::once(mairie()), |tenant| tenant.name.clone()))
    }
    async fn tenant_create(&self, new: TenantNew) -> Result<Tenant, Fault> {
        Ok(Tenant { name: new.name, ..mairie() })
    }
    async fn tenant_show(&self, name: &str) -> Result<Tenant, Fault> {
        if name == "mairie" { Ok(mairie()) } else { absent() }
    }
    async fn tenant_suspend(&self, _: &str) -> Result<Tenant, Fault> {
        Ok(Tenant { state: TenantState::Suspended, ..mairie() })
    }
    async fn tenant_resume(&self, _: &str) -> Result<Tenant, Fault> {
        Ok(mairie())
    }
    async fn tenant_quota_set(&self, _: &str, quota: TenantQuota) -> Result<Tenant, Fault> {
        let TenantQuota { quota_bytes, quota_objects } = quota;
        Ok(Tenant { quota_bytes, quota_objects, ..mairie() })
    }
    async fn tenant_delete(&self, _: &str) -> Result<(), Fault> {
        Ok(())
    }
    async fn users_list(&self, _: &str, _: &Page) -> Result<List<User>, Fault> {
        Ok(nothing())
    }
    async fn user_create(&self, _: &str, _: UserNew) -> Result<User, Fault> {
        absent()
    }
    async fn user_delete(&self, _: &str, _: &str) -> Result<(), Fault> {
        absent()
    }
    async fn keys_list(&self, _: &str, _: &Page) -> Result<List<Key>, Fault> {
        Ok(nothing())
    }
    async fn key_create(&self, _: &str, _: KeyNew) -> Result<KeyMade, Fault> {
        absent()
    }
    async fn key_revoke(&self, _: &str, _: &str) -> Result<(), Fault> {
        absent()
    }
    async fn kms_keys_list(&self, _: &str, _: &Page) -> Result<List<KmsKey>, Fault> {
        Ok(nothing())
    }
    async fn kms_key_create(&self, _: &str, _: KmsKeyNew) -> Result<KmsKey, Fault> {
        absent()
    }
    async fn buckets_list(&self, _: &Page) -> Result<List<Bucket>, Fault> {
        Ok(nothing())
    }
    async fn bucket_create(&self, _: BucketNew) -> Result<Bucket, Fault> {
        absent()
    }
    async fn bucket_show(&self, _: &str) -> Result<Bucket, Fault> {
        absent()
    }
    async fn bucket_quota_set(&self, _: &str, _: BucketQuota) -> Result<Bucket, Fault> {
        absent()
    }
    async fn bucket_sse_c_set(&self, _: &str, _: Option<bool>) -> Result<Bucket, Fault> {
        absent()
    }
    async fn bucket_delete(&self, _: &str) -> Result<(), Fault> {
        absent()
    }
    async fn usage(&self, _: Option<&str>) -> Result<Usage, Fault> {
        absent()
    }
    async fn scrub_show(&self) -> Result<Scrub, Fault> {
        Ok(Scrub::default())
    }
    async fn scrub_start(&self) -> Result<Scrub, Fault> {
        Ok(Scrub::default())
    }
    async fn disks_list(&self) -> Result<Vec<Disk>, Fault> {
        Ok(Vec::new())
    }
    async fn disk_forget(&self, _: &str) -> Result<Disk, Fault> {
        absent()
    }
    async fn invites_list(&self) -> Result<Vec<Invite>, Fault> {
        Ok(Vec::new())
    }
    async fn invite_create(&self, _: InviteNew, _: &str) -> Result<InviteMade, Fault> {
        absent()
    }
    async fn invite_revoke(&self, _: &str) -> Result<(), Fault> {
        Ok(())
    }
    async fn sites_list(&self) -> Result<Sites, Fault> {
        absent()
    }
    async fn site_show(&self, _: &str) -> Result<Site, Fault> {
        absent()
    }
    async fn site_evidence(&self, _: &str) -> Result<SiteEvidence, Fault> {
        absent()
    }
    async fn site_set(&self, _: &str, _: Language) -> Result<Site, Fault> {
        absent()
    }
    async fn site_drain(&self, _: &str, _: bool) -> Result<Site, Fault> {
        absent()
    }
    async fn site_remove(&self, _: &str, _: bool) -> Result<SiteRemoveStep, Fault> {
        absent()
    }
    async fn site_replace(&self, _: &str, _: SiteReplaceAsk) -> Result<Site, Fault> {
        absent()
    }
    async fn object_where(&self, _: &WhereAsk) -> Result<Where, Fault> {
        absent()
    }
    async fn policies_list(&self, language: Language) -> Result<Vec<PolicyListed>, Fault> {
        Err(Fault::new(FaultKind::Unavailable, language.tag(), "wait"))
    }
    async fn policy_show(&self, _: &PolicyOf, _: Language) -> Result<PolicyShown, Fault> {
        absent()
    }
    async fn policy_set(
        &self,
        _: &PolicyOf,
        _: PolicyText,
        _: Language,
    ) -> Result<PolicyShown, Fault> {
        absent()
    }
    async fn policy_remove(&self, _: &PolicyOf, _: Language) -> Result<PolicyShown, Fault> {
        absent()
    }
    async fn policy_check(&self, _: &PolicyCheckAsk, _: Language) -> Result<PolicyCheck, Fault> {
        absent()
    }
    async fn policy_explain(
        &self,
        _: &PolicyExplainAsk,
        _: Language,
    ) -> Result<PolicyExplanation, Fault> {
        absent()
    }
    async fn confirm(&self, _: Confirmation) -> Result<(), Fault> {
        Ok(())
    }
    async fn rotations_list(&self) -> Result<Vec<Rotation>, Fault> {
        Ok(Vec::new())
    }
    async fn rotation_start(&self, _: RotationNew) -> Result<Rotation, Fault> {
        Err(Fault::not_found("tenant", "x", "essaim tenant list"))
    }
    async fn tenant_shred(&self, name: &str) -> Result<Tenant, Fault> {
        self.tenant_show(name).await
    }
    async fn passphrase_set(&self, _: Option<String>) -> Result<(), Fault> {
        Ok(())
    }
    async fn backup_catalog(&self) -> Result<Body, Fault> {
        Ok(Body::from("catalog"))
    }
}

struct Forgetful;

impl AccountStore for Forgetful {
    fn save(&self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }
}

fn admin() -> Admin {
    let (clock, random) = (Arc::new(SimClock::default()), Arc::new(SimRandom::seeded(1)));
    let accounts = Accounts::open(None, Arc::new(Forgetful), clock, random).unwrap();
    accounts.administrator_set("admin", "right").unwrap();
    Admin { operations: Arc::new(Stub::default()), accounts: Arc::new(accounts) }
}

fn ask(verb: &str, path: &str, token: Option<&str>, body: &str) -> Request<Body> {
    let mut request =
        Request::builder().method(verb).uri(path).header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

async fn answer(router: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let response: Response<Body> = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

/// Every verb of every path of the document.
fn documented() -> Vec<(String, String)> {
    let document = serde_json::to_value(openapi_document()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let verbs = |(path, item): (&String, &Value)| {
        let path = path.replace(['{', '}'], "");
        let item = item.as_object().unwrap().keys().map(|verb| verb.to_uppercase());
        item.map(|verb| (verb, path.clone())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(verbs).collect()
}

#[tokio::test]
async fn every_documented_route_is_served_and_guarded() {
    let (tcp, socket) = (router(admin(), Transport::Tcp), router(admin(), Transport::Socket));
    let routes = documented();
    assert!(routes.len() >= 25, "{routes:?}");
    for (verb, path) in routes {
        let (status, body) = answer(&tcp, ask(&verb, &path, None, "")).await;
        let expected = if path == "/api/v1/login" {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::UNAUTHORIZED
        };
        assert_eq!(status, expected, "{verb} {path}");
        for member in ["error", "message", "what_to_do"] {
            assert!(body[member].is_string(), "{verb} {path} {member}");
        }
        let (status, _) = answer(&socket, ask(&verb, &path, None, "")).await;
        assert_ne!(status, StatusCode::UNAUTHORIZED, "{verb} {path}");
        assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{verb} {path}");
    }
}

#[tokio::test]
async fn the_document_is_openapi_3_1_and_describes_each_answer() {
    let (status, document) =
        answer(&router(admin(), Transport::Tcp), ask("GET", "/api/openapi.json", None, "")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{verb} {path}");
            assert!(!operation["responses"].as_object().unwrap().is_empty(), "{verb} {path}");
        }
    }
}

#[tokio::test]
async fn sentences_are_in_the_language_that_is_asked_for() {
    let socket = router(admin(), Transport::Socket);
    for (accepted, told) in [("fr-FR, en;q=0.5", "fr"), ("de", "en")] {
        let mut request = ask("GET", "/api/v1/policies", None, "");
        request.headers_mut().insert("accept-language", accepted.parse().unwrap());
        assert_eq!(answer(&socket, request).await.1["message"], told, "{accepted}");
    }
}

#[tokio::test]
async fn a_login_opens_and_a_logout_closes() {
    let tcp = router(admin(), Transport::Tcp);
    let wrong = r#"{"user":"admin","password":"left"}"#;
    assert_eq!(answer(&tcp, ask("POST", "/api/v1/login", None, wrong)).await.0, 401);
    let right = r#"{"user":"admin","password":"right"}"#;
    let (status, made) = answer(&tcp, ask("POST", "/api/v1/login", None, right)).await;
    assert_eq!(status, 200);
    let token = made["token"].as_str();
    let (status, list) = answer(&tcp, ask("GET", "/api/v1/tenants", token, "")).await;
    assert_eq!((status, &list["items"][0]["name"]), (StatusCode::OK, &Value::from("mairie")));
    assert_eq!(answer(&tcp, ask("POST", "/api/v1/logout", token, "")).await.0, 204);
    assert_eq!(answer(&tcp, ask("GET", "/api/v1/tenants", token, "")).await.0, 401);
}

#[tokio::test]
async fn a_token_does_what_its_scopes_say() {
    let admin = admin();
    let token = |scopes: &[Scope]| {
        let (name, scopes) = ("t".to_owned(), scopes.to_vec());
        let new = TokenNew { name, scopes, expires_in_seconds: None };
        admin.accounts.token_create(&new).unwrap().secret
    };
    let (read, manage) = (token(&[Scope::Read]), token(&[Scope::Manage]));
    let backup = token(&[Scope::Backup]);
    let tcp = router(admin.clone(), Transport::Tcp);
    let new = r#"{"name":"asso"}"#;
    for (verb, path, token, status) in [
        ("GET", "/api/v1/tenants", &read, 200),
        ("GET", "/api/v1/tenants", &manage, 403),
        ("POST", "/api/v1/tenants", &manage, 201),
        ("POST", "/api/v1/tenants", &read, 403),
        ("GET", "/api/v1/backup/catalog", &backup, 200),
        ("GET", "/api/v1/backup/catalog", &manage, 403),
    ] {
        let got = answer(&tcp, ask(verb, path, Some(token), new)).await.0;
        assert_eq!(got, status, "{verb} {path}");
    }
    let more = r#"{"name":"more","scopes":["backup"]}"#;
    let (status, _) = answer(&tcp, ask("POST", "/api/v1/tokens", Some(&manage), more)).await;
    assert_eq!(status, 403, "nobody gives more than they have");
}

#[tokio::test]
async fn faults_are_told_in_words_a_person_can_use() {
    let socket = router(admin(), Transport::Socket);
    let long = format!(r#"{{"name":"{}"}}"#, "x".repeat(admin::limits::BODY_BYTES_MAX));
    for (verb, path, body, status) in [
        ("GET", "/api/v1/tenants/nobody", "", 404),
        ("POST", "/api/v1/tenants", "{", 400),
        ("POST", "/api/v1/tenants", r#"{"name":"a","colour":"red"}"#, 400),
        ("POST", "/api/v1/tenants", &long, 400),
        ("GET", "/api/v1/tenants?limit=-1", "", 400),
        ("PATCH", "/api/v1/tenants", "", 400),
        ("GET", "/api/v1/status", "", 503),
    ] {
        let (got, told) = answer(&socket, ask(verb, path, None, body)).await;
        assert_eq!(got, status, "{verb} {path}");
        assert!(told["what_to_do"].is_string(), "{verb} {path}: {told}");
    }
}

#[tokio::test]
async fn a_node_that_is_behind_answers_about_itself_only() {
    let admin = Admin { operations: Arc::new(Stub { is_behind: true, cut_off: None }), ..admin() };
    let (socket, tcp) = (router(admin.clone(), Transport::Socket), router(admin, Transport::Tcp));
    for path in ["/api/v1/tenants", "/api/v1/where?bucket=a&key=b", "/api/v1/rotations"] {
        assert_eq!(answer(&socket, ask("GET", path, None, "")).await.0, 503, "{path}");
        // Nobody learns that before they have proved who they are.
        assert_eq!(answer(&tcp, ask("GET", path, None, "")).await.0, 401, "{path}");
    }
    for path in ["/api/v1/backup/catalog", "/api/v1/tokens"] {
        assert_eq!(answer(&socket, ask("GET", path, None, "")).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn a_node_that_is_cut_off_says_so_and_changes_nothing() {
    let cut_off = Some(Timestamp::from_seconds(1_800_000_000));
    let admin = Admin { operations: Arc::new(Stub { is_behind: true, cut_off }), ..admin() };
    let socket = router(admin, Transport::Socket);
    let list = ask("GET", "/api/v1/tenants", None, "");
    let read = socket.clone().oneshot(list).await.expect("infallible");
    assert_eq!(read.status(), 200);
    let since = read.headers().get(admin::CUT_OFF_SINCE).and_then(|since| since.to_str().ok());
    assert_eq!(since, Some("2027-01-15T08:00:00Z"));
    let new = ask("POST", "/api/v1/tenants", None, r#"{"name":"ecole"}"#);
    assert_eq!(answer(&socket, new).await.0, 503);
}
