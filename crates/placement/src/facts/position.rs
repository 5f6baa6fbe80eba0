//! Where a site lies on the Earth, and how far two sites are from each other.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::{Expected, WrongValue};

const LATITUDE: Expected =
    Expected::new("une latitude entre -90 et 90 degrés", "a latitude between -90 and 90 degrees");
const LONGITUDE: Expected = Expected::new(
    "une longitude entre -180 et 180 degrés",
    "a longitude between -180 and 180 degrees",
);

/// Mean radius of the Earth (IUGG, 1980: R1), in metres.
const EARTH_RADIUS_METRES: f64 = 6_371_008.8;

/// A distance in metres.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Metres(u32);

impl Metres {
    /// Wraps a plain number.
    pub const fn new(metres: u32) -> Self {
        Self(metres)
    }

    /// From whole kilometres; saturates.
    pub const fn from_kilometres(kilometres: u16) -> Self {
        Self(kilometres as u32 * 1_000)
    }

    /// The plain number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Metres {
    /// Kilometres with one digit, rounded down so that what is too near never looks far
    /// enough: `4.9 km`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} km", self.0 / 1_000, self.0 % 1_000 / 100)
    }
}

/// A place on the Earth (WGS 84) to a millionth of a degree, some 11 cm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(i32, i32)", into = "(i32, i32)")]
pub struct Position {
    latitude: i32,
    longitude: i32,
}

impl Position {
    /// From millionths of a degree: north and east are positive.
    pub fn from_micro_degrees(latitude: i32, longitude: i32) -> Result<Self, WrongValue> {
        if !(-90_000_000..=90_000_000).contains(&latitude) {
            return Err(WrongValue { expected: LATITUDE });
        }
        if !(-180_000_000..=180_000_000).contains(&longitude) {
            return Err(WrongValue { expected: LONGITUDE });
        }
        Ok(Self { latitude, longitude })
    }

    /// Degrees north of the equator, in millionths.
    pub const fn latitude(self) -> i32 {
        self.latitude
    }

    /// Degrees east of Greenwich, in millionths.
    pub const fn longitude(self) -> i32 {
        self.longitude
    }

    /// Length of the great circle between two places, rounded down to metres.
    ///
    /// The haversine formula on a sphere: up to 0.5 % off the ellipsoid. Its functions
    /// come from a library of Rust source, so that every machine finds the same metre.
    pub fn distance(self, other: Self) -> Metres {
        let radians = |micro: i32| (f64::from(micro) / 1e6).to_radians();
        let (north, other_north) = (radians(self.latitude), radians(other.latitude));
        let half_north = libm::sin((other_north - north) / 2.0);
        let half_east = libm::sin((radians(other.longitude) - radians(self.longitude)) / 2.0);
        let square = half_north * half_north
            + libm::cos(north) * libm::cos(other_north) * half_east * half_east;
        let angle = 2.0 * libm::asin(libm::sqrt(square).clamp(0.0, 1.0));
        let metres = EARTH_RADIUS_METRES * angle;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "half the Earth's circumference is 20,015,115 m, and no distance is negative"
        )]
        Metres(metres as u32)
    }
}

impl TryFrom<(i32, i32)> for Position {
    type Error = WrongValue;

    fn try_from((latitude, longitude): (i32, i32)) -> Result<Self, WrongValue> {
        Self::from_micro_degrees(latitude, longitude)
    }
}

impl From<Position> for (i32, i32) {
    fn from(position: Position) -> Self {
        (position.latitude, position.longitude)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: (i32, i32), to: (i32, i32), kilometres: u32) {
        let places = Position::try_from(from).and_then(|from| Ok((from, Position::try_from(to)?)));
        let Ok((from, to)) = places else { panic!("{from:?} {to:?}") };
        assert_eq!(from.distance(to), to.distance(from));
        let got = from.distance(to).get();
        assert!(got.abs_diff(kilometres * 1_000) <= 1_000, "{got} m, expected {kilometres} km");
    }

    #[test]
    fn distances_are_those_of_the_map() {
        let (paris, marseille) = ((48_856_600, 2_352_200), (43_296_500, 5_369_800));
        let (nantes, reunion) = ((47_218_371, -1_553_621), (-20_878_900, 55_448_100));
        check(paris, paris, 0);
        check(paris, marseille, 660);
        check(paris, nantes, 343);
        check(paris, reunion, 9_365);
        check((90_000_000, 0), (-90_000_000, 0), 20_015);
        check((0, 179_900_000), (0, -179_900_000), 22);
        check((0, 0), (0, 180_000_000), 20_015);
    }

    #[test]
    fn places_off_the_earth_are_refused() {
        for (latitude, longitude) in
            [(90_000_001, 0), (-90_000_001, 0), (0, 180_000_001), (0, i32::MIN)]
        {
            assert!(Position::from_micro_degrees(latitude, longitude).is_err());
        }
    }

    #[test]
    fn too_near_never_looks_far_enough() {
        assert_eq!(Metres::new(4_999).to_string(), "4.9 km");
        assert_eq!(Metres::from_kilometres(5).to_string(), "5.0 km");
    }
}
