//! Where a request to a website leads, before and after the object was looked for.
//!
//! Pure: what the bucket's website document says, applied to a path.
//! Amazon S3 User Guide, "Hosting a static website".

use http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{Redirect, RoutingRule, WebsiteConfiguration};

/// What is encoded in a redirection's path.
const PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// A redirection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Elsewhere {
    /// 301 unless a rule says otherwise.
    pub status: StatusCode,
    /// Where to.
    pub location: String,
}

/// Where a request leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// To another address.
    Elsewhere(Elsewhere),
    /// To an object.
    Object {
        /// Its key.
        key: String,
    },
}

/// A website as its bucket's document has it.
#[derive(Clone, Debug)]
pub(super) struct Site<'s> {
    /// The document.
    pub document: &'s WebsiteConfiguration,
    /// The host that the browser asked for.
    pub host: &'s str,
}

impl Site<'_> {
    /// Where a path leads; `path` is decoded and has no leading slash.
    pub(super) fn route(&self, path: &str) -> Route {
        if let Some(all) = &self.document.redirect_all_requests_to {
            let protocol = all.protocol.as_ref().map_or("http", |protocol| protocol.as_str());
            let path = utf8_percent_encode(path, PATH);
            return Route::Elsewhere(Elsewhere {
                status: StatusCode::MOVED_PERMANENTLY,
                location: format!("{protocol}://{}/{path}", all.host_name),
            });
        }
        if let Some(elsewhere) = self.rule(path, None) {
            return Route::Elsewhere(elsewhere);
        }
        let suffix = self.suffix();
        let key = if path.is_empty() || path.ends_with('/') {
            format!("{path}{suffix}")
        } else {
            path.to_owned()
        };
        Route::Object { key }
    }

    /// Where a path leads whose object could not be given.
    pub(super) fn after_error(&self, path: &str, status: StatusCode) -> Option<Elsewhere> {
        self.rule(path, Some(status))
    }

    /// The key that stands for a path read as a folder.
    pub(super) fn folder_index(&self, path: &str) -> Option<String> {
        let is_file = !path.is_empty() && !path.ends_with('/');
        is_file.then(|| format!("{path}/{}", self.suffix()))
    }

    fn suffix(&self) -> &str {
        self.document.index_document.as_ref().map_or("index.html", |index| index.suffix.as_str())
    }

    fn rule(&self, path: &str, status: Option<StatusCode>) -> Option<Elsewhere> {
        let rules = self.document.routing_rules.as_ref()?;
        let rule = rules.iter().find(|rule| applies(rule, path, status))?;
        Some(self.redirection(rule, path))
    }

    fn redirection(&self, rule: &RoutingRule, path: &str) -> Elsewhere {
        let Redirect { host_name, http_redirect_code, protocol, .. } = &rule.redirect;
        let (replacement, prefix) =
            (&rule.redirect.replace_key_with, &rule.redirect.replace_key_prefix_with);
        let condition = rule.condition.as_ref();
        let matched = condition.and_then(|c| c.key_prefix_equals.as_deref()).unwrap_or_default();
        let key = match (replacement, prefix) {
            (Some(key), _) => key.clone(),
            (None, Some(prefix)) => {
                format!("{prefix}{}", path.strip_prefix(matched).unwrap_or(path))
            }
            (None, None) => path.to_owned(),
        };
        let status = http_redirect_code.as_deref().and_then(|code| code.parse().ok());
        let status = status.filter(StatusCode::is_redirection);
        let protocol = protocol.as_ref().map_or("http", |protocol| protocol.as_str());
        let host = host_name.as_deref().unwrap_or(self.host);
        let key = utf8_percent_encode(&key, PATH);
        Elsewhere {
            status: status.unwrap_or(StatusCode::MOVED_PERMANENTLY),
            location: format!("{protocol}://{host}/{key}"),
        }
    }
}

/// Before the object is looked for, only rules without an error code apply.
fn applies(rule: &RoutingRule, path: &str, status: Option<StatusCode>) -> bool {
    let condition = rule.condition.as_ref();
    let prefix = condition.and_then(|c| c.key_prefix_equals.as_deref());
    let code = condition.and_then(|c| c.http_error_code_returned_equals.as_deref());
    let code_holds = match (code, status) {
        (None, _) => status.is_none(),
        (Some(_), None) => false,
        (Some(code), Some(status)) => code == status.as_str(),
    };
    code_holds && prefix.is_none_or(|prefix| path.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use s3s::dto::{Condition, IndexDocument, Protocol, RedirectAllRequestsTo};

    fn site() -> WebsiteConfiguration {
        WebsiteConfiguration {
            index_document: Some(IndexDocument { suffix: "index.html".to_owned() }),
            ..WebsiteConfiguration::default()
        }
    }

    fn check(document: &WebsiteConfiguration, path: &str, expected: &str) {
        let found = match (Site { document, host: "w.org" }).route(path) {
            Route::Object { key } => key,
            Route::Elsewhere(Elsewhere { status, location }) => {
                format!("{} {location}", status.as_u16())
            }
        };
        assert_eq!(found, expected, "{path:?}");
    }

    #[test]
    fn folders_have_an_index() {
        check(&site(), "", "index.html");
        check(&site(), "a/", "a/index.html");
        check(&site(), "a/b.html", "a/b.html");
        let document = site();
        let here = Site { document: &document, host: "w.org" };
        assert_eq!(here.folder_index("a").as_deref(), Some("a/index.html"));
        assert_eq!(here.folder_index("a/"), None);
    }

    #[test]
    fn everything_may_lead_elsewhere() {
        let document = WebsiteConfiguration {
            redirect_all_requests_to: Some(RedirectAllRequestsTo {
                host_name: "x.org".to_owned(),
                protocol: Some(Protocol::from_static(Protocol::HTTPS)),
            }),
            ..WebsiteConfiguration::default()
        };
        check(&document, "a b", "301 https://x.org/a%20b");
    }

    #[test]
    fn rules_apply_to_prefixes_and_errors() {
        let rule = |prefix: Option<&str>, code: Option<&str>, redirect: Redirect| RoutingRule {
            condition: Some(Condition {
                key_prefix_equals: prefix.map(str::to_owned),
                http_error_code_returned_equals: code.map(str::to_owned),
            }),
            redirect,
        };
        let moved = Redirect {
            replace_key_prefix_with: Some("new/".to_owned()),
            http_redirect_code: Some("302".to_owned()),
            ..Redirect::default()
        };
        let lost = Redirect {
            host_name: Some("x.org".to_owned()),
            replace_key_with: Some("lost.html".to_owned()),
            ..Redirect::default()
        };
        let document = WebsiteConfiguration {
            routing_rules: Some(vec![
                rule(Some("old/"), None, moved),
                rule(None, Some("404"), lost),
            ]),
            ..site()
        };
        check(&document, "old/a", "302 http://w.org/new/a");
        check(&document, "other", "other");
        let here = Site { document: &document, host: "w.org" };
        let found = here.after_error("other", StatusCode::NOT_FOUND).map(|e| e.location);
        assert_eq!(found.as_deref(), Some("http://x.org/lost.html"));
        assert_eq!(here.after_error("other", StatusCode::FORBIDDEN), None);
    }
}
