//! A cluster of real processes, each at a site of its own: killed, hung, cut off, delayed,
//! while clients work at all sites.
//!
//! Each round draws what befalls the cluster from the seed, lets it last, takes it back,
//! and requires that every site takes writes within seconds. At the end everything is
//! read at every site, what clients saw of each key is checked for linearizability, and
//! the fragments of every object are counted.

mod census;
mod clock;
mod decay;
mod disks;
mod fault;
mod full;
mod history;
mod lab;
mod leaving;
mod people;
mod promised;
mod rot;
mod stage;
mod still;
mod truth;
mod weather;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use blackbox::{Ask, Client};
use clap::Args;
use http::Method;
use rand::seq::index;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

pub use self::census::Census;
use self::decay::Kind;
use self::disks::OnDisk;
use self::fault::{Fault, Harm};
pub use self::lab::{Lab, Plan};
use self::leaving::{Left, Way, leave};
use self::people::{BUCKET, People, Shared, Wanted};
use self::stage::Stage;
use self::truth::{Asker, Truth};

/// How long a cluster may take until every site takes writes again, once all is as before.
const LIVE_WITHIN: Duration = Duration::from_secs(20);
/// How long it may take after clients have filled a disk and deleted all of it.
const EMPTY_WITHIN: Duration = Duration::from_mins(2);
/// How long until every object has all its fragments.
const WHOLE_WITHIN: Duration = Duration::from_mins(2);
/// An object that lies in fragments.
const FRAGMENTED_BYTES: usize = 100 * 1024;
/// Tries of faults that may come to nothing, for each that is to take place.
const TRIES_PER_ROUND: u64 = 4;
/// Sites that may take the place of others in one run.
const SPARE_SITES: usize = 20;
/// Lies of one run that are shown.
const SHOWN: usize = 12;

/// Sites in namespaces, with faults.
#[derive(Args)]
pub struct Cluster {
    /// How many sites; five get the code 3+2, three 1+2.
    #[arg(long, default_value_t = 5)]
    sites: usize,
    /// How many sites at a time are harmed at the most.
    #[arg(long, default_value_t = 2)]
    survive: usize,
    /// How many faults.
    #[arg(long, default_value_t = 10)]
    rounds: u64,
    /// What befalls the sites: lines and processes, or their machines.
    #[arg(long, value_enum, default_value_t = Kind::Lines)]
    faults: Kind,
    /// Decides all that is drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long a fault lasts at the most.
    #[arg(long, default_value_t = 12_000)]
    hold_ms_max: u64,
    /// How many keys the clients share.
    #[arg(long, default_value_t = 60)]
    keys: usize,
    /// How many clients.
    #[arg(long, default_value_t = 10)]
    clients: usize,
    /// Kill so many sites in each round, and nothing else: for the figures of the table.
    #[arg(long)]
    kills_only: Option<usize>,
    /// At the end a fresh site takes the place of one, while another is killed.
    #[arg(long)]
    replace: bool,
    /// At the end one site is emptied and removed, while another is killed.
    #[arg(long, conflicts_with = "replace")]
    drain: bool,
    /// The binary; by default the one beside this program.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Where the logs of the sites are kept if the run fails.
    #[arg(long)]
    logs: Option<PathBuf>,
}

/// What befell the cluster, and when.
struct Befell {
    fault: Fault,
    from: Duration,
    until: Duration,
    live_after: Duration,
}

impl Cluster {
    /// Runs the campaign; fails on anything lost, stale, untrue or stuck.
    pub async fn run(self) -> Result<()> {
        blackbox::announce(crate::PROGRAM, self.binary.as_deref(), Some(self.seed))?;
        ensure!(
            self.survive < self.sites.div_ceil(2) + usize::from(self.sites < 3),
            "no majority is left"
        );
        let plan = self.plan();
        let since = Instant::now();
        let mut lab = tokio::task::block_in_place(|| Lab::open(&plan))?;
        println!("{} sites after {:.1} s", self.sites, since.elapsed().as_secs_f64());
        let outcome = self.with(&mut lab, &plan.small).await;
        if outcome.is_err()
            && let Some(folder) = &self.logs
        {
            lab.keep_logs(folder)?;
            eprintln!("the logs of the sites are in {}", folder.display());
        }
        outcome
    }

    fn plan(&self) -> Plan {
        let mut random = ChaCha8Rng::seed_from_u64(!self.seed);
        let count = random.random_range(1..=self.survive.max(1));
        Plan {
            spare: match self.faults {
                Kind::Corrupt => SPARE_SITES,
                _ => 1,
            },
            small: match self.faults {
                Kind::Full | Kind::Fill => index::sample(&mut random, self.sites, count).into_vec(),
                _ => Vec::new(),
            },
            has_clocks: self.faults == Kind::Clocks,
            ..Plan::of(self.sites, self.seed, self.binary.clone())
        }
    }

    async fn with(&self, lab: &mut Lab, small: &[usize]) -> Result<()> {
        let targets = lab.targets()?;
        let first = targets.first().context("no site")?;
        let mut client = Client::connect(first).await?;
        let made = client.call(Ask::new(Method::PUT, format!("/{BUCKET}"))).await?;
        ensure!(made.status.is_success(), "the bucket: {} {}", made.status, made.text());

        let mut stage = Stage::set(self.faults, first, self.seed).await?;
        let shared = Arc::new(Shared::new(targets, self.keys, lab.weather()));
        let mut people = People::begin(&shared, self.clients, self.seed);
        let commands: Result<Vec<_>> = (0..lab.sites()).map(|site| lab.commands(site)).collect();
        let asker = Asker::begin(commands?, lab.names(), lab.weather())?;
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut befell = Vec::new();
        let mut starts = Vec::new();
        if self.faults == Kind::Fill {
            full::fill(lab, small).await?;
            let back = live(lab, &shared, EMPTY_WITHIN).await?;
            println!("all sites take writes {:.1} s after the deletes", back.as_secs_f64());
        }
        let rounds = if self.faults == Kind::Fill { 0 } else { self.rounds };
        let (mut round, mut tries) = (1, 0);
        while round <= rounds {
            tries += 1;
            ensure!(tries <= self.rounds * TRIES_PER_ROUND, "too few faults took place");
            let fault = self.draw(&stage, lab, small, &mut random)?;
            let hold =
                Duration::from_millis(random.random_range(self.hold_ms_max / 2..=self.hold_ms_max));
            let from = lab.weather().now();
            let named = || format!("round {round}, seed {}: {fault:?}", self.seed);
            let logs: Result<Vec<_>> =
                (0..lab.sites()).map(|site| Ok(lab.log(site)?.len())).collect();
            let installed = tokio::task::block_in_place(|| fault.install(lab, &stage.still()))
                .with_context(named)?;
            tokio::time::sleep(hold).await;
            let told = stage.look(lab, &shared, &fault, &logs?).await.with_context(named)?;
            people.failed().await.with_context(named)?;
            let until = lab.weather().now();
            let (start, healed) =
                tokio::task::block_in_place(|| fault.heal(lab, installed)).with_context(named)?;
            starts.push(start);
            let took_place =
                stage.mend(lab, &shared, &healed, &mut random).await.with_context(named)?;
            let live_after = live(lab, &shared, LIVE_WITHIN).await.with_context(named)?;
            println!(
                "round {round}: {fault} at {:?} for {:.1} s, all sites take writes {:.1} s after it",
                fault.sites().iter().map(|site| site + 1).collect::<Vec<_>>(),
                hold.as_secs_f64(),
                live_after.as_secs_f64()
            );
            let words = healed.iter().map(|(_, one)| &one.told).chain(&told);
            for words in words.filter(|words| !words.is_empty()) {
                println!("    {words}");
            }
            people.failed().await.with_context(named)?;
            befell.push(Befell { fault, from, until, live_after });
            round += u64::from(took_place);
        }
        // All is well, and after a while everybody is to say so.
        tokio::time::sleep(truth::NOTICED_WITHIN * 2).await;
        let mut truth = tokio::task::block_in_place(|| asker.end())?;
        let way = self.replace.then_some(Way::Replaced).or(self.drain.then_some(Way::Drained));
        if let Some(way) = way {
            let sites: Vec<usize> = index::sample(&mut random, self.sites, 2).into_vec();
            let (old, killed) = (sites.first().copied(), sites.last().copied());
            let (old, killed) = (old.unwrap_or(0), killed.unwrap_or(0));
            let left = tokio::task::block_in_place(|| leave(lab, old, killed, way))?;
            shared.turn_to(lab.targets()?);
            told(&left, way, old, killed);
            truth.lies.extend(left.lies);
            people.failed().await.context("while a site left")?;
        }
        people.end().await?;
        read_back(lab, &shared).await?;
        let census = tokio::task::block_in_place(|| {
            let (mut census, after) = self.census(lab, &shared, stage.still())?;
            for site in lab.members() {
                lab.stop(site)?;
            }
            census.compare(&on_disks(lab)?);
            anyhow::Ok((census, after))
        })?;
        let stage = stage.judge(self.seed);
        self.judge(&shared, &befell, &truth, &census, &starts)?;
        stage
    }

    fn draw(
        &self,
        stage: &Stage,
        lab: &Lab,
        small: &[usize],
        random: &mut ChaCha8Rng,
    ) -> Result<Fault> {
        if self.faults != Kind::Lines {
            return stage.draw(lab, self.survive, small, random);
        }
        Ok(match self.kills_only {
            None => Fault::draw(random, self.sites, self.survive),
            Some(count) => {
                let sites = index::sample(random, self.sites, count.min(self.sites));
                Fault::Harmed(sites.into_iter().map(|site| (site, Harm::Kill)).collect())
            }
        })
    }

    /// Counts until every object is whole, or it has been too long.
    fn census(
        &self,
        lab: &Lab,
        shared: &Arc<Shared>,
        still: Vec<String>,
    ) -> Result<(Census, Duration)> {
        let mut keys = shared.history().keys();
        keys.extend(still);
        let first = lab.members().first().copied().context("no site")?;
        let since = Instant::now();
        loop {
            let census = Census::take(&lab.commands(first)?, BUCKET, &keys, self.survive as u64)?;
            let mut found = census.clone();
            // What a disk did not take is made up for later, which the catalog does not tell.
            let is_whole = match (self.faults, on_disks(lab)) {
                (Kind::Lines, _) => true,
                (_, Ok(disks)) => {
                    found.compare(&disks);
                    found.wrong.is_empty()
                }
                // A file that was removed while it was looked for.
                (_, Err(_)) => false,
            };
            let is_over = is_whole && census.wrong.is_empty();
            if is_over || since.elapsed() > WHOLE_WITHIN {
                return Ok((census, since.elapsed()));
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Prints the figures; fails if something is wrong.
    fn judge(
        &self,
        shared: &Arc<Shared>,
        befell: &[Befell],
        truth: &Truth,
        census: &(Census, Duration),
        starts: &[Duration],
    ) -> Result<()> {
        let since = Instant::now();
        let (operations, wrong) = {
            let history = shared.history();
            (history.operations(), history.check())
        };
        let (tally, wanted) = (shared.tally(), shared.wanted());
        let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
        for (name, faults) in kinds(befell) {
            let (read, write) = (longest(&wanted, &faults, false), longest(&wanted, &faults, true));
            println!(
                "{name}: {} times, longest wait for a read {}, for a write {}",
                faults.len(),
                seconds(read),
                seconds(write)
            );
        }
        let (census, whole_after) = census;
        println!(
            "rounds {}, acknowledged {}, unknown {}, reads {} ({} at a site \
             that was cut off and said so), attempts that failed {} ({} by a clock that was off); \
             longest restart {}; longest until all sites took writes {}",
            self.rounds,
            tally.acknowledged,
            tally.unknown,
            tally.reads,
            tally.cut_off,
            tally.failed,
            tally.skewed,
            seconds(starts.iter().copied().max().unwrap_or_default()),
            seconds(befell.iter().map(|one| one.live_after).max().unwrap_or_default()),
        );
        println!(
            "census: {} objects, {} of them in the catalog, {} slots of the others, all there after \
             {}; on the disks {} fragments of them, {} left over; wrong {}",
            census.objects,
            census.in_catalog,
            census.slots,
            seconds(*whole_after),
            census.on_disks,
            census.left_over,
            census.wrong.len(),
        );
        println!(
            "site list: {} answers, {} of them none, {} statements about a site, untrue {}",
            truth.compared,
            truth.silent.len(),
            truth.statements,
            truth.lies.len()
        );
        println!(
            "history: {operations} operations on {} keys checked in {}, not linearizable {}",
            shared.history().keys().len(),
            seconds(since.elapsed()),
            wrong.len()
        );
        for silence in truth.silent.iter().take(SHOWN) {
            println!("site list said nothing at {silence}");
        }
        let all = [("history", &wrong), ("census", &census.wrong), ("site list", &truth.lies)];
        for (what, faults) in all {
            for fault in faults.iter().take(SHOWN) {
                eprintln!("{what}: {fault}");
            }
        }
        ensure!(wrong.is_empty(), "{} keys are not linearizable, seed {}", wrong.len(), self.seed);
        ensure!(
            census.wrong.is_empty(),
            "{} objects are not whole, seed {}",
            census.wrong.len(),
            self.seed
        );
        ensure!(truth.lies.is_empty(), "site list did not tell the truth, seed {}", self.seed);
        ensure!(
            tally.acknowledged > self.rounds && tally.reads > self.rounds && truth.compared > 0,
            "the load was too small to prove anything: {tally:?}, {truth:?}"
        );
        println!("acknowledged lost 0, stale reads 0");
        Ok(())
    }
}

/// Waits until each site takes a small and a fragmented write and reads it; how long that
/// took.
async fn live(lab: &Lab, shared: &Arc<Shared>, within: Duration) -> Result<Duration> {
    let since = Instant::now();
    for site in 0..lab.members().len() {
        for (key, length) in [(people::key(0), 100), (people::key(1), FRAGMENTED_BYTES)] {
            loop {
                let mut person = shared.client("after the fault".to_owned(), site);
                let (wrote, read) =
                    (person.writes_here(&key, length).await?, person.reads_here(&key).await?);
                if wrote && read {
                    break;
                }
                ensure!(
                    since.elapsed() < within,
                    "site {} does not take writes {within:?} after all is as before",
                    site + 1
                );
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    Ok(since.elapsed())
}

/// Reads every key at every site, into the history.
async fn read_back(lab: &Lab, shared: &Arc<Shared>) -> Result<()> {
    let keys = shared.history().keys();
    for site in 0..lab.members().len() {
        let mut person = shared.client("reading back".to_owned(), site);
        for key in &keys {
            let mut tries = 0;
            while !person.reads_here(key).await? {
                tries += 1;
                if tries == 5 {
                    bail!("{key} cannot be read at site {} though all is well", site + 1);
                }
            }
        }
    }
    Ok(())
}

/// How a site left, for people.
fn told(left: &Left, way: Way, old: usize, killed: usize) {
    println!(
        "site {} {} in {:.1} s while {} was killed: {} slots, progress told {} times, went \
         backwards {}, refused to be removed though empty {}",
        old + 1,
        if way == Way::Replaced { "replaced" } else { "emptied and removed" },
        left.after.as_secs_f64(),
        killed + 1,
        left.slots,
        left.told,
        left.lies.len(),
        left.refused
    );
}

/// Reads the disks of all sites.
fn on_disks(lab: &Lab) -> Result<BTreeMap<String, OnDisk>> {
    let (names, members) = (lab.names(), lab.members());
    let read = |site: usize| {
        Ok((names.get(site).cloned().unwrap_or_default(), OnDisk::read(&lab.data(site)?)?))
    };
    members.into_iter().map(read).collect()
}

/// Faults by kind.
fn kinds(befell: &[Befell]) -> BTreeMap<String, Vec<&Befell>> {
    let mut kinds = BTreeMap::<String, Vec<&Befell>>::new();
    for one in befell {
        kinds.entry(one.fault.to_string()).or_default().push(one);
    }
    kinds
}

/// The longest that anything took that was wanted during one of these faults or while the
/// cluster came back from it.
fn longest(wanted: &[Wanted], faults: &[&Befell], is_write: bool) -> Duration {
    let during = |one: &&Wanted| {
        let overlaps = |befell: &&Befell| {
            one.until >= befell.from && one.from <= befell.until + befell.live_after
        };
        one.is_write == is_write && faults.iter().any(overlaps)
    };
    let took = wanted.iter().filter(during).map(|one| one.until.saturating_sub(one.from));
    took.max().unwrap_or_default()
}
