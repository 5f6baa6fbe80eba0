//! Notices when the other end of a connection has vanished without a word.

use core::pin::pin;
use std::sync::Arc;

use h2::{Ping, PingPong};
use tokio::time::{Instant, sleep};

use super::health::{Health, Heard};
use crate::limits::{LOOK_EVERY, PING_EVERY, SILENCE_MAX};

/// Pings; returns when nothing was heard for too long, with the reason.
///
/// Any byte counts, not only the answer to the ping: on a slow link that is busy with
/// long bodies the answer may come late.
pub(super) async fn keep(
    mut pings: PingPong,
    heard: Arc<Heard>,
    health: Option<Arc<Health>>,
) -> &'static str {
    let mut told: Option<Instant> = None;
    loop {
        let asked = Instant::now();
        {
            let mut pong = pin!(pings.ping(Ping::opaque()));
            loop {
                tokio::select! {
                    answered = &mut pong => match answered {
                        Ok(_) => break,
                        Err(_) => return "the connection closed",
                    },
                    () = sleep(LOOK_EVERY) => {}
                }
                let silent = heard.ago().unwrap_or_else(|| asked.elapsed());
                if silent >= SILENCE_MAX {
                    return "nothing was heard for too long";
                }
            }
        }
        let Some(health) = &health else {
            sleep(PING_EVERY).await;
            continue;
        };
        let took = asked.elapsed();
        health.window.measured(took);
        if told.is_none_or(|told| told.elapsed() >= PING_EVERY) {
            health.measured(took);
            told = Some(Instant::now());
        }
        health.window.rest().await;
    }
}
