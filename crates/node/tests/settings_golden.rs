//! Settings files of every version, each with all the keys of its time, and what was
//! understood. Later versions read them too, and understand the same.
//!
//! A setting that is added goes into a new file, with a value other than its default;
//! `ESSAIM_GOLDEN=write cargo test -p node --test settings_golden` writes down what is
//! understood of the newest one.

use std::path::PathBuf;

use node::settings::{SETTINGS, Sources};

/// The newest last.
const FILES: [&str; 3] = ["settings-1", "settings-2", "settings-3"];

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn text(name: &str) -> String {
    let path = golden(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What this version understands of a file, one value a line.
fn understood(name: &str) -> String {
    let sources = Sources {
        flags: std::collections::BTreeMap::new(),
        environment: &|_| None,
        file: Some((name.to_owned(), text(&format!("{name}.toml")))),
        data_default: "nowhere".into(),
    };
    let settings = sources.resolve().unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
    format!("{settings:#?}\n")
}

#[test]
fn every_settings_file_is_understood_as_it_was_when_it_was_written() {
    let newest = FILES[FILES.len() - 1];
    if std::env::var_os("ESSAIM_GOLDEN").is_some_and(|word| word == "write") {
        std::fs::write(golden(&format!("{newest}.understood")), understood(newest)).unwrap();
    }
    for name in FILES {
        let (now, then) = (understood(name), text(&format!("{name}.understood")));
        // Settings that came later have their default, and a line that was not there.
        let mut lines = now.lines();
        for then in then.lines() {
            assert!(lines.any(|now| now == then), "{name}: no {then:?} any more in\n{now}");
        }
        assert!(name != newest || now == then, "{name} is understood as\n{now}");
    }
}

#[test]
fn the_newest_file_names_every_setting() {
    let newest = text(&format!("{}.toml", FILES[FILES.len() - 1]));
    for setting in SETTINGS {
        let named = newest.lines().any(|line| line.starts_with(&format!("{} = ", setting.key())));
        assert!(named, "{} is missing", setting.key());
    }
}
