//! What is sealed opens for exactly what it was sealed for, and for nothing else.

use proptest::prelude::*;
use seal::limits::{SEALED_CHUNK_BYTES, TAG_BYTES};
use seal::{
    BucketKey, BucketNames, ChunkPlace, ChunkSealer, CustomerKey, Generation, Key, KeyUse,
    NamedKey, NamedKeyNames, PartKey, RootKey, SealedLayout, SecretNames, TenantKey, TenantNames,
    WrappedKey, WrappedRing, inline_open, inline_seal, overwrap, sealed_length, secret_open,
    secret_seal, underwrap, unwrap, wrap,
};
use units::limits::CHUNK_BYTES;
use units::{BucketId, ByteCount, PartId, ReferenceId, SimRandom, StripeNumber, TenantId};

const TENANT: TenantId = TenantId::from_u128(0x1111);
const BUCKET: BucketId = BucketId::from_u128(0x2222);
const PART: PartId = PartId::from_u128(0x4444);
const FIRST: Generation = Generation::FIRST;

fn part_key() -> PartKey {
    PartKey::from_bytes([0x0b; 32], FIRST)
}

fn key_use() -> KeyUse<'static> {
    KeyUse {
        tenant: TENANT,
        bucket: BUCKET,
        object_key: "arrêtés/2026-01.pdf",
        reference: ReferenceId::from_u128(0x3333),
        part: PART,
    }
}

/// Other uses, each differing in one name.
fn other_uses() -> Vec<KeyUse<'static>> {
    let names = key_use();
    vec![
        KeyUse { tenant: TenantId::from_u128(9), ..names },
        KeyUse { bucket: BucketId::from_u128(9), ..names },
        KeyUse { object_key: "arrêtés/2026-02.pdf", ..names },
        KeyUse { object_key: "", ..names },
        KeyUse { reference: ReferenceId::from_u128(9), ..names },
        KeyUse { part: PartId::from_u128(9), ..names },
    ]
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

#[test]
fn wrapped_keys_open_for_their_names_only() {
    let random = SimRandom::seeded(1);
    let bucket_key = BucketKey::from_bytes([2; 32], Generation::new(5));
    let wrapped = wrap(&bucket_key, &part_key(), &key_use(), &random);
    let opened: PartKey = unwrap(&bucket_key, &wrapped, &key_use()).unwrap();
    assert_eq!(opened.expose(), part_key().expose());
    assert_eq!(wrapped.under(), Generation::new(5));
    for names in other_uses() {
        assert!(unwrap::<PartKey, _>(&bucket_key, &wrapped, &names).is_err(), "{names:?}");
    }
    let wrong = BucketKey::from_bytes([3; 32], Generation::new(5));
    assert!(unwrap::<PartKey, _>(&wrong, &wrapped, &key_use()).is_err());
}

#[test]
fn any_flipped_bit_of_a_wrapped_key_is_noticed() {
    let random = SimRandom::seeded(1);
    let bucket_key = BucketKey::from_bytes([2; 32], FIRST);
    let wrapped = wrap(&bucket_key, &part_key(), &key_use(), &random);
    for bit in 0..WrappedKey::BYTES * 8 {
        let altered = flipped(wrapped.as_bytes(), bit);
        let opened = WrappedKey::from_bytes(&altered)
            .map_err(seal::OpenError::from)
            .and_then(|wrapped| unwrap::<PartKey, _>(&bucket_key, &wrapped, &key_use()));
        assert!(opened.is_err(), "bit {bit}");
    }
}

#[test]
fn levels_do_not_pass_for_each_other() {
    let random = SimRandom::seeded(1);
    let bytes = [7; 32];
    let customer = CustomerKey::from_client(bytes);
    let wrapped = wrap(&customer, &part_key(), &key_use(), &random);
    // The same bits as a key of another level.
    assert!(
        unwrap::<PartKey, _>(&NamedKey::from_bytes(bytes, FIRST), &wrapped, &key_use()).is_err()
    );
    assert!(
        unwrap::<PartKey, _>(&BucketKey::from_bytes(bytes, FIRST), &wrapped, &key_use()).is_err()
    );
    let root = RootKey::from_bytes(bytes, FIRST);
    let tenant =
        wrap(&root, &TenantKey::from_bytes(bytes, FIRST), &TenantNames { tenant: TENANT }, &random);
    let names = BucketNames { tenant: TENANT, bucket: BUCKET };
    let above = TenantKey::from_bytes(bytes, FIRST);
    assert!(unwrap::<BucketKey, _>(&above, &tenant, &names).is_err());
    let names = NamedKeyNames { tenant: TENANT, name: "x" };
    assert!(unwrap::<NamedKey, _>(&above, &tenant, &names).is_err());
}

#[test]
fn a_key_wrapped_twice_needs_both_keys() {
    let random = SimRandom::seeded(1);
    let bucket_key = BucketKey::from_bytes([2; 32], FIRST);
    let customer = CustomerKey::from_client([5; 32]);
    let inner = wrap(&customer, &part_key(), &key_use(), &random);
    let twice = overwrap(&bucket_key, &inner, &key_use(), &random);
    assert_eq!(underwrap(&bucket_key, &twice, &key_use()).unwrap(), inner);
    for names in other_uses() {
        assert!(underwrap(&bucket_key, &twice, &names).is_err(), "{names:?}");
    }
    for bit in 0..twice.len() * 8 {
        assert!(underwrap(&bucket_key, &flipped(&twice, bit), &key_use()).is_err(), "bit {bit}");
    }
}

#[test]
fn secrets_and_inline_rows_notice_every_flipped_bit() {
    let random = SimRandom::seeded(1);
    let key = TenantKey::from_bytes([8; 32], FIRST);
    let names = SecretNames { tenant: TENANT, access_key: "ESSAIM" };
    let sealed = secret_seal(&key, &names, b"secret", &random).unwrap();
    assert_eq!(*secret_open(&key, &names, &sealed).unwrap(), b"secret");
    for bit in 0..sealed.len() * 8 {
        assert!(secret_open(&key, &names, &flipped(&sealed, bit)).is_err(), "bit {bit}");
    }
    let other = SecretNames { access_key: "ESSAIN", ..names };
    assert!(secret_open(&key, &other, &sealed).is_err());

    let sealed = inline_seal(&part_key(), PART, b"small").unwrap();
    assert_eq!(inline_open(&part_key(), PART, &sealed).unwrap(), b"small");
    for bit in 0..sealed.len() * 8 {
        assert!(inline_open(&part_key(), PART, &flipped(&sealed, bit)).is_err(), "bit {bit}");
    }
    assert!(inline_open(&part_key(), PartId::from_u128(9), &sealed).is_err());
    let empty = inline_seal(&part_key(), PART, b"").unwrap();
    assert_eq!(inline_open(&part_key(), PART, &empty).unwrap(), b"");
    assert!(inline_seal(&part_key(), PART, &vec![0; 8 * 1024 + 1]).is_err());
}

/// Two chunks of stripe 1 and one of stripe 2, the last of the part.
fn sealed_part() -> Vec<(ChunkPlace, Vec<u8>)> {
    let place = |stripe, chunk, last| ChunkPlace { stripe: StripeNumber::new(stripe), chunk, last };
    let sealer = ChunkSealer::new(&part_key(), PART);
    [place(1, 0, false), place(1, 1, false), place(2, 0, true)]
        .into_iter()
        .map(|place| {
            let mut chunk = b"the same bytes in every chunk of this part".to_vec();
            chunk.extend_from_slice(&[0; TAG_BYTES]);
            sealer.seal_chunk(place, &mut chunk).unwrap();
            (place, chunk)
        })
        .collect()
}

#[test]
fn a_chunk_opens_at_its_own_place_only() {
    let part = sealed_part();
    let sealer = ChunkSealer::new(&part_key(), PART);
    for (place, chunk) in &part {
        assert!(sealer.open_chunk(*place, &mut chunk.clone()).is_ok());
        let elsewhere = [
            ChunkPlace { stripe: place.stripe.next(), ..*place },
            ChunkPlace { chunk: place.chunk + 1, ..*place },
            ChunkPlace { last: !place.last, ..*place },
        ];
        for other in elsewhere {
            assert!(
                sealer.open_chunk(other, &mut chunk.clone()).is_err(),
                "{place:?} as {other:?}"
            );
        }
        let part = ChunkSealer::new(&part_key(), PartId::from_u128(9));
        assert!(part.open_chunk(*place, &mut chunk.clone()).is_err());
        let key = PartKey::from_bytes([0x0c; 32], FIRST);
        assert!(ChunkSealer::new(&key, PART).open_chunk(*place, &mut chunk.clone()).is_err());
    }
}

#[test]
fn chunks_cannot_change_places() {
    let part = sealed_part();
    let sealer = ChunkSealer::new(&part_key(), PART);
    for (place, _) in &part {
        for (from, chunk) in part.iter().filter(|(from, _)| from != place) {
            let opened = sealer.open_chunk(*place, &mut chunk.clone()).is_ok();
            assert!(!opened, "the chunk of {from:?} opened at {place:?}");
        }
    }
}

/// Even with one nonce for all (which the next test forbids), the associated
/// data alone must tell the places apart; and without it, the nonce must.
#[test]
fn no_two_chunks_share_their_key_stream() {
    let part = sealed_part();
    for (index, (_, left)) in part.iter().enumerate() {
        for (_, right) in &part[index + 1..] {
            // Equal plain bytes: an equal key stream would give equal ciphertext.
            assert_ne!(left[..16], right[..16]);
        }
    }
}

/// The associated data of a chunk, as the format says, against an independent
/// computation of the cipher: the known answer of the format.
#[test]
fn a_chunk_is_what_the_format_says() {
    use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let (place, chunk) = sealed_part().remove(1);
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[0x0b; 32]).unwrap());
    let mut aad = b"essaim chunk v1\0".to_vec();
    aad.extend_from_slice(&PART.to_bytes());
    aad.extend_from_slice(&place.stripe.get().to_le_bytes());
    aad.extend_from_slice(&place.chunk.to_le_bytes());
    aad.extend_from_slice(&42_u32.to_le_bytes());
    aad.push(0);
    let mut nonce = [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0];
    nonce[8..].copy_from_slice(b"chnk");
    let mut plain = b"the same bytes in every chunk of this part".to_vec();
    let nonce = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut plain).unwrap();
    assert_eq!(plain, chunk);
}

#[test]
fn any_flipped_bit_of_a_chunk_is_noticed() {
    let sealer = ChunkSealer::new(&part_key(), PART);
    for (place, chunk) in sealed_part() {
        for bit in 0..chunk.len() * 8 {
            let opened = sealer.open_chunk(place, &mut flipped(&chunk, bit)).is_ok();
            assert!(!opened, "{place:?} bit {bit}");
        }
        for cut in 0..chunk.len() {
            assert!(sealer.open_chunk(place, &mut chunk[..cut].to_vec()).is_err(), "cut at {cut}");
        }
    }
}

#[test]
fn damaged_rings_are_refused() {
    let random = SimRandom::seeded(1);
    let root = RootKey::from_bytes([1; 32], FIRST);
    let wrapped = |generation| {
        let key = TenantKey::from_bytes([2; 32], Generation::new(generation));
        wrap(&root, &key, &TenantNames { tenant: TENANT }, &random)
    };
    let ring = WrappedRing::of(wrapped(1)).with_newer(wrapped(2)).unwrap();
    assert_eq!(WrappedRing::from_bytes(&ring.to_bytes()).unwrap(), ring);
    assert_eq!(ring.newest().generation(), Generation::new(2));
    assert_eq!(ring.newest_only().keys().len(), 1);
    assert!(WrappedRing::from_keys(vec![]).is_err());
    assert!(ring.with_newer(wrapped(2)).is_err());
    assert!(WrappedRing::from_keys((1..=9).rev().map(wrapped).collect()).is_err());
    let bytes = ring.to_bytes();
    for cut in 0..bytes.len() {
        assert!(WrappedRing::from_bytes(&bytes[..cut]).is_err(), "cut at {cut}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_part_comes_back_whole_and_in_ranges(
        size in 1_usize..(5 * CHUNK_BYTES),
        stripe_chunks in 1_usize..4,
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
    ) {
        let plain: Vec<u8> = (0..size).map(|n| u8::try_from(n * 31 % 251).unwrap()).collect();
        let stripe_bytes = u32::try_from(stripe_chunks * CHUNK_BYTES).unwrap();
        let layout = SealedLayout::new(ByteCount::new(size as u64), stripe_bytes).unwrap();
        let sealer = ChunkSealer::new(&part_key(), PART);
        let mut stripes = Vec::new();
        for (index, piece) in plain.chunks(stripe_bytes as usize).enumerate() {
            let number = StripeNumber::new(u32::try_from(index).unwrap());
            let mut sealed = Vec::new();
            sealer.seal_stripe_into(number, layout.is_last(number), piece, &mut sealed).unwrap();
            prop_assert_eq!(sealed.len() as u64, layout.sealed_bytes(number));
            stripes.push(sealed);
        }
        prop_assert_eq!(stripes.len(), layout.stripe_count() as usize);
        let total: usize = stripes.iter().map(Vec::len).sum();
        prop_assert_eq!(total as u64, layout.sealed_total().get());

        let (from, to) = (from.index(size), to.index(size) + 1);
        let (from, to) = (from.min(to - 1), to.max(from + 1));
        let mut read = Vec::new();
        for range in layout.ranges(from as u64..to as u64) {
            let stripe = &stripes[range.stripe.get() as usize];
            let at = |offset: u64| usize::try_from(offset).unwrap();
            let sealed = at(range.sealed.start)..at(range.sealed.end);
            let reaches_end = layout.is_last(range.stripe) && sealed.end == stripe.len();
            let mut run = stripe[sealed].to_vec();
            sealer.open_run(range.stripe, range.first_chunk, reaches_end, &mut run).unwrap();
            read.extend_from_slice(&run[range.wanted]);
        }
        prop_assert_eq!(&read[..], &plain[from..to]);
    }

    #[test]
    fn sealed_lengths_add_up(plain in 0_u64..(1 << 50)) {
        let sealed = sealed_length(ByteCount::new(plain)).get();
        let whole = plain / CHUNK_BYTES as u64;
        let rest = plain % CHUNK_BYTES as u64;
        let last = if rest == 0 { 0 } else { rest + TAG_BYTES as u64 };
        prop_assert_eq!(sealed, whole * SEALED_CHUNK_BYTES as u64 + last);
    }

    #[test]
    fn ranges_never_leave_the_part(
        size in 0_u64..(1 << 40),
        chunks in 1_u32..=64,
        start in any::<u64>(),
        length in 0_u64..(1 << 24),
    ) {
        let layout = SealedLayout::new(ByteCount::new(size), chunks * 64 * 1024);
        prop_assume!(layout.is_some());
        let layout = layout.unwrap();
        let wanted: u64 = layout
            .ranges(start..start.saturating_add(length))
            .map(|range| {
                assert!(range.sealed.end <= layout.sealed_bytes(range.stripe));
                assert!(range.wanted.end as u64 <= range.sealed.end - range.sealed.start);
                range.wanted.len() as u64
            })
            .sum();
        prop_assert_eq!(wanted, size.min(start.saturating_add(length)).saturating_sub(start));
    }

    #[test]
    fn nothing_from_outside_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let key = TenantKey::from_bytes([8; 32], FIRST);
        let names = SecretNames { tenant: TENANT, access_key: "ESSAIM" };
        prop_assert!(WrappedRing::from_bytes(&bytes).is_err());
        prop_assert!(secret_open(&key, &names, &bytes).is_err());
        prop_assert!(inline_open(&part_key(), PART, &bytes).is_err());
        let bucket_key = BucketKey::from_bytes([2; 32], FIRST);
        prop_assert!(underwrap(&bucket_key, &bytes, &key_use()).is_err());
        let mut run = bytes.clone();
        let sealer = ChunkSealer::new(&part_key(), PART);
        let opened = sealer.open_run(StripeNumber::ZERO, 0, false, &mut run);
        prop_assert!(opened.is_err() || bytes.is_empty());
    }
}

#[cfg(feature = "planted")]
mod planted {
    //! Each planted bug makes one of the tests above fail. One test, since the
    //! switch is one for the whole process.
    use std::panic::catch_unwind;

    #[test]
    fn every_planted_bug_is_caught() {
        let catches: [(&'static str, fn()); 5] = [
            ("seal-drop-chunk", super::a_chunk_is_what_the_format_says),
            ("seal-drop-last", super::a_chunk_opens_at_its_own_place_only),
            ("seal-reuse-nonce", super::no_two_chunks_share_their_key_stream),
            ("seal-skip-tag", super::any_flipped_bit_of_a_chunk_is_noticed),
            ("seal-unbound-wrap", super::wrapped_keys_open_for_their_names_only),
        ];
        assert_eq!(catches.len(), seal::PLANTED.len());
        for (name, test) in catches {
            units::planted::select(Some(name));
            let caught = catch_unwind(test).is_err();
            units::planted::select(None);
            assert!(caught, "{name} was not caught");
            test();
        }
    }
}
