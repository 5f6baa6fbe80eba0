//! What has drifted, what holds a move up, and what a placement survives, in words.

use super::{Language, distance, list, quoted};
use crate::{Drift, Drifted, Example, Guarantee, SiteMap, Stuck};

impl Drift {
    /// What is wrong, in a sentence.
    pub fn explain(&self, language: Language) -> String {
        match &self.what {
            Drifted::UnknownDisk { disk } => language.pick(
                format!("Un fragment est noté sur le disque {disk}, que la grappe n'a plus."),
                format!("A fragment is noted on the disk {disk}, which the cluster has no more."),
            ),
            Drifted::Site(refused) => {
                let site = quoted(language, refused.site.name.as_str());
                let why = refused.why.explain(language);
                language.pick(
                    format!("Le fragment du site {site} doit partir\u{a0}: {why}."),
                    format!("The fragment at the site {site} has to go: {why}."),
                )
            }
            Drifted::Home { held, needed } => language.pick(
                format!(
                    "La règle «\u{a0}home\u{a0}» demande {needed} fragments sur place, et il y en \
                     a {held}."
                ),
                format!("The rule “home” asks for {needed} fragments there, and there are {held}."),
            ),
            Drifted::Survives { survived, asked } => language.pick(
                format!(
                    "Nombre de pertes que la règle veut pouvoir subir\u{a0}: {asked}\u{a0}; le code de \
                     cet objet n'en permet que {survived}. Il lui en faut un autre."
                ),
                format!(
                    "Losses that the rule wants survived: {asked}; the code of this object allows \
                     only {survived}. It needs another one."
                ),
            ),
            Drifted::Code { has, asked } => language.pick(
                format!(
                    "La règle veut le code {asked}, et cet objet a le code {has}. Il lui faut \
                     celui de la règle."
                ),
                format!(
                    "The rule names the code {asked}, and this object has {has}. It needs that of \
                     the rule."
                ),
            ),
        }
    }
}

impl Stuck {
    /// Why nothing can be moved, in sentences.
    pub fn explain(&self, language: Language) -> String {
        match self {
            Self::Refused(refusal) => refusal.explain(language),
            Self::Code => language
                .pick(
                    "Le code de cet objet n'est pas celui que la règle demande, et les sites \
                     présents n'en permettent pas d'autre pour l'instant.",
                    "The code of this object is not what the rule asks for, and the sites \
                     there are have no other for it now.",
                )
                .to_owned(),
            Self::NoStep => language
                .pick(
                    "Aucun déplacement n'est possible sans enfreindre davantage la politique en \
                     chemin\u{a0}: il faudrait un site de plus, ou de la place sur un disque.",
                    "Nothing can be moved without doing worse by the policy on the way: one more \
                     site is needed, or room on a disk.",
                )
                .to_owned(),
        }
    }
}

impl Example {
    /// Where an object would lie, in a sentence; `map` gives the sites their names.
    pub fn explain(&self, map: &SiteMap, language: Language) -> String {
        let sites = self.sites.iter().filter_map(|site| map.site(*site));
        let names = sites.map(|site| quoted(language, site.facts.statement.name.as_str()));
        let names = list(language, &names.collect::<Vec<_>>());
        match self.geometry {
            Some(code) => language.pick(
                format!("Cette politique peut être tenue, par exemple avec le code {code} sur {names}."),
                format!("This policy can be kept, for example with the code {code} on {names}."),
            ),
            None => language.pick(
                format!(
                    "Cette politique peut être tenue par un seul site, {names}, sur ses disques\u{a0}; \
                     sa perte serait celle des données."
                ),
                format!(
                    "This policy can be kept by one site only, {names}, on its disks; its loss would \
                     be that of the data."
                ),
            ),
        }
    }
}

impl Guarantee {
    /// What may vanish, in sentences; `map` gives the sites their names.
    pub fn explain(&self, map: &SiteMap, language: Language) -> String {
        let counts = [self.sites, self.communes, self.departements, self.operators];
        let [Some(sites), Some(communes), Some(departements), Some(operators)] = counts else {
            let lost = language.pick(
                "Il ne reste pas assez de fragments pour lire ces données.",
                "Too few fragments are left to read these data.",
            );
            return lost.to_owned();
        };
        let mut text = if sites == 0 {
            let none = language.pick(
                "La perte d'un seul site peut rendre ces données illisibles.",
                "The loss of a single site can make these data unreadable.",
            );
            none.to_owned()
        } else {
            let kinds = [
                (sites, "site", "site"),
                (communes, "commune", "commune"),
                (departements, "département", "département"),
                (operators, "exploitant", "operator"),
            ];
            let kinds = kinds.into_iter().filter(|(count, ..)| *count > 0);
            let counted = kinds.map(|(count, french, english)| {
                let plural = if count > 1 { "s" } else { "" };
                format!("{count} {}{plural}", language.pick(french, english))
            });
            let counted = counted.collect::<Vec<_>>().join(language.pick(" ou ", " or "));
            language.pick(
                format!("Ce qui peut disparaître sans perte de données\u{a0}: {counted}."),
                format!("What may vanish without loss of data: {counted}."),
            )
        };
        if let Some(nearest) = self.nearest {
            let nearest = distance(language, nearest);
            text.push_str(&language.pick(
                format!(" Les deux sites les plus proches sont à {nearest} l'un de l'autre."),
                format!(" The two nearest sites are {nearest} from each other."),
            ));
        }
        let whole = self.whole_at.iter().filter_map(|site| map.site(*site));
        let whole = whole.map(|site| quoted(language, site.facts.statement.name.as_str()));
        let whole: Vec<String> = whole.collect();
        if !whole.is_empty() {
            let many = whole.len() > 1;
            let names = list(language, &whole);
            let (french, english) = if many {
                ("Les sites {} détiennent chacun", "The sites {} each hold")
            } else {
                ("Le site {} détient à lui seul", "The site {} alone holds")
            };
            text.push_str(&language.pick(
                format!(
                    " {} de quoi reconstituer les données scellées, que seules les clés ouvrent.",
                    french.replace("{}", &names)
                ),
                format!(
                    " {} enough to rebuild the sealed data, which only the keys open.",
                    english.replace("{}", &names)
                ),
            ));
        }
        text
    }
}
