//! Which language a visitor reads.

use axum::http::{HeaderMap, header};

use crate::session::cookie;

/// The cookie that keeps a choice.
pub(crate) const COOKIE: &str = "essaim_lang";

/// The languages of the console.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Language {
    /// French, which most of its users read.
    #[default]
    French,
    /// English.
    English,
}

impl Language {
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::French => "fr",
            Self::English => "en",
        }
    }

    fn parse(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next().unwrap_or_default().trim() {
            "fr" => Some(Self::French),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// What the visitor chose, or what their browser asks for, or French.
    pub(crate) fn of(chosen: Option<&str>, headers: &HeaderMap) -> Self {
        let kept = || cookie(headers, COOKIE).and_then(|tag| Self::parse(&tag));
        let asked = || {
            let accept = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
            preferred(accept)
        };
        chosen.and_then(Self::parse).or_else(kept).or_else(asked).unwrap_or_default()
    }
}

/// The known language with the highest weight (RFC 9110, 12.5.4).
fn preferred(accept: &str) -> Option<Language> {
    let mut best: Option<(f32, Language)> = None;
    for range in accept.split(',').take(32) {
        let mut parts = range.split(';');
        let Some(language) = Language::parse(&parts.next().unwrap_or_default().to_lowercase())
        else {
            continue;
        };
        let weight = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse().ok());
        let weight: f32 = weight.unwrap_or(1.0);
        if weight > 0.0 && best.is_none_or(|(most, _)| weight > most) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::Language;

    fn check(chosen: Option<&str>, accept: &'static str, expected: Language) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(accept));
        assert_eq!(Language::of(chosen, &headers), expected, "{chosen:?} {accept}");
    }

    #[test]
    fn french_unless_english_is_wanted_more() {
        check(None, "", Language::French);
        check(None, "de", Language::French);
        check(None, "en-GB,en;q=0.9", Language::English);
        check(None, "fr-FR,fr;q=0.9,en;q=0.8", Language::French);
        check(None, "de,en;q=0.5,fr;q=0.4", Language::English);
        check(None, "fr;q=0,en;q=0.1", Language::English);
        check(Some("en"), "fr", Language::English);
        check(Some("xx"), "en", Language::English);
    }
}
