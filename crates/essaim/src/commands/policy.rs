//! `essaim policy`.

use admin::model::{
    PolicyCheck, PolicyCheckAsk, PolicyExplanation, PolicyGuarantee, PolicyListed, PolicyShown,
    PolicySource, PolicyText,
};
use node::Language;
use reqwest::Method;

use crate::cli::{Connect, PolicyFor, PolicyVerb, Speak};
use crate::client::{Client, segment};
use crate::failure::{Failure, Kind};
use crate::output::{self, Table};

const POLICY: &str = "/api/v1/policy";

pub(super) async fn run(verb: PolicyVerb) -> Result<(), Failure> {
    match verb {
        PolicyVerb::Check { file, of, speak, connect } => {
            let ask = PolicyCheckAsk {
                policy: node::file_read(&file)?,
                tenant: of.tenant,
                bucket: of.bucket,
            };
            let client = client(&connect, speak)?;
            let check: PolicyCheck =
                client.send_json(Method::POST, "/api/v1/policy-check", &ask).await?;
            checked(&file.display().to_string(), &check, language(speak), connect.json)
        }
        PolicyVerb::Set { of, file, even_if_unsatisfiable, speak, connect } => {
            let text = PolicyText { policy: node::file_read(&file)?, even_if_unsatisfiable };
            let client = client(&connect, speak)?;
            show(&client.send_json(Method::PUT, &path(&of), &text).await?, speak, &connect)
        }
        PolicyVerb::Show { of, speak, connect } => {
            show(&client(&connect, speak)?.get(&path(&of)).await?, speak, &connect)
        }
        PolicyVerb::Remove { of, speak, connect } => {
            show(&client(&connect, speak)?.delete_shown(&path(&of)).await?, speak, &connect)
        }
        PolicyVerb::List { speak, connect } => list(speak, &connect).await,
        PolicyVerb::Explain { what, speak, connect } => explain(&what, speak, &connect).await,
    }
}

fn language(speak: Speak) -> Language {
    speak.language.unwrap_or_else(node::language_of_machine)
}

fn client(connect: &Connect, speak: Speak) -> Result<Client, Failure> {
    Ok(Client::new(connect)?.speaking(language(speak)))
}

fn path(of: &PolicyFor) -> String {
    match (&of.tenant, &of.bucket) {
        (_, Some(bucket)) => format!("{POLICY}?bucket={}", segment(bucket)),
        (Some(tenant), None) => format!("{POLICY}?tenant={}", segment(tenant)),
        (None, None) => POLICY.to_owned(),
    }
}

/// What a check came to. A policy that cannot be taken is a failure for scripts too.
fn checked(file: &str, check: &PolicyCheck, language: Language, json: bool) -> Result<(), Failure> {
    if json {
        output::json(check)?;
    }
    if !check.faults.is_empty() {
        let (message, hint) = language.pick(
            ("ne peut pas être pris", "corrigez-le\u{a0}; rien n'a été changé"),
            ("cannot be taken", "mend it; nothing was changed"),
        );
        let colon = language.pick("\u{a0}:", ":");
        return Err(Failure::failed(format!("{file} {message}{colon}\n{}", check.words), hint));
    }
    if check.is_satisfiable != Some(true) {
        let hint = language.pick(
            "elle se lit sans faute, mais essaim policy set la refuserait\u{a0}; rien n'a été changé",
            "it reads without fault, but essaim policy set would refuse it; nothing was changed",
        );
        return Err(Failure::failed(check.words.clone(), hint));
    }
    if !json {
        say!("{}", check.words);
    }
    Ok(())
}

fn show(shown: &PolicyShown, speak: Speak, connect: &Connect) -> Result<(), Failure> {
    if connect.json {
        return output::json(shown);
    }
    let language = language(speak);
    say!("{}", source(shown.source, shown.of.as_deref(), language));
    if let Some(set) = &shown.set {
        say!(
            "{}",
            language.pick(format!("Elle vaut depuis {set}."), format!("It holds since {set}."))
        );
    }
    if let Some(text) = &shown.policy {
        say!();
        for line in text.lines() {
            say!("    {line}");
        }
        say!();
    }
    match (&shown.guarantee, &shown.refusal) {
        (Some(guarantee), _) => guaranteed(guarantee, language),
        (None, Some(refusal)) => say!(
            "{} {refusal}",
            language.pick("RIEN NE PEUT ÊTRE ÉCRIT EN CE MOMENT.", "NOTHING CAN BE WRITTEN NOW.")
        ),
        (None, None) => {}
    }
    Ok(())
}

fn guaranteed(guarantee: &PolicyGuarantee, language: Language) {
    let (code, sites) = (&guarantee.code, guarantee.sites.join(", "));
    say!(
        "{}",
        language.pick(
            format!("Ce qui s'écrit maintenant a le code {code}, par exemple sur {sites}."),
            format!("What is written now has the code {code}, for example on {sites}."),
        )
    );
    say!("{}", guarantee.words);
}

/// Where a policy comes from, in a sentence.
fn source(source: PolicySource, of: Option<&str>, language: Language) -> String {
    let of = of.unwrap_or_default();
    match source {
        PolicySource::Bucket => language.pick(
            format!("Le bucket {of} a une politique à lui."),
            format!("The bucket {of} has a policy of its own."),
        ),
        PolicySource::Tenant => language.pick(
            format!("C'est la politique du locataire {of}."),
            format!("It is the policy of the tenant {of}."),
        ),
        PolicySource::Cluster => language
            .pick("C'est la politique de la grappe.", "It is the policy of the cluster.")
            .to_owned(),
        PolicySource::Default => language
            .pick(
                "Aucune politique n'a été posée\u{a0}: tout site actif peut garder des fragments, \
                 et l'un d'eux peut disparaître s'il y en a deux.",
                "No policy was set: any active site may hold fragments, and one of them may \
                 vanish if there are two.",
            )
            .to_owned(),
    }
}

async fn list(speak: Speak, connect: &Connect) -> Result<(), Failure> {
    let listed: Vec<PolicyListed> = client(connect, speak)?.get("/api/v1/policies").await?;
    if connect.json {
        return output::json(&listed);
    }
    let language = language(speak);
    let head = language.pick(
        ["POUR", "DEPUIS", "TENUE", "CE QUI EN RÉSULTE"],
        ["FOR", "SINCE", "KEPT", "WHAT IT COMES TO"],
    );
    let mut table = Table::new(&head);
    for policy in listed {
        let of = policy.of.unwrap_or_default();
        let of = match policy.source {
            PolicySource::Bucket => format!("bucket {of}"),
            PolicySource::Tenant => format!("{} {of}", language.pick("locataire", "tenant")),
            PolicySource::Cluster | PolicySource::Default => {
                language.pick("la grappe", "the cluster").to_owned()
            }
        };
        let kept = match policy.is_satisfiable {
            Some(true) => language.pick("oui", "yes"),
            Some(false) | None => language.pick("NON", "NO"),
        };
        table.row([of, policy.set, kept.to_owned(), policy.words]);
    }
    table.print(language.pick(
        "aucune politique n'a été posée\u{a0}: essaim policy set",
        "no policy was set: essaim policy set",
    ));
    Ok(())
}

async fn explain(what: &str, speak: Speak, connect: &Connect) -> Result<(), Failure> {
    let Some(rest) = what.strip_prefix("s3://").filter(|rest| !rest.starts_with('/')) else {
        return Err(unnamed(what));
    };
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(unnamed(what));
    }
    let mut path = format!("/api/v1/policy-explanation?bucket={}", segment(bucket));
    if !key.is_empty() {
        path = format!("{path}&key={}", segment(key));
    }
    let told: PolicyExplanation = client(connect, speak)?.get_counted(&path).await?;
    if connect.json {
        return output::json(&told);
    }
    let language = language(speak);
    say!("{}", source(told.source, told.of.as_deref(), language));
    say!();
    let head = language.pick(
        ["SITE", "OÙ", "EXPLOITANT", "ADMIS", "POURQUOI"],
        ["SITE", "WHERE", "OPERATOR", "ADMITTED", "WHY"],
    );
    let mut table = Table::new(&head);
    let not_said = language.pick("non dit", "not said");
    for site in told.sites {
        let admitted =
            if site.is_admitted { language.pick("oui", "yes") } else { language.pick("NON", "NO") };
        table.row([
            site.site,
            site.commune.unwrap_or_else(|| not_said.to_owned()),
            site.operator.unwrap_or_else(|| not_said.to_owned()),
            admitted.to_owned(),
            site.words,
        ]);
    }
    table.print(language.pick("la grappe n'a aucun site", "the cluster has no site"));
    say!();
    match (&told.guarantee, &told.refusal) {
        (Some(guarantee), _) => guaranteed(guarantee, language),
        (None, Some(refusal)) => say!("{refusal}"),
        (None, None) => {}
    }
    if let Some(object) = &told.object {
        say!();
        match &object.words {
            Some(words) => say!("{}{} {words}", object.key, language.pick("\u{a0}:", ":")),
            None => say!(
                "{}{} {}",
                object.key,
                language.pick("\u{a0}:", ":"),
                language.pick(
                    "assez petit pour tenir dans le catalogue, à chaque site qui le garde.",
                    "small enough to lie in the catalog, at each site that keeps it."
                )
            ),
        }
        for drift in &object.drifts {
            say!("- {drift}");
        }
        if object.drifts.is_empty() && object.words.is_some() {
            say!(
                "{}",
                language
                    .pick("Il est là où la politique le veut.", "It lies as the policy wants it.")
            );
        }
    }
    Ok(())
}

fn unnamed(what: &str) -> Failure {
    let message = format!("{what:?} names no bucket");
    Failure::new(Kind::Usage, message, "write it as s3://BUCKET or s3://BUCKET/KEY")
}
