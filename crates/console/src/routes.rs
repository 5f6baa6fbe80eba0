//! The routes of the pages.

use admin::Admin;
use admin::auth::{LoginError, Peer};
use admin::model::Scope;
use askama::Template;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde::Deserialize;

use crate::language::{self, Language};
use crate::pages::{LoginPage, StatusPage, UnavailablePage};
use crate::session;
use crate::words::Words;

/// A login form is two short fields.
const FORM_BYTES_MAX: usize = 8 * 1024;

/// Nothing but our own stylesheet, picture and forms.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'",
);

/// The pages.
pub fn router(admin: Admin) -> Router {
    Router::new()
        .route("/", get(status))
        .route("/login", get(login_form).post(login))
        .route("/logout", post(logout))
        .route("/assets/console.css", get(stylesheet))
        .route("/assets/essaim.svg", get(picture))
        .layer(map_response(guard))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .with_state(admin)
}

#[derive(Deserialize)]
struct Chosen {
    lang: Option<String>,
}

/// The headers of every page.
async fn guard(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn status(
    State(admin): State<Admin>,
    Query(chosen): Query<Chosen>,
    headers: HeaderMap,
) -> Response {
    let language = Language::of(chosen.lang.as_deref(), &headers);
    let token = session::cookie(&headers, session::COOKIE);
    let caller = token.and_then(|token| admin.accounts.caller(&token));
    let Some(caller) = caller.filter(|caller| caller.may(Scope::Read)) else {
        return keep(language, chosen.lang.as_deref(), Redirect::to("/login").into_response());
    };
    let page = match admin.operations.status().await {
        Ok(status) => html(StatusCode::OK, &StatusPage::new(&status, caller.name(), language)),
        Err(fault) => {
            let page = UnavailablePage {
                tag: language.tag(),
                words: Words::of(language),
                message: fault.message,
                what_to_do: fault.what_to_do,
            };
            html(StatusCode::SERVICE_UNAVAILABLE, &page)
        }
    };
    keep(language, chosen.lang.as_deref(), page)
}

async fn login_form(
    State(admin): State<Admin>,
    Query(chosen): Query<Chosen>,
    headers: HeaderMap,
) -> Response {
    let language = Language::of(chosen.lang.as_deref(), &headers);
    let page = login_page(&admin, language, StatusCode::OK, None).await;
    keep(language, chosen.lang.as_deref(), page)
}

#[derive(Deserialize)]
struct Form {
    user: String,
    password: String,
}

async fn login(
    State(admin): State<Admin>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let language = Language::of(None, &headers);
    let words = Words::of(language);
    if !session::is_ours(&headers) {
        let problem = Some(words.login_foreign);
        return login_page(&admin, language, StatusCode::FORBIDDEN, problem).await;
    }
    let Some(form) = form(&body) else {
        let problem = Some(words.login_wrong);
        return login_page(&admin, language, StatusCode::BAD_REQUEST, problem).await;
    };
    let from = peer.map(|Extension(peer)| peer);
    match admin.accounts.login(&form.user, &form.password, from).await {
        Ok(made) => {
            tracing::info!(target: "audit", actor = form.user, action = "login", "done");
            let mut response = Redirect::to("/").into_response();
            if let Some(cookie) = session::begin(&made.token) {
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            response
        }
        Err(error) => {
            admin::login_refused_log(&form.user, from, error);
            let (status, problem) = match error {
                LoginError::Wrong => (StatusCode::UNAUTHORIZED, words.login_wrong),
                LoginError::TooMany { .. } => (StatusCode::TOO_MANY_REQUESTS, words.login_wait),
            };
            login_page(&admin, language, status, Some(problem)).await
        }
    }
}

/// A form is a query string in a body.
fn form(body: &Bytes) -> Option<Form> {
    let text = core::str::from_utf8(body).ok()?;
    let uri: Uri = format!("/?{text}").parse().ok()?;
    Query::try_from_uri(&uri).ok().map(|Query(form)| form)
}

async fn logout(State(admin): State<Admin>, headers: HeaderMap) -> Response {
    let mut response = Redirect::to("/login").into_response();
    if session::is_ours(&headers) {
        if let Some(token) = session::cookie(&headers, session::COOKIE) {
            admin.accounts.logout(&token);
        }
        response.headers_mut().insert(header::SET_COOKIE, session::END);
    }
    response
}

async fn login_page(
    admin: &Admin,
    language: Language,
    status: StatusCode,
    problem: Option<&'static str>,
) -> Response {
    let ready = admin.operations.status().await.is_ok_and(|status| status.ready);
    html(status, &LoginPage { tag: language.tag(), words: Words::of(language), ready, problem })
}

fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Remembers a language that was chosen.
fn keep(language: Language, chosen: Option<&str>, mut response: Response) -> Response {
    let name = language::COOKIE;
    let cookie = format!("{name}={}; Path=/; SameSite=Strict; Max-Age=31536000", language.tag());
    if let (Some(_), Ok(cookie)) = (chosen, HeaderValue::from_str(&cookie)) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

async fn stylesheet() -> impl IntoResponse {
    asset("text/css; charset=utf-8", include_str!("../assets/console.css"))
}

async fn picture() -> impl IntoResponse {
    asset("image/svg+xml", include_str!("../assets/essaim.svg"))
}

fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=300")], text)
}
