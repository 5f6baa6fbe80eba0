//! Kept answers of custody as the API tells them, and checked from what it tells.
//!
//! A checker needs no node: everything that was signed is in the answer.

use admin::model::{CustodyAnswer, CustodyProof, CustodyVerdict, date_text};
use units::{Epoch, FragmentNumber, NodePublicKey, Signature, StripeNumber, Timestamp};

/// As the API tells it.
pub(crate) fn proof_model(proof: &catalog::CustodyProof) -> CustodyProof {
    let said = &proof.statement;
    let (answer, hash) = match said.answer {
        catalog::CustodyAnswer::Held(hash) => (CustodyAnswer::Held, Some(hex(&hash))),
        catalog::CustodyAnswer::Missing => (CustodyAnswer::Missing, None),
        catalog::CustodyAnswer::Damaged => (CustodyAnswer::Damaged, None),
    };
    CustodyProof {
        cluster: said.cluster.to_string(),
        site: said.site.to_string(),
        node: said.node.to_string(),
        disk: said.disk.to_string(),
        part: said.part.to_string(),
        stripe: said.stripe.get(),
        fragment: said.fragment.get(),
        start: said.start,
        end: said.end,
        nonce: hex(&said.nonce),
        epoch: said.epoch.get(),
        at_micros: said.at.micros(),
        answer,
        hash,
        signature: hex(&proof.signature.0),
        key: hex(&proof.key.0),
        asked_by: proof.asked_by.to_string(),
        asked: date_text(proof.asked),
        due: proof.due.as_ref().map(|due| hex(due)),
        verdict: match proof.verdict {
            catalog::CustodyVerdict::Held => CustodyVerdict::Held,
            catalog::CustodyVerdict::Missing => CustodyVerdict::Missing,
            catalog::CustodyVerdict::Damaged => CustodyVerdict::Damaged,
            catalog::CustodyVerdict::Wrong => CustodyVerdict::Wrong,
            catalog::CustodyVerdict::Forged => CustodyVerdict::Forged,
        },
    }
}

/// Whether the key that an answer names has signed exactly what it says; `None` if it is
/// not one that can be read. Whose key that is must be known from elsewhere.
pub fn custody_check(told: &CustodyProof) -> Option<bool> {
    let statement = statement(told)?;
    let key = NodePublicKey(unhex(&told.key)?);
    let signature = Signature(unhex(&told.signature)?);
    Some(vault::node_verify(key, &statement.message(), &signature))
}

fn statement(told: &CustodyProof) -> Option<catalog::CustodyStatement> {
    Some(catalog::CustodyStatement {
        cluster: told.cluster.parse().ok()?,
        site: told.site.parse().ok()?,
        node: told.node.parse().ok()?,
        disk: told.disk.parse().ok()?,
        part: told.part.parse().ok()?,
        stripe: StripeNumber::new(told.stripe),
        fragment: FragmentNumber::new(told.fragment),
        start: told.start,
        end: told.end,
        nonce: unhex(&told.nonce)?,
        epoch: Epoch::new(told.epoch),
        at: Timestamp::from_micros(told.at_micros),
        answer: match (told.answer, told.hash.as_deref()) {
            (CustodyAnswer::Held, Some(hash)) => catalog::CustodyAnswer::Held(unhex(hash)?),
            (CustodyAnswer::Held, None) => return None,
            (CustodyAnswer::Missing, _) => catalog::CustodyAnswer::Missing,
            (CustodyAnswer::Damaged, _) => catalog::CustodyAnswer::Damaged,
        },
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    if text.len() != 2 * BYTES || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; BYTES];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use catalog::{CustodyAnswer, CustodyProof, CustodyStatement, CustodyVerdict};
    use units::{ClusterId, DiskId, NodeId, PartId, SiteId};
    use vault::NodeIdentity;

    use super::*;

    fn signed() -> CustodyProof {
        let identity = NodeIdentity::from_seed(&[7; 32]).unwrap();
        let statement = CustodyStatement {
            cluster: ClusterId::from_u128(1),
            site: SiteId::from_u128(2),
            node: NodeId::from_u128(3),
            disk: DiskId::from_u128(4),
            part: PartId::from_u128(5),
            stripe: StripeNumber::new(6),
            fragment: FragmentNumber::new(7),
            start: 4_096,
            end: 8_192,
            nonce: [8; 32],
            epoch: Epoch::new(9),
            at: Timestamp::from_micros(1_795_296_896_123_456),
            answer: CustodyAnswer::Held([10; 32]),
        };
        CustodyProof {
            statement,
            signature: identity.sign(&statement.message()),
            key: identity.public(),
            asked_by: NodeId::from_u128(11),
            asked: Timestamp::from_seconds(1_795_296_896),
            due: None,
            verdict: CustodyVerdict::Held,
        }
    }

    #[test]
    fn what_is_told_is_checked_without_a_node_and_no_word_of_it_can_be_changed() {
        let told = proof_model(&signed());
        assert_eq!(custody_check(&told), Some(true));
        let other = "f".repeat(32);
        let changes: [fn(&mut admin::model::CustodyProof, String); 12] = [
            |told, other| told.cluster = other,
            |told, other| told.site = other,
            |told, other| told.node = other,
            |told, other| told.disk = other,
            |told, other| told.part = other,
            |told, _| told.stripe += 1,
            |told, _| told.fragment += 1,
            |told, _| told.start += 1,
            |told, _| told.end += 1,
            |told, other| told.nonce = other.repeat(2),
            |told, _| told.at_micros += 1,
            |told, other| told.hash = Some(other.repeat(2)),
        ];
        for change in changes {
            let mut told = told.clone();
            change(&mut told, other.clone());
            assert_eq!(custody_check(&told), Some(false), "{told:?}");
        }
        let mut told = told;
        told.answer = admin::model::CustodyAnswer::Missing;
        assert_eq!(custody_check(&told), Some(false));
        told.key = "x".repeat(64);
        assert_eq!(custody_check(&told), None, "no key at all");
    }
}
