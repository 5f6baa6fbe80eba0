//! What a site says about itself, with its signatures checked.

use admin::model::{
    SignatureCheck, SiteCertification, SiteSignature, SiteStatement, SiteVouched, date_text,
};
use catalog::{NodeSignature, SignedStatement, SiteMap};
use units::{ClusterId, SiteId, Timestamp};

use crate::cluster::statement;

/// Checks both signatures by the keys on the map. A statement whose own signature is not
/// good is not shown.
pub(super) fn vouched(
    map: &SiteMap,
    cluster: ClusterId,
    site: SiteId,
    signed: &SignedStatement,
    now: Timestamp,
) -> SiteVouched {
    let signer = map.node(signed.signed.node).filter(|node| node.site == site);
    let read = signer.and_then(|node| statement::verified(signed, cluster, site, node.key));
    let own = match (signer, &read) {
        (None, _) => SignatureCheck::SignerUnknown,
        (Some(_), None) => SignatureCheck::Wrong,
        (Some(_), Some(_)) => SignatureCheck::Good,
    };
    let countersigned = signed.countersigned.as_ref().map(|by| {
        let witness = map.node(by.node).filter(|node| node.site != site);
        let check = match witness {
            None => SignatureCheck::SignerUnknown,
            Some(node) if statement::countersigned(signed, cluster, site, node.key) => {
                SignatureCheck::Good
            }
            Some(_) => SignatureCheck::Wrong,
        };
        signature(map, by, check)
    });
    SiteVouched {
        statement: read.map(|read| model(&read, now)),
        signed: signature(map, &signed.signed, own),
        countersigned,
        until: date_text(signed.until),
        expired: signed.until <= now,
    }
}

fn signature(map: &SiteMap, by: &NodeSignature, check: SignatureCheck) -> SiteSignature {
    let site = map.node(by.node).and_then(|node| map.site(node.site));
    SiteSignature { node: by.node.to_string(), site: site.map(|site| site.name.to_string()), check }
}

fn model(said: &placement::SiteStatement, now: Timestamp) -> SiteStatement {
    let certification = |held: &placement::facts::Certification| SiteCertification {
        name: held.name.to_string(),
        from: held.from.to_string(),
        until: held.until.to_string(),
        holds: held.holds_at(now),
    };
    SiteStatement {
        country: said.country.to_string(),
        commune: said.commune_shown(),
        departement: said.departement.to_string(),
        latitude_micro_degrees: said.position.latitude(),
        longitude_micro_degrees: said.position.longitude(),
        operator: said.operator.name.to_string(),
        siren: said.operator.siren.as_ref().map(ToString::to_string),
        control_country: said.operator.control_country.to_string(),
        hosting: said.hosting.to_string(),
        energy: said.energy.as_ref().map(ToString::to_string),
        certifications: said.certifications.iter().map(certification).collect(),
    }
}
