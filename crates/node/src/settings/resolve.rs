//! From flags, environment, file and defaults to [`Settings`], or to every fault
//! at once.

use core::fmt;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use super::table::{SETTINGS, Setting};
use super::{BucketSettings, ClientLimits, DefaultOwnership, LogFormat, Settings, file};

/// One thing that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    place: String,
    message: String,
}

impl Fault {
    pub(super) fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Everything that is wrong with the settings; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

/// Where settings may come from.
pub struct Sources<'a> {
    /// Values given on the command line, by the setting's name.
    pub flags: BTreeMap<&'static str, Vec<String>>,
    /// Looks up an environment variable.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// The file's name and text, if there is one.
    pub file: Option<(String, String)>,
    /// The data directory if no source names one.
    pub data_default: PathBuf,
}

impl Sources<'_> {
    /// The settings, or everything that is wrong with them.
    pub fn resolve(self) -> Result<Settings, Faults> {
        let mut faults = Vec::new();
        let entries = match &self.file {
            Some((name, text)) => file::read(name, text, &mut faults),
            None => BTreeMap::new(),
        };
        let file_name = self.file.map(|(name, _)| name).unwrap_or_default();
        let mut settings = blank(self.data_default);
        for setting in SETTINGS {
            let (place, values) = if let Some(values) = self.flags.get(setting.name) {
                (format!("--{}", setting.name), values.clone())
            } else if let Some(text) = variable(self.environment, setting) {
                (setting.variable(), split(setting, &text))
            } else if let Some(entry) = entries.get(setting.name) {
                let place = format!("{file_name}, line {}: {}", entry.line, setting.key());
                (place, entry.values.clone())
            } else if setting.default.is_empty() {
                continue;
            } else {
                (format!("the default of {}", setting.name), vec![setting.default.to_owned()])
            };
            for value in values {
                if let Err(reason) = (setting.set)(&mut settings, &value) {
                    faults.push(Fault::new(place.clone(), format!("{value:?} {reason}")));
                }
            }
        }
        check_together(&settings, &mut faults);
        if faults.is_empty() { Ok(settings) } else { Err(Faults(faults)) }
    }
}

/// What the environment says of a setting. A variable that is empty says nothing: so is
/// one that a script or a unit passes on without having it.
fn variable(environment: &dyn Fn(&str) -> Option<String>, setting: &Setting) -> Option<String> {
    environment(&setting.variable()).filter(|text| !text.is_empty())
}

/// Settings before any source was looked at.
fn blank(data: PathBuf) -> Settings {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    Settings {
        data,
        disks: Vec::new(),
        bucket: BucketSettings::default(),
        allow_missing_disks: false,
        s3_listen: nowhere,
        admin_listen: nowhere,
        cluster_listen: nowhere,
        cluster_listen_given: false,
        cluster_addresses: Vec::new(),
        join: None,
        site_file: None,
        credentials: None,
        region: String::new(),
        virtual_host_domain: None,
        website_domain: None,
        passphrase_file: None,
        default_object_ownership: DefaultOwnership::default(),
        default_sse_c: false,
        lifecycle_day: Duration::ZERO,
        scrub_days: 0,
        away_lost_after: Duration::ZERO,
        limits: ClientLimits::default(),
        language: None,
        log_format: LogFormat::default(),
        log: String::new(),
    }
}

fn split(setting: &Setting, text: &str) -> Vec<String> {
    if setting.many {
        text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
    } else {
        vec![text.to_owned()]
    }
}

/// Faults that only two settings together have.
fn check_together(settings: &Settings, faults: &mut Vec<Fault>) {
    let (s3, admin) = (settings.s3_listen, settings.admin_listen);
    if s3 == admin && s3.port() != 0 {
        let message = format!("both are {s3}: give them different ports");
        faults.push(Fault::new("--s3-listen and --admin-listen", message));
    }
    let mut seen = Vec::new();
    for disk in &settings.disks {
        if seen.contains(&disk) {
            let message = format!("{} is given twice: each disk once", disk.display());
            faults.push(Fault::new("--disk", message));
        }
        seen.push(disk);
    }
    let bucket = &settings.bucket;
    let others = [
        ("--bucket-endpoint", bucket.endpoint.is_some()),
        ("--bucket-credentials", bucket.credentials.is_some()),
        ("--bucket-room", bucket.room.is_some()),
    ];
    for (name, is_given) in others {
        match (&bucket.url, is_given) {
            (Some(_), false) => {
                let message = "is missing: a bucket (--bucket-url) needs it";
                faults.push(Fault::new(name, message));
            }
            (None, true) => {
                faults.push(Fault::new(name, "says nothing without --bucket-url"));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    use super::{Faults, Sources};
    use crate::settings::Settings;

    fn resolve(
        flags: &[(&'static str, &str)],
        environment: &[(&str, &str)],
        file: &str,
    ) -> Result<Settings, Faults> {
        let mut by_name: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        for (name, value) in flags {
            by_name.entry(name).or_default().push((*value).to_owned());
        }
        let find = |wanted: &str| {
            let found = environment.iter().find(|(name, _)| *name == wanted)?;
            Some(found.1.to_owned())
        };
        let sources = Sources {
            flags: by_name,
            environment: &find,
            file: Some(("essaim.toml".to_owned(), file.to_owned())),
            data_default: PathBuf::from("here"),
        };
        sources.resolve()
    }

    #[test]
    fn the_nearest_source_wins() {
        let file = "region = \"file\"\ndata = \"file\"\ns3_listen = \"127.0.0.1:1\"\n";
        let environment = [("ESSAIM_REGION", "variable"), ("ESSAIM_DATA", "variable")];
        let settings = resolve(&[("region", "flag")], &environment, file).unwrap();
        assert_eq!(settings.region, "flag");
        assert_eq!(settings.data, Path::new("variable"));
        assert_eq!(settings.s3_listen.port(), 1);
        assert_eq!(settings.admin_listen.port(), 8421, "its default");
        let empty = [("ESSAIM_REGION", ""), ("ESSAIM_JOIN", "")];
        let settings = resolve(&[], &empty, file).unwrap();
        assert_eq!((settings.region.as_str(), settings.join), ("file", None), "empty is unset");
    }

    #[test]
    fn defaults_are_safe() {
        let settings = resolve(&[], &[], "").unwrap();
        assert!(settings.s3_listen.ip().is_loopback() && settings.admin_listen.ip().is_loopback());
        assert_eq!(settings.data, Path::new("here"));
        assert_eq!(settings.disk_directories(), [Path::new("here/disk")]);
        assert_eq!(settings.credentials_file(), Path::new("here/credentials.json"));
    }

    #[test]
    fn lists_are_lists_everywhere() {
        let many = resolve(&[("disk", "a"), ("disk", "b")], &[], "").unwrap();
        assert_eq!(many.disks, [Path::new("a"), Path::new("b")]);
        assert_eq!(resolve(&[], &[("ESSAIM_DISK", "a, b")], "").unwrap().disks, many.disks);
        assert_eq!(resolve(&[], &[], "disk = [\"a\", \"b\"]").unwrap().disks, many.disks);
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let file = "colour = 1\nlog_format = \"xml\"\n";
        let flags = [("s3-listen", "nowhere"), ("disk", "a"), ("disk", "a")];
        let faults = resolve(&flags, &[("ESSAIM_SCRUB_DAYS", "0")], file).unwrap_err();
        let told = faults.to_string();
        assert_eq!(faults.0.len(), 5, "{told}");
        for part in [
            "essaim.toml, line 1: there is no setting \"colour\"",
            "essaim.toml, line 2: log_format: \"xml\" is none of text, json",
            "--s3-listen: \"nowhere\" is not an address",
            "ESSAIM_SCRUB_DAYS: \"0\" is not a whole number from 1 to 365",
            "--disk: a is given twice",
        ] {
            assert!(told.contains(part), "{told}\ndoes not say\n{part}");
        }
    }
}
