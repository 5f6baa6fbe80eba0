//! What no wrong clock may undo: versions under retention, and objects that a rule ends on a
//! day to come.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use blackbox::{Answer, Ask, Client, Target};
use http::{Method, StatusCode};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::lab::Lab;
use super::people::is_too_skewed;

const LOCKED: &str = "locked";
const DATED: &str = "dated";
/// How many objects in each.
const OBJECTS: usize = 5;
/// How long the versions are locked: longer than the campaign takes.
const LOCKED_FOR: Duration = Duration::from_hours(1);
/// A rule may end objects at this day's end if it is so far away.
const DAY_LEFT_MIN: Duration = Duration::from_mins(10);
/// How long a process may take to see that its clock was set.
const SEEN_WITHIN: Duration = Duration::from_secs(10);

/// Both, in a cluster.
pub struct Promised {
    versions: Vec<(String, String)>,
    /// From then on the rule may end its objects.
    day: OffsetDateTime,
}

impl Promised {
    /// Puts the objects, the locks and the rule.
    pub async fn put(target: &Target) -> Result<Self> {
        let now = OffsetDateTime::now_utc();
        let locked = Ask::new(Method::PUT, format!("/{LOCKED}"));
        ask(target, locked.header("x-amz-bucket-object-lock-enabled", "true")).await?;
        ask(target, Ask::new(Method::PUT, format!("/{DATED}"))).await?;
        let until = (now + LOCKED_FOR).replace_nanosecond(0)?.format(&Rfc3339)?;
        for n in 0..OBJECTS {
            let body = format!("object {n}");
            let locked = Ask::new(Method::PUT, format!("/{LOCKED}/{n}"))
                .header("x-amz-object-lock-mode", "COMPLIANCE")
                .header("x-amz-object-lock-retain-until-date", &until);
            ask(target, locked.body(body.clone())).await?;
            ask(target, Ask::new(Method::PUT, format!("/{DATED}/{n}")).body(body)).await?;
        }
        let day = (now + DAY_LEFT_MIN).date().next_day().context("no day")?.midnight().assume_utc();
        let rule = format!(
            "<LifecycleConfiguration><Rule><ID>day</ID><Status>Enabled</Status><Filter><Prefix>\
             </Prefix></Filter><Expiration><Date>{}</Date></Expiration></Rule>\
             </LifecycleConfiguration>",
            day.format(&Rfc3339)?
        );
        let rules = Ask::new(Method::PUT, format!("/{DATED}")).query("lifecycle=");
        ask(target, rules.body(rule)).await?;
        let listed =
            ask(target, Ask::new(Method::GET, format!("/{LOCKED}")).query("versions=")).await?;
        let text = listed.text();
        let within = |text: &str, name: &str| {
            let after = text.split_once(&format!("<{name}>"))?.1;
            Some(after.split_once(&format!("</{name}>"))?.0.to_owned())
        };
        let versions: Vec<_> = text
            .split("<Version>")
            .skip(1)
            .filter_map(|version| Some((within(version, "Key")?, within(version, "VersionId")?)))
            .collect();
        ensure!(versions.len() == OBJECTS, "{} versions are listed: {text}", versions.len());
        Ok(Self { versions, day })
    }

    /// Tries to delete every version; how often that was refused, and what was not.
    pub async fn tried(&self, target: &Target) -> Result<(u64, Vec<String>)> {
        let (mut refused, mut wrong) = (0, Vec::new());
        for (key, version) in &self.versions {
            let delete = Ask::new(Method::DELETE, format!("/{LOCKED}/{key}"));
            let query = format!("versionId={version}");
            let answer = Client::connect(target).await?.call(delete.query(query)).await?;
            if is_too_skewed(&answer) {
                wrong.push(format!("the clock of {} is off", target.address));
            } else if answer.status == StatusCode::FORBIDDEN {
                refused += 1;
            } else if answer.status.is_success() {
                wrong
                    .push(format!("the locked version of {key} was deleted at {}", target.address));
            }
        }
        Ok((refused, wrong))
    }

    /// What is not there any more.
    pub async fn missing(&self, target: &Target) -> Result<Vec<String>> {
        let mut wrong = Vec::new();
        for bucket in [LOCKED, DATED] {
            if bucket == DATED && OffsetDateTime::now_utc() >= self.day {
                continue;
            }
            for n in 0..OBJECTS {
                let get = Ask::new(Method::GET, format!("/{bucket}/{n}"));
                let answer = Client::connect(target).await?.call(get).await?;
                if answer.status == StatusCode::NOT_FOUND {
                    wrong.push(format!("/{bucket}/{n} is gone"));
                } else {
                    ensure!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
                }
            }
        }
        Ok(wrong)
    }
}

/// Waits until a site refuses who signs by a right clock: that its own is off is installed.
pub async fn is_off(target: &Target, hours: i64) -> Result<()> {
    let since = Instant::now();
    loop {
        let get = Ask::new(Method::GET, "/".to_owned());
        match Client::connect(target).await?.call(get).await {
            Ok(answer) if is_too_skewed(&answer) => return Ok(()),
            other => ensure!(
                since.elapsed() < SEEN_WITHIN,
                "the clock of {} is not {hours} hours off: {other:?}",
                target.address
            ),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Waits until a site tells its operator that its clock is off.
pub fn is_told(lab: &Lab, site: usize, hours: i64) -> Result<()> {
    let since = Instant::now();
    loop {
        let status = lab.commands(site)?.json(&["status"]);
        let told = status.as_ref().ok().and_then(|status| status["degraded"].as_array());
        if told.into_iter().flatten().any(|reason| reason["component"] == "the clock") {
            return Ok(());
        }
        ensure!(
            since.elapsed() < SEEN_WITHIN,
            "site {} does not say that its clock is {hours} hours off: {status:?}",
            site + 1
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

async fn ask(target: &Target, ask: Ask) -> Result<Answer> {
    let named = format!("{} {}?{}", ask.method, ask.path, ask.query);
    let answer = Client::connect(target).await?.call(ask).await?;
    ensure!(answer.status.is_success(), "{named}: {} {}", answer.status, answer.text());
    Ok(answer)
}
