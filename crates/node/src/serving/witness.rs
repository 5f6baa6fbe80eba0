//! The S3 port of a witness: it says that this is none.
//!
//! **Invariant**: nothing of a request is looked at, and whatever it asks has the same answer.

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What S3 clients are told, as S3 tells its errors.
const REFUSAL: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <Error><Code>ServiceUnavailable</Code><Message>This node is a witness: it votes on the \
    catalog, keeps no data and serves no S3. Ask another site of the cluster.</Message></Error>";

/// Refuses every request until told to stop.
pub(super) async fn refuse(listener: TcpListener, stop: CancellationToken) -> Result<(), String> {
    let refused = || async {
        let kind = [(header::CONTENT_TYPE, "application/xml")];
        (StatusCode::SERVICE_UNAVAILABLE, kind, REFUSAL).into_response()
    };
    let accept = || async {
        let (stream, address) = listener.accept().await?;
        Ok((stream, Some(admin::auth::Peer(address.ip()))))
    };
    super::serve(accept, Router::new().fallback(refused), stop).await;
    Ok(())
}
