//! What is kept of the answers of nodes, and for how long.

use core::time::Duration;

use catalog::command::{
    CustodyNote, CustodyNoted, InviteCreate, MapFound, NodeJoin, NodeNew, SiteJoin, SiteNew,
    SiteRemove,
};
use catalog::limits::{CUSTODY_FAILURE_KEPT, CUSTODY_FAILURES_MAX};
use catalog::{
    Command, Custody, CustodyAnswer, CustodyProof, CustodyStatement, CustodyVerdict, MemoryRows,
    NodeRole, Outcome, Refusal, SiteName, Stamped, View, apply,
};
use units::{
    ClusterId, DiskId, Epoch, FragmentNumber, InviteId, NodeId, NodePublicKey, PartId, Signature,
    SiteId, StripeNumber, Timestamp,
};

struct Sites {
    rows: MemoryRows,
    at: Timestamp,
}

fn node(number: u8) -> NodeId {
    NodeId::from_u128(number.into())
}

fn proof(of: u8, nonce: u8, asked: Timestamp, verdict: CustodyVerdict) -> CustodyProof {
    let statement = CustodyStatement {
        cluster: ClusterId::from_u128(1),
        site: SiteId::from_u128(of.into()),
        node: node(of),
        disk: DiskId::from_u128(of.into()),
        part: PartId::from_u128(3),
        stripe: StripeNumber::new(0),
        fragment: FragmentNumber::new(0),
        start: 0,
        end: 10,
        nonce: [nonce; 32],
        epoch: Epoch::new(2),
        at: asked,
        answer: CustodyAnswer::Missing,
    };
    let (signature, key) = (Signature([0; 64]), NodePublicKey([of; 32]));
    CustodyProof { statement, signature, key, asked_by: node(1), asked, due: None, verdict }
}

impl Sites {
    /// Two sites, of a node each.
    fn two() -> Self {
        let mut sites = Self { rows: MemoryRows::default(), at: Timestamp::from_seconds(1_000) };
        let site = |number: u8| SiteNew {
            id: SiteId::from_u128(number.into()),
            name: SiteName::new(format!("site {number}")).expect("a valid name"),
            statement: None,
        };
        let node = |number: u8| NodeNew {
            id: node(number),
            key: NodePublicKey([number; 32]),
            addresses: Vec::new(),
            role: NodeRole::Full,
            disks: vec![DiskId::from_u128(number.into())],
        };
        let found = MapFound { site: site(1), node: node(1) };
        sites.take(Command::MapFound(Box::new(found))).expect("it is founded");
        let id = InviteId::from_u128(9);
        sites
            .take(Command::InviteCreate(InviteCreate {
                id,
                key: NodePublicKey([9; 32]),
                role: NodeRole::Full,
                expires: Timestamp::from_seconds(2_000),
                made_by: String::new(),
            }))
            .expect("it is made");
        let joins = SiteJoin::New(Box::new(site(2)));
        let join = NodeJoin { invite: id, site: joins, node: node(2) };
        sites.take(Command::NodeJoin(Box::new(join))).expect("it joins");
        sites
    }

    fn take(&mut self, command: Command) -> Outcome {
        let stamped = Stamped { at: self.at, command };
        let mut applied = apply(&self.rows, &[stamped]).expect("rows that can be read");
        self.rows.commit(applied.batch);
        applied.outcomes.pop().expect("an outcome")
    }

    fn note(&mut self, noted: CustodyNoted) -> Outcome {
        self.take(Command::CustodyNote(CustodyNote { nodes: vec![noted] }))
    }

    fn kept(&self, of: u8) -> Option<Custody> {
        let view = View::new(std::sync::Arc::new(self.rows.clone()));
        view.custody(node(of)).expect("a row that can be read")
    }
}

fn noted(of: u8) -> CustodyNoted {
    CustodyNoted { node: node(of), held: 0, silent: 0, last: None, failures: Vec::new() }
}

#[test]
fn answers_add_up_and_failures_stay_until_they_are_old() {
    let mut sites = Sites::two();
    let held = proof(2, 1, sites.at, CustodyVerdict::Held);
    sites.note(CustodyNoted { held: 10, last: Some(held), ..noted(2) }).unwrap();
    let failure = |nonce, at| proof(2, nonce, at, CustodyVerdict::Missing);
    let failures = vec![failure(2, sites.at)];
    sites.note(CustodyNoted { failures, silent: 2, ..noted(2) }).unwrap();
    let kept = sites.kept(2).unwrap();
    assert_eq!((kept.held, kept.failed, kept.silent), (10, 1, 2));
    assert_eq!((kept.last, kept.failures.len()), (Some(held), 1));
    sites.note(CustodyNoted { silent: 3, ..noted(2) }).unwrap();
    assert_eq!(sites.kept(2).unwrap().silent, 5, "none was answered in between");
    for nonce in 3..3 + u8::try_from(CUSTODY_FAILURES_MAX).unwrap() {
        let failures = vec![failure(nonce, sites.at)];
        sites.note(CustodyNoted { failures, ..noted(2) }).unwrap();
    }
    let kept = sites.kept(2).unwrap();
    assert_eq!((kept.failures.len(), kept.silent), (CUSTODY_FAILURES_MAX, 0));
    assert_eq!(kept.failures[0].statement.nonce, [3; 32], "the oldest went");
    assert_eq!(kept.failed, 1 + CUSTODY_FAILURES_MAX as u64);
    sites.at = sites.at.after(CUSTODY_FAILURE_KEPT.saturating_sub(Duration::from_secs(1)));
    sites.note(noted(2)).unwrap();
    assert_eq!(sites.kept(2).unwrap().failures.len(), CUSTODY_FAILURES_MAX);
    sites.at = sites.at.after(Duration::from_secs(1));
    sites.note(noted(2)).unwrap();
    assert_eq!(sites.kept(2).unwrap().failures, []);
}

#[test]
fn what_a_node_failed_stays_when_its_site_leaves() {
    let remove = SiteRemove { site: SiteId::from_u128(2), lost: true, rows: 0 };
    for fails in [false, true] {
        let mut sites = Sites::two();
        let failures = vec![proof(2, 1, sites.at, CustodyVerdict::Wrong); usize::from(fails)];
        sites.note(CustodyNoted { held: 1, failures, ..noted(2) }).unwrap();
        sites.take(Command::SiteRemove(remove)).unwrap();
        assert_eq!(sites.kept(2).is_some(), fails);
        sites.note(CustodyNoted { held: 1, ..noted(2) }).unwrap();
        assert_eq!(sites.kept(2).is_some(), fails, "nothing is noted of who is not on the map");
    }
}

#[test]
fn more_than_fits_is_refused() {
    let mut sites = Sites::two();
    let failures = vec![proof(2, 1, sites.at, CustodyVerdict::Wrong); CUSTODY_FAILURES_MAX + 1];
    let refused = sites.note(CustodyNoted { failures, ..noted(2) });
    assert!(matches!(refused, Err(Refusal::TooLarge { .. })), "{refused:?}");
}
