//! Towns that do not exist, in five départements that do: what a `site.toml` says of each.

use crate::failure::Failure;

/// The towns there are names for.
pub const TOWNS_MAX: usize = 9;

/// Where a site stands.
#[derive(Clone, Copy, Debug)]
pub struct Town {
    /// Its name; a site is called after it.
    pub name: &'static str,
    commune: &'static str,
    departement: &'static str,
    /// Degrees, north and east.
    position: (f64, f64),
    hosting: &'static str,
    siren: &'static str,
}

const TOWNS: [Town; TOWNS_MAX] = [
    Town::of("Kerlune", "29901", "29", (48.1, -4.1), "town-hall", "999000011"),
    Town::of("Saint-Aubier", "35902", "35", (48.2, -1.6), "town-hall", "999000029"),
    Town::of("Montferrel", "49903", "49", (47.5, -0.5), "local-host", "999000037"),
    Town::of("La Grenelière", "85904", "85", (46.7, -1.4), "town-hall", "999000045"),
    Town::of("Port-Vaillant", "44905", "44", (47.3, -2.2), "town-hall", "999000052"),
    Town::of("Beaulivet", "53906", "53", (48.0, -0.8), "town-hall", "999000060"),
    Town::of("Les Aulnettes", "72907", "72", (48.0, 0.2), "town-hall", "999000078"),
    Town::of("Roquemaure-le-Bas", "86908", "86", (46.6, 0.3), "town-hall", "999000086"),
    Town::of("Valcerne", "37909", "37", (47.4, 0.7), "town-hall", "999000094"),
];

impl Town {
    const fn of(
        name: &'static str,
        commune: &'static str,
        departement: &'static str,
        position: (f64, f64),
        hosting: &'static str,
        siren: &'static str,
    ) -> Self {
        Self { name, commune, departement, position, hosting, siren }
    }

    /// The town of this number.
    pub fn at(number: usize) -> Result<Self, Failure> {
        let town = TOWNS.get(number).copied();
        town.ok_or_else(|| Failure::failed("there are no more towns", "ask for fewer sites"))
    }

    /// What it says about itself.
    pub fn site_file(self) -> String {
        let Self { name, commune, departement, position: (north, east), hosting, siren } = self;
        format!(
            "name = \"{name}\"\ncountry = \"FR\"\ncommune = \"{commune}\"\n\
             commune_name = \"{name}\"\ndepartement = \"{departement}\"\nlatitude = {north:?}\nlongitude = {east:?}\n\
             hosting = \"{hosting}\"\n\n[operator]\nname = \"Commune de {name}\"\n\
             siren = \"{siren}\"\ncontrol_country = \"FR\"\n"
        )
    }
}
