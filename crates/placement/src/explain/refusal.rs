//! Why there is no placement, in words.

use super::{Language, bytes, distance, list, quoted};
use crate::facts::Metres;
use crate::policy::RuleLabel;
use crate::refusal::{Asked, Refusal, Refused, SiteShown, TooFew, Unstated, Why};
use crate::{Distinct, PlaceError, Verdict};
use Language::{English, French};

impl Refusal {
    /// Why, naming the rule and what is missing, in sentences for people.
    pub fn explain(&self, language: Language) -> String {
        let quote = |text: &str| quoted(language, text);
        match self {
            Self::StaleMap { .. } => language
                .pick(
                    "La grappe vient de changer\u{a0}; la demande est à refaire.",
                    "The cluster has just changed; ask again.",
                )
                .to_owned(),
            Self::HomeUnknown { home } => {
                let home = quote(&home.to_string());
                language.pick(
                    format!(
                        "La règle «\u{a0}home\u{a0}» désigne le site {home}, que la grappe n'a pas."
                    ),
                    format!(
                        "The rule “home” names the site {home}, which the cluster does not have."
                    ),
                )
            }
            Self::HomeAmbiguous { home } => {
                let home = quote(&home.to_string());
                language.pick(
                    format!(
                        "La règle «\u{a0}home\u{a0}» désigne le site {home}, mais plusieurs sites \
                         portent ce nom\u{a0}; indiquez son identifiant."
                    ),
                    format!(
                        "The rule “home” names the site {home}, but several sites have that name; \
                         give its id."
                    ),
                )
            }
            Self::HomeRefused(refused) => {
                let why = refused.explain(language);
                language.pick(
                    format!(
                        "La règle «\u{a0}home\u{a0}» demande un site qui ne convient pas. {why}"
                    ),
                    format!("The rule “home” asks for a site that will not do. {why}"),
                )
            }
            Self::NoSite { refused } if refused.is_empty() => {
                language.pick("La grappe n'a aucun site.", "The cluster has no site.").to_owned()
            }
            Self::NoSite { refused } => {
                let none = language.pick(
                    "Aucun site de la grappe ne peut garder ces données.",
                    "No site of the cluster may keep these data.",
                );
                format!("{none}{}", all_refused(refused, language))
            }
            Self::TooFew(few) => few.explain(language),
            Self::Disks { site, why } => disks(site, why, language),
            Self::SearchTooLong => language
                .pick(
                    "La recherche de sites a été arrêtée à sa limite\u{a0}: la grappe compte trop \
                     de sites pour cette règle.",
                    "The search for sites ended at its limit: the cluster has too many sites for \
                     this rule.",
                )
                .to_owned(),
        }
    }
}

fn disks(site: &SiteShown, why: &PlaceError, language: Language) -> String {
    let name = quoted(language, site.name.as_str());
    match (language, why) {
        (French, PlaceError::NoHealthyDisk) => {
            format!("Le site {name} est le seul qui convienne, et aucun de ses disques ne répond.")
        }
        (French, PlaceError::OneDiskLeft { expected }) => format!(
            "Le site {name} est le seul qui convienne, et un seul de ses {expected} disques \
             répond\u{a0}: une copie unique ne suffit pas."
        ),
        (French, PlaceError::NoRoom { wanted, found, need }) => format!(
            "Le site {name} est le seul qui convienne\u{a0}: il faut {} libres sur {wanted} disque{} \
             au moins, et {}.",
            bytes(language, *need),
            if *wanted > 1 { "s" } else { "" },
            match found {
                0 => "aucun n'a cette place".to_owned(),
                1 => "un seul a cette place".to_owned(),
                found => format!("{found} seulement ont cette place"),
            }
        ),
        (English, PlaceError::NoHealthyDisk) => {
            format!("The site {name} is the only one that will do, and none of its disks answers.")
        }
        (English, PlaceError::OneDiskLeft { expected }) => format!(
            "The site {name} is the only one that will do, and only one of its {expected} disks \
             answers: one copy is none to spare."
        ),
        (English, PlaceError::NoRoom { wanted, found, need }) => format!(
            "The site {name} is the only one that will do: {} must be free on at least {wanted} of \
             its disks, and {} that room.",
            bytes(language, *need),
            match found {
                0 => "none has".to_owned(),
                1 => "only one has".to_owned(),
                found => format!("only {found} have"),
            }
        ),
    }
}

fn all_refused(refused: &[Refused], language: Language) -> String {
    refused.iter().map(|refused| format!(" {}", refused.explain(language))).collect()
}

impl Refused {
    /// Why this site is no candidate, in a sentence.
    pub fn explain(&self, language: Language) -> String {
        let site = quoted(language, self.site.name.as_str());
        let why = self.why.explain(language);
        language.pick(
            format!("Le site {site} est écarté\u{a0}: {why}."),
            format!("The site {site} is ruled out: {why}."),
        )
    }
}

impl Why {
    /// Why a site is no candidate, in part of a sentence.
    pub fn explain(&self, language: Language) -> String {
        let name = |site: &SiteShown| quoted(language, site.name.as_str());
        match self {
            Self::Draining => {
                language.pick("il est en cours de vidage", "it is being emptied").to_owned()
            }
            Self::Policy(verdict) => verdict.explain(language),
            Self::NotStated { asked } => asked.explain(language),
            Self::NoHealthyDisk => language
                .pick("aucun de ses disques n'accepte d'écriture", "none of its disks takes writes")
                .to_owned(),
            Self::NoRoom { need, free } => {
                let (need, free) = (bytes(language, *need), bytes(language, *free));
                language.pick(
                    format!("il faut {need} libres sur un disque, et il n'y en a que {free}"),
                    format!("{need} must be free on one disk, and there are only {free}"),
                )
            }
            Self::Unreachable => {
                language.pick("il ne répond pas en ce moment", "it does not answer now").to_owned()
            }
            Self::SameDomain { distinct, with } => {
                let what = same(*distinct, with, language);
                language.pick(
                    format!("{what} que le site {}", name(with)),
                    format!("{what} as the site {}", name(with)),
                )
            }
            Self::TooClose { with, distance: is, least } => {
                let (is, least) = (distance(language, *is), distance(language, *least));
                language.pick(
                    format!("il est à {is} du site {}, moins que les {least} demandés", name(with)),
                    format!(
                        "it is {is} from the site {}, less than the {least} asked for",
                        name(with)
                    ),
                )
            }
        }
    }
}

impl Unstated {
    /// What is not known of a site, in part of a sentence.
    pub fn explain(self, language: Language) -> String {
        let rule = match self {
            Self::Distance => "min_distance_km".to_owned(),
            Self::Distinct(distinct) => format!("distinct = \"{}\"", distinct.as_str()),
        };
        let rule = quoted(language, &rule);
        let (fr, en) = match self {
            Self::Distinct(Distinct::Operator) => ("qui l'exploite", "who runs it"),
            _ => ("où il est", "where it is"),
        };
        language.pick(
            format!("il n'a pas dit {fr}, ce que demande la règle {rule} (essaim site set)"),
            format!("it has not said {en}, which the rule {rule} asks for (essaim site set)"),
        )
    }
}

fn same(distinct: Distinct, site: &SiteShown, language: Language) -> String {
    match distinct {
        Distinct::Site => language.pick("même site", "same site").to_owned(),
        Distinct::Commune => language.pick(
            format!("même commune, {},", site.commune),
            format!("same commune, {},", site.commune),
        ),
        Distinct::Departement => language.pick(
            format!("même département, {},", site.departement),
            format!("same département, {},", site.departement),
        ),
        Distinct::Operator => language.pick(
            format!("même exploitant, {},", site.operator),
            format!("same operator, {},", site.operator),
        ),
    }
}

impl Verdict {
    /// What the policy says, in part of a sentence.
    pub fn explain(&self, language: Language) -> String {
        let all = |rules: &[RuleLabel]| {
            let words: Vec<String> = rules.iter().map(|rule| rule.words(language)).collect();
            list(language, &words)
        };
        match self {
            Self::Permitted => {
                language.pick("la politique l'autorise", "the policy permits it").to_owned()
            }
            Self::Forbidden { rules } if rules.iter().all(RuleLabel::has_words) => all(rules),
            Self::Forbidden { rules } => language.pick(
                format!("la politique l'interdit\u{a0}: {}", all(rules)),
                format!("the policy forbids it: {}", all(rules)),
            ),
            Self::NotPermitted { rules } if rules.is_empty() => language
                .pick(
                    "aucune règle de la politique ne le permet",
                    "no rule of the policy permits it",
                )
                .to_owned(),
            Self::NotPermitted { rules } => language.pick(
                format!("il ne remplit pas la condition\u{a0}: {}", all(rules)),
                format!("it does not meet the condition: {}", all(rules)),
            ),
            Self::NotStated { rules } => {
                let all = all(rules);
                let (fr, en) = if rules.is_empty() {
                    (String::new(), String::new())
                } else {
                    (format!(", ce que demande {all}"), format!(", which is asked for: {all}"))
                };
                language.pick(
                    format!("il n'a pas dit où il est ni qui l'exploite{fr} (essaim site set)"),
                    format!("it has not said where it is nor who runs it{en} (essaim site set)"),
                )
            }
            Self::Failed { rules, error } => {
                let all = all(rules);
                language.pick(
                    format!("une erreur dans la politique interdit tout\u{a0}: {all} ({error})"),
                    format!("an error in the policy forbids everything: {all} ({error})"),
                )
            }
        }
    }
}

impl TooFew {
    /// What is missing, which rule asks for it, and why the others do not help.
    pub fn explain(&self, language: Language) -> String {
        let (missing, wanted) = (self.missing(), self.wanted);
        let plural = |count: usize| if count > 1 { "s" } else { "" };
        let asked = self.asked.explain(language);
        let names = self.fitting.iter().map(|site| quoted(language, site.name.as_str()));
        let names = list(language, &names.collect::<Vec<_>>());
        let kind = self.kind(language);
        let fits = match (language, self.fitting.len()) {
            (French, 0) => "et aucun ne convient".to_owned(),
            (French, 1) => format!("et un seul convient ({names})"),
            (French, count) => format!("et {count} seulement conviennent ensemble ({names})"),
            (English, 0) => "and none will do".to_owned(),
            (English, 1) => format!("and only one will do ({names})"),
            (English, count) => format!("and only {count} will do together ({names})"),
        };
        let first = language.pick(
            format!(
                "Il manque {missing} site{}\u{a0}: {asked} demande {wanted} sites{kind}, {fits}.",
                plural(missing)
            ),
            format!(
                "{missing} site{} missing: {asked} asks for {wanted} sites{kind}, {fits}.",
                if missing > 1 { "s are" } else { " is" }
            ),
        );
        format!("{first}{}{}", self.would_help(language), all_refused(&self.refused, language))
    }

    /// How the sites must differ: ` de communes différentes, à 5,0 km au moins …`.
    fn kind(&self, language: Language) -> String {
        let differ = match (language, self.distinct) {
            (_, Distinct::Site) => "",
            (French, Distinct::Commune) => " de communes différentes",
            (French, Distinct::Departement) => " de départements différents",
            (French, Distinct::Operator) => " d'exploitants différents",
            (English, Distinct::Commune) => " in different communes",
            (English, Distinct::Departement) => " in different départements",
            (English, Distinct::Operator) => " of different operators",
        };
        if self.min_distance == Metres::default() {
            return differ.to_owned();
        }
        let least = distance(language, self.min_distance);
        language.pick(
            format!("{differ} à {least} au moins les uns des autres"),
            format!("{differ} at least {least} from each other"),
        )
    }

    /// Which site would help: `Il faudrait un site hors de la commune de …`.
    fn would_help(&self, language: Language) -> String {
        let mut known: Vec<String> = Vec::new();
        for site in &self.fitting {
            let one = match self.distinct {
                Distinct::Site => quoted(language, site.name.as_str()),
                Distinct::Commune => site.commune.clone(),
                Distinct::Departement => site.departement.clone(),
                Distinct::Operator => site.operator.clone(),
            };
            if !known.contains(&one) {
                known.push(one);
            }
        }
        let many = known.len() > 1;
        let s = if self.missing() > 1 { "s" } else { "" };
        let known = list(language, &known);
        let elsewhere = match (language, self.distinct) {
            _ if known.is_empty() => String::new(),
            (French, Distinct::Site) => format!(" autre{s} que {known}"),
            (French, Distinct::Commune) if many => format!(" hors des communes de {known}"),
            (French, Distinct::Commune) => format!(" hors de la commune de {known}"),
            (French, Distinct::Departement) if many => format!(" hors des départements {known}"),
            (French, Distinct::Departement) => format!(" hors du département {known}"),
            (French, Distinct::Operator) => format!(" d'un autre exploitant que {known}"),
            (English, Distinct::Site) => format!(" other than {known}"),
            (English, Distinct::Commune) if many => format!(" outside the communes of {known}"),
            (English, Distinct::Commune) => format!(" outside the commune of {known}"),
            (English, Distinct::Departement) if many => {
                format!(" outside the départements {known}")
            }
            (English, Distinct::Departement) => format!(" outside the département {known}"),
            (English, Distinct::Operator) => format!(" of another operator than {known}"),
        };
        let far = if self.min_distance == Metres::default() || self.fitting.is_empty() {
            String::new()
        } else {
            let least = distance(language, self.min_distance);
            let all = self.fitting.iter().map(|site| quoted(language, site.name.as_str()));
            let all = list(language, &all.collect::<Vec<_>>());
            language.pick(
                format!(", à {least} au moins de {all}"),
                format!(", at least {least} from {all}"),
            )
        };
        let (french, english) = match self.missing() {
            0 | 1 => ("un".to_owned(), "one more".to_owned()),
            count => (count.to_string(), format!("{count} more")),
        };
        language.pick(
            format!(" Il faudrait {french} site{s}{elsewhere}{far}."),
            format!(" Needed: {english} site{s}{elsewhere}{far}."),
        )
    }
}

impl Asked {
    /// What asks for so many sites, as the subject of a sentence.
    pub fn explain(self, language: Language) -> String {
        match self {
            Self::Survive(count) => language.pick(
                format!("la règle «\u{a0}survive = {count}\u{a0}»"),
                format!("the rule “survive = {count}”"),
            ),
            Self::Geometry(code) => {
                language.pick(format!("le code {code}"), format!("the code {code}"))
            }
            Self::Cluster => language
                .pick(
                    "la grappe, qui doit pouvoir perdre un site sans rien perdre,",
                    "the cluster, which must be able to lose a site and nothing else,",
                )
                .to_owned(),
        }
    }
}
