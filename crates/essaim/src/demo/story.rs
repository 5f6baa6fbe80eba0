//! The chapters: a cluster is founded, filled, hurt, and made whole.

use std::time::{Duration, Instant};

use admin::model::{BucketNew, CatalogSeat, InviteMade, InviteNew, Site, SiteReplaceAsk, Sites};
use reqwest::Method;

use super::census::{self, Census};
use super::documents::{self, Document};
use super::figures::Figures;
use super::folder::Folder;
use super::load::Load;
use super::machine::{Credentials, Machine};
use super::reach::Reach;
use super::town::Town;
use crate::cli::DemoArgs;
use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::output::{Table, bytes, counted};
use crate::progress::Progress;

/// The bucket of the demonstration.
const BUCKET: &str = "documents";
/// How long they are at work before it.
const BEFORE: Duration = Duration::from_secs(2);
/// How long a cluster may take to seat its voters.
const SEATED_WITHIN: Duration = Duration::from_mins(2);
/// How long repair may take.
const WHOLE_WITHIN: Duration = Duration::from_mins(30);
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Plays all of it.
pub async fn play(args: &DemoArgs) -> Result<(), Failure> {
    let documents = documents::gather(args.documents.as_deref())?;
    let mut folder = Folder::make(args.folder.as_deref())?;
    if args.keep {
        folder.keep();
    }
    let story = Story {
        json: args.json,
        figures: Figures { sites: args.sites, ..Figures::default() },
        machines: Vec::new(),
        folder,
        documents,
        chapter: 0,
        at_work: Duration::from_secs(args.seconds),
    };
    let path = story.folder.path().display().to_string();
    let played = story.play(args).await;
    if played.is_err() && args.keep {
        eprintln!("essaim: the sites are stopped; what they left, with their logs, is in {path}");
    }
    played
}

struct Story {
    // Dropped in this order: machines end before their folder goes.
    machines: Vec<Machine>,
    folder: Folder,
    documents: Vec<Document>,
    figures: Figures,
    json: bool,
    chapter: usize,
    /// How long people are at work after each blow.
    at_work: Duration,
}

impl Story {
    async fn play(mut self, args: &DemoArgs) -> Result<(), Failure> {
        self.tell(&format!(
            "Essaim demo: {} sites as processes of this machine, in {}",
            args.sites,
            self.folder.path().display()
        ));
        let credentials = self.found(args.sites).await?;
        let reach = self.fill(&credentials).await?;
        // Of three or four sites one may vanish, of more two.
        let blows = if args.sites < 5 { 1 } else { 2 };
        let burnt = self.blow("A house burns", true, &reach).await?;
        let dark = match blows {
            1 => None,
            _ => Some(self.blow("Elsewhere the power goes", false, &reach).await?),
        };
        self.replace(burnt, dark, blows, &reach).await?;
        self.chapter("Everything is read back once more");
        let read = self.read_all(&reach, &self.documents).await?;
        self.tell(&format!("   {read}"));
        self.figures.lost = self.figures.lost.max(read.lost);
        self.tell("");
        self.figures.print(self.json)?;
        if args.keep && self.figures.verdict().is_ok() {
            self.leave(&credentials)?;
        }
        self.figures.verdict()
    }

    fn tell(&self, line: &str) {
        if !self.json {
            say!("{line}");
        }
    }

    fn chapter(&mut self, title: &str) {
        self.chapter += 1;
        let number = self.chapter;
        self.tell(&format!("\n{number}. {title}"));
    }

    /// A machine that runs.
    fn alive(&self) -> Result<&Machine, Failure> {
        let mut running = self.machines.iter().filter(|machine| machine.process_id().is_some());
        running.next().ok_or_else(|| Failure::failed("no machine runs", ""))
    }

    fn client(&self) -> Result<Client, Failure> {
        self.alive()?.client()
    }

    async fn found(&mut self, sites: usize) -> Result<Credentials, Failure> {
        self.chapter(&format!("{sites} towns, {sites} machines, one cluster"));
        for number in 0..sites {
            let mut machine = Machine::new(Town::at(number)?, self.folder.path())?;
            let token = if number == 0 { None } else { Some(self.invite().await?) };
            let after = machine.start(token.as_deref()).await?;
            let what = if number == 0 { "founds the cluster" } else { "joins by a token" };
            self.tell(&format!(
                "   {:<20} {what:<20} {:.1} s",
                machine.name(),
                after.as_secs_f64()
            ));
            self.machines.push(machine);
        }
        let voters = if sites < 5 { 3 } else { 5 };
        let after = self.seated(sites, voters).await?;
        self.tell(&format!(
            "   {voters} sites vote on the catalog {:.1} s later",
            after.as_secs_f64()
        ));
        self.alive()?.credentials()
    }

    async fn invite(&self) -> Result<String, Failure> {
        let new = InviteNew { expires_in_seconds: 600, witness: false };
        let made: InviteMade =
            self.client()?.send_json(Method::POST, "/api/v1/invites", &new).await?;
        Ok(made.token)
    }

    /// Waits until all sites are there and so many vote.
    async fn seated(&self, sites: usize, voters: u64) -> Result<Duration, Failure> {
        let since = Instant::now();
        loop {
            let known = self.sites().await?;
            let mut nodes = known.sites.iter().flat_map(|site| &site.nodes);
            let all_there = nodes.all(|node| node.reachable == Some(true));
            if known.sites.len() == sites && all_there && known.voting == voters {
                return Ok(since.elapsed());
            }
            if since.elapsed() > SEATED_WITHIN {
                let hint = "the logs of the machines say why; keep them with --keep";
                return Err(Failure::failed("the sites do not find together", hint));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn sites(&self) -> Result<Sites, Failure> {
        self.client()?.get("/api/v1/sites").await
    }

    async fn fill(&mut self, credentials: &Credentials) -> Result<Reach, Failure> {
        self.chapter("Documents go in, over S3, through all sites in turn");
        let tenant = credentials.tenant.clone();
        let new =
            BucketNew { name: BUCKET.to_owned(), tenant, quota_bytes: None, quota_objects: None };
        let client = self.client()?;
        let _: admin::model::Bucket =
            client.send_json(Method::POST, "/api/v1/buckets", &new).await?;
        let endpoints: Vec<&str> = self.machines.iter().filter_map(Machine::endpoint).collect();
        let reach = Reach::new(&endpoints, credentials, BUCKET)?;
        let total: u64 = self.documents.iter().map(|document| document.size).sum();
        let since = Instant::now();
        let mut progress = Progress::new(self.json, "   {bar:40} {bytes}/{total_bytes} {elapsed}");
        let mut done = 0;
        for document in &self.documents {
            reach.put(&document.key, &document.bytes()?).await?;
            done += document.size;
            progress.at(done, total, || format!("{} stored", bytes(done)));
        }
        progress.end();
        let count = self.documents.len() as u64;
        (self.figures.objects, self.figures.bytes) = (count, total);
        self.tell(&format!(
            "   {} of {} in {:.1} s",
            counted(count, "document", "documents"),
            bytes(total),
            since.elapsed().as_secs_f64()
        ));
        self.show_one(&client).await?;
        Ok(reach)
    }

    /// Where the largest document lies.
    async fn show_one(&self, client: &Client) -> Result<(), Failure> {
        let largest = self.documents.iter().max_by_key(|document| document.size);
        let Some(document) = largest else { return Ok(()) };
        let place = census::place(client, BUCKET, &document.key).await?;
        let Some(part) = place.parts.first() else { return Ok(()) };
        self.tell(&format!(
            "\n   {} ({}) lies so: any {} of its {} fragments give it back\n",
            document.key,
            bytes(document.size),
            part.data,
            part.fragments.len()
        ));
        let mut table = Table::new(&["   FRAGMENT", "SITE", "OPERATOR"]);
        for fragment in &part.fragments {
            let said =
                |text: &Option<String>| text.clone().unwrap_or_else(|| "not said".to_owned());
            let number = format!("   {}", fragment.slot + 1);
            table.row([number, said(&fragment.site), said(&fragment.operator)]);
        }
        if !self.json {
            table.print("");
        }
        Ok(())
    }

    /// Kills the site that leads the catalog, while people read and write; then reads
    /// everything back. Says which machine it was.
    async fn blow(&mut self, title: &str, burns: bool, reach: &Reach) -> Result<usize, Failure> {
        let at = self.leader().await?;
        let name = self.machines.get(at).map(Machine::name).unwrap_or_default();
        self.chapter(&format!("{title}: {name}, which leads the catalog, is killed (SIGKILL)"));
        let load = Load::begin(reach, &self.documents, &self.chapter.to_string());
        tokio::time::sleep(BEFORE).await;
        if let Some(machine) = self.machines.get_mut(at) {
            machine.kill()?;
            if burns {
                machine.burn()?;
            }
        }
        tokio::time::sleep(self.at_work).await;
        self.figures.killed += 1;
        self.work_ends(load).await?;
        let read = self.read_all(reach, &self.documents).await?;
        self.tell(&format!("   {read}"));
        self.figures.lost = self.figures.lost.max(read.lost);
        Ok(at)
    }

    /// People end their work; what they have written is among the documents.
    async fn work_ends(&mut self, load: Load) -> Result<(), Failure> {
        let (written, seen) = load.end().await?;
        self.figures.add(&seen);
        self.figures.objects += written.len() as u64;
        self.figures.bytes += written.iter().map(|document| document.size).sum::<u64>();
        self.tell(&format!(
            "   people went on: {} reads, the longest wait {:.2} s; {} writes, the longest {:.2} s",
            seen.reads,
            seen.read_longest.as_secs_f64(),
            seen.writes,
            seen.write_longest.as_secs_f64()
        ));
        self.documents.extend(written);
        Ok(())
    }

    async fn leader(&self) -> Result<usize, Failure> {
        let since = Instant::now();
        loop {
            let known = self.sites().await?;
            let leads = known
                .sites
                .iter()
                .find(|site| site.nodes.iter().any(|node| node.catalog == CatalogSeat::Leads));
            let at = leads.and_then(|site| {
                self.machines.iter().position(|machine| machine.name() == site.name)
            });
            match at {
                Some(at) => return Ok(at),
                None if since.elapsed() > SEATED_WITHIN => {
                    return Err(Failure::failed("no site leads the catalog", ""));
                }
                None => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    async fn read_all(&self, reach: &Reach, documents: &[Document]) -> Result<ReadBack, Failure> {
        let mut read = ReadBack::default();
        let mut progress = Progress::new(self.json, "   reading back {bar:40} {pos}/{len}");
        for document in documents {
            read.all += 1;
            read.bytes += document.size;
            let expected = document.bytes()?;
            let same = reach.get(&document.key).await.is_ok_and(|got| got.value == expected);
            read.lost += u64::from(!same);
            progress.at(read.all, documents.len() as u64, || format!("{} read back", read.all));
        }
        progress.end();
        Ok(read)
    }

    /// A fresh machine in place of the one that burnt; whoever was dark comes back.
    async fn replace(
        &mut self,
        burnt: usize,
        dark: Option<usize>,
        survived: u64,
        reach: &Reach,
    ) -> Result<(), Failure> {
        let gone = self.machines.get(burnt).map(Machine::name).unwrap_or_default();
        let town = Town::at(self.machines.len())?;
        self.chapter(&format!("A fresh machine in {} takes the place of {gone}", town.name));
        let load = Load::begin(reach, &self.documents, &self.chapter.to_string());
        let since = Instant::now();
        let token = self.invite().await?;
        let mut machine = Machine::new(town, self.folder.path())?;
        let after = machine.start(Some(&token)).await?;
        self.tell(&format!("   {} joined within {:.1} s", town.name, after.as_secs_f64()));
        self.machines.push(machine);
        let path = format!("/api/v1/sites/{}/replacement", segment(gone));
        let ask = SiteReplaceAsk { by: town.name.to_owned(), lost: true };
        let _: Site = self.client()?.send_json(Method::POST, &path, &ask).await?;
        let (old, new) = (node::shell::quoted(gone), node::shell::quoted(town.name));
        self.tell(&format!("   $ essaim site replace {old} {new} --lost"));
        if let Some(machine) = dark.and_then(|at| self.machines.get_mut(at)) {
            let name = machine.name();
            let after = machine.start(None).await?;
            self.tell(&format!(
                "   the power is back in {name}: it serves after {:.1} s",
                after.as_secs_f64()
            ));
        }
        let client = self.client()?;
        let mut progress =
            Progress::new(self.json, "   repair {bar:40} {pos}/{len} documents whole  {elapsed}");
        loop {
            let census = census::take(&client, BUCKET, &self.documents, survived).await?;
            progress.at(census.whole, census.documents, || told(census));
            if census.is_whole() {
                break;
            }
            if since.elapsed() > WHOLE_WITHIN {
                return Err(Failure::failed(
                    format!("redundancy is not whole: {}", told(census)),
                    "",
                ));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        progress.end();
        self.figures.repaired(since.elapsed());
        self.work_ends(load).await?;
        self.tell(&format!(
            "   redundancy is whole {:.1} s after the fresh machine was switched on",
            since.elapsed().as_secs_f64()
        ));
        Ok(())
    }

    /// Leaves the cluster running, and says how to use and how to end it.
    fn leave(&mut self, credentials: &Credentials) -> Result<(), Failure> {
        let mut table = Table::new(&["SITE", "S3", "STATUS PAGE", "PROCESS"]);
        let mut processes = Vec::new();
        for machine in &mut self.machines {
            let Some(process) = machine.process_id() else { continue };
            processes.push(process.to_string());
            table.row([
                machine.name().to_owned(),
                machine.endpoint().unwrap_or_default().to_owned(),
                machine.admin_url().unwrap_or_default().to_owned(),
                process.to_string(),
            ]);
            machine.let_go();
        }
        if self.json {
            return Ok(());
        }
        say!("\nThe cluster goes on running:\n");
        table.print("");
        say!("\nIts bucket is s3://{BUCKET}, in the region {}.", credentials.region);
        say!("\nLook around, then end it:\n");
        if let Some(machine) = self.machines.iter().find(|machine| machine.data().exists()) {
            let data = node::shell::quoted(&machine.data().display().to_string());
            say!("  essaim site list --data {data}");
            say!("  essaim status --data {data}");
        }
        let folder = node::shell::quoted(&self.folder.path().display().to_string());
        say!("  kill {} && sleep 5 && rm -r {folder}", processes.join(" "));
        Ok(())
    }
}

fn told(census: Census) -> String {
    format!(
        "{} of {} documents whole, {} of {} fragments there",
        census.whole, census.documents, census.there, census.fragments
    )
}

/// What reading everything back came to.
#[derive(Default)]
struct ReadBack {
    all: u64,
    bytes: u64,
    lost: u64,
}

impl core::fmt::Display for ReadBack {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "all {} read back and compared ({}): {} lost",
            counted(self.all, "document", "documents"),
            bytes(self.bytes),
            self.lost
        )
    }
}
