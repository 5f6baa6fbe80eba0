//! The kinds of values, and how text becomes one.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;

/// What a setting's value is, for help, reference and the file's types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A file.
    File,
    /// `HOST:PORT`.
    Address,
    /// A name of a region or domain.
    Name,
    /// Text.
    Text,
    /// Whole seconds.
    Seconds,
    /// Whole days.
    Days,
    /// How many.
    Count,
    /// Yes or no: a flag without a value, `true` or `false` in the file.
    Switch,
    /// One of these words.
    Choice(&'static [&'static str]),
}

impl Kind {
    /// As `--help` shows the value.
    pub const fn placeholder(self) -> &'static str {
        match self {
            Self::Directory => "DIR",
            Self::File => "FILE",
            Self::Address => "ADDR",
            Self::Name => "NAME",
            Self::Text => "TEXT",
            Self::Seconds => "SECONDS",
            Self::Days => "DAYS",
            Self::Count => "N",
            Self::Switch => "",
            Self::Choice(_) => "WORD",
        }
    }

    /// As the reference page names it.
    pub fn described(self) -> String {
        match self {
            Self::Directory => "directory".to_owned(),
            Self::File => "file".to_owned(),
            Self::Address => "address, `HOST:PORT`; port 0 takes a free one".to_owned(),
            Self::Name => "name".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Seconds => "whole seconds".to_owned(),
            Self::Days => "whole days".to_owned(),
            Self::Count => "whole number".to_owned(),
            Self::Switch => "`true` or `false`".to_owned(),
            Self::Choice(words) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                quoted.join(" or ")
            }
        }
    }
}

pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("is empty: give a path".to_owned()) } else { Ok(PathBuf::from(text)) }
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    // Only names of this machine: a setting must not wait for a name server.
    if let Some(port) = text.strip_prefix("localhost:").and_then(|port| port.parse().ok()) {
        let mut found =
            (core::net::Ipv4Addr::LOCALHOST, port).to_socket_addrs().into_iter().flatten();
        return found.next().ok_or_else(|| "has no address".to_owned());
    }
    if let Some(port) = text.strip_prefix(':').and_then(|port| port.parse::<u16>().ok()) {
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    Err("is not an address: write IP:PORT, such as 127.0.0.1:8420 or [::]:8420".to_owned())
}

pub(super) fn name(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    if text.is_empty() || text.len() > 253 || !text.bytes().all(plain) {
        return Err("is not a name: use lower-case letters, digits, '-' and '.'".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn whole(text: &str, least: u32, most: u32) -> Result<u32, String> {
    let number: Result<u32, _> = text.parse();
    match number {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("is not a whole number from {least} to {most}")),
    }
}

pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong = || "is not a size: write a number with GiB or TiB, such as 500GiB".to_owned();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim() {
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(factor).filter(|bytes| *bytes > 0).ok_or_else(wrong)
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        _ => Err("is neither true nor false".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{address, name, size, switch, whole};

    #[test]
    fn addresses() {
        for (text, meant) in [
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("[::1]:9", "[::1]:9"),
            (":0", "127.0.0.1:0"),
            ("localhost:80", "127.0.0.1:80"),
        ] {
            assert_eq!(address(text).unwrap().to_string(), meant);
        }
        for text in ["", "9000", "127.0.0.1", "127.0.0.1:99999", "essaim:1", "http://127.0.0.1:1"] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_numbers_and_switches() {
        assert!(name("eu-west.example").is_ok());
        assert!(name("Rhône").is_err() && name("").is_err());
        assert_eq!(whole("60", 1, 60), Ok(60));
        assert!(whole("0", 1, 60).is_err() && whole("-1", 1, 60).is_err());
        assert_eq!(size("3GiB"), Ok(3 << 30));
        for text in ["", "3", "GiB", "0GiB", "-1GiB", "3GB", "99999999999TiB"] {
            assert!(size(text).is_err(), "{text}");
        }
        assert_eq!(switch("true"), Ok(true));
        assert!(switch("oui").is_err());
    }
}
