//! Codes of registers: countries, communes, départements, legal entities.

use super::text::checked_texts;

checked_texts! {
    /// A country (ISO 3166-1 alpha-2).
    Country: "a country by its two capital letters (ISO 3166-1 alpha-2), as in \"FR\" or \"DE\"",
        "un pays par ses deux lettres capitales (ISO 3166-1 alpha-2), comme \"FR\" ou \"DE\"", is_country;
    /// A commune: in France its INSEE code, elsewhere the code its country uses.
    Commune: "a commune by its code: in France the five characters of INSEE, as in \"44109\" or \"2A004\"",
        "une commune par son code\u{a0}: en France les cinq caractères de l'INSEE, comme \"44109\" ou \"2A004\"", is_local_code;
    /// A département: in France its INSEE code, elsewhere the code of the region.
    Departement: "a département by its code: in France two or three characters, as in \"44\", \"2A\" or \"974\"",
        "un département par son code\u{a0}: en France deux ou trois caractères, comme \"44\", \"2A\" ou \"974\"", is_local_code;
    /// A legal entity in the French register (INSEE, Sirene): 9 digits with a Luhn check.
    Siren: "the 9 digits of a SIREN, without blanks (its last digit, a check of the others, does not fit)",
        "les 9 chiffres d'un SIREN, sans blancs (son dernier chiffre, la clé des autres, ne va pas)", is_siren;
}

/// Member states of the European Union.
const EUROPEAN_UNION: &str =
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK";

/// All officially assigned codes.
const COUNTRIES: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR \
    BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ \
    EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW \
    GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY \
    KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV \
    MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY \
    QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG \
    TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

fn is_country(text: &str) -> bool {
    text.len() == 2 && COUNTRIES.split(' ').any(|code| code == text)
}

/// One to twelve characters that no register writes in two ways.
fn is_local_code(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase() || byte == b'-';
    (1..=12).contains(&text.len()) && text.bytes().all(plain)
}

/// Nine digits; every second one, counted from the right, doubled and its digits added:
/// the sum of all is a multiple of ten (ISO/IEC 7812-1, annex B).
fn is_siren(text: &str) -> bool {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let value = |(at, byte): (usize, u8)| match (at % 2, u32::from(byte - b'0')) {
        (1, digit) if digit > 4 => 2 * digit - 9,
        (1, digit) => 2 * digit,
        (_, digit) => digit,
    };
    digits
        && text.len() == 9
        && text.bytes().rev().enumerate().map(value).sum::<u32>().is_multiple_of(10)
}

impl Country {
    /// No country: what a site says that has stated nothing. No text is read as this.
    pub(super) fn unknown() -> Self {
        Self("ZZ".to_owned())
    }

    /// France.
    pub fn is_france(&self) -> bool {
        self.as_str() == "FR"
    }

    /// Whether it is a member state of the European Union.
    pub fn is_in_european_union(&self) -> bool {
        EUROPEAN_UNION.split(' ').any(|code| code == self.as_str())
    }
}

impl Departement {
    /// Whether it has the form of an INSEE code: 01 to 95 without 20, 2A, 2B, 971 to 988.
    pub fn is_french(&self) -> bool {
        match self.as_str().as_bytes() {
            b"2A" | b"2B" => true,
            b"20" => false,
            [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
                (1..=95).contains(&((tens - b'0') * 10 + ones - b'0'))
            }
            [b'9', b'7', last] => (b'1'..=b'8').contains(last),
            [b'9', b'8', last] => (b'4'..=b'8').contains(last),
            _ => false,
        }
    }
}

impl Commune {
    /// Whether it has the form of an INSEE code of this département.
    pub fn is_french_in(&self, departement: &Departement) -> bool {
        let number = self.as_str().strip_prefix(departement.as_str());
        self.as_str().len() == 5
            && departement.is_french()
            && number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_those_of_the_standard() {
        assert_eq!(COUNTRIES.split(' ').count(), 249);
        assert_eq!(EUROPEAN_UNION.split(' ').count(), 27);
        assert!(EUROPEAN_UNION.split(' ').all(is_country));
        for (text, good) in
            [("FR", true), ("GB", true), ("UK", false), ("fr", false), ("", false), ("EU", false)]
        {
            assert_eq!(Country::new(text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn communes_belong_to_their_departement() {
        for (commune, departement, good) in [
            ("44109", "44", true),
            ("2A004", "2A", true),
            ("2B033", "2B", true),
            ("20004", "20", false),
            ("97411", "974", true),
            ("97411", "97", false),
            ("98818", "988", true),
            ("01001", "01", true),
            ("00001", "00", false),
            ("96001", "96", false),
            ("44109", "35", false),
            ("4410", "44", false),
            ("441090", "44", false),
            ("44A09", "44", false),
        ] {
            let codes = (Commune::new(commune), Departement::new(departement));
            let (Ok(commune), Ok(departement)) = codes else { panic!("{commune}") };
            assert_eq!(commune.is_french_in(&departement), good, "{commune} {departement}");
        }
    }

    #[test]
    fn a_siren_has_a_check_digit() {
        for (text, good) in [
            ("732829320", true),
            ("732829321", false),
            ("356000000", true),
            ("000000000", true),
            ("73282932", false),
            ("7328293200", false),
            ("73282932a", false),
            ("73282é32", false),
        ] {
            assert_eq!(Siren::new(text).is_ok(), good, "{text}");
        }
    }
}
