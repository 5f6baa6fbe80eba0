//! Golden files: what version 1 of each format looks like, byte for byte.
//!
//! They are made once, with keys and nonces from a repeating generator, and
//! must read the same in every later version. To add one after a new format
//! version: run with `ESSAIM_GOLDEN=write`, look at the difference, commit it.

use std::path::Path;

use seal::{
    BucketKey, ChunkPlace, ChunkSealer, CustomerKey, Generation, Key, KeyUse, PartKey, RootKey,
    SecretNames, TenantKey, TenantNames, WrappedRing, inline_open, inline_seal, overwrap,
    secret_open, secret_seal, underwrap, unwrap, wrap,
};
use units::{BucketId, PartId, ReferenceId, SimRandom, StripeNumber, TenantId};

const TENANT: TenantId = TenantId::from_u128(0x1111);
const PART: PartId = PartId::from_u128(0x4444);

fn check(name: &str, made: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let text = hex::encode(made) + "\n";
    if std::env::var_os("ESSAIM_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "{name}");
}

fn names() -> KeyUse<'static> {
    KeyUse {
        tenant: TENANT,
        bucket: BucketId::from_u128(0x2222),
        object_key: "arrêtés/2026-01.pdf",
        reference: ReferenceId::from_u128(0x3333),
        part: PART,
    }
}

#[test]
fn wrapped_ring_v1() {
    let random = SimRandom::seeded(42);
    let root = RootKey::from_bytes([1; 32], Generation::new(7));
    let key = |byte, generation| TenantKey::from_bytes([byte; 32], Generation::new(generation));
    let names = TenantNames { tenant: TENANT };
    let ring = WrappedRing::of(wrap(&root, &key(2, 1), &names, &random));
    let ring = ring.with_newer(wrap(&root, &key(3, 2), &names, &random)).unwrap();
    check("wrapped_ring_v1.hex", &ring.to_bytes());
    let read = WrappedRing::from_bytes(&ring.to_bytes()).unwrap();
    let opened: TenantKey = unwrap(&root, read.newest(), &names).unwrap();
    assert_eq!(opened.expose(), &[3; 32]);
}

#[test]
fn overwrapped_v1() {
    let random = SimRandom::seeded(42);
    let bucket_key = BucketKey::from_bytes([4; 32], Generation::new(2));
    let customer = CustomerKey::from_client([5; 32]);
    let part_key = PartKey::from_bytes([6; 32], Generation::FIRST);
    let inner = wrap(&customer, &part_key, &names(), &random);
    let twice = overwrap(&bucket_key, &inner, &names(), &random);
    check("overwrapped_v1.hex", &twice);
    assert_eq!(underwrap(&bucket_key, &twice, &names()).unwrap(), inner);
}

#[test]
fn secret_v1() {
    let random = SimRandom::seeded(42);
    let key = TenantKey::from_bytes([2; 32], Generation::new(3));
    let names = SecretNames { tenant: TENANT, access_key: "ESSAIM" };
    let sealed = secret_seal(&key, &names, b"the secret of an access key", &random).unwrap();
    check("secret_v1.hex", &sealed);
    assert_eq!(*secret_open(&key, &names, &sealed).unwrap(), b"the secret of an access key");
}

#[test]
fn inline_v1() {
    let key = PartKey::from_bytes([6; 32], Generation::FIRST);
    let sealed = inline_seal(&key, PART, b"a small object").unwrap();
    check("inline_v1.hex", &sealed);
    assert_eq!(inline_open(&key, PART, &sealed).unwrap(), b"a small object");
}

#[test]
fn chunk_v1() {
    let sealer = ChunkSealer::new(&PartKey::from_bytes([6; 32], Generation::FIRST), PART);
    let place = ChunkPlace { stripe: StripeNumber::new(3), chunk: 2, last: true };
    let mut chunk = b"the end of a part................".to_vec();
    chunk.extend_from_slice(&[0; 16]);
    sealer.seal_chunk(place, &mut chunk).unwrap();
    check("chunk_v1.hex", &chunk);
    assert!(sealer.open_chunk(place, &mut chunk).unwrap().starts_with(b"the end of a part"));
}
