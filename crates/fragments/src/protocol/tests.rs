//! The words as bytes, for ever; and bytes that are no words.
//!
//! A golden line is never changed: a node of this version must be understood by every
//! later one.

use proptest::prelude::*;
use units::{ByteCount, DiskId, Epoch, FragmentNumber, PartId, Signature, StripeNumber, Timestamp};
use wire::limits::HEAD_BYTES_MAX;

use super::*;
use crate::limits::{
    CALL_NAMES_MAX, DISKS_REPORTED_MAX, FRAGMENT_BYTES_MAX, REASON_BYTES_MAX, REMOTE_LIST_MAX,
};
use crate::{
    DiskReport, DiskSpace, DiskState, Fragment, FragmentHeader, FragmentName, Listed, NodeReport,
    Poison, ReadError, WriteError,
};

const DISK: DiskId = DiskId::from_u128(0xd1);

fn name() -> FragmentName {
    FragmentName {
        part: PartId::from_u128(0xa1),
        stripe: StripeNumber::new(300),
        fragment: FragmentNumber::new(2),
    }
}

fn fragment() -> Fragment {
    let header = FragmentHeader {
        name: name(),
        codec: erasure::CodecId::ContiguousLeopard16,
        code: erasure::Code::new(2, 1).unwrap(),
        stripe_bytes: ByteCount::new(8),
    };
    Fragment { header, payload: Bytes::from_static(b"word") }
}

fn questions() -> Vec<(Question, &'static str)> {
    let (disk, part, words) = (DISK, name().part, name().into());
    let arriving = vec![Arriving::of(&fragment()).unwrap()];
    vec![
        (Question::Append { disk, arriving }, "01b36d9c3a00d10101a101ac02020102010804a990838209"),
        (Question::RemovePart { disk, part }, "013504847001d101a101"),
        (Question::Remove { disk, names: vec![words] }, "01582fc0a802d10101a101ac0202"),
        (
            Question::Read { disk, name: words, start: 5, end: 700 },
            "0193c56b1903d101a101ac020205bc05",
        ),
        (Question::ReadWhole { disk, name: words }, "01907748a304d101a101ac0202"),
        (Question::Lengths { disk, names: vec![words] }, "0142e1a06f05d10101a101ac0202"),
        (Question::Holders { name: words, besides: disk }, "019f72b30a06a101ac0202d101"),
        (Question::List { disk, after: Some(words), limit: 9 }, "018cc4a01907d10101a101ac020209"),
        (Question::Report, "019e0ba4d808"),
        (
            Question::Prove { disk, name: words, nonce: [7; 32], range: Some((1, 2)) },
            "018b6ef5f409d101a101ac02020707070707070707070707070707070707070707070707070707070707070707010102",
        ),
        (
            Question::Challenge {
                disk,
                name: words,
                start: 5,
                end: 700,
                nonce: [7; 32],
                epoch: Epoch::new(300),
            },
            "01c5126cb60ad101a101ac020205bc050707070707070707070707070707070707070707070707070707070707070707ac02",
        ),
    ]
}

fn report() -> NodeReport {
    let count = ByteCount::new;
    let space = DiskSpace {
        disk: DISK,
        total: count(1_000),
        available: count(900),
        live: count(80),
        dead: count(7),
        fragments: 6,
        segments: 5,
    };
    let well =
        DiskReport { disk: DISK, state: DiskState::Healthy, poison: None, space: Some(space) };
    let mut disks = vec![well];
    for (state, poison) in [
        (DiskState::Full, None),
        (DiskState::Hanging, None),
        (DiskState::Poisoned, Some(Poison::Failed)),
        (DiskState::Poisoned, Some(Poison::ReadOnly)),
        (DiskState::Poisoned, Some(Poison::Gone)),
    ] {
        disks.push(DiskReport { disk: DISK, state, poison, space: None });
    }
    NodeReport { disks, missing: vec![DISK] }
}

fn answers() -> Vec<(Answer, &'static str)> {
    let listed = [Listed { name: name(), bytes: ByteCount::new(77) }];
    let range = ReadError::OutOfRange { name: name(), bytes: ByteCount::new(4), wanted: 9 };
    let faults = [
        (WriteError::NoSuchDisk { disk: DISK }.into(), "011d2cd77f0900"),
        (WriteError::Full.into(), "011eafbc8d0901"),
        (WriteError::Poisoned.into(), "01ea5cec9e0902"),
        (WriteError::TooManyOpen.into(), "01e9df876c0903"),
        (WriteError::Hanging.into(), "0102bb4db80904"),
        (WriteError::Stopped.into(), "010138264a0905"),
        (Fault::Disk { reason: "no".to_owned() }, "01bd4abc780906026e6f"),
        (ReadError::NotFound { name: name() }.into(), "01f6481dab0907"),
        (range.into(), "014c060f6d09080409"),
        (ReadError::Damaged { name: name() }.into(), "01d1f765070909"),
        (Fault::Garbled, "0125043514090a"),
        (Fault::Refused { reason: "no".to_owned() }, "0110b29f28090b026e6f"),
    ];
    let mut answers = vec![
        (Answer::Stored, "0151537d5200"),
        (Answer::Removed { count: 300 }, "016cfac87301ac02"),
        (Answer::Bytes { bytes: 4, checksum: 5 }, "01b7847054020405"),
        (
            Answer::Whole { fragment: Arriving::of(&fragment()).unwrap() },
            "01494de6f303a101ac02020102010804a990838209",
        ),
        (Answer::Lengths { lengths: vec![None, Some(300)] }, "01b3cd518604020001ac02"),
        (Answer::Holders { disks: vec![DISK] }, "01fa9499910501d101"),
        (Answer::listed(&listed), "01a2ff09870601a101ac02024d"),
        (
            Answer::report(&report()),
            "0142b35e170706d101000001e807840750070605d101010000d101030000d10102010000d10102010100d1010201020001d101",
        ),
        (
            Answer::Proof { proof: [9; 32] },
            "01ce4a53a4080909090909090909090909090909090909090909090909090909090909090909",
        ),
    ];
    let (at, signature) = (Timestamp::from_micros(300), Signature([6; 64]));
    for (holding, golden) in [
        (
            HoldingWord::Held { proof: [9; 32] },
            "01ed65d5fd0a000909090909090909090909090909090909090909090909090909090909090909d8044006060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606",
        ),
        (
            HoldingWord::Missing,
            "010dc3dbd20a01d8044006060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606",
        ),
        (
            HoldingWord::Damaged,
            "0140aff0f60a02d8044006060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606",
        ),
    ] {
        answers.push((Answer::Signed { holding, at, signature }, golden));
    }
    answers.extend(faults.map(|(fault, golden)| (Answer::failed(fault), golden)));
    answers
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Encodes as the golden line says, and decodes from it.
fn check<T>(words: &T, golden: &str)
where
    T: Serialize + DeserializeOwned + PartialEq + core::fmt::Debug,
{
    let head = encode(words).unwrap();
    assert_eq!(hex(&head), golden, "{words:?}");
    assert_eq!(decode::<T>(&head).as_ref(), Ok(words));
    for cut in 0..head.len() {
        assert!(decode::<T>(&head[..cut]).is_err(), "{words:?} cut to {cut} bytes");
    }
    for at in 0..head.len() {
        let mut flipped = head.to_vec();
        flipped[at] ^= 0x10;
        assert!(decode::<T>(&flipped).is_err(), "{words:?} with a bit of byte {at} flipped");
    }
}

#[test]
fn questions_are_these_bytes() {
    for (question, golden) in questions() {
        check(&question, golden);
    }
}

#[test]
fn answers_are_these_bytes() {
    for (answer, golden) in answers() {
        check(&answer, golden);
    }
}

#[test]
fn a_report_and_a_fragment_say_the_same_there() {
    let Answer::Report { disks, missing } = Answer::report(&report()) else { panic!("a report") };
    let disks: Vec<_> = disks.iter().map(DiskWords::report).collect();
    assert_eq!(NodeReport { disks, missing }, report());
    let words = Arriving::of(&fragment()).unwrap();
    assert_eq!(words.header(), Some(fragment().header));
    assert_eq!(words.header_to_store(), Some(fragment().header));
}

#[test]
fn no_fragment_is_stored_that_is_not_as_long_as_its_header_says() {
    let check = |change: fn(&mut Fragment)| {
        let mut other = fragment();
        change(&mut other);
        assert_eq!(Arriving::of(&other).unwrap().header_to_store(), None, "{other:?}");
    };
    check(|one| one.payload = Bytes::from_static(b"words"));
    check(|one| one.header.name.fragment = FragmentNumber::new(3));
    check(|one| one.header.stripe_bytes = ByteCount::new(20));
    check(|one| {
        // Longer than any stripe, in fragments that are not too long each.
        one.header.stripe_bytes = ByteCount::new(FRAGMENT_BYTES_MAX as u64 + 2);
        one.payload = vec![0; FRAGMENT_BYTES_MAX / 2 + 1].into();
    });
}

#[test]
fn the_longest_of_each_fits_a_head() {
    let long = FragmentName::last_of(PartId::from_u128(u128::MAX));
    let disk = DiskId::from_u128(u128::MAX);
    let mut fragment = fragment();
    fragment.header.name = long;
    let mut arriving = Arriving::of(&fragment).unwrap();
    (arriving.bytes, arriving.checksum) = (u32::MAX, u32::MAX);
    assert!(encode(&Question::Append { disk, arriving: vec![arriving; CALL_NAMES_MAX] }).is_ok());
    let names = vec![long.into(); CALL_NAMES_MAX];
    assert!(encode(&Question::Remove { disk, names }).is_ok());
    let listed = vec![Listed { name: long, bytes: ByteCount::MAX }; REMOTE_LIST_MAX];
    assert!(encode(&Answer::listed(&listed)).is_ok());
    let space = DiskSpace {
        disk,
        total: ByteCount::MAX,
        available: ByteCount::MAX,
        live: ByteCount::MAX,
        dead: ByteCount::MAX,
        fragments: u64::MAX,
        segments: u64::MAX,
    };
    let (state, poison) = (DiskState::Poisoned, Some(Poison::Gone));
    let one = DiskReport { disk, state, poison, space: Some(space) };
    let all = NodeReport {
        disks: vec![one; DISKS_REPORTED_MAX + 1],
        missing: vec![disk; DISKS_REPORTED_MAX + 1],
    };
    assert!(encode(&Answer::report(&all)).is_ok());
    let reason = "é".repeat(HEAD_BYTES_MAX);
    let io = std::io::Error::other(reason);
    let words = super::answer::in_words(&io);
    assert!(words.len() <= REASON_BYTES_MAX && words.ends_with('é'));
}

proptest! {
    #[test]
    fn bytes_that_nobody_vouches_for_are_no_harm(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let _ = decode::<Question>(&bytes);
        let _ = decode::<Answer>(&bytes);
        // As somebody would send them who knows how a head is made.
        let mut head = vec![VERSION];
        head.extend_from_slice(&crc32c(&bytes).to_le_bytes());
        head.extend_from_slice(&bytes);
        if let Ok(question) = decode::<Question>(&head) {
            prop_assert_eq!(decode::<Question>(&encode(&question).unwrap()), Ok(question));
        }
        let _ = decode::<Answer>(&head);
    }
}
