//! What makes a connection known: the head of a request signed by a key, and nothing
//! that may be public.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use super::signer::Signer;
use super::site::{Ask, Site, peer};

const ADDRESS: [u8; 4] = [192, 0, 2, 4];

async fn check(site: &Site, request: Request<Full<Bytes>>, status: u16, known: bool) {
    let peer = peer(ADDRESS);
    let connection = Arc::clone(&peer.acquaintance);
    let told = format!("{} {:?}", request.uri(), request.headers());
    let answer = site.send_over(peer, request).await;
    assert_eq!((answer.status, connection.is_known()), (status, known), "{told}: {answer:?}");
}

#[tokio::test]
async fn only_a_signed_head_makes_a_connection_known() {
    let site = Site::start().await;
    site.done(&Ask::new(http::Method::PUT, "/plans")).await;
    let get = Ask::new(http::Method::GET, "/plans");
    check(&site, get.signed(&site.signer), 200, true).await;
    check(&site, get.presigned(&site.signer, "60"), 200, false).await;
    let wrong = Signer { secret: "wrong".to_owned(), ..site.signer.clone() };
    check(&site, get.signed(&wrong), 403, false).await;
    let unsigned =
        Request::get("/plans").header("host", super::site::HOST).body(Full::default()).unwrap();
    check(&site, unsigned, 403, false).await;
}
