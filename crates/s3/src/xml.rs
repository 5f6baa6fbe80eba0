//! Documents that are written here and not by the protocol library: errors, and the
//! listings, whose thousand lines a page take longer to write than to find.

use std::fmt::{Display, Write as _};

use bytes::Bytes;
use http::HeaderMap;
use s3s::S3Response;

/// The namespace of S3's documents (Amazon S3 API Reference).
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// A document being written: elements in the order of the calls.
#[derive(Debug)]
pub(crate) struct Xml {
    text: String,
}

/// A finished document: an answer that carries it as an extension has it for its
/// body, in the place of what the protocol library wrote.
#[derive(Clone, Debug)]
pub(crate) struct Document(pub(crate) Bytes);

impl Xml {
    /// A document whose root has no namespace.
    pub(crate) fn new(root: &str, capacity: usize) -> Self {
        let mut text = String::with_capacity(capacity);
        text.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let mut xml = Self { text };
        xml.open(root);
        xml
    }

    /// A document whose root is in S3's namespace.
    pub(crate) fn with_namespace(root: &str, capacity: usize) -> Self {
        let mut xml = Self::new(root, capacity);
        xml.text.pop();
        let _ = write!(xml.text, " xmlns=\"{NAMESPACE}\">");
        xml
    }

    /// The document, with its root closed.
    pub(crate) fn end(mut self, root: &str) -> String {
        self.close(root);
        self.text
    }

    /// A start tag.
    pub(crate) fn open(&mut self, name: &str) {
        self.text.push('<');
        self.text.push_str(name);
        self.text.push('>');
    }

    /// An end tag.
    pub(crate) fn close(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }

    /// An element of text, escaped.
    pub(crate) fn element(&mut self, name: &str, value: &str) {
        self.open(name);
        self.text(value);
        self.close(name);
    }

    /// An element of text, if there is any.
    pub(crate) fn element_some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.element(name, value);
        }
    }

    /// An element of something that never needs escaping: numbers, dates, ids.
    pub(crate) fn plain(&mut self, name: &str, value: impl Display) {
        self.open(name);
        let _ = write!(self.text, "{value}");
        self.close(name);
    }

    /// Appends something that never needs escaping, within an element.
    pub(crate) fn raw(&mut self, write: impl FnOnce(&mut String)) {
        write(&mut self.text);
    }

    /// Text, escaped. What XML 1.0 cannot carry is written as a reference all the
    /// same, as AWS does: who has such keys asks for `encoding-type=url`.
    pub(crate) fn text(&mut self, value: &str) {
        let mut rest = value;
        let special = |byte: &u8| *byte < b' ' || matches!(byte, b'&' | b'<' | b'>' | b'"');
        while let Some(at) = rest.as_bytes().iter().position(special) {
            let (plain, special) = rest.split_at(at);
            self.text.push_str(plain);
            let mut characters = special.chars();
            match characters.next() {
                Some('&') => self.text.push_str("&amp;"),
                Some('<') => self.text.push_str("&lt;"),
                Some('>') => self.text.push_str("&gt;"),
                Some('"') => self.text.push_str("&quot;"),
                Some(other) => {
                    let _ = write!(self.text, "&#x{:x};", u32::from(other));
                }
                None => {}
            }
            rest = characters.as_str();
        }
        self.text.push_str(rest);
    }
}

impl Document {
    /// An answer with this document; the library's `output` carries only headers.
    pub(crate) fn answer<T>(xml: String, output: T) -> S3Response<T> {
        let mut answer = S3Response::with_headers(output, HeaderMap::new());
        answer.extensions.insert(Self(xml.into()));
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_nothing_else() {
        let mut xml = Xml::with_namespace("R", 64);
        xml.element("K", "a<b>&\"c\"\u{1}\r é/\u{7f}");
        xml.element_some("N", None);
        xml.plain("S", 7);
        assert_eq!(
            xml.end("R"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <R xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <K>a&lt;b&gt;&amp;&quot;c&quot;&#x1;&#xd; é/\u{7f}</K><S>7</S></R>"
        );
    }
}
