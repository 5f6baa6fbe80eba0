//! The vault as its users see it: what opens, what never opens again.

use std::sync::Arc;

use disk::{Disk, Fault, OperationKind, SimDisk, Survival};
use seal::{CustomerKey, Key, PartKey};
use units::{BucketId, PartId, Random, ReferenceId, SimRandom, TenantId};

use crate::key_file::{Derivation, PATH};
use crate::{
    BucketChain, Keeper, KeyError, NodeIdentity, PartAt, Passphrase, RotationError, TenantRewrap,
    Vault, VaultError, node_verify,
};

const TENANT: TenantId = TenantId::from_u128(1);
const BUCKET: BucketId = BucketId::from_u128(2);
const REFERENCE: ReferenceId = ReferenceId::from_u128(3);
const PART: PartId = PartId::from_u128(4);

fn random(seed: u64) -> Arc<dyn Random> {
    Arc::new(SimRandom::seeded(seed))
}

/// A vault on a fresh disk, with one tenant and one bucket.
struct House {
    disk: Arc<SimDisk>,
    vault: Vault,
    tenant_key: Vec<u8>,
    bucket_key: Vec<u8>,
}

impl House {
    fn new() -> Self {
        let disk = SimDisk::new();
        let vault = Vault::create(disk.clone(), random(1), None).unwrap();
        let tenant_key = vault.tenant_key_create(TENANT).unwrap();
        let bucket_key = vault.bucket_key_create(TENANT, &tenant_key, BUCKET).unwrap();
        Self { disk, vault, tenant_key, bucket_key }
    }

    fn chain(&self) -> BucketChain<'_> {
        BucketChain {
            tenant: TENANT,
            tenant_key: &self.tenant_key,
            bucket: BUCKET,
            bucket_key: &self.bucket_key,
        }
    }

    fn at(&self) -> PartAt<'_> {
        PartAt {
            chain: self.chain(),
            keeper: Keeper::Bucket,
            object_key: "arrêtés/2026-01.pdf",
            reference: REFERENCE,
            part: PART,
        }
    }

    fn reopened(&self) -> Vault {
        Vault::open(self.disk.clone(), random(2), None).unwrap()
    }

    fn tenants(&self) -> Vec<TenantRewrap> {
        vec![TenantRewrap { tenant: TENANT, wrapped: self.tenant_key.clone() }]
    }
}

fn same(left: &PartKey, right: &PartKey) -> bool {
    left.expose() == right.expose()
}

#[test]
fn a_part_key_opens_after_a_restart() {
    let house = House::new();
    let (key, wrapped) = house.vault.part_key_create(&house.at()).unwrap();
    assert!(same(&key, &house.vault.part_key_open(&house.at(), &wrapped).unwrap()));
    assert!(same(&key, &house.reopened().part_key_open(&house.at(), &wrapped).unwrap()));
}

#[test]
fn no_key_is_in_clear_in_what_is_stored() {
    let house = House::new();
    let (key, wrapped) = house.vault.part_key_create(&house.at()).unwrap();
    for stored in [&wrapped, &house.tenant_key, &house.bucket_key] {
        assert!(!stored.windows(8).any(|window| key.expose().starts_with(window)));
    }
}

#[test]
fn a_swapped_name_does_not_open() {
    let house = House::new();
    let (_, wrapped) = house.vault.part_key_create(&house.at()).unwrap();
    let at = house.at();
    let elsewhere = [
        PartAt { object_key: "autre", ..at },
        PartAt { reference: ReferenceId::from_u128(9), ..at },
        PartAt { part: PartId::from_u128(9), ..at },
        PartAt { chain: BucketChain { bucket: BucketId::from_u128(9), ..at.chain }, ..at },
        PartAt { chain: BucketChain { tenant: TenantId::from_u128(9), ..at.chain }, ..at },
    ];
    for swapped in elsewhere {
        assert!(house.vault.part_key_open(&swapped, &wrapped).is_err(), "{swapped:?}");
    }
}

#[test]
fn a_copy_shares_the_part_under_a_wrapping_of_its_own() {
    let house = House::new();
    let (key, wrapped) = house.vault.part_key_create(&house.at()).unwrap();
    let copy = PartAt { object_key: "copie", reference: ReferenceId::from_u128(7), ..house.at() };
    let copied = house.vault.part_key_rewrap(&house.at(), &wrapped, &copy).unwrap();
    assert!(same(&key, &house.vault.part_key_open(&copy, &copied).unwrap()));
    assert!(house.vault.part_key_open(&house.at(), &copied).is_err());
}

#[test]
fn customer_and_named_keys_are_needed_besides_the_bucket_key() {
    let house = House::new();
    let customer = CustomerKey::from_client([5; 32]);
    let wrong = CustomerKey::from_client([6; 32]);
    let named = house.vault.named_key_create(TENANT, &house.tenant_key, "archives").unwrap();
    let keepers = [Keeper::Customer(&customer), Keeper::Named { name: "archives", key: &named }];
    for keeper in keepers {
        let at = PartAt { keeper, ..house.at() };
        let (key, wrapped) = house.vault.part_key_create(&at).unwrap();
        assert!(same(&key, &house.vault.part_key_open(&at, &wrapped).unwrap()));
        for other in
            [Keeper::Bucket, Keeper::Customer(&wrong), Keeper::Named { name: "autre", key: &named }]
        {
            let at = PartAt { keeper: other, ..at };
            assert!(house.vault.part_key_open(&at, &wrapped).is_err(), "{other:?}");
        }
    }
}

#[test]
fn secrets_open_for_their_own_access_key_only() {
    let House { vault, tenant_key, .. } = House::new();
    let sealed = vault.secret_seal(TENANT, &tenant_key, "ESSAIM1", "très secret").unwrap();
    let opened = vault.secret_open(TENANT, &tenant_key, "ESSAIM1", &sealed).unwrap();
    assert_eq!(*opened, "très secret");
    assert!(vault.secret_open(TENANT, &tenant_key, "ESSAIM2", &sealed).is_err());
}

#[test]
fn the_passphrase_is_asked_for_and_checked() {
    let disk = SimDisk::new();
    let quick = Derivation { memory_kib: 8, passes: 1, lanes: 1, salt: [7; 16] };
    let right = Passphrase::new("les abeilles rentrent");
    let vault = Vault::create_with(disk.clone(), random(1), Some(&right), quick).unwrap();
    let tenant_key = vault.tenant_key_create(TENANT).unwrap();
    let open = |passphrase: Option<&Passphrase>| Vault::open(disk.clone(), random(2), passphrase);
    assert!(matches!(open(None), Err(VaultError::PassphraseNeeded)));
    let wrong = Passphrase::new("les abeilles sortent");
    assert!(matches!(open(Some(&wrong)), Err(VaultError::WrongPassphrase)));
    let again = open(Some(&right)).unwrap();
    assert!(again.bucket_key_create(TENANT, &tenant_key, BUCKET).is_ok());
    again.passphrase_set(None).unwrap();
    assert!(open(None).unwrap().bucket_key_create(TENANT, &tenant_key, BUCKET).is_ok());
    assert!(matches!(open(Some(&right)), Err(VaultError::PassphraseUnexpected)));
}

#[test]
fn a_vault_is_never_overwritten_and_a_missing_one_is_said_to_be() {
    let disk = SimDisk::new();
    assert!(matches!(Vault::open(disk.clone(), random(1), None), Err(VaultError::Missing { .. })));
    Vault::create(disk.clone(), random(1), None).unwrap();
    assert!(matches!(Vault::create(disk, random(1), None), Err(VaultError::Exists { .. })));
}

#[test]
fn any_flipped_bit_of_the_key_file_is_noticed() {
    let house = House::new();
    let length = house.disk.open(PATH).unwrap().length().unwrap().get();
    for bit in 0..length * 8 {
        assert!(house.disk.flip_bit(PATH, bit));
        assert!(Vault::open(house.disk.clone(), random(2), None).is_err(), "bit {bit}");
        assert!(house.disk.flip_bit(PATH, bit));
    }
    house.reopened();
}

#[test]
fn root_rotation_wraps_tenant_keys_again_and_survives_interruption() {
    let mut house = House::new();
    let (key, wrapped) = house.vault.part_key_create(&house.at()).unwrap();
    house.vault.root_rotate().unwrap();
    assert!(matches!(house.vault.root_rotate(), Err(VaultError::NotNow { .. })));
    // Interrupted here: everything opens, and the rotation is still known to be pending.
    house.vault = house.reopened();
    assert!(house.vault.root_rotation_pending());
    assert!(same(&key, &house.vault.part_key_open(&house.at(), &wrapped).unwrap()));
    let refused = house.vault.root_retire(house.tenants());
    assert!(matches!(refused, Err(RotationError::StillInUse { .. })));
    let done = house.vault.root_rewrap(house.tenants()).unwrap();
    house.tenant_key = done.first().unwrap().wrapped.clone();
    assert_eq!(house.vault.root_rewrap(house.tenants()).unwrap(), []);
    house.vault.root_retire(house.tenants()).unwrap();
    house.vault = house.reopened();
    assert!(!house.vault.root_rotation_pending());
    // The part's wrapped key is the same bytes as before.
    assert!(same(&key, &house.vault.part_key_open(&house.at(), &wrapped).unwrap()));
}

#[test]
fn root_rotation_is_safe_at_every_power_cut() {
    let steps = |house: &mut House| -> Result<(), RotationError> {
        house.vault.root_rotate()?;
        let done = house.vault.root_rewrap(house.tenants())?;
        if let Some(done) = done.into_iter().next() {
            house.tenant_key = done.wrapped;
        }
        house.vault.root_retire(house.tenants())
    };
    let operations = {
        let mut house = House::new();
        let before = house.disk.operations();
        steps(&mut house).unwrap();
        before..house.disk.operations()
    };
    for cut in operations {
        for survival in [Survival::LoseAll, Survival::KeepAll, Survival::Drawn(cut)] {
            let mut house = House::new();
            let (key, wrapped) = house.vault.part_key_create(&house.at()).unwrap();
            house.disk.cut_before(cut);
            let _ = steps(&mut house);
            let disk = house.disk.after_power_cut(survival);
            let vault = Vault::open(disk, random(3), None).unwrap();
            let opened = vault.part_key_open(&house.at(), &wrapped);
            assert!(same(&key, &opened.unwrap()), "cut before operation {cut}, {survival:?}");
        }
    }
}

/// Whatever operation fails while the key file is replaced, the old one stands,
/// in memory and on the disk.
#[test]
fn a_failed_write_of_the_key_file_changes_nothing() {
    let kinds = [
        OperationKind::Create,
        OperationKind::Write,
        OperationKind::SyncData,
        OperationKind::Rename,
        OperationKind::SyncDirectory,
    ];
    for kind in kinds {
        for fault in [Fault::Io, Fault::Full] {
            let house = House::new();
            let (key, wrapped) = house.vault.part_key_create(&house.at()).unwrap();
            house.disk.fail(kind, 0, fault);
            assert!(house.vault.tenant_shred(TENANT).is_err(), "{kind:?} {fault:?}");
            assert!(same(&key, &house.vault.part_key_open(&house.at(), &wrapped).unwrap()));
            let disk = house.disk.after_power_cut(Survival::LoseAll);
            let vault = Vault::open(disk, random(2), None).unwrap();
            assert!(same(&key, &vault.part_key_open(&house.at(), &wrapped).unwrap()));
        }
        let house = House::new();
        house.disk.fail(kind, 0, Fault::Io);
        assert!(house.vault.root_rotate().is_err(), "{kind:?}");
        assert!(!house.vault.root_rotation_pending());
        assert!(house.vault.passphrase_set(Some(&Passphrase::new(""))).is_err());
    }
}

/// Interrupted between any two tenants, a root rotation is taken up again, and
/// what was stored in the meantime opens.
#[test]
fn a_root_rotation_over_many_tenants_can_stop_anywhere() {
    for stop in 0..5 {
        let disk = SimDisk::new();
        let mut vault = Vault::create(disk.clone(), random(1), None).unwrap();
        let mut tenants: Vec<TenantRewrap> = (0..5)
            .map(|tenant| {
                let tenant = TenantId::from_u128(tenant);
                TenantRewrap { tenant, wrapped: vault.tenant_key_create(tenant).unwrap() }
            })
            .collect();
        let buckets: Vec<Vec<u8>> = tenants
            .iter()
            .map(|it| vault.bucket_key_create(it.tenant, &it.wrapped, BUCKET).unwrap())
            .collect();
        vault.root_rotate().unwrap();
        for done in vault.root_rewrap(tenants.clone()).unwrap().into_iter().take(stop) {
            let row = tenants.iter_mut().find(|it| it.tenant == done.tenant).unwrap();
            *row = done;
        }
        vault = Vault::open(disk.clone(), random(2), None).unwrap();
        let left = vault.root_rewrap(tenants.clone()).unwrap();
        assert_eq!(left.len(), 5 - stop);
        assert!(vault.root_retire(tenants.clone()).is_err());
        for done in left {
            let row = tenants.iter_mut().find(|it| it.tenant == done.tenant).unwrap();
            *row = done;
        }
        vault.root_retire(tenants.clone()).unwrap();
        vault = Vault::open(disk, random(3), None).unwrap();
        for (tenant, bucket_key) in tenants.iter().zip(&buckets) {
            let chain = BucketChain {
                tenant: tenant.tenant,
                tenant_key: &tenant.wrapped,
                bucket: BUCKET,
                bucket_key,
            };
            assert!(vault.bucket_rotate(&chain).is_ok());
        }
    }
}

#[test]
fn tenant_rotation_moves_bucket_keys_and_secrets() {
    let mut house = House::new();
    let (key, wrapped) = house.vault.part_key_create(&house.at()).unwrap();
    let secret = house.vault.secret_seal(TENANT, &house.tenant_key, "ID", "secret").unwrap();
    let named = house.vault.named_key_create(TENANT, &house.tenant_key, "n").unwrap();
    house.tenant_key = house.vault.tenant_rotate(TENANT, &house.tenant_key).unwrap();
    assert!(same(&key, &house.vault.part_key_open(&house.at(), &wrapped).unwrap()));
    let retire = |house: &House, secret: &[u8], named: &[u8]| {
        let rings = [house.bucket_key.as_slice(), named];
        house.vault.tenant_retire(TENANT, &house.tenant_key, rings, [secret])
    };
    assert!(matches!(retire(&house, &secret, &named), Err(RotationError::StillInUse { .. })));
    house.bucket_key = house.vault.bucket_key_rewrap(&house.chain()).unwrap().unwrap();
    assert_eq!(house.vault.bucket_key_rewrap(&house.chain()), Ok(None));
    let resealed = house.vault.secret_reseal(TENANT, &house.tenant_key, "ID", &secret);
    let resealed = resealed.unwrap().unwrap();
    let rewrapped = house.vault.named_key_rewrap(TENANT, &house.tenant_key, "n", &named);
    let rewrapped = rewrapped.unwrap().unwrap();
    house.tenant_key = retire(&house, &resealed, &rewrapped).unwrap();
    house.vault = house.reopened();
    assert!(same(&key, &house.vault.part_key_open(&house.at(), &wrapped).unwrap()));
    let opened = house.vault.secret_open(TENANT, &house.tenant_key, "ID", &resealed);
    assert_eq!(*opened.unwrap(), "secret");
    assert!(house.vault.secret_open(TENANT, &house.tenant_key, "ID", &secret).is_err());
}

/// A tenant that was shredded while the root was rotated may have been wrapped under
/// the new root already: retiring the old one must not bring it back.
#[test]
fn a_shred_during_a_root_rotation_lasts() {
    for rewrapped_before in [true, false] {
        let mut house = House::new();
        let (_, wrapped) = house.vault.part_key_create(&house.at()).unwrap();
        let early = TenantId::from_u128(9);
        let early_key = house.vault.tenant_key_create(early).unwrap();
        house.vault.tenant_shred(early).unwrap();
        house.vault.root_rotate().unwrap();
        let done = house.vault.root_rewrap(house.tenants()).unwrap();
        if rewrapped_before {
            house.tenant_key = done.first().unwrap().wrapped.clone();
        }
        house.vault.tenant_shred(TENANT).unwrap();
        house.vault = house.reopened();
        house.vault.root_retire([]).unwrap();
        house.vault = house.reopened();
        assert!(house.vault.part_key_open(&house.at(), &wrapped).is_err());
        let refused = house.vault.part_key_create(&house.at());
        assert_eq!(refused.err(), Some(KeyError::TenantShredded { tenant: TENANT }));
        // The one from before is under no root key that there is; its mark may go.
        assert_eq!(house.vault.shredded_count(), 1);
        assert!(house.vault.bucket_key_create(early, &early_key, BUCKET).is_err());
        house.vault.root_rotate().unwrap();
        house.vault.root_retire([]).unwrap();
        assert_eq!(house.vault.shredded_count(), 0);
        assert!(house.vault.part_key_open(&house.at(), &wrapped).is_err());
    }
}

/// Whoever holds a bucket's keys reads on while they are rotated and retired.
#[test]
fn held_keys_outlive_a_rotation_and_not_a_shred() {
    let mut house = House::new();
    let customer = CustomerKey::from_client([5; 32]);
    let named = house.vault.named_key_create(TENANT, &house.tenant_key, "n").unwrap();
    let keepers =
        [Keeper::Bucket, Keeper::Named { name: "n", key: &named }, Keeper::Customer(&customer)];
    let (tenant_key, bucket_key) = (house.tenant_key.clone(), house.bucket_key.clone());
    let old = BucketChain {
        tenant: TENANT,
        tenant_key: &tenant_key,
        bucket: BUCKET,
        bucket_key: &bucket_key,
    };
    let made = keepers.map(|keeper| {
        let at = PartAt { chain: old, keeper, ..house.at() };
        let (key, wrapped) = house.vault.part_key_create(&at).unwrap();
        (keeper, key, wrapped, house.vault.keys_hold(&old, &keeper).unwrap())
    });
    house.vault.root_rotate().unwrap();
    house.tenant_key = house.vault.root_rewrap(house.tenants()).unwrap()[0].wrapped.clone();
    house.vault.root_retire(house.tenants()).unwrap();
    for (keeper, key, wrapped, held) in &made {
        let at = PartAt { chain: old, keeper: *keeper, ..house.at() };
        assert!(house.vault.part_key_open(&at, wrapped).is_err(), "the old root key is gone");
        let opened = house.vault.part_key_open_held(held, &at, wrapped).unwrap();
        assert!(same(key, &opened));
    }
    house.vault.bucket_shred(BUCKET).unwrap();
    for (keeper, _, wrapped, held) in &made {
        let at = PartAt { chain: old, keeper: *keeper, ..house.at() };
        assert!(house.vault.part_key_open_held(held, &at, wrapped).is_err());
    }
}

#[test]
fn bucket_rotation_renews_part_keys_lazily_even_without_the_customers_key() {
    let mut house = House::new();
    let customer = CustomerKey::from_client([5; 32]);
    let bucket_key = house.bucket_key.clone();
    let plain = house.vault.part_key_create(&house.at()).unwrap();
    let with = Keeper::Customer(&customer);
    let locked = house.vault.part_key_create(&PartAt { keeper: with, ..house.at() }).unwrap();
    house.bucket_key = house.vault.bucket_rotate(&house.chain()).unwrap();
    for ((key, wrapped), keeper) in [(plain, Keeper::Bucket), (locked, with)] {
        let at = PartAt { keeper, ..house.at() };
        assert!(same(&key, &house.vault.part_key_open(&at, &wrapped).unwrap()));
        let early = house.vault.bucket_retire(BUCKET, &house.bucket_key, [wrapped.as_slice()]);
        assert!(matches!(early, Err(RotationError::StillInUse { .. })));
        let renewed = house.vault.part_key_renew(&house.at(), &wrapped).unwrap().unwrap();
        assert_eq!(house.vault.part_key_renew(&house.at(), &renewed), Ok(None));
        let retired = house.vault.bucket_retire(BUCKET, &house.bucket_key, [renewed.as_slice()]);
        let retired = retired.unwrap();
        let chain = BucketChain { bucket_key: &retired, ..house.chain() };
        let at = PartAt { chain, ..at };
        assert!(same(&key, &house.vault.part_key_open(&at, &renewed).unwrap()));
        assert!(house.vault.part_key_open(&at, &wrapped).is_err());
    }
    assert_ne!(bucket_key, house.bucket_key);
}

#[test]
fn nothing_of_a_shredded_tenant_opens_whatever_row_is_presented() {
    let mut house = House::new();
    let (_, wrapped) = house.vault.part_key_create(&house.at()).unwrap();
    let secret = house.vault.secret_seal(TENANT, &house.tenant_key, "ID", "secret").unwrap();
    house.vault.tenant_shred(TENANT).unwrap();
    assert_eq!(house.vault.cache.count(), 0);
    for _ in 0..2 {
        let gone = KeyError::TenantShredded { tenant: TENANT };
        let vault = &house.vault;
        assert_eq!(vault.part_key_open(&house.at(), &wrapped).unwrap_err(), gone);
        assert_eq!(vault.part_key_create(&house.at()).unwrap_err(), gone);
        assert_eq!(vault.bucket_key_rewrap(&house.chain()).unwrap_err(), gone);
        assert!(vault.part_key_renew(&house.at(), &wrapped).is_err());
        let opened = vault.secret_open(TENANT, &house.tenant_key, "ID", &secret);
        assert_eq!(opened.unwrap_err(), gone);
        house.vault = house.reopened();
    }
    // Rotating the root makes it final: the kept row does not open even though
    // the vault no longer remembers the tenant.
    house.vault.root_rotate().unwrap();
    assert_eq!(house.vault.root_rewrap(house.tenants()).unwrap(), []);
    house.vault.root_retire(house.tenants()).unwrap();
    assert_eq!(house.vault.shredded_count(), 0);
    assert!(house.vault.part_key_open(&house.at(), &wrapped).is_err());
}

#[test]
fn shredding_a_bucket_or_a_version_leaves_its_neighbours() {
    let house = House::new();
    let (_, wrapped) = house.vault.part_key_create(&house.at()).unwrap();
    let neighbour = PartAt { reference: ReferenceId::from_u128(8), ..house.at() };
    let (_, other) = house.vault.part_key_create(&neighbour).unwrap();
    house.vault.reference_shred(REFERENCE).unwrap();
    assert!(house.vault.part_key_open(&house.at(), &wrapped).is_err());
    assert!(house.vault.part_key_open(&neighbour, &other).is_ok());
    house.vault.bucket_shred(BUCKET).unwrap();
    assert!(house.vault.part_key_open(&neighbour, &other).is_err());
    assert!(house.reopened().part_key_open(&neighbour, &other).is_err());
    let next = BucketId::from_u128(20);
    assert!(house.vault.bucket_key_create(TENANT, &house.tenant_key, next).is_ok());
}

#[test]
fn the_cache_is_bounded() {
    let house = House::new();
    for bucket in 0..(crate::limits::CACHED_KEYS_MAX as u128 + 10) {
        let bucket = BucketId::from_u128(100 + bucket);
        let key = house.vault.bucket_key_create(TENANT, &house.tenant_key, bucket).unwrap();
        let chain = BucketChain { bucket, bucket_key: &key, ..house.chain() };
        house.vault.part_key_create(&PartAt { chain, ..house.at() }).unwrap();
    }
    assert!(house.vault.cache.count() <= 2 * crate::limits::CACHED_KEYS_MAX);
}

#[test]
fn nothing_secret_is_shown() {
    let house = House::new();
    let shown = format!("{:?} {:?}", house.vault, Passphrase::new("abeille"));
    assert!(!shown.contains("abeille"));
    assert_eq!(shown, "Vault(1 cached keys, hidden) Passphrase(hidden)");
}

#[test]
fn the_node_identity_is_made_once_and_signs() {
    let disk = SimDisk::new();
    let made = NodeIdentity::open_or_create(&*disk, &*random(1)).unwrap();
    let again = NodeIdentity::open_or_create(&*disk, &*random(2)).unwrap();
    assert_eq!(made.public(), again.public());
    let signature = again.sign(b"message");
    assert!(node_verify(made.public(), b"message", &signature));
    assert!(!node_verify(made.public(), b"messagf", &signature));
    for bit in 0..106 * 8 {
        assert!(disk.flip_bit("node.key", bit));
        assert!(NodeIdentity::open_or_create(&*disk, &*random(3)).is_err(), "bit {bit}");
        assert!(disk.flip_bit("node.key", bit));
    }
}

/// The root key file of version 1, with a passphrase, byte for byte.
/// A file of random bytes in it (the wrapping's nonce) comes from the seed.
#[test]
fn key_file_v1_is_still_read() {
    let disk = SimDisk::new();
    let quick = Derivation { memory_kib: 8, passes: 1, lanes: 1, salt: [7; 16] };
    let passphrase = Passphrase::new("ruche");
    Vault::create_with(disk.clone(), random(42), Some(&passphrase), quick).unwrap();
    let file = disk.open(PATH).unwrap();
    let mut bytes = vec![0; usize::try_from(file.length().unwrap().get()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    let golden: Vec<u8> = include_str!("../tests/golden/root_key_v1.hex")
        .trim()
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    assert_eq!(bytes, golden);
    assert!(Vault::open(disk, random(1), Some(&passphrase)).is_ok());
}

#[cfg(feature = "planted")]
mod planted {
    //! Each planted bug makes one of the tests above fail. One test, since the
    //! switch is one for the whole process.
    use std::panic::catch_unwind;

    #[test]
    fn every_planted_bug_is_caught() {
        let catches: [(&'static str, fn()); 2] = [
            (
                "vault-forget-shred",
                super::nothing_of_a_shredded_tenant_opens_whatever_row_is_presented,
            ),
            (
                "vault-retire-early",
                super::root_rotation_wraps_tenant_keys_again_and_survives_interruption,
            ),
        ];
        assert_eq!(catches.len(), crate::PLANTED.len());
        for (name, test) in catches {
            units::planted::select(Some(name));
            let caught = catch_unwind(test).is_err();
            units::planted::select(None);
            assert!(caught, "{name} was not caught");
            test();
        }
    }
}
