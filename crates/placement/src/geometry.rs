//! How many data and parity fragments a stripe has.

use core::fmt;
use core::str::FromStr;

use units::limits::FRAGMENTS_MAX;

use crate::Prefer;
use crate::facts::{Expected, WrongValue};

/// `data` fragments suffice to read; `parity` of all may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Geometry {
    data: u8,
    parity: u8,
}

impl Geometry {
    /// The geometry for a number of failure domains; `None` for none.
    ///
    /// One disk keeps one copy; two keep a copy each; from three on, space is
    /// traded for survival as the table in `ARCHITECTURE.md` says.
    pub const fn for_domains(domains: usize) -> Option<Self> {
        let (data, parity) = match domains {
            0 => return None,
            1 => (1, 0),
            2 => (1, 1),
            3 => (2, 1),
            4 => (2, 2),
            5 => (3, 2),
            _ => (4, 2),
        };
        Some(Self { data, parity })
    }

    /// The geometry for a number of sites that go together, of which each is one failure
    /// domain; `None` for fewer than two, whose disks are the failure domains.
    ///
    /// With three there is a choice between room and survival.
    pub const fn for_sites(sites: usize, prefer: Prefer) -> Option<Self> {
        let (data, parity) = match (sites, prefer) {
            (0 | 1, _) => return None,
            (2, _) => (1, 1),
            (3, Prefer::Safety) => (1, 2),
            (3, Prefer::Space) => (2, 1),
            (4, _) => (2, 2),
            (5, _) => (3, 2),
            (6..=8, _) => (4, 2),
            _ => (6, 3),
        };
        Some(Self { data, parity })
    }

    /// The geometry of a part that is written, if there is such a code.
    pub fn new(data: u8, parity: u8) -> Option<Self> {
        let is_code = data > 0 && usize::from(data) + usize::from(parity) <= FRAGMENTS_MAX;
        is_code.then_some(Self { data, parity })
    }

    /// The geometry with these counts, of which both are small.
    pub(crate) const fn of(data: u8, parity: u8) -> Self {
        Self { data, parity }
    }

    /// As many losses survived, on at most `domains` domains; `None` if they are too few.
    pub(crate) fn narrowed(self, domains: usize) -> Option<Self> {
        let room = domains.checked_sub(usize::from(self.parity)).filter(|room| *room > 0)?;
        let data = u8::try_from(room).unwrap_or(u8::MAX).min(self.data);
        Some(Self { data, parity: self.parity })
    }

    /// Fragments needed to read a stripe.
    pub const fn data(self) -> u8 {
        self.data
    }

    /// Fragments that may be lost.
    pub const fn parity(self) -> u8 {
        self.parity
    }

    /// All fragments of a stripe.
    pub const fn total(self) -> u8 {
        self.data + self.parity
    }
}

impl fmt::Display for Geometry {
    /// Writes `3+2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.data, self.parity)
    }
}

impl FromStr for Geometry {
    type Err = WrongValue;

    /// Reads `3+2`: data and parity fragments, at least one of each.
    fn from_str(text: &str) -> Result<Self, WrongValue> {
        let wrong = WrongValue {
            expected: Expected::new(
                "des fragments de données et de parité, au moins 1 de chaque et 32 en tout, comme \"3+2\"",
                "data and parity fragments, at least 1 of each and 32 in all, as in \"3+2\"",
            ),
        };
        let count = |text: &str| text.parse::<u8>().ok().filter(|_| !text.starts_with('+'));
        let (data, parity) = text.split_once('+').ok_or(wrong)?;
        let geometry = count(data).zip(count(parity)).filter(|(data, parity)| {
            *data > 0 && *parity > 0 && usize::from(*data) + usize::from(*parity) <= FRAGMENTS_MAX
        });
        geometry.map(|(data, parity)| Self { data, parity }).ok_or(wrong)
    }
}

const _: () = assert!(FRAGMENTS_MAX == 32, "the limit stands in the words above");

#[cfg(test)]
mod tests {
    use super::*;

    fn check(domains: usize, expected: (u8, u8)) {
        let geometry = Geometry::for_domains(domains).map(|g| (g.data(), g.parity()));
        assert_eq!(geometry, Some(expected), "{domains} domains");
    }

    #[test]
    fn the_table_holds() {
        assert_eq!(Geometry::for_domains(0), None);
        check(1, (1, 0));
        check(2, (1, 1));
        check(3, (2, 1));
        check(4, (2, 2));
        check(5, (3, 2));
        check(6, (4, 2));
        check(24, (4, 2));
    }

    #[test]
    fn the_table_of_sites_holds() {
        let code = |sites, prefer| Geometry::for_sites(sites, prefer).map(|code| code.to_string());
        let table = |prefer| (0..=12).filter_map(|sites| code(sites, prefer)).collect::<Vec<_>>();
        let same = ["2+2", "3+2", "4+2", "4+2", "4+2", "6+3", "6+3", "6+3", "6+3"];
        assert_eq!(table(Prefer::Safety), [["1+1", "1+2"].as_slice(), &same].concat());
        assert_eq!(table(Prefer::Space), [["1+1", "2+1"].as_slice(), &same].concat());
    }

    #[test]
    fn codes_are_read_as_they_are_written() {
        for text in ["1+1", "3+2", "31+1", "1+31"] {
            assert_eq!(text.parse::<Geometry>().map(|code| code.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "3", "3+", "+2", "3+0", "0+3", "31+2", "3++2", "3+2+1", "-1+2", "300+1"] {
            assert!(text.parse::<Geometry>().is_err(), "{text}");
        }
    }

    #[test]
    fn narrowing_keeps_the_promise() {
        for domains in 1..10 {
            let Some(promised) = Geometry::for_domains(domains) else { continue };
            for room in 0..domains {
                let narrowed = promised.narrowed(room);
                assert_eq!(narrowed.is_some(), room > usize::from(promised.parity()));
                if let Some(narrowed) = narrowed {
                    assert_eq!(narrowed.parity(), promised.parity());
                    assert!(usize::from(narrowed.total()) <= room.max(1));
                }
            }
        }
    }
}
