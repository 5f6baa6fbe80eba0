//! A node from its start to its end.

use core::time::Duration;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use admin::Admin;
use admin::auth::{AccountStore, Accounts};
use caretaker::Days;
use disk::{Disk, RealDisk};
use host::{SystemClock, SystemRandom};
use serde::Serialize;
use steward::Steward;
use units::{Clock, DiskId, Random};
use wire::{Service, Transport};

use crate::announcement::{Announcement, JoinedCluster};
use crate::cluster::{LettingIn, Watching};
use crate::credentials::Credentials;
use crate::devices;
use crate::files::{ACCOUNTS_FILE, ADDRESSES_FILE};
use crate::first_look;
use crate::first_start::FirstStart;
use crate::gauges;
use crate::limits::{CATALOG_SHUTDOWN_MAX, LATE_FRAGMENTS_MAX, RECORD_BYTES_MAX};
use crate::listeners::{Listeners, everywhere};
use crate::operations::SiteOperations;
use crate::parts::{self, Parts};
use crate::passphrase;
use crate::places;
use crate::process;
use crate::serving;
use crate::settings::Settings;
use crate::stop::StopSignals;
use crate::supervision::{Tasks, stopped_working};
use crate::trouble::{Trouble, chain};

/// A day of the calendar.
const REAL_DAY: Duration = Duration::from_hours(24);

/// A running node.
pub struct Node {
    announcement: Announcement,
    signals: StopSignals,
    tasks: Tasks,
    steward: steward::Tasks,
    consensus: consensus::Consensus,
    fragments: fragments::FragmentStore,
    late_fragments: objects::LateFragments,
    transport: Arc<wire::TcpTransport>,
    /// Each disk of the fragments and its directory.
    disks: Vec<(DiskId, PathBuf)>,
    root: Arc<RealDisk>,
}

#[derive(Serialize)]
struct Addresses<'a> {
    s3_endpoint: &'a str,
    admin_url: &'a str,
    region: &'a str,
    /// Where the other nodes of the cluster find it.
    cluster: Vec<&'a str>,
}

impl Node {
    /// Starts a node; when this returns, it serves.
    pub async fn start(settings: Settings) -> Result<Self, Trouble> {
        let signals = StopSignals::catch()?;
        // What is wrong with the settings is told before anything is made.
        places::check(&settings)?;
        let is_first = first_look::is_first(&settings);
        let passphrase = passphrase::of_start(&settings)?;
        if is_first {
            first_look::disks_check(&settings)?;
        }
        let root = parts::open_root(&settings)?;
        warn_if_open_to_others(&settings.data);
        if is_first {
            // Before anything is founded whose credentials could not be written down.
            Credentials::place_check(&settings.credentials_file())?;
        }
        let listeners = Listeners::bind(&settings).await?;
        let mut parts = Parts::open(&settings, passphrase, Arc::clone(&root)).await?;
        let accounts = Arc::new(open_accounts(&parts)?);
        let first_start = !parts.identity.complete;
        let watching = watching(&parts);
        watching.begin().await;
        if first_start && parts.identity.joined {
            parts.identity.complete = true;
            parts.identity.write(root.as_ref())?;
        } else if first_start {
            let first = FirstStart {
                settings: &settings,
                objects: &parts.objects,
                accounts: &accounts,
                listeners: &listeners,
            };
            if let Err(trouble) = first.complete(&mut parts.identity, root.as_ref()).await {
                parts.consensus.clone().shutdown().await;
                return Err(trouble);
            }
        }
        let announcement = announce(&settings, &parts, &listeners, first_start)?;
        let insight = process::insight_start()?;
        let steward = Steward::new(parts.objects.clone(), steward_settings(&settings));
        let transport = Arc::clone(&parts.cluster.transport) as Arc<dyn Transport>;
        steward.join_hands(&transport);
        steward.custody_begin(parts.identity.cluster, parts.identity.node);
        let operations = Arc::new(SiteOperations::new(
            &settings,
            &parts,
            &announcement,
            &insight,
            steward.clone(),
        ));
        let mut tasks = Tasks::default();
        let admin = Admin { operations: operations.clone(), accounts };
        watching_start(&mut tasks, watching);
        gauges::start(&mut tasks, Arc::clone(&operations), insight.clone());
        let (consensus, fragments) = (parts.consensus.clone(), parts.disks.store.clone());
        let late_fragments = parts.objects.late_fragments();
        let disks = parts.disks.present.clone();
        let transport = Arc::clone(&parts.cluster.transport);
        serving::start(&mut tasks, &settings, &parts, listeners, admin, insight);
        tracing::info!(
            s3 = announcement.s3_endpoint,
            administration = announcement.admin_url,
            data = announcement.data,
            first_start,
            "serving"
        );
        let steward = steward.start();
        Ok(Self {
            announcement,
            signals,
            tasks,
            steward,
            consensus,
            fragments,
            late_fragments,
            transport,
            disks,
            root,
        })
    }

    /// Where everything is.
    pub fn announcement(&self) -> &Announcement {
        &self.announcement
    }

    /// Serves until a signal arrives, or until a task fails, which is an error.
    pub async fn run_until_stopped(mut self) -> Result<(), Trouble> {
        let outcome = tokio::select! {
            signal = self.signals.next() => {
                tracing::info!(signal, "stopping");
                Ok(())
            }
            trouble = self.tasks.first_failure() => {
                tracing::error!(reason = %trouble, "stopping");
                Err(trouble)
            }
            ended = self.steward.first_failure() => {
                let trouble = stopped_working(ended.duty, &ended.reason);
                tracing::error!(reason = %trouble, "stopping");
                Err(trouble)
            }
        };
        // Its last handle waits for the thread that writes the log, which a disk that
        // hangs never lets go: then none is the last, and the process ends all the same.
        let held = self.consensus.clone();
        let end = async {
            self.tasks.end().await;
            let late = tokio::time::timeout(LATE_FRAGMENTS_MAX, self.late_fragments.ended());
            let (late, ()) = tokio::join!(late, self.steward.shutdown());
            if late.is_err() {
                tracing::warn!("fragments for slow disks are left to the next scrub");
            }
            let hanging = self.fragments.shutdown().await;
            let mut hung = tell_hanging(&hanging, &self.disks);
            let catalog = tokio::time::timeout(CATALOG_SHUTDOWN_MAX, self.consensus.shutdown());
            if catalog.await.is_err() {
                tracing::error!("the catalog's disk hangs and is not waited for");
                hung.push(self.root.root().display().to_string());
            }
            self.transport.shutdown().await;
            hung
        };
        let hung = tokio::select! {
            hung = end => hung,
            signal = self.signals.next() => {
                tracing::warn!(signal, "stopped without waiting");
                core::mem::forget(held);
                return outcome;
            }
        };
        if hung.is_empty() {
            tracing::info!("stopped");
        } else {
            core::mem::forget(held);
            tracing::warn!("{}", hung_text(&hung));
        }
        judged(outcome, &hung)
    }
}

/// Follows the site map, and has it follow this node.
fn watching(parts: &Parts) -> Watching {
    let cluster = &parts.cluster;
    let letting_in = LettingIn {
        consensus: parts.consensus.clone(),
        vault: Arc::clone(&parts.objects.parts().vault),
        node: parts.identity.node,
        identity: Arc::clone(&cluster.key),
        cluster: parts.identity.cluster,
    };
    cluster.transport.serve(Service::Join, Arc::new(letting_in));
    Watching {
        consensus: parts.consensus.clone(),
        transport: Arc::clone(&cluster.transport) as Arc<dyn Transport>,
        fragments: parts.objects.parts().fragments.clone(),
        node: parts.identity.node,
        site: parts.identity.site,
        site_name: cluster.site_name.clone(),
        statement: cluster.statement.clone(),
        key: cluster.key.public(),
        addresses: cluster.addresses.clone(),
        disks: Arc::clone(&cluster.disks),
    }
}

fn watching_start(tasks: &mut Tasks, watching: Watching) {
    let (stop, reports) = (tasks.stop_token(), watching.fragments.watch());
    tasks.start("the reports of other sites", async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = reports => {}
        }
        Ok(())
    });
    let stop = tasks.stop_token();
    tasks.start("the site map", watching.run(stop));
}

/// What is said of an end that a disk did not let come.
fn hung_text(hung: &[String]) -> String {
    let hung = hung.join(", ");
    format!("stopped without waiting for a disk that hangs ({hung}): what was answered is durable")
}

/// A node that was told to stop and left a disk behind has not ended well; if it stopped
/// for another reason, that is told.
fn judged(outcome: Result<(), Trouble>, hung: &[String]) -> Result<(), Trouble> {
    let told = || Trouble::new(hung_text(hung), "look at its cable, its server and dmesg");
    outcome.and(if hung.is_empty() { Ok(()) } else { Err(told()) })
}

/// Says which disks did not let go of their writers; gives their directories.
fn tell_hanging(hanging: &[DiskId], disks: &[(DiskId, PathBuf)]) -> Vec<String> {
    let mut directories = Vec::new();
    for (disk, directory) in disks.iter().filter(|(disk, _)| hanging.contains(disk)) {
        let directory = directory.display();
        tracing::error!(%disk, %directory, "this disk hangs: look at its cable and at dmesg");
        directories.push(directory.to_string());
    }
    directories
}

/// Real days unless the settings shorten them; then rules are looked at often
/// enough for a test to see each day pass.
fn steward_settings(settings: &Settings) -> steward::Settings {
    let usual = steward::Settings::default();
    let day = settings.lifecycle_day;
    let shortened = day != REAL_DAY;
    steward::Settings {
        days: if shortened { Days::Shortened(day) } else { Days::Real },
        lifecycle_period: if shortened {
            usual.lifecycle_period.min(day / 4)
        } else {
            usual.lifecycle_period
        },
        scrub_period: REAL_DAY.saturating_mul(settings.scrub_days),
        away_lost_after: settings.away_lost_after,
        ..usual
    }
}

/// Where the accounts are kept.
struct AccountFile(Arc<RealDisk>);

impl AccountStore for AccountFile {
    fn save(&self, bytes: &[u8]) -> Result<(), String> {
        disk::write_file_atomically(self.0.as_ref(), ACCOUNTS_FILE, bytes)
            .map_err(|error| chain(&error))
    }
}

fn open_accounts(parts: &Parts) -> Result<Accounts, Trouble> {
    let root = &parts.root;
    let kept = accounts_kept(root.as_ref())?;
    if kept.is_none() && parts.identity.complete {
        tracing::warn!(
            "{ACCOUNTS_FILE} is not in the data directory: no password and no token is known; \
             make a password: essaim password admin"
        );
    }
    let store = Arc::new(AccountFile(Arc::clone(root)));
    accounts(kept.as_deref(), store, &parts.clock, &parts.random)
}

/// The accounts in their file, if it is there.
fn accounts_kept(root: &dyn Disk) -> Result<Option<Vec<u8>>, Trouble> {
    if !root.exists(ACCOUNTS_FILE).map_err(|error| about_accounts(&error))? {
        return Ok(None);
    }
    let bytes = disk::read_file(root, ACCOUNTS_FILE, RECORD_BYTES_MAX);
    bytes.map(Some).map_err(|error| about_accounts(&error))
}

fn accounts(
    kept: Option<&[u8]>,
    store: Arc<dyn AccountStore>,
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn Random>,
) -> Result<Accounts, Trouble> {
    let (clock, random) = (Arc::clone(clock), Arc::clone(random));
    Accounts::open(kept, store, clock, random).map_err(|error| about_accounts(&error))
}

fn about_accounts(error: &dyn std::error::Error) -> Trouble {
    Trouble::new(
        format!("{ACCOUNTS_FILE} in the data directory cannot be used: {}", chain(error)),
        "put it back from a copy, or move it away: tokens and passwords are then made anew \
         (essaim password admin)",
    )
}

/// Whether a start would take the accounts.
pub(crate) fn accounts_check(root: &dyn Disk) -> Result<(), Trouble> {
    struct Nowhere;
    impl AccountStore for Nowhere {
        fn save(&self, _bytes: &[u8]) -> Result<(), String> {
            Err("nothing is changed here".to_owned())
        }
    }
    let kept = accounts_kept(root)?;
    let (clock, random): (Arc<dyn Clock>, Arc<dyn Random>) =
        (Arc::new(SystemClock), Arc::new(SystemRandom));
    accounts(kept.as_deref(), Arc::new(Nowhere), &clock, &random).map(|_| ())
}

fn announce(
    settings: &Settings,
    parts: &Parts,
    listeners: &Listeners,
    first_start: bool,
) -> Result<Announcement, Trouble> {
    let (s3_endpoint, admin_url) = (&listeners.s3_endpoint, &listeners.admin_url);
    let cluster = parts.cluster.addresses.iter().map(catalog::NodeAddress::as_str).collect();
    let region = &settings.region;
    let addresses = Addresses { s3_endpoint, admin_url, region, cluster };
    // It only tells others where the node is: without room for it, it serves all the same.
    if let Err(trouble) = crate::record::refresh(parts.root.as_ref(), ADDRESSES_FILE, &addresses) {
        tracing::warn!(reason = trouble.message, "{}", trouble.what_to_do);
    }
    let file = settings.credentials_file();
    let node = parts.identity.node.to_string();
    let there = Credentials::refresh(&file, &node, s3_endpoint, admin_url, region);
    let there = there.unwrap_or_else(|trouble| {
        tracing::warn!(reason = trouble.message, "the addresses beside the credentials are old");
        true
    });
    let shown = |path: &Path| path.display().to_string();
    let file = std::path::absolute(&file).unwrap_or(file);
    let directories: Vec<PathBuf> =
        parts.disks.present.iter().map(|(_, directory)| directory.clone()).collect();
    Ok(Announcement {
        first_start,
        joined: (first_start && parts.identity.joined).then(|| joined_cluster(parts)),
        witness: parts.identity.witness,
        s3_endpoint: s3_endpoint.clone(),
        s3_everywhere: everywhere(&listeners.s3),
        region: settings.region.clone(),
        admin_url: admin_url.clone(),
        admin_everywhere: everywhere(&listeners.admin),
        data: shown(parts.root.root()),
        disks: directories.iter().map(|directory| shown(directory)).collect(),
        one_device: devices::together(&directories),
        credentials: there.then(|| shown(&file)),
    })
}

/// What is said of the cluster that has just let this node in.
fn joined_cluster(parts: &Parts) -> JoinedCluster {
    // A catalog that cannot be read is told of elsewhere.
    let sites = parts.consensus.view().site_map().unwrap_or_default().sites;
    let (own, others): (Vec<_>, Vec<_>) =
        sites.into_iter().partition(|site| site.id == parts.identity.site);
    let mut own = own.into_iter();
    JoinedCluster {
        id: parts.identity.cluster.to_string(),
        others: others.into_iter().map(|site| site.name.to_string()).collect(),
        site: own.next().map_or_else(String::new, |site| site.name.to_string()),
    }
}

/// A data directory that others may enter is told, not changed: it may be meant.
fn warn_if_open_to_others(data: &Path) {
    if let Ok((mode, _)) = disk::outside_mode(data)
        && mode & 0o077 != 0
    {
        tracing::warn!(data = %data.display(), mode = format!("{mode:o}"), "others may enter the data directory: chmod 700 it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_without_a_disk_is_a_failure() {
        let other = || Err(Trouble::new("repair stopped working", "see the log"));
        let hung = ["/mnt/3".to_owned()];
        assert_eq!(judged(Ok(()), &[]), Ok(()));
        let told = judged(Ok(()), &hung).map_err(|trouble| trouble.message);
        assert!(told.is_err_and(|told| told.contains("a disk that hangs (/mnt/3)")));
        assert_eq!(judged(other(), &hung), other(), "why it stopped is told first");
    }
}
