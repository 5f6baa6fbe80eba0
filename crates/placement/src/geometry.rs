//! How many data and parity fragments a stripe has.

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
