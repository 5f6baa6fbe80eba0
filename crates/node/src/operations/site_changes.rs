//! What operators change about sites: their statements, emptying and removing them.

use admin::model::{Site, SiteRemoveStep};
use admin::{Fault, FaultKind};
use catalog::command::{SiteDrain, SiteRemove, SiteStatementSet};
use catalog::limits::SITE_REMOVE_ROWS_MAX;
use catalog::{Command, Refusal, SiteName, Success};
use consensus::ProposeError;
use placement::SiteFile;

use super::{SiteOperations, unproposed};
use crate::cluster::statement;

impl SiteOperations {
    pub(super) async fn set_site(&self, text: &str) -> Result<Site, Fault> {
        let said = SiteFile::parse(text).map_err(|error| {
            let message = format!("the site file cannot be taken: {error}");
            Fault::invalid(message, "mend it and try again; nothing was changed")
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
                    "empty it first: essaim site drain {name}, and wait until its disks hold \
                     nothing; if it never comes back: essaim site remove {name} --lost"
                ),
            )),
            Err(error) => Err(unproposed(&error)),
        }
    }
}
