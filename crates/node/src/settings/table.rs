//! The table: every setting, once.

use core::time::Duration;

use super::value::{self, Kind};
use super::{DefaultOwnership, LogFormat, Settings};

/// One setting.
pub struct Setting {
    /// Its name: the flag `--name`, the TOML key and the environment variable
    /// follow from it.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// Whether it may be given several times.
    pub many: bool,
    /// Its default, as text; empty if there is none.
    pub default: &'static str,
    /// One sentence for `--help`.
    pub doc: &'static str,
    /// Why, or what else there is to know, for the reference page.
    pub more: &'static str,
    /// Reads a value; for a setting with many values, adds it.
    pub(super) set: fn(&mut Settings, &str) -> Result<(), String>,
}

impl Setting {
    /// The key in the TOML file: the name with `_`.
    pub fn key(&self) -> String {
        self.name.replace('-', "_")
    }

    /// The environment variable.
    pub fn variable(&self) -> String {
        format!("ESSAIM_{}", self.key().to_uppercase())
    }
}

const LANGUAGES: &[&str] = &["fr", "en"];
const LOG_FORMATS: &[&str] = &["text", "json"];
const OWNERSHIPS: &[&str] = &["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"];

/// A lifecycle day that is no day is for tests only; a week is surely a mistake.
const LIFECYCLE_DAY_SECONDS_MAX: u32 = 7 * 86_400;
/// A disk that is read less often than yearly rots unseen.
const SCRUB_DAYS_MAX: u32 = 365;

/// A node that is heard of again within a few seconds was not away.
const AWAY_SECONDS_MIN: u32 = 5;
/// What nobody has heard of for a month is better given up by a word.
const AWAY_SECONDS_MAX: u32 = 30 * 86_400;

/// More connections than a process has ports and files for.
const CONNECTIONS_SETTING_MAX: u32 = 65_536;
/// Rates beyond this limit nothing.
const RATE_MAX: u32 = 1_000_000;

/// Every setting of a node.
pub static SETTINGS: &[Setting] = &[
    Setting {
        name: "data",
        kind: Kind::Directory,
        many: false,
        default: "",
        doc: "Where the node keeps its identity, keys, catalog and, unless --disk says otherwise, fragments",
        more: "Created with mode 0700 if it is not there. Without it: `/var/lib/essaim` for the \
               superuser, `$XDG_DATA_HOME/essaim` or `~/.local/share/essaim` for anybody else.",
        set: |settings, text| value::path(text).map(|path| settings.data = path),
    },
    Setting {
        name: "disk",
        kind: Kind::Directory,
        many: true,
        default: "",
        doc: "A directory for fragments on a disk of its own; repeat it for each disk",
        more: "Disks may be of unequal size. With two or more, every object over 8 KiB written since survives the loss of \
               one; while only one of them takes writes, objects over 8 KiB are refused. A disk may be added at any start; one that is missing is told, never \
               silently replaced. In the file: `disk = [\"/disks/a\", \"/disks/b\"]`.",
        set: |settings, text| value::path(text).map(|path| settings.disks.push(path)),
    },
    Setting {
        name: "bucket-url",
        kind: Kind::Text,
        many: false,
        default: "",
        doc: "A bucket of another S3 system that is a disk of this node (s3://BUCKET/PREFIX)",
        more: "What lies there is sealed, and checked when it is read, as on any disk. The bucket, or what \
               is under the prefix, is this node's alone: another node is refused. A node with \
               a bucket and no --disk has no other disk.",
        set: |settings, text| {
            if bucket::BucketPlace::parse(text).is_none() {
                return Err("is no s3://BUCKET/PREFIX".to_owned());
            }
            settings.bucket.url = Some(text.to_owned());
            Ok(())
        },
    },
    Setting {
        name: "bucket-endpoint",
        kind: Kind::Text,
        many: false,
        default: "",
        doc: "The address of the system that has the bucket (https://HOST:PORT)",
        more: "Reached by path addressing. Over plain http what is sent is sealed and signed, and \
               who listens sees how much.",
        set: |settings, text| {
            if !(text.starts_with("http://") || text.starts_with("https://")) {
                return Err("is no URL: give it its scheme, as in https://HOST:PORT".to_owned());
            }
            settings.bucket.endpoint = Some(text.to_owned());
            Ok(())
        },
    },
    Setting {
        name: "bucket-region",
        kind: Kind::Name,
        many: false,
        default: "us-east-1",
        doc: "The region that the bucket's system wants in signatures",
        more: "Garage calls it `garage` unless told otherwise.",
        set: |settings, text| value::name(text).map(|name| settings.bucket.region = name),
    },
    Setting {
        name: "bucket-credentials",
        kind: Kind::File,
        many: false,
        default: "",
        doc: "A file with an access key for the bucket",
        more: "As `aws` keeps it: lines `aws_access_key_id = …` and `aws_secret_access_key = …`. \
               Its mode should be 0600. A secret is never given on the command line.",
        set: |settings, text| {
            value::path(text).map(|path| settings.bucket.credentials = Some(path))
        },
    },
    Setting {
        name: "bucket-room",
        kind: Kind::Text,
        many: false,
        default: "",
        doc: "How much of the bucket may be filled, such as 500GiB",
        more: "S3 does not say how much room there is, and objects go where there is room. If the \
               bucket has a quota, stay some percent below it.",
        set: |settings, text| value::size(text).map(|bytes| settings.bucket.room = Some(bytes)),
    },
    Setting {
        name: "allow-missing-disks",
        kind: Kind::Switch,
        many: false,
        default: "false",
        doc: "Start although a disk known from the last start is missing",
        more: "What the others hold is served; what only the missing one held is not. Without \
               this a missing disk stops the start, since it is most often a forgotten mount.",
        set: |settings, text| value::switch(text).map(|on| settings.allow_missing_disks = on),
    },
    Setting {
        name: "s3-listen",
        kind: Kind::Address,
        many: false,
        default: "127.0.0.1:8420",
        doc: "Where S3 clients connect",
        more: "Loopback by default: put a TLS front before it, or name an address of your \
               network, when others are to reach it.",
        set: |settings, text| value::address(text).map(|address| settings.s3_listen = address),
    },
    Setting {
        name: "admin-listen",
        kind: Kind::Address,
        many: false,
        default: "127.0.0.1:8421",
        doc: "Where the status page, the administration API, /metrics, /health/live and /health/ready are",
        more: "Everything but `/metrics`, `/health/live` and `/health/ready` needs a login or a token.",
        set: |settings, text| value::address(text).map(|address| settings.admin_listen = address),
    },
    Setting {
        name: "cluster-listen",
        kind: Kind::Address,
        many: false,
        default: "0.0.0.0:8422",
        doc: "Where other sites of the cluster connect",
        more: "Mutual TLS 1.3 with keys that both sides know: nobody else gets beyond the \
               handshake. When the usual port is taken and no other was named, a free one is \
               used and the other sites are told.",
        set: |settings, text| {
            value::address(text).map(|address| {
                settings.cluster_listen = address;
                settings.cluster_listen_given = text != "0.0.0.0:8422";
            })
        },
    },
    Setting {
        name: "cluster-address",
        kind: Kind::Text,
        many: true,
        default: "",
        doc: "Where other sites reach this node (HOST:PORT), if not where it listens",
        more: "For a node behind a router or with a name of its own. Repeat it for several: \
               they are tried in order. Without it the address of this machine is told.",
        set: |settings, text| {
            let address = catalog::NodeAddress::new(text);
            let address = address.map_err(|error| format!("is no HOST:PORT: {error}"))?;
            settings.cluster_addresses.push(address.to_string());
            Ok(())
        },
    },
    Setting {
        name: "join",
        kind: Kind::Text,
        many: false,
        default: "",
        doc: "Join the cluster that this token invites to (from: essaim invite)",
        more: "Only at the first start of a machine; later starts find their cluster by \
               themselves, and a token named again does no harm. It is good for one machine.",
        set: |settings, text| {
            settings.join = Some(text.to_owned());
            Ok(())
        },
    },
    Setting {
        name: "site-file",
        kind: Kind::File,
        many: false,
        default: "",
        doc: "A file (site.toml) with what the site says about itself: place, operator, certifications",
        more: "Read at the first start. Placement policies are decided by it; see the reference \
               of policies.",
        set: |settings, text| value::path(text).map(|path| settings.site_file = Some(path)),
    },
    Setting {
        name: "credentials",
        kind: Kind::File,
        many: false,
        default: "",
        doc: "Where the first start writes the access key and the administrator's password",
        more: "JSON with mode 0600; without it `credentials.json` in the data directory. Written \
               by the first start only; keep it somewhere safe and remove it.",
        set: |settings, text| value::path(text).map(|path| settings.credentials = Some(path)),
    },
    Setting {
        name: "region",
        kind: Kind::Name,
        many: false,
        default: "us-east-1",
        doc: "The region that S3 clients name in their signatures",
        more: "A word that both sides must agree on, and nothing else: it says nothing about \
               where data is. Most clients sign for `us-east-1` when told nothing.",
        set: |settings, text| value::name(text).map(|name| settings.region = name),
    },
    Setting {
        name: "virtual-host-domain",
        kind: Kind::Name,
        many: false,
        default: "",
        doc: "A domain under which buckets are host names (bucket.DOMAIN)",
        more: "Path addressing works always; this adds the other way. The domain's wildcard must \
               point to this node.",
        set: |settings, text| {
            value::name(text).map(|name| settings.virtual_host_domain = Some(name))
        },
    },
    Setting {
        name: "website-domain",
        kind: Kind::Name,
        many: false,
        default: "",
        doc: "A domain under which static websites of buckets are served (bucket.DOMAIN)",
        more: "Other than the domain of --virtual-host-domain, since a website answers \
               differently: index pages, error pages and redirects.",
        set: |settings, text| value::name(text).map(|name| settings.website_domain = Some(name)),
    },
    Setting {
        name: "passphrase-file",
        kind: Kind::File,
        many: false,
        default: "",
        doc: "A file with the passphrase that protects the root key",
        more: "Without it the root key lies in the data directory, protected by its mode only. \
               It is chosen at the first start; a start without the passphrase then fails.",
        set: |settings, text| value::path(text).map(|path| settings.passphrase_file = Some(path)),
    },
    Setting {
        name: "default-object-ownership",
        kind: Kind::Choice(OWNERSHIPS),
        many: false,
        default: "BucketOwnerEnforced",
        doc: "Who owns what others write into a bucket that was created without saying",
        more: "The default is S3's: the bucket's owner owns everything and access control lists \
               change nothing. `ObjectWriter` is S3 as it was before 2023.",
        set: |settings, text| {
            settings.default_object_ownership = match text {
                "BucketOwnerEnforced" => DefaultOwnership::BucketOwnerEnforced,
                "BucketOwnerPreferred" => DefaultOwnership::BucketOwnerPreferred,
                "ObjectWriter" => DefaultOwnership::ObjectWriter,
                _ => return Err(format!("is none of {}", OWNERSHIPS.join(", "))),
            };
            Ok(())
        },
    },
    Setting {
        name: "default-sse-c",
        kind: Kind::Switch,
        many: false,
        default: "false",
        doc: "Let clients bring keys of their own (SSE-C) to buckets that do not say",
        more: "A key that only the client has makes what it wrote unreadable when it is lost, or \
               when whoever stole an access key brought it. `essaim bucket sse-c` allows it for \
               one bucket. What was written so can always be read with its key.",
        set: |settings, text| value::switch(text).map(|on| settings.default_sse_c = on),
    },
    Setting {
        name: "lifecycle-day-seconds",
        kind: Kind::Seconds,
        many: false,
        default: "86400",
        doc: "How long a day of a lifecycle rule is; shorter only in tests",
        more: "With 10, a rule that expires objects after 2 days does so after 20 seconds.",
        set: |settings, text| {
            let seconds = value::whole(text, 1, LIFECYCLE_DAY_SECONDS_MAX)?;
            settings.lifecycle_day = Duration::from_secs(seconds.into());
            Ok(())
        },
    },
    Setting {
        name: "scrub-days",
        kind: Kind::Days,
        many: false,
        default: "14",
        doc: "How many days a scrub of everything stored takes in the background",
        more: "Every fragment is re-read against its checksums at this pace, for ever. \
               `essaim scrub --now` does it at once.",
        set: |settings, text| {
            value::whole(text, 1, SCRUB_DAYS_MAX).map(|days| settings.scrub_days = days)
        },
    },
    Setting {
        name: "away-lost-after",
        kind: Kind::Seconds,
        many: false,
        default: "1800",
        doc: "How long the disks of a site that does not answer are waited for",
        more: "Then what lies on them is rebuilt at the other sites from what is left; should it come back, what it has of that is cleared away. Longer than a restart or a power cut, or sites copy what is not lost. `essaim site remove --lost` waits for nothing. What counts is what the leading node was told: tell all nodes the same.",
        set: |settings, text| {
            let seconds = value::whole(text, AWAY_SECONDS_MIN, AWAY_SECONDS_MAX)?;
            settings.away_lost_after = Duration::from_secs(seconds.into());
            Ok(())
        },
    },
    Setting {
        name: "connections",
        kind: Kind::Count,
        many: false,
        default: "4096",
        doc: "How many S3 clients may be connected at once",
        more: "Further ones wait until a place is free. Each costs about 20 KiB of memory and one open file; the node lowers the number if the system gives it fewer files. A quarter of them are for clients of which no key has signed a request yet: one more cuts one of the address that has most of those.",
        set: |settings, text| {
            value::whole(text, 1, CONNECTIONS_SETTING_MAX)
                .map(|count| settings.limits.connections = count)
        },
    },
    Setting {
        name: "connections-per-address",
        kind: Kind::Count,
        many: false,
        default: "2048",
        doc: "How many S3 clients may be connected from one address",
        more: "Further ones are told to come back (503), so that one host cannot keep the others out. Behind a front on this machine all clients have one address: set it to the number of connections.",
        set: |settings, text| {
            value::whole(text, 1, CONNECTIONS_SETTING_MAX)
                .map(|count| settings.limits.connections_per_address = count)
        },
    },
    Setting {
        name: "requests-at-once",
        kind: Kind::Count,
        many: false,
        default: "0",
        doc: "How many requests are worked on at once, before others wait their turn; 0: 16 a core",
        more: "Who waits is served by tenant, the one that was given least first, so that one tenant's load does not become the others' wait. A request counts only while the node works on it, not while its client is waited for. While several tenants ask, no more than one a core is worked on, whatever is set here.",
        set: |settings, text| {
            value::whole(text, 0, CONNECTIONS_SETTING_MAX)
                .map(|count| settings.limits.requests_at_once = count)
        },
    },
    Setting {
        name: "rate-per-tenant",
        kind: Kind::Count,
        many: false,
        default: "0",
        doc: "Requests per second that one tenant may send; 0: no limit",
        more: "Two seconds' worth may come at once; what is more is answered `SlowDown` (503) with `Retry-After`. None by default: when the node is busy, tenants share it fairly anyway.",
        set: |settings, text| {
            value::whole(text, 0, RATE_MAX).map(|count| settings.limits.rate_per_tenant = count)
        },
    },
    Setting {
        name: "rate-per-access-key",
        kind: Kind::Count,
        many: false,
        default: "0",
        doc: "Requests per second that one access key may send; 0: no limit",
        more: "As for a tenant, for each of its keys.",
        set: |settings, text| {
            value::whole(text, 0, RATE_MAX).map(|count| settings.limits.rate_per_access_key = count)
        },
    },
    Setting {
        name: "rate-per-address",
        kind: Kind::Count,
        many: false,
        default: "500",
        doc: "Unsigned requests per second that one address may send; 0: no limit",
        more: "For public buckets and websites. Signed requests do not count. IPv6 addresses count by their /64.",
        set: |settings, text| {
            value::whole(text, 0, RATE_MAX).map(|count| settings.limits.rate_per_address = count)
        },
    },
    Setting {
        name: "wrong-signatures",
        kind: Kind::Count,
        many: false,
        default: "30",
        doc: "Wrong signatures after which an address is shut out for a minute; 0: never",
        more: "Each further time it is shut out twice as long, for an hour at most; an hour without failures is a fresh start. Loopback never is: behind a front on this machine every client has that address.",
        set: |settings, text| {
            value::whole(text, 0, RATE_MAX).map(|count| settings.limits.wrong_signatures = count)
        },
    },
    Setting {
        name: "language",
        kind: Kind::Choice(LANGUAGES),
        many: false,
        default: "",
        doc: "The language in which faults of the site file are told: fr or en",
        more: "Without it that of the machine (`LC_ALL`, `LC_MESSAGES`, `LANG`), if it is one \
               of these, and English otherwise. The variable holds for the commands about \
               policies too.",
        set: |settings, text| {
            let language = text.parse().map_err(|_| format!("is none of {}", LANGUAGES.join(", ")));
            language.map(|language| settings.language = Some(language))
        },
    },
    Setting {
        name: "log-format",
        kind: Kind::Choice(LOG_FORMATS),
        many: false,
        default: "text",
        doc: "How log lines are written on the error output: text or json",
        more: "Secrets are in neither.",
        set: |settings, text| {
            settings.log_format = match text {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                _ => return Err(format!("is none of {}", LOG_FORMATS.join(", "))),
            };
            Ok(())
        },
    },
    Setting {
        name: "log",
        kind: Kind::Text,
        many: false,
        default: "info",
        doc: "Which log lines are written: a level, or rooms with levels (info,s3=debug)",
        more: "Levels are `off`, `error`, `warn`, `info`, `debug` and `trace`. A level alone is for \
               Essaim's own rooms; of the libraries below them only errors are shown. What a \
               client did wrong is in its answer and in the metrics, not in the log. A list with \
               commas is taken as it is, for libraries too.",
        set: |settings, text| {
            text.clone_into(&mut settings.log);
            Ok(())
        },
    },
];
