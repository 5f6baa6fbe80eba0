//! The disks: which there are, which are missing, what lies on them, and the end of one.

use std::collections::BTreeMap;
use std::path::Path;

use admin::model::{Disk, DiskState, DiskStatus, NotReadyReason, date_text};
use admin::{Fault, FaultKind};
use catalog::Command;
use fragments::Poison;
use steward::{DiskForgetError, Holding, Losses};
use units::DiskId;

use super::{SiteOperations, unread};
use crate::disk_book::DiskBook;
use crate::identity::KnownDisk;
use crate::trouble::chain;

/// Hexadecimal digits of an id by which a disk may be named; `essaim status` shows as many.
const ID_DIGITS_MIN: usize = 8;

impl SiteOperations {
    pub(super) fn disk_states(
        &self,
        losses: Option<&Losses>,
        is_readable: bool,
    ) -> Vec<DiskStatus> {
        let present = self.disks.iter().map(|(id, path)| self.disk_state(*id, path));
        let of_missing = |known: &KnownDisk| DiskStatus {
            id: known.id.to_string(),
            path: known.shown(),
            state: DiskState::Missing,
            total_bytes: 0,
            free_bytes: 0,
            used_bytes: 0,
            poison: None,
            parts_left: losses.and_then(|losses| losses.disks.get(&known.id)).map(left),
            can_be_spared: is_readable && losses.is_some_and(|losses| losses.unreadable == 0),
        };
        let missing = self.missing.lock();
        present.chain(missing.iter().map(of_missing)).collect()
    }

    fn disk_state(&self, id: DiskId, path: &Path) -> DiskStatus {
        let space = self.fragments.space(id);
        let state = match self.fragments.state(id) {
            Some(fragments::DiskState::Healthy) => DiskState::Healthy,
            Some(fragments::DiskState::Full) => DiskState::Full,
            Some(fragments::DiskState::Poisoned) => DiskState::Poisoned,
            Some(fragments::DiskState::Hanging) => DiskState::Hanging,
            None => DiskState::Missing,
        };
        DiskStatus {
            id: id.to_string(),
            path: path.display().to_string(),
            state,
            total_bytes: space.map_or(0, |space| space.total.get()),
            free_bytes: space.map_or(0, |space| space.available.get()),
            used_bytes: space.map_or(0, |space| space.live.plus(space.dead).get()),
            poison: self.fragments.poison(id).map(|poison| poison_text(poison).to_owned()),
            parts_left: None,
            can_be_spared: false,
        }
    }

    /// All disks, and what lies on them.
    pub(super) async fn list_disks(&self) -> Result<Vec<Disk>, Fault> {
        let holdings = self.scrub.hands().holdings_recent().await.map_err(|error| {
            Fault::new(FaultKind::Internal, chain(&error), "see the log; run essaim doctor")
        })?;
        let book = DiskBook::read(&self.view()).map_err(|error| unread(&error))?;
        Ok(self.disk_models(&holdings, &book))
    }

    fn disk_models(&self, holdings: &BTreeMap<DiskId, Holding>, book: &DiskBook) -> Vec<Disk> {
        let model = |id: DiskId, directory: Option<String>, state, total_bytes, free_bytes| {
            let holding = holdings.get(&id).copied().unwrap_or_default();
            let is_there = !matches!(state, DiskState::Missing | DiskState::Hanging);
            let seen = book.of(id).map(|entry| entry.seen);
            Disk {
                id: id.to_string(),
                directory: directory.or_else(|| Some(book.of(id)?.directory.clone())),
                state,
                total_bytes,
                free_bytes,
                parts: holding.parts,
                bytes: holding.bytes,
                deleted_parts: holding.deleted,
                last_seen: if is_there { Some(self.clock.now()) } else { seen }.map(date_text),
            }
        };
        let present = self.disks.iter().map(|(id, path)| {
            let DiskStatus { path, state, total_bytes, free_bytes, .. } =
                self.disk_state(*id, path);
            model(*id, Some(path), state, total_bytes, free_bytes)
        });
        let missing = self.missing.lock();
        let of_missing = |known: &KnownDisk| {
            let directory = known.has_place().then(|| known.place_shown(&self.announcement.data));
            model(known.id, directory, DiskState::Missing, 0, 0)
        };
        present.chain(missing.iter().map(of_missing)).collect()
    }

    /// Forgets a disk: in the catalog, which has the last word, then in the node's own
    /// file. Asked for again after a stop in between, it goes on.
    pub(super) async fn forget_disk(&self, text: &str) -> Result<Disk, Fault> {
        let known = self.missing_disk(text)?;
        let id = known.id;
        let book = DiskBook::read(&self.view()).map_err(|error| unread(&error))?;
        let models = self.disk_models(&BTreeMap::new(), &book);
        let hands = self.scrub.hands();
        hands.disk_forget(id).await.map_err(|error| self.not_forgotten(id, error))?;
        {
            let mut identity = self.identity.lock();
            let mut kept = identity.clone();
            kept.disks.retain(|known| known.id != id);
            kept.write(self.root.as_ref()).map_err(|trouble| {
                let message = format!("the disk {id} is forgotten, but {}", trouble.message);
                Fault::new(FaultKind::Unavailable, message, "mend that, and ask for it again")
            })?;
            *identity = kept;
        }
        self.missing.lock().retain(|known| known.id != id);
        self.insight.health.forget(&component(&known.shown()));
        tracing::warn!(disk = %id, directory = known.shown(), "a disk was forgotten");
        self.book_keep(&[id]).await;
        let of_it = |disk: &Disk| disk.id == id.to_string();
        models.into_iter().find(of_it).ok_or_else(|| not_known(text))
    }

    /// The missing disk of this id, or of which these are the first digits.
    fn missing_disk(&self, text: &str) -> Result<KnownDisk, Fault> {
        let digits = text.to_ascii_lowercase();
        let is_id = (ID_DIGITS_MIN..=32).contains(&digits.len())
            && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !is_id {
            let message = format!("{text:?} is not the id of a disk");
            return Err(Fault::invalid(message, "essaim disk list shows the ids"));
        }
        let names = |id: DiskId| id.to_string().starts_with(&digits);
        if let Some((id, path)) = self.disks.iter().find(|(id, _)| names(*id)) {
            return Err(Fault::conflict(
                format!("the disk {id} is there: {}", path.display()),
                "only one that is lost for good is forgotten: stop the node, take the disk away, \
                 and start with --allow-missing-disks; essaim disk list shows which are missing",
            ));
        }
        let missing = self.missing.lock();
        let mut named = missing.iter().filter(|known| names(known.id));
        match (named.next(), named.next()) {
            (Some(known), None) => Ok(known.clone()),
            (Some(_), Some(_)) => {
                let message = format!("{text} begins the ids of several disks");
                Err(Fault::invalid(message, "give all 32 digits: essaim disk list --json"))
            }
            (None, _) => {
                let forgotten = self.view().disks_forgotten().map_err(|error| unread(&error))?;
                Err(match forgotten.iter().find(|one| names(one.disk)) {
                    Some(one) => Fault::new(
                        FaultKind::NotFound,
                        format!("the disk {} was forgotten on {}", one.disk, date_text(one.at)),
                        "there is nothing left to do",
                    ),
                    None => not_known(text),
                })
            }
        }
    }

    fn not_forgotten(&self, id: DiskId, error: DiskForgetError) -> Fault {
        match error {
            DiskForgetError::Present => {
                Fault::conflict(format!("the disk {id} is there"), "see essaim disk list")
            }
            DiskForgetError::InUse(held) => {
                let status = self.scrub.steward();
                let is_lost = status.losses.is_some_and(|losses| losses.unreadable > 0);
                let what_to_do = match (held.parts, is_lost, status.parts_homeless) {
                    (0, _, _) => {
                        "they were deleted and are being cleaned up: try again in a minute"
                    }
                    (_, true, _) => {
                        "some of them cannot be read without it: bring it back; or give them up, \
                         delete the objects that essaim status names, and try again"
                    }
                    (_, false, 0) => {
                        "they are rebuilt on other disks: try again once essaim status says that \
                         all is"
                    }
                    (_, false, _) => {
                        "there is no disk to rebuild them on, or none with room: add one with \
                         --disk DIR, and try again once essaim status says that all is rebuilt"
                    }
                };
                let parts = match left(&held) {
                    1 => "1 part still has".to_owned(),
                    parts => format!("{parts} parts still have"),
                };
                let message = format!("{parts} a fragment on the disk {id}: it is not forgotten");
                Fault::conflict(message, what_to_do)
            }
            DiskForgetError::Undone(error) => Fault::new(
                FaultKind::Unavailable,
                chain(&error),
                "see essaim status; it can be tried again",
            ),
        }
    }

    /// Writes down which disks are there, if that is due; not those that are gone. What
    /// cannot be written now is for the next time.
    pub(crate) async fn book_keep(&self, gone: &[DiskId]) {
        let answers = |id: DiskId| {
            !matches!(self.fragments.state(id), None | Some(fragments::DiskState::Hanging))
        };
        let there = self.disks.iter().filter(|(id, _)| answers(*id));
        let there: Vec<_> = there.map(|(id, path)| (*id, path.display().to_string())).collect();
        let Ok(mut book) = DiskBook::read(&self.view()) else { return };
        if !book.note(&there, gone, self.clock.now()) {
            return;
        }
        let (Some(name), state) = (DiskBook::job(), book.state()) else { return };
        if let Err(error) = self.consensus.propose(Command::JobSet { name, state }).await {
            tracing::debug!(%error, "where the disks are could not be written down");
        }
    }
}

fn not_known(text: &str) -> Fault {
    Fault::not_found("disk", text, "essaim disk list")
}

/// Parts that keep a missing disk from being forgotten.
fn left(holding: &Holding) -> u64 {
    holding.parts.saturating_add(holding.deleted)
}

/// The component of a disk in the node's health.
pub(crate) fn component(path: &str) -> String {
    format!("disk {path}")
}

/// Why a poisoned disk takes no writes, and what to do.
pub(crate) const fn poison_text(poison: Poison) -> &'static str {
    match poison {
        Poison::Failed => {
            "a sync failed: it takes no more writes, what it holds is read; see dmesg: if it was \
             only unmounted or cut off, bring it back and start the node again; if it fails, \
             replace it"
        }
        Poison::ReadOnly => {
            "its file system is read-only: it takes no writes, what it holds is read; see dmesg: \
             if it fails, replace it; if not, mount it for writing and start the node again"
        }
        Poison::Gone => {
            "it is not where it was: its directory is gone, or on another file system; it takes no \
             writes: if it was unmounted, mount it and start the node again"
        }
    }
}

/// What a missing disk means and what to do about it; `homeless` parts wait for a disk
/// they could be rebuilt on.
pub(crate) fn missing_text(disk: &DiskStatus, homeless: u64) -> String {
    let Some(left) = disk.parts_left else {
        return "it is missing, and what lies on it is being counted".to_owned();
    };
    if !disk.can_be_spared {
        return "it is missing, and not everything can be read without it: mount it, or bring it \
                back; essaim disk list shows what lies on it"
            .to_owned();
    }
    let parts = if left == 1 { "1 part has".to_owned() } else { format!("{left} parts have") };
    match (left, homeless) {
        (0, _) => format!(
            "it is missing, and all that lay on it is rebuilt on other disks: if it is lost for \
             good, type: essaim disk forget {}",
            disk.id
        ),
        (_, 0) => format!(
            "it is missing; everything can be read, and {parts} still to be rebuilt on other disks"
        ),
        _ => format!(
            "it is missing; everything can be read, and {parts} still to be rebuilt, for which \
             there is no disk: mount it, or add another with --disk DIR"
        ),
    }
}

/// Missing disks without which everything can be read: the node serves all the same.
pub(super) fn spared(disks: &[DiskStatus], homeless: u64) -> Vec<NotReadyReason> {
    let spared = disks.iter().filter(|disk| disk.can_be_spared);
    let reason = |disk: &DiskStatus| NotReadyReason {
        component: component(&disk.path),
        reason: missing_text(disk, homeless),
    };
    spared.map(reason).collect()
}

/// Why nothing large is written: none of several disks takes writes, or only one, and what
/// it took would not survive its loss. What is stored is served all the same.
pub(super) fn few_for_writes(disks: &[DiskStatus]) -> Option<NotReadyReason> {
    let takes = |disk: &&DiskStatus| matches!(disk.state, DiskState::Healthy | DiskState::Full);
    let taking = disks.iter().filter(takes).count();
    let all = disks.len();
    let reason = match taking {
        _ if all < 2 => return None,
        0 => format!("none of the {all} disks takes writes: objects over 8 KiB are refused"),
        1 => format!(
            "only one of the {all} disks takes writes, and what it took would not survive its \
             loss: objects over 8 KiB are refused until another one does; see the disks above"
        ),
        _ => return None,
    };
    Some(NotReadyReason { component: "writes".to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_disks_for_writes_are_told_of() {
        use DiskState::{Full, Hanging, Healthy, Missing, Poisoned};
        let disk = |state| DiskStatus {
            id: "7".repeat(32),
            path: "/mnt/b".to_owned(),
            state,
            total_bytes: 0,
            free_bytes: 0,
            used_bytes: 0,
            poison: None,
            parts_left: None,
            can_be_spared: false,
        };
        let check = |states: &[DiskState], words: Option<&str>| {
            let disks: Vec<DiskStatus> = states.iter().copied().map(disk).collect();
            let told = few_for_writes(&disks).map(|told| told.reason);
            let is_right = match (&told, words) {
                (Some(told), Some(words)) => told.contains(words),
                (told, words) => told.is_none() && words.is_none(),
            };
            assert!(is_right, "{states:?}: {told:?}");
        };
        check(&[Healthy], None);
        check(&[Poisoned], None);
        check(&[Healthy, Full], None);
        check(&[Healthy, Healthy, Missing], None);
        check(&[Healthy, Missing], Some("only one of the 2 disks"));
        check(&[Hanging, Full, Poisoned], Some("only one of the 3 disks"));
        check(&[Hanging, Poisoned], Some("none of the 2 disks"));
    }

    #[test]
    fn a_missing_disk_is_told_as_what_it_means() {
        let told = |parts_left, can_be_spared, homeless| {
            let disk = DiskStatus {
                id: "7".repeat(32),
                path: "/mnt/b".to_owned(),
                state: DiskState::Missing,
                total_bytes: 0,
                free_bytes: 0,
                used_bytes: 0,
                poison: None,
                parts_left,
                can_be_spared,
            };
            let degraded = spared(std::slice::from_ref(&disk), homeless).len();
            (degraded, missing_text(&disk, homeless))
        };
        for (told, degraded, words) in [
            (told(None, false, 0), 0, "being counted"),
            (told(Some(9), false, 0), 0, "not everything can be read"),
            (told(Some(9), true, 0), 1, "9 parts have still to be rebuilt on other disks"),
            (told(Some(1), true, 1), 1, "1 part has still to be rebuilt, for which there is no"),
            (told(Some(0), true, 0), 1, "essaim disk forget 7777"),
        ] {
            assert!(told.0 == degraded && told.1.contains(words), "{told:?}: {words}");
        }
    }
}
