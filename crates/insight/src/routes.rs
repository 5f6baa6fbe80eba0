//! `/metrics`, `/health/live` and `/health/ready`.
//!
//! They tell nothing about tenants or their data and need no login; the node
//! decides on which listeners they are served.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use crate::Insight;
use crate::health::NotReady;

/// The routes of this room.
pub fn router(insight: Insight) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .with_state(insight)
}

async fn metrics(State(insight): State<Insight>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], insight.metrics.render())
}

/// The process answers: that is all a supervisor needs to leave it alone.
async fn live() -> &'static str {
    "live\n"
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    reasons: Vec<NotReady>,
}

async fn ready(State(insight): State<Insight>) -> impl IntoResponse {
    let reasons = insight.health.reasons();
    let ready = reasons.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, reasons }))
}
