//! The metrics a node exports: one row each, from which HELP and TYPE come.
//!
//! Names follow the Prometheus rules: a unit last, `_total` on counters, base
//! units only. A metric that is not in this table is exported without HELP, so
//! the table is where a new one goes first.

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution of seconds.
    Histogram,
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name, unit last.
    pub name: &'static str,
    /// What kind of number.
    pub kind: Kind,
    /// One sentence for HELP.
    pub help: &'static str,
}

macro_rules! metrics_table {
    ($($constant:ident $kind:ident $name:literal $help:literal)*) => {
        $(
            #[doc = $help]
            pub const $constant: &str = $name;
        )*
        /// Every metric of the node.
        pub const METRICS: &[Metric] = &[
            $(Metric { name: $name, kind: Kind::$kind, help: $help },)*
        ];
    };
}

metrics_table! {
    BUILD_INFO Gauge "essaim_build_info"
        "Always 1; the version is in the label."
    UPTIME_SECONDS Gauge "essaim_uptime_seconds"
        "Seconds since this process started to serve."
    RESIDENT_BYTES Gauge "essaim_process_resident_memory_bytes"
        "Memory of this process that is in RAM."
    S3_REQUESTS Counter "essaim_s3_requests_total"
        "S3 requests answered, by verb and status."
    S3_RECEIVED_BYTES Counter "essaim_s3_received_bytes_total"
        "Body bytes received from S3 clients."
    S3_SENT_BYTES Counter "essaim_s3_sent_bytes_total"
        "Body bytes sent to S3 clients."
    S3_REQUEST_SECONDS Histogram "essaim_s3_request_duration_seconds"
        "Time from an S3 request's head to its response's head, by verb."
    S3_CONNECTIONS Gauge "essaim_s3_connections"
        "Open connections of S3 clients."
    S3_TURNED_AWAY Counter "essaim_s3_connections_turned_away_total"
        "Connections refused because their address had too many."
    S3_STRANGERS_CUT Counter "essaim_s3_strangers_cut_total"
        "Connections without a signed request that were cut since there were too many."
    S3_SLOWED Counter "essaim_s3_slowed_requests_total"
        "S3 requests told to slow down, by why: a rate, uploads, memory, or no turn in time."
    S3_BANS Counter "essaim_s3_address_bans_total"
        "Times an address was shut out for wrong signatures."
    LOG_SYNC_SECONDS Histogram "essaim_log_sync_duration_seconds"
        "Time of one group-committed sync of the catalog's log."
    FRAGMENT_SYNC_SECONDS Histogram "essaim_fragment_sync_duration_seconds"
        "Time of one group-committed sync of a segment."
    BUCKET_REQUESTS Counter "essaim_bucket_requests_total"
        "Requests to a bucket that is a disk, by kind."
    DISK_TOTAL_BYTES Gauge "essaim_disk_total_bytes"
        "Size of the file system under a disk."
    DISK_FREE_BYTES Gauge "essaim_disk_free_bytes"
        "What the node may still write on a disk."
    DISK_USED_BYTES Gauge "essaim_disk_used_bytes"
        "Bytes of fragments on a disk."
    DISK_POISONED Gauge "essaim_disk_poisoned"
        "1 if a sync has failed on this disk: it takes no more writes."
    DISK_HANGING Gauge "essaim_disk_hanging"
        "1 if this disk does not answer: it is asked for nothing until it does."
    DISK_MISSING Gauge "essaim_disk_missing"
        "1 while this disk is expected and not there; 0 once it is forgotten."
    CATALOG_APPLIED_INDEX Gauge "essaim_catalog_applied_index"
        "Position of the last log entry applied to the catalog."
    CATALOG_BYTES Gauge "essaim_catalog_bytes"
        "Approximate bytes of the catalog's rows on disk."
    TENANTS Gauge "essaim_tenants"
        "Tenants in the catalog."
    BUCKETS Gauge "essaim_buckets"
        "Buckets in the catalog."
    OBJECTS Gauge "essaim_objects"
        "Object versions in the catalog."
    STORED_BYTES Gauge "essaim_stored_bytes"
        "Bytes of object versions, before sealing and coding."
    RELEASE_QUEUE Gauge "essaim_release_queue_parts"
        "Parts that were deleted and whose fragments are still to be removed."
    SCRUB_BYTES Gauge "essaim_scrub_checked_bytes"
        "Bytes re-read by the running or the last scrub."
    SCRUB_BAD Gauge "essaim_scrub_bad_fragments"
        "Bad fragments found by the running or the last scrub."
    HOMELESS_PARTS Gauge "essaim_homeless_parts"
        "Parts with lost fragments that could be rebuilt and have no disk to go to."
    SINGLE_PARTS Gauge "essaim_single_copy_parts"
        "Parts with one copy only on a site of several disks; they get another. NaN until counted."
    UNREADABLE_PARTS Gauge "essaim_unreadable_parts"
        "Parts of objects that cannot be read any more; essaim status names them."
    UNCONFIRMED Gauge "essaim_unconfirmed"
        "1 for each matter that is held back until an operator confirms it, by matter."
    DUTY_PAUSED Gauge "essaim_duty_paused"
        "1 while a duty of the steward pauses after a panic, by duty; 0 once it goes on."
    SITES Gauge "essaim_sites"
        "Sites of the cluster, by state: all, voting, unreachable from this node."
    SITES_MAY_BE_AWAY Gauge "essaim_sites_may_be_away"
        "Voting sites that may be away at once before nothing is written any more."
    LEADS Gauge "essaim_leads"
        "1 if this node orders the commands of the cluster: at one of them it is 1."
    MOVES_LEFT_BYTES Gauge "essaim_moves_left_bytes"
        "Bytes of fragments still to move between sites. NaN until counted."
    MOVES_PARTS Gauge "essaim_moves_parts"
        "Parts not where their policy wants them, by state: waiting for a repair, stuck, at_risk."
    REPAIRS_WAITING Gauge "essaim_repairs_waiting_parts"
        "Parts that wait for repair, at the node that leads."
    FRAGMENTS_REPAIRED Counter "essaim_fragments_repaired_total"
        "Fragments rebuilt and verified by this node, or by others for it."
    SLOTS_MOVED Counter "essaim_slots_moved_total"
        "Slots of parts moved to another disk by this node."
    PARTS_RECUT Counter "essaim_parts_recut_total"
        "Parts cut anew with another code by this node, since no move mended them."
    CUSTODY_ANSWERS Counter "essaim_custody_answers_total"
        "Answers to questions of custody that this node asked: held, failed, silent, disputed."
    READY Gauge "essaim_ready"
        "1 if the node is ready to serve."
    ERRORS Counter "essaim_log_events_total"
        "Warnings and errors logged, by level."
    LOGINS Counter "essaim_admin_logins_total"
        "Administrator logins, by outcome."
}

#[cfg(test)]
mod tests {
    use super::{Kind, METRICS};

    #[test]
    fn names_follow_the_rules_of_the_field() {
        for metric in METRICS {
            let plain = metric
                .name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            assert!(plain && metric.name.starts_with("essaim_"), "{}", metric.name);
            assert_eq!(
                metric.kind == Kind::Counter,
                metric.name.ends_with("_total"),
                "{}",
                metric.name
            );
            assert_eq!(
                metric.kind == Kind::Histogram,
                metric.name.ends_with("_duration_seconds"),
                "{}",
                metric.name
            );
            assert!(metric.help.ends_with('.'), "{}", metric.name);
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = METRICS.iter().map(|metric| metric.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METRICS.len());
    }
}
