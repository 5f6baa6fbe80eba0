//! Everything the console says, in each language.

use crate::language::Language;

macro_rules! words {
    ($($name:ident: $french:literal, $english:literal;)*) => {
        /// The words of one language.
        pub(crate) struct Words {
            $(pub(crate) $name: &'static str,)*
        }

        static FRENCH: Words = Words { $($name: $french,)* };
        static ENGLISH: Words = Words { $($name: $english,)* };

        #[cfg(test)]
        const ALL: &[(&str, &str)] = &[$(($french, $english),)*];
    };
}

// U+202F stands before « : ; ! ? » in French.
words! {
    title: "État du nœud", "Node status";
    skip: "Aller au contenu", "Skip to content";
    motto: "Le nuage de votre territoire", "The cloud your territory owns";
    log_in: "Se connecter", "Log in";
    log_out: "Se déconnecter", "Log out";
    name: "Nom", "Name";
    password: "Mot de passe", "Password";
    login_hint: "Le premier mot de passe est dans le fichier d’identifiants écrit au premier démarrage.",
        "The first password is in the credentials file written at the first start.";
    login_wrong: "Le nom ou le mot de passe est faux.", "The name or the password is wrong.";
    login_wait: "Trop d’essais\u{202f}: patientez un peu avant de recommencer.",
        "Too many tries: wait a little before the next.";
    login_foreign: "Ce formulaire vient d’un autre site\u{202f}: il a été refusé.",
        "This form comes from another site: it was refused.";
    node_ready: "Ce nœud est prêt.", "This node is ready.";
    node_not_ready: "Ce nœud n’est pas prêt.", "This node is not ready.";
    all_well: "Tout va bien", "All is well";
    look: "À regarder de près", "Needs a look";
    to_confirm: "À confirmer", "To confirm";
    running_since: "En marche depuis", "Running for";
    witness: "Ce site est un témoin\u{202f}: il vote sur le catalogue et ne garde aucune donnée.",
        "This site is a witness: it votes on the catalog and keeps no data.";
    version: "version", "version";
    holds: "Ce qu’il garde", "What it holds";
    tenant: "locataire", "tenant";
    tenants: "locataires", "tenants";
    bucket: "compartiment", "bucket";
    buckets: "compartiments", "buckets";
    object: "objet", "object";
    objects: "objets", "objects";
    stored: "stockés", "stored";
    disks: "Disques", "Disks";
    used: "occupés par Essaim", "used by Essaim";
    free: "libres", "free";
    of: "sur", "of";
    healthy: "sain", "healthy";
    nearly_full: "bientôt plein", "nearly full";
    disk_full: "plein", "full";
    poisoned: "hors service", "out of service";
    hanging: "ne répond pas", "does not answer";
    missing: "manquant", "missing";
    inside: "Fonctionnement", "Inner workings";
    catalog: "Catalogue", "Catalog";
    available: "disponible", "available";
    not_available: "indisponible", "not available";
    commands: "commandes appliquées", "commands applied";
    memory: "Mémoire", "Memory";
    releases: "À libérer", "To release";
    part: "partie", "part";
    parts: "parties", "parts";
    scrub: "Vérification", "Scrub";
    scrub_idle: "aucune depuis le démarrage", "none since the start";
    scrub_running: "en cours", "running";
    scrub_done: "terminée", "done";
    scrub_bad_one: "fragment abîmé", "bad fragment";
    scrub_bad: "fragments abîmés", "bad fragments";
    data: "Données", "Data";
    errors: "Derniers avertissements et erreurs", "Last warnings and errors";
    no_errors: "Rien à signaler.", "Nothing to report.";
    warning: "avertissement", "warning";
    error: "erreur", "error";
    clients: "Se servir du stockage", "Use the storage";
    clients_hint: "Collez ces lignes dans un terminal, après avoir mis la clé d’accès et son secret dans l’environnement.",
        "Paste these lines into a terminal, once the access key and its secret are in the environment.";
    refreshed: "Cette page se rafraîchit toutes les 30 secondes.",
        "This page refreshes every 30 seconds.";
    other_language: "English", "Français";
    other_tag: "en", "fr";
    unavailable: "L’état du nœud ne peut pas être lu\u{202f}:", "The status cannot be read:";
}

impl Words {
    pub(crate) fn of(language: Language) -> &'static Self {
        match language {
            Language::French => &FRENCH,
            Language::English => &ENGLISH,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn french_typography() {
        for (french, english) in ALL {
            assert!(!french.is_empty() && !english.is_empty());
            assert!(!french.contains('\''), "the apostrophe is ’ in {french:?}");
            for mark in [':', ';', '!', '?'] {
                let spaced = format!("\u{202f}{mark}");
                assert_eq!(
                    french.matches(mark).count(),
                    french.matches(&spaced).count(),
                    "{french}"
                );
            }
        }
    }
}
