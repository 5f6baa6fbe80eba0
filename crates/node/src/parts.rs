//! The parts of a node, opened in the order in which they need each other.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use admin::model::date_text;
use catalog::{NodeAddress, NodeRole, SignedStatement, SiteName};
use consensus::Consensus;
use disk::{Disk, RealDisk};
use fragments::{ClusterStore, FragmentService, Waits};
use host::{SystemClock, SystemRandom};
use kv::FjallEngine;
use objects::Objects;
use parking_lot::Mutex;
use steward::CustodyIdentity;
use units::{Clock, DiskId, NodeId, Random, Timestamp};
use vault::{IdentityError, NodeIdentity, Passphrase, Vault, VaultError};
use wire::{Handler, Roster, Service, TcpParts, TcpTransport, Transport};

use crate::cluster::{Candidate, Reached, Token, disks_counted, join, statement};
use crate::disks::{self, Disks};
use crate::files::{
    self, CATALOG_DIRECTORY, LOG_DIRECTORY, NODE_FILE, NODE_KEY_FILE, ROWS_DIRECTORY,
    ROWS_MADE_FILE,
};
use crate::first_look;
use crate::identity::Identity;
use crate::language::language_of_machine;
use crate::limits::{FOUNDED_AFTER, SEAT_WAIT_MAX};
use crate::settings::Settings;
use crate::trouble::{Trouble, about_directory, chain};

/// What to do without a catalog. Which of both it is, only the catalog knew.
const CATALOG_HINT: &str = "if this node is all there is, put the catalog back from a backup: \
                            essaim restore --help; if it is one of several sites, the others have \
                            the catalog: have a fresh node join, and say there \
                            essaim site replace OLD NEW --lost";

/// Open parts.
pub(crate) struct Parts {
    pub(crate) root: Arc<RealDisk>,
    pub(crate) identity: Identity,
    pub(crate) disks: Disks,
    pub(crate) consensus: Consensus,
    pub(crate) objects: Objects,
    pub(crate) cluster: ClusterParts,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

/// What a node has of its cluster.
pub(crate) struct ClusterParts {
    pub(crate) transport: Arc<TcpTransport>,
    pub(crate) key: Arc<NodeIdentity>,
    pub(crate) addresses: Vec<NodeAddress>,
    pub(crate) site_name: SiteName,
    /// What the site file of this start says, signed.
    pub(crate) statement: Option<SignedStatement>,
    /// The disks that this node counts on.
    pub(crate) disks: Arc<Mutex<BTreeSet<DiskId>>>,
}

/// Opens and locks the data directory.
pub(crate) fn open_root(settings: &Settings) -> Result<Arc<RealDisk>, Trouble> {
    RealDisk::open(&settings.data).map_err(|error| about_directory(&settings.data, &error))
}

impl Parts {
    /// Opens everything behind the listeners.
    pub(crate) async fn open(
        settings: &Settings,
        passphrase: Option<Passphrase>,
        root: Arc<RealDisk>,
    ) -> Result<Self, Trouble> {
        let mut clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let mut identity = identity(settings, &root, random.as_ref(), clock.as_ref())?;
        let passphrase = passphrase.as_ref();
        if identity.complete && !root.exists(NODE_KEY_FILE).unwrap_or(true) {
            tracing::warn!("{NODE_KEY_FILE} is not in the data directory: a fresh one is made");
        }
        let key = NodeIdentity::open_or_create(root.as_ref(), random.as_ref())
            .map_err(|error| about_node_key(&error))?;
        let key = Arc::new(key);
        let Reached { listener, addresses } = Reached::bind(settings)?;
        let transport = TcpTransport::start(TcpParts {
            me: identity.node,
            identity: Arc::clone(&key),
            listen: listener,
            roster: Roster::default(),
        });
        let transport = transport.map_err(|error| {
            Trouble::new(
                format!("other sites cannot be spoken to: {}", chain(&error)),
                "see the log",
            )
        })?;
        let stated = settings.site_file.as_deref();
        let language = settings.language.unwrap_or_else(language_of_machine);
        let statement = stated.map(|path| statement::read(path, language)).transpose()?;
        let site_name = site_name(&identity, statement.as_ref())?;
        let statement = statement.as_ref().map(|statement| {
            let me = (identity.node, &*key);
            statement::sign(statement, identity.cluster, identity.site, me, clock.now())
        });
        if identity.joined && !identity.complete {
            let candidate = Candidate {
                node: identity.node,
                site: identity.site,
                name: site_name.to_string(),
                identity: &key,
                addresses: &addresses,
                statement: statement.clone(),
            };
            let joined = join(&token(settings, &identity)?, candidate).await?;
            transport.roster_set(joined.roster);
            let disk = Arc::clone(&root) as Arc<dyn Disk>;
            if let Some(shared) = &joined.root
                && !Vault::exists(root.as_ref()).map_err(|error| about_vault(&error))?
            {
                Vault::create_shared(disk, Arc::clone(&random), passphrase, shared)
                    .map_err(|error| about_vault(&error))?;
            }
            tracing::info!("let in; the catalog is on its way");
        }
        // A witness has a key of its own, since it gets none.
        let has_key = identity.complete || (identity.joined && !identity.witness);
        let mut vault = open_vault(passphrase, &root, &random, has_key)?;
        if identity.witness {
            vault = vault.blind();
        }
        let consensus = open_catalog(&root, &identity, &clock, &random, &transport).await?;
        if identity.joined && !identity.complete {
            seat_wait(&consensus, identity.node).await?;
        }
        // The catalog knows which disks are not to be opened any more.
        let disks = match open_disks(settings, &mut identity, &root, &consensus, &random).await {
            Ok(disks) => disks,
            Err(trouble) => {
                consensus.shutdown().await;
                return Err(trouble);
            }
        };
        // From here on time is the cluster's; what this machine's says is stated in its
        // signatures only.
        let own_clock = std::mem::replace(&mut clock, consensus.clock());
        let fragments = ClusterStore::new(
            disks.store.clone(),
            Arc::clone(&transport) as Arc<dyn Transport>,
            Waits::default(),
        );
        disks.store.signer_set(Arc::new(CustodyIdentity {
            cluster: identity.cluster,
            site: identity.site,
            node: identity.node,
            identity: Arc::clone(&key),
            clock: own_clock,
        }));
        let service = Arc::new(FragmentService::new(disks.store.clone()));
        transport.serve(Service::Fragments, Arc::clone(&service) as Arc<dyn Handler>);
        transport.serve(Service::Upkeep, service);
        let counted = Arc::new(Mutex::new(disks_counted(&identity)));
        let cluster =
            ClusterParts { transport, key, addresses, site_name, statement, disks: counted };
        let objects = Objects::new(objects::Parts {
            consensus: consensus.clone(),
            fragments,
            vault: Arc::new(vault),
            clock: Arc::clone(&clock),
            random: Arc::clone(&random),
        });
        Ok(Self { root, identity, disks, consensus, objects, cluster, clock, random })
    }
}

async fn open_disks(
    settings: &Settings,
    identity: &mut Identity,
    root: &Arc<RealDisk>,
    consensus: &Consensus,
    random: &Arc<dyn Random>,
) -> Result<Disks, Trouble> {
    let forgotten = consensus.view().disks_forgotten().map_err(|error| {
        Trouble::new(format!("the catalog cannot be read: {}", chain(&error)), CATALOG_HINT)
    })?;
    disks::open(settings, identity, root, &forgotten, random.as_ref()).await
}

/// The identity in the data directory, or a fresh one in an empty directory.
fn identity(
    settings: &Settings,
    root: &RealDisk,
    random: &dyn Random,
    clock: &dyn Clock,
) -> Result<Identity, Trouble> {
    if let Some(identity) = Identity::read(root)? {
        return Ok(identity);
    }
    let names = root.list("").map_err(|error| about_directory(root.root(), &error))?;
    let ours = ["lock", files::SOCKET_NAME, &format!("{NODE_FILE}.tmp")];
    if let Some(other) = names.iter().find(|name| !ours.contains(&name.as_str())) {
        return Err(about_lost_identity(root.root(), other));
    }
    founding_time_check(clock.now())?;
    let token = settings.join.as_deref().map(token_of).transpose()?;
    if token.as_ref().is_some_and(|token| token.role() == NodeRole::Witness) {
        witness_disks_check(settings)?;
    }
    first_look::disks_try(settings)?;
    let identity = match token {
        Some(token) => {
            let witness = token.role() == NodeRole::Witness;
            Identity::draw_joining(token.cluster, witness, random, clock)
        }
        None => Identity::draw(random, clock),
    };
    identity.write(root)?;
    Ok(identity)
}

fn token_of(text: &str) -> Result<Token, Trouble> {
    text.parse().map_err(|error| {
        Trouble::new(
            format!("--join: {error}"),
            "ask for the token again where the cluster runs: essaim invite; nothing was changed",
        )
    })
}

/// Refuses disks for a node that keeps no fragments.
pub(crate) fn witness_disks_check(settings: &Settings) -> Result<(), Trouble> {
    if settings.disks.is_empty() && settings.bucket.url.is_none() {
        return Ok(());
    }
    Err(Trouble::new(
        "a witness keeps no fragments and takes no disk for them",
        "start it without --disk; for a site that keeps data, ask for a token that was made \
         without --witness",
    ))
}

/// The token by which a node that has not joined yet goes on.
fn token(settings: &Settings, identity: &Identity) -> Result<Token, Trouble> {
    let missing = || {
        Trouble::new(
            "this node was joining a cluster and was not let in yet",
            "start it again with the token: essaim up --join TOKEN (essaim invite makes one)",
        )
    };
    let token = token_of(settings.join.as_deref().ok_or_else(missing)?)?;
    if (token.role() == NodeRole::Witness) != identity.witness {
        return Err(Trouble::new(
            "the token is for another kind of site than the one this node was joining as",
            "name a data directory that is not there yet, or the first token",
        ));
    }
    if token.cluster != identity.cluster {
        return Err(Trouble::new(
            "the token is of another cluster than the one this node was joining",
            "name a data directory that is not there yet, or the token of the first cluster",
        ));
    }
    Ok(token)
}

/// What the site is called: as it says itself, else by its id.
fn site_name(
    identity: &Identity,
    statement: Option<&placement::SiteStatement>,
) -> Result<SiteName, Trouble> {
    let own = identity.site.to_string();
    let name = statement.map_or_else(
        || format!("site-{}", own.get(..8).unwrap_or_default()),
        |statement| statement.name.to_string(),
    );
    SiteName::new(name.clone()).map_err(|error| {
        Trouble::new(
            format!("the site cannot be called {name:?}: {error}"),
            "mend the name in the site file; nothing was changed",
        )
    })
}

/// Waits until the catalog here says that this node belongs to the cluster.
async fn seat_wait(consensus: &Consensus, node: NodeId) -> Result<(), Trouble> {
    let mut applied = consensus.applied();
    let there = async {
        loop {
            if matches!(consensus.view().node(node), Ok(Some(_))) {
                return;
            }
            if applied.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    };
    tokio::time::timeout(SEAT_WAIT_MAX, there).await.map_err(|_| {
        Trouble::new(
            "the catalog of the cluster did not come",
            "see that the other sites reach this one at its --cluster-listen port (or name \
             where they do with --cluster-address), then start again with the same token",
        )
    })
}

/// A directory that is not empty and says of no node that it is its own.
pub(crate) fn about_lost_identity(data: &Path, other: &str) -> Trouble {
    Trouble::new(
        format!("{} holds {other:?} but no {NODE_FILE}", data.display()),
        "name an empty directory or one that is not there yet; if this was a node that lost \
         its files, see: essaim restore --help",
    )
}

/// Whether the catalog of a node that was whole once is still there.
pub(crate) fn catalog_check(root: &Path) -> Result<(), Trouble> {
    if [ROWS_DIRECTORY, LOG_DIRECTORY].iter().all(|name| root.join(name).exists()) {
        return Ok(());
    }
    Err(Trouble::new("the catalog is not in the data directory any more", CATALOG_HINT))
}

/// Whether a node may be founded now: the times it begins with stay.
fn founding_time_check(now: Timestamp) -> Result<(), Trouble> {
    if now >= FOUNDED_AFTER {
        return Ok(());
    }
    Err(Trouble::new(
        format!(
            "the clock of this machine says {}, before this software was there",
            date_text(now)
        ),
        "set it, or wait until the time server has (a board without a battery for its clock \
         starts in the past), then start again; nothing is founded yet",
    ))
}

fn open_vault(
    passphrase: Option<&Passphrase>,
    root: &Arc<RealDisk>,
    random: &Arc<dyn Random>,
    complete: bool,
) -> Result<Vault, Trouble> {
    let disk = Arc::clone(root) as Arc<dyn Disk>;
    let exists = Vault::exists(root.as_ref()).map_err(|error| about_vault(&error))?;
    let opened = if exists || complete {
        Vault::open(disk, Arc::clone(random), passphrase)
    } else {
        Vault::create(disk, Arc::clone(random), passphrase)
    };
    opened.map_err(|error| about_vault(&error))
}

pub(crate) fn about_node_key(error: &IdentityError) -> Trouble {
    Trouble::new(
        format!("the node's key cannot be read: {}", chain(error)),
        "put node.key back from a copy, or move it away: a fresh one is then made",
    )
}

pub(crate) fn about_vault(error: &VaultError) -> Trouble {
    let what_to_do = match error {
        VaultError::PassphraseNeeded | VaultError::WrongPassphrase => {
            "give the file with the right one: --passphrase-file FILE"
        }
        VaultError::PassphraseLength { .. } => "put another passphrase into the file",
        VaultError::PassphraseUnexpected => "leave --passphrase-file out",
        _ => {
            "put root.key back from its copy (essaim backup root-key made it): without it nothing opens"
        }
    };
    if matches!(error, VaultError::Missing { .. }) {
        return Trouble::new("the root key is gone: there is no root.key", what_to_do);
    }
    Trouble::new(format!("the root key cannot be used: {}", chain(error)), what_to_do)
}

/// The catalog's engine as it fits the disk; one that does not say how large it is counts as
/// large.
pub(crate) fn engine_settings(root: &RealDisk) -> kv::Settings {
    root.space()
        .map_or_else(|_| kv::Settings::default(), |space| kv::Settings::for_disk(space.total))
}

async fn open_catalog(
    root: &Arc<RealDisk>,
    identity: &Identity,
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn Random>,
    transport: &Arc<TcpTransport>,
) -> Result<Consensus, Trouble> {
    if identity.complete {
        catalog_check(root.root())?;
    }
    root.create_dir(CATALOG_DIRECTORY)
        .map_err(|error| about_directory(&root.root().join(CATALOG_DIRECTORY), &error))?;
    let told = |error: &dyn std::error::Error| {
        Trouble::new(format!("the catalog cannot be opened: {}", chain(error)), CATALOG_HINT)
    };
    let rows = root.root().join(ROWS_DIRECTORY);
    // An engine whose making was cut may not open; nothing was proposed to it yet.
    let unmade = !identity.complete && !root.exists(ROWS_MADE_FILE).unwrap_or(false);
    if unmade {
        disk::outside_remove_tree(&rows).map_err(|error| told(&error))?;
    }
    let settings = engine_settings(root);
    let open = move || FjallEngine::open_with(&rows, &settings);
    let engine = tokio::task::spawn_blocking(open).await;
    let engine = engine.map_err(|error| told(&error))?.map_err(|error| told(&error))?;
    if unmade {
        disk::write_file_atomically(root.as_ref(), ROWS_MADE_FILE, b"made\n")
            .map_err(|error| told(&error))?;
    }
    let mut parts = consensus::Parts::new(
        Arc::clone(root) as Arc<dyn Disk>,
        Arc::new(engine),
        Arc::clone(clock),
        Arc::clone(random),
        identity.cluster,
        identity.node,
    );
    LOG_DIRECTORY.clone_into(&mut parts.directory);
    parts.transport = Some(Arc::clone(transport) as Arc<dyn Transport>);
    parts.founds = !identity.joined;
    Consensus::open(parts).await.map_err(|error| told(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_never_set_founds_no_node() {
        let trouble = founding_time_check(Timestamp::from_seconds(86_400)).unwrap_err();
        assert!(trouble.message.contains("1970-01-02"), "{trouble}");
        let before = Timestamp::from_seconds(FOUNDED_AFTER.seconds() - 1);
        assert!(founding_time_check(before).unwrap_err().message.contains("2025-12-31T23:59:59"));
        assert!(founding_time_check(FOUNDED_AFTER).is_ok());
    }
}
