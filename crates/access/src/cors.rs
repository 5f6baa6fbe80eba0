//! Cross-origin rules: which pages of which origins may ask what (S3 User
//! Guide, "Using cross-origin resource sharing"; Fetch standard, §3.2).

use thiserror::Error;

use crate::limits::{CORS_RULES_MAX, CORS_VALUES_MAX};

/// Methods that rules may name.
pub const CORS_METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "POST", "DELETE"];

/// Rules that are refused.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum CorsError {
    /// No rule, or too many, or a rule without origin or method. S3: `MalformedXML`.
    #[error(
        "The XML you provided was not well-formed or did not validate against our published schema"
    )]
    Shape,
    /// A method that cannot be named. S3: `InvalidRequest`.
    #[error("Found unsupported HTTP method in CORS config. Unsupported method is {method}")]
    Method {
        /// What it says.
        method: String,
    },
    /// More than one wildcard. S3: `InvalidRequest`.
    #[error("AllowedOrigin \"{origin}\" can not have more than one wildcard.")]
    Origin {
        /// What it says.
        origin: String,
    },
    /// More than one wildcard. S3: `InvalidRequest`.
    #[error("AllowedHeader \"{header}\" can not have more than one wildcard.")]
    Header {
        /// What it says.
        header: String,
    },
    /// A wildcard where none may be. S3: `InvalidRequest`.
    #[error(
        "ExposeHeader \"{header}\" contains wildcard. We currently do not support wildcard for ExposeHeader."
    )]
    Expose {
        /// What it says.
        header: String,
    },
}

/// One rule, as it was stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorsRule {
    /// Its name.
    pub id: Option<String>,
    /// Origins, with at most one `*` each.
    pub origins: Vec<String>,
    /// Methods.
    pub methods: Vec<String>,
    /// Request headers, with at most one `*` each.
    pub allowed_headers: Vec<String>,
    /// Response headers that scripts may read.
    pub expose_headers: Vec<String>,
    /// How long the answer to a preflight may be kept.
    pub max_age_seconds: Option<u32>,
}

/// What the answer's headers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsGrant {
    /// `Access-Control-Allow-Origin`: the origin, or `*` if the rule says so.
    pub allow_origin: String,
    /// `Access-Control-Allow-Credentials`: only where the origin was named.
    pub allow_credentials: bool,
    /// `Access-Control-Allow-Methods`
    pub allow_methods: Vec<String>,
    /// `Access-Control-Allow-Headers`: those asked for, in lower case.
    pub allow_headers: Vec<String>,
    /// `Access-Control-Expose-Headers`
    pub expose_headers: Vec<String>,
    /// `Access-Control-Max-Age`
    pub max_age_seconds: Option<u32>,
}

/// One `*` at most: everything before and after it must be there. Never more
/// than one pass over the text.
fn wildcard(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text
            .strip_prefix(before)
            .is_some_and(|rest| rest.len() >= after.len() && rest.ends_with(after)),
    }
}

impl CorsRule {
    fn origin(&self, origin: &str) -> Option<&str> {
        self.origins.iter().map(String::as_str).find(|pattern| wildcard(pattern, origin))
    }

    fn has_method(&self, method: &str) -> bool {
        self.methods.iter().any(|known| known == method)
    }

    fn lets_header(&self, header: &str) -> bool {
        self.allowed_headers.iter().any(|known| wildcard(&known.to_lowercase(), header))
    }

    fn grant(&self, pattern: &str, origin: &str, headers: Vec<String>) -> CorsGrant {
        let any = pattern == "*";
        CorsGrant {
            allow_origin: if any { "*".to_owned() } else { origin.to_owned() },
            allow_credentials: !any,
            allow_methods: self.methods.clone(),
            allow_headers: headers,
            expose_headers: self.expose_headers.clone(),
            max_age_seconds: self.max_age_seconds,
        }
    }
}

/// Checks rules before they are stored.
pub fn cors_check(rules: &[CorsRule]) -> Result<(), CorsError> {
    if rules.is_empty() || rules.len() > CORS_RULES_MAX {
        return Err(CorsError::Shape);
    }
    for rule in rules {
        let lists = [&rule.origins, &rule.methods, &rule.allowed_headers, &rule.expose_headers];
        let long = lists.iter().any(|list| list.len() > CORS_VALUES_MAX);
        if rule.origins.is_empty() || rule.methods.is_empty() || long {
            return Err(CorsError::Shape);
        }
        let many = |text: &&String| text.matches('*').count() > 1;
        let methods = &rule.methods;
        if let Some(method) = methods.iter().find(|m| !CORS_METHODS.contains(&m.as_str())) {
            return Err(CorsError::Method { method: method.clone() });
        }
        if let Some(origin) = rule.origins.iter().find(many) {
            return Err(CorsError::Origin { origin: origin.clone() });
        }
        if let Some(header) = rule.allowed_headers.iter().find(many) {
            return Err(CorsError::Header { header: header.clone() });
        }
        if let Some(header) = rule.expose_headers.iter().find(|header| header.contains('*')) {
            return Err(CorsError::Expose { header: header.clone() });
        }
    }
    Ok(())
}

/// What the first fitting rule grants to a request of a page; `None`: the answer
/// carries no such headers, and the browser keeps it from the page.
pub fn cors_simple(rules: &[CorsRule], origin: &str, method: &str) -> Option<CorsGrant> {
    rules.iter().find_map(|rule| {
        let pattern = rule.origin(origin)?;
        rule.has_method(method).then(|| rule.grant(pattern, origin, Vec::new()))
    })
}

/// What the first fitting rule grants to a preflight; `None`: 403.
/// `headers` is the value of `Access-Control-Request-Headers`.
pub fn cors_preflight(
    rules: &[CorsRule],
    origin: &str,
    method: &str,
    headers: Option<&str>,
) -> Option<CorsGrant> {
    let asked: Vec<String> = headers
        .unwrap_or_default()
        .split(',')
        .map(|header| header.trim().to_lowercase())
        .filter(|header| !header.is_empty())
        .take(CORS_VALUES_MAX + 1)
        .collect();
    if asked.len() > CORS_VALUES_MAX {
        return None;
    }
    rules.iter().find_map(|rule| {
        let pattern = rule.origin(origin)?;
        let fits = rule.has_method(method) && asked.iter().all(|header| rule.lets_header(header));
        fits.then(|| rule.grant(pattern, origin, asked.clone()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(origins: &[&str], methods: &[&str], headers: &[&str]) -> CorsRule {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        CorsRule {
            origins: owned(origins),
            methods: owned(methods),
            allowed_headers: owned(headers),
            ..CorsRule::default()
        }
    }

    #[test]
    fn origins_have_one_wildcard() {
        let rules = [rule(&["*suffix", "start*end", "prefix*", "exact"], &["GET"], &[])];
        for (origin, expected) in [
            ("foo.suffix", true),
            ("foo.suffix.get", false),
            ("startend", true),
            ("start1end", true),
            ("start1end.x", false),
            ("sta.end", false),
            ("prefix.x", true),
            ("exact", true),
            ("Exact", false),
        ] {
            assert_eq!(cors_simple(&rules, origin, "GET").is_some(), expected, "{origin}");
        }
        assert!(!wildcard("ab*ba", "aba"), "both halves need room of their own");
    }

    #[test]
    fn a_named_origin_may_send_credentials_and_a_star_may_not() {
        let named = cors_simple(&[rule(&["*.fr"], &["GET"], &[])], "https://a.fr", "GET").unwrap();
        assert_eq!((named.allow_origin.as_str(), named.allow_credentials), ("https://a.fr", true));
        let any = cors_simple(&[rule(&["*"], &["GET"], &[])], "https://a.fr", "GET").unwrap();
        assert_eq!((any.allow_origin.as_str(), any.allow_credentials), ("*", false));
    }

    #[test]
    fn a_preflight_needs_method_and_headers_of_one_rule() {
        let rules = [rule(&["*"], &["GET"], &["*"]), rule(&["*"], &["PUT"], &["x-amz-meta-*"])];
        let check = |method, headers| cors_preflight(&rules, "o", method, headers).is_some();
        assert!(check("PUT", None));
        assert!(check("PUT", Some("X-Amz-Meta-A, x-amz-meta-b")));
        assert!(!check("PUT", Some("x-amz-meta-a, content-type")));
        assert!(check("GET", Some("content-type")));
        assert!(!check("DELETE", None));
    }

    #[test]
    fn what_cannot_be_stored() {
        assert_eq!(cors_check(&[]), Err(CorsError::Shape));
        assert!(matches!(
            cors_check(&[rule(&["*"], &["PATCH"], &[])]),
            Err(CorsError::Method { .. })
        ));
        assert!(matches!(
            cors_check(&[rule(&["*.*"], &["GET"], &[])]),
            Err(CorsError::Origin { .. })
        ));
        assert!(matches!(
            cors_check(&[rule(&["*"], &["GET"], &["*-*"])]),
            Err(CorsError::Header { .. })
        ));
        assert_eq!(cors_check(&[rule(&["*"], &["GET"], &["*"])]), Ok(()));
    }
}
