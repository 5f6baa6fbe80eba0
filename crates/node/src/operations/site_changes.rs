//! What operators change about sites: their statements, emptying and removing them.

use std::collections::BTreeSet;

use admin::model::{Site, SiteRemoveStep};
use admin::{Fault, FaultKind};
use catalog::command::{SiteDrain, SiteRemove, SiteStatementSet};
use catalog::limits::SITE_REMOVE_ROWS_MAX;
use catalog::{Command, Refusal, SiteMap, SiteName, Success};
use consensus::ProposeError;
use placement::{Language, SiteFile};
use units::{NodeId, SiteId};

use super::{SiteOperations, unproposed, unread};
use crate::cluster::statement;

impl SiteOperations {
    pub(super) async fn set_site(&self, text: &str, language: Language) -> Result<Site, Fault> {
        let said = SiteFile::parse(text).map_err(|error| {
            let told = error.explain(language);
            Fault::invalid(
                language.pick(
                    format!("le fichier du site ne peut pas être pris\u{a0}:\n{told}"),
                    format!("the site file cannot be taken:\n{told}"),
                ),
                language.pick(
                    "corrigez-le et recommencez\u{a0}; rien n'a été changé",
                    "mend it and try again; nothing was changed",
                ),
            )
        })?;
        let hands = &self.cluster;
        let name = SiteName::new(said.name.to_string()).map_err(|error| {
            Fault::invalid(format!("the site's name: {error}"), "choose another name")
        })?;
        let me = (hands.node, &*hands.key);
        let signed = statement::sign(&said, hands.cluster, hands.site, me, self.clock.now());
        let set = SiteStatementSet { site: hands.site, name, statement: signed };
        let done = self.consensus.propose(Command::SiteStatementSet(Box::new(set))).await;
        done.map_err(|error| unproposed(&error))?;
        self.show_site(&hands.site.to_string()).await
    }

    pub(super) async fn drain_site(&self, name: &str, draining: bool) -> Result<Site, Fault> {
        let site = self.site_named(name)?;
        if !draining {
            self.replacement_undo(site).await?;
        }
        let done = self.consensus.propose(Command::SiteDrain(SiteDrain { site, on: draining }));
        done.await.map_err(|error| unproposed(&error))?;
        self.show_site(&site.to_string()).await
    }

    pub(super) async fn remove_site(
        &self,
        name: &str,
        lost: bool,
    ) -> Result<SiteRemoveStep, Fault> {
        let site = self.site_named(name)?;
        if site == self.cluster.site {
            return Err(Fault::conflict(
                "this node is of that site: it would cut itself off in the midst of it",
                "type it at a node of another site: essaim site list",
            ));
        }
        self.voters_check(name, site).await?;
        let rows = SITE_REMOVE_ROWS_MAX;
        let remove = SiteRemove { site, lost, rows };
        let done = self.consensus.propose(Command::SiteRemove(remove)).await;
        match done {
            Ok(Success::SiteRemove { finished }) => {
                Ok(SiteRemoveStep { finished, parts_looked_at: u64::from(rows) })
            }
            Ok(_) => Ok(SiteRemoveStep { finished: false, parts_looked_at: 0 }),
            Err(ProposeError::Refused(Refusal::SiteInUse { part, .. })) => Err(Fault::new(
                FaultKind::Conflict,
                format!("parts still lie at the site {name}, the first of them {part}"),
                format!(
                    "empty it first: essaim site drain {name}; essaim site list says what is left \
                     and when it will be done; if it never comes back: essaim site remove {name} \
                     --lost"
                ),
            )),
            Err(error) => Err(unproposed(&error)),
        }
    }

    /// Refuses to cut off so many voters that the others cannot agree any more, not even
    /// on voting without them: whoever is off the map is not spoken to.
    async fn voters_check(&self, name: &str, leaving: SiteId) -> Result<(), Fault> {
        let caught_up = self.consensus.catch_up().await;
        caught_up.map_err(|error| unproposed(&error.into()))?;
        let map = self.consensus.view().site_map().map_err(|error| unread(&error))?;
        if voters_stay(&map, &self.consensus.status().voters, leaving) {
            return Ok(());
        }
        Err(Fault::conflict(
            format!(
                "a node of {name} votes on the catalog, and without it those that are left could \
                 decide nothing any more"
            ),
            format!(
                "drain it first (essaim site drain {name}), and try again in a moment; if it is \
                 lost, let another site join before"
            ),
        ))
    }
}

/// Whether enough voters stay, once a site is gone, to agree on who votes from then on.
fn voters_stay(map: &SiteMap, voters: &BTreeSet<NodeId>, leaving: SiteId) -> bool {
    let site = |voter: &NodeId| map.node(*voter).map(|node| node.site);
    if voters.iter().all(|voter| site(voter) != Some(leaving)) {
        return true;
    }
    let stays = |voter: &&NodeId| site(voter).is_some_and(|site| site != leaving);
    2 * voters.iter().filter(stays).count() > voters.len()
}

#[cfg(test)]
mod tests {
    use catalog::{Node, NodeRole};
    use units::{NodePublicKey, Timestamp};

    use super::*;

    #[test]
    fn no_site_leaves_without_which_nobody_can_decide() {
        let node = |number: u128| Node {
            id: NodeId::from_u128(number),
            site: SiteId::from_u128(number),
            key: NodePublicKey([7; 32]),
            addresses: Vec::new(),
            role: NodeRole::Full,
            disks: Vec::new(),
            joined: Timestamp::from_seconds(1),
        };
        let stay = |nodes: &[u128], voters: &[u128], leaving: u128| {
            let nodes = nodes.iter().map(|number| node(*number)).collect();
            let map = SiteMap { nodes, ..SiteMap::default() };
            let voters = voters.iter().map(|number| NodeId::from_u128(*number)).collect();
            voters_stay(&map, &voters, SiteId::from_u128(leaving))
        };
        assert!(!stay(&[1, 2], &[1, 2], 2), "neither of two goes on without the other");
        assert!(stay(&[1, 2], &[1], 2), "it is drained and votes no more");
        assert!(stay(&[1, 2, 3], &[1, 2, 3], 3));
        assert!(!stay(&[1, 2], &[1, 2, 3], 2), "the third one has just left the map");
        assert!(stay(&[1, 2, 4], &[1, 2, 3], 4), "it does not vote");
    }
}
