//! Seeded work on one simulated disk, beside the model.
//!
//! The alphabet: store (new names and old), remove parts and single fragments,
//! several of these in one commit, compact, kill and restart, cut the power and
//! restart. Segments are small so that a few dozen steps seal and compact several.

use std::sync::Arc;

use disk::{SimDisk, Survival};
use erasure::{Code, CodecId};
use units::{ByteCount, ClusterId, DiskId, FragmentNumber, PartId, StripeNumber};

use crate::disk_store::DiskStore;
use crate::limits::BLOCK_BYTES;
use crate::testing::chance::Chance;
use crate::testing::model::Model;
use crate::{Fragment, FragmentHeader, FragmentName, Identity, Options, Work};

/// How many parts a workload plays with.
const PARTS: u64 = 7;

/// How many steps a workload has.
const STEPS: u64 = 28;

pub(crate) const CLUSTER: ClusterId = ClusterId::from_u128(0xc1);

pub(crate) const OPTIONS: Options =
    Options { segment_bytes: ByteCount::new(12_000), punch_bytes_min: ByteCount::new(4_096) };

/// A workload under way.
pub(crate) struct Trial {
    pub(crate) disk: Arc<SimDisk>,
    pub(crate) model: Model,
    store: Option<DiskStore>,
    chance: Chance,
    /// Operations on disks of earlier lives.
    operations_before: u64,
    /// The power goes before this operation, over all lives.
    cut: Option<u64>,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Done,
    /// The planned power cut has come.
    Cut,
}

/// A formatted disk, everything durable.
pub(crate) fn formatted() -> Result<Arc<SimDisk>, String> {
    let disk = SimDisk::new();
    let identity = Identity { disk: DiskId::from_u128(0xd1), cluster: CLUSTER };
    DiskStore::format(&*disk, identity).map_err(|error| format!("format: {error}"))?;
    Ok(disk.after_power_cut(Survival::LoseAll))
}

pub(crate) fn open(disk: &Arc<SimDisk>) -> Result<DiskStore, String> {
    let disk: Arc<SimDisk> = Arc::clone(disk);
    DiskStore::open(disk, CLUSTER, OPTIONS).map_err(|error| {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        format!("open: {error}: {}", source.unwrap_or_default())
    })
}

impl Trial {
    /// Starts a workload; `cut` plans a power cut.
    pub(crate) fn start(seed: u64, cut: Option<u64>) -> Result<Self, String> {
        let disk = formatted()?;
        if let Some(cut) = cut {
            disk.cut_before(cut);
        }
        Ok(Self {
            disk,
            model: Model::default(),
            store: None,
            chance: Chance::seeded(seed),
            operations_before: 0,
            cut,
        })
    }

    /// Changing operations so far, over all lives.
    pub(crate) fn operations(&self) -> u64 {
        self.operations_before + self.disk.operations()
    }

    /// Runs to the end or to the cut; `thorough` compares with the model after each step.
    pub(crate) fn run(&mut self, thorough: bool) -> Result<Step, String> {
        for _ in 0..STEPS {
            if self.step()? == Step::Cut {
                return Ok(Step::Cut);
            }
            if let (true, Some(store)) = (thorough, &self.store) {
                self.model.check(store, false)?;
            }
        }
        Ok(Step::Done)
    }

    fn step(&mut self) -> Result<Step, String> {
        let action = self.chance.below(20);
        let Some(store) = &mut self.store else { return self.reopen() };
        match action {
            0 => {
                self.store = None;
                self.disk.restart();
                return self.reopen();
            }
            1 => {
                let survival = Survival::Drawn(self.chance.next());
                self.store = None;
                let next = self.disk.after_power_cut(survival);
                self.operations_before += self.disk.operations();
                if let Some(cut) = self.cut {
                    next.cut_before(cut.saturating_sub(self.operations_before));
                }
                self.disk = next;
                return self.reopen();
            }
            // An error changes nothing that the model knows of.
            2..=5 => drop(store.compact()),
            _ => self.commit(),
        }
        Ok(if self.disk.is_cut() { Step::Cut } else { Step::Done })
    }

    fn reopen(&mut self) -> Result<Step, String> {
        match open(&self.disk) {
            _ if self.disk.is_cut() => Ok(Step::Cut),
            Ok(store) => {
                self.model.check(&store, true)?;
                self.store = Some(store);
                Ok(Step::Done)
            }
            // An injected fault; the next step tries again.
            Err(_) if self.disk.faults_happened() > 0 => Ok(Step::Done),
            Err(error) => Err(error),
        }
    }

    fn commit(&mut self) {
        let count = 1 + self.chance.below(3);
        let plans: Vec<Plan> = (0..count).map(|_| self.plan()).collect();
        let works: Vec<Work> = plans.iter().map(Plan::work).collect();
        let Some(store) = &mut self.store else { return };
        let outcomes = store.commit(&works);
        for (plan, outcome) in plans.iter().zip(&outcomes) {
            plan.note(&mut self.model, outcome.is_ok());
        }
    }

    fn plan(&mut self) -> Plan {
        match self.chance.below(10) {
            0..=1 => Plan::RemovePart(PartId::from_u128(u128::from(self.chance.below(PARTS)))),
            2 => Plan::Remove(vec![self.name(), self.name()]),
            _ => {
                let count = 1 + self.chance.below(3);
                let mut fragments = Vec::new();
                for _ in 0..count {
                    fragments.push(self.fragment());
                }
                Plan::Append(fragments)
            }
        }
    }

    fn name(&mut self) -> FragmentName {
        FragmentName {
            part: PartId::from_u128(u128::from(self.chance.below(PARTS))),
            stripe: StripeNumber::new(u32::try_from(self.chance.below(3)).unwrap_or(0)),
            fragment: FragmentNumber::new(u8::try_from(self.chance.below(2)).unwrap_or(0)),
        }
    }

    fn fragment(&mut self) -> Fragment {
        let block = BLOCK_BYTES as u64;
        let length = match self.chance.below(40) {
            0 => 0,
            1 => block + self.chance.below(3_000),
            2..=5 => 4_096 + self.chance.below(8_000),
            _ => self.chance.below(1_500),
        };
        fragment(self.name(), self.chance.bytes(length))
    }
}

pub(crate) fn fragment(name: FragmentName, payload: bytes::Bytes) -> Fragment {
    let header = FragmentHeader {
        name,
        codec: CodecId::default(),
        code: Code::PLAIN,
        stripe_bytes: ByteCount::new(payload.len() as u64),
    };
    Fragment { header, payload }
}

/// One request, so that the model can be told of it.
enum Plan {
    Append(Vec<Fragment>),
    Remove(Vec<FragmentName>),
    RemovePart(PartId),
}

impl Plan {
    fn work(&self) -> Work {
        match self {
            Self::Append(fragments) => Work::append(fragments.clone()).unwrap_or(Work(Vec::new())),
            Self::Remove(names) => Work::remove(names.clone()),
            Self::RemovePart(part) => Work::remove_part(*part),
        }
    }

    fn note(&self, model: &mut Model, done: bool) {
        let mut changes = Vec::new();
        match self {
            Self::Append(fragments) => {
                changes.extend(fragments.iter().map(|f| (f.header.name, Some(f.payload.clone()))));
            }
            Self::Remove(names) => changes.extend(names.iter().map(|name| (*name, None))),
            Self::RemovePart(part) => {
                let of_part = model.names().into_iter().filter(|name| name.part == *part);
                changes.extend(of_part.map(|name| (name, None)));
            }
        }
        for (name, state) in changes {
            if done { model.is(name, state) } else { model.may_be(name, state) }
        }
    }
}

/// Runs one workload, comparing with the model after every step.
pub fn model_run(seed: u64) -> Result<(), String> {
    let mut trial = Trial::start(seed, None)?;
    trial.run(true).map(drop).map_err(|error| {
        format!("{error}\nrepeat: ESSAIM_SEED={seed} cargo test -p fragments --test model")
    })
}
