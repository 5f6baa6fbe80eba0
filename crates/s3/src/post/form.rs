//! `multipart/form-data`, read as it arrives (RFC 7578, RFC 2046 section 5.1).
//!
//! ```text
//! --boundary CRLF  headers CRLF CRLF  value       CRLF
//! --boundary CRLF  headers CRLF CRLF  file bytes  CRLF
//! --boundary--
//! ```
//!
//! The fields before the file are small and are read whole; the file is a stream.
//! Whatever follows the file is ignored, as S3 says.
//!
//! **Invariants**
//! - Never more than [`FORM_FIELDS_BYTES_MAX`] bytes of fields are held.
//! - No field is there twice.
//! - Every byte is searched for a mark once, however small the pieces it comes in.
//! - The file ends well only at a boundary, never at the end of the connection.

use bytes::{Buf, Bytes, BytesMut};
use futures::{Stream, StreamExt};
use objects::BodyError;
use thiserror::Error;

use crate::limits::{FORM_FIELDS_BYTES_MAX, FORM_FIELDS_MAX};

/// A form that could not be read.
#[derive(Debug, Error)]
pub(crate) enum FormError {
    /// Not the framing that the content type announces.
    #[error("the form is malformed: {what}")]
    Malformed {
        /// What was wrong.
        what: &'static str,
    },
    /// The fields before the file are too many or too long.
    #[error("the fields before the file are too large")]
    TooLarge,
    /// A field is named twice: who checks it and who uses it could take one each.
    #[error("the field {field} is named twice")]
    Twice {
        /// Its name.
        field: String,
    },
    /// There is no field named `file`.
    #[error("the form has no file")]
    NoFile,
    /// The transport failed.
    #[error("the form broke off: {reason}")]
    Broken {
        /// What the transport said.
        reason: String,
    },
}

/// The fields of a form, in order, names in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    fields: Vec<(String, String)>,
}

impl Fields {
    /// The value of a field.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Whether a field is there already, by this name or by one that means the same.
    fn names(&self, name: &str) -> bool {
        let same = |name: &str| match name {
            "acl" => "x-amz-acl".to_owned(),
            "tagging" => "x-amz-tagging".to_owned(),
            other => other.to_owned(),
        };
        self.fields.iter().any(|(other, _)| same(other) == same(name))
    }

    /// All fields in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Puts `value` in the place of a field's value.
    pub(crate) fn set(&mut self, name: &str, value: String) {
        match self.fields.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = value,
            None => self.fields.push((name.to_owned(), value)),
        }
    }
}

/// A form up to its file.
#[derive(Debug)]
pub(crate) struct Form<S> {
    /// The fields before the file.
    pub fields: Fields,
    /// The name that the browser gives the file; empty if none.
    pub file_name: String,
    body: S,
    buffer: BytesMut,
    delimiter: Vec<u8>,
}

/// The boundary in a `Content-Type: multipart/form-data` value.
pub(crate) fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let value = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    })?;
    (1..=70).contains(&value.len()).then(|| value.to_owned())
}

impl<S> Form<S>
where
    S: Stream<Item = Result<Bytes, BodyError>> + Unpin + Send,
{
    /// Reads up to the first byte of the file.
    pub(crate) async fn read(mut body: S, boundary: &str) -> Result<Self, FormError> {
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        // A line end in front lets the first boundary be found like the others.
        let mut buffer = BytesMut::from(&b"\r\n"[..]);
        let mut fields = Fields::default();
        let mut read_bytes = 0_usize;
        read_until(&mut body, &mut buffer, &delimiter, &mut read_bytes).await?;
        loop {
            match read_exactly(&mut body, &mut buffer, 2, &mut read_bytes).await?.as_ref() {
                b"\r\n" => {}
                b"--" => return Err(FormError::NoFile),
                _ => return Err(FormError::Malformed { what: "no line end after a boundary" }),
            }
            // The blank line ends the headers; with none at all it comes first.
            let headers = read_until(&mut body, &mut buffer, b"\r\n\r\n", &mut read_bytes).await?;
            let part = part_headers(&headers)?;
            if part.name == "file" {
                return Ok(Self { fields, file_name: part.file_name, body, buffer, delimiter });
            }
            let value = read_until(&mut body, &mut buffer, &delimiter, &mut read_bytes).await?;
            let value = String::from_utf8(value.into())
                .map_err(|_| FormError::Malformed { what: "a field is not UTF-8" })?;
            if fields.fields.len() >= FORM_FIELDS_MAX {
                return Err(FormError::TooLarge);
            }
            if fields.names(&part.name) {
                return Err(FormError::Twice { field: part.name });
            }
            fields.fields.push((part.name, value));
        }
    }

    /// The bytes of the file, up to its boundary.
    pub(crate) fn into_file(self) -> impl Stream<Item = Result<Bytes, BodyError>> + Send {
        let state = FileState {
            body: self.body,
            buffer: self.buffer,
            delimiter: self.delimiter,
            ended: false,
        };
        futures::stream::unfold(state, |mut state| async move {
            let item = state.next().await?;
            Some((item, state))
        })
    }
}

struct FileState<S> {
    body: S,
    buffer: BytesMut,
    delimiter: Vec<u8>,
    ended: bool,
}

impl<S> FileState<S>
where
    S: Stream<Item = Result<Bytes, BodyError>> + Unpin + Send,
{
    async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        if self.ended {
            return None;
        }
        loop {
            if let Some(at) = find(&self.buffer, &self.delimiter) {
                self.ended = true;
                return (at > 0).then(|| Ok(self.buffer.split_to(at).freeze()));
            }
            // All but a possible beginning of the delimiter may go on.
            let safe = self.buffer.len().saturating_sub(self.delimiter.len().saturating_sub(1));
            if safe > 0 {
                return Some(Ok(self.buffer.split_to(safe).freeze()));
            }
            match self.body.next().await {
                Some(Ok(piece)) => self.buffer.extend_from_slice(&piece),
                Some(Err(error)) => {
                    self.ended = true;
                    return Some(Err(error));
                }
                None => {
                    self.ended = true;
                    let reason = "the form ends before its last boundary".to_owned();
                    return Some(Err(BodyError::Malformed { reason }));
                }
            }
        }
    }
}

struct PartHeaders {
    name: String,
    file_name: String,
}

fn part_headers(headers: &[u8]) -> Result<PartHeaders, FormError> {
    let text = core::str::from_utf8(headers)
        .map_err(|_| FormError::Malformed { what: "part headers are not UTF-8" })?;
    let mut name = None;
    let mut file_name = String::new();
    for line in text.split("\r\n") {
        let Some((header, value)) = line.split_once(':') else { continue };
        if header.trim().eq_ignore_ascii_case("content-disposition") {
            name = parameter(value, "name");
            file_name = parameter(value, "filename").unwrap_or_default();
        }
    }
    let name = name.ok_or(FormError::Malformed { what: "a part has no name" })?;
    Ok(PartHeaders { name: name.to_lowercase(), file_name })
}

/// A parameter of a header value; quoted values may hold `;` and `\"`.
fn parameter(value: &str, wanted: &str) -> Option<String> {
    let mut rest = value.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (found, tail) = if let Some(quoted) = after.strip_prefix('"') {
            unquote(quoted)?
        } else {
            let (found, tail) = after.split_once(';').unwrap_or((after, ""));
            (found.trim().to_owned(), tail)
        };
        if name.trim().trim_start_matches(';').trim().eq_ignore_ascii_case(wanted) {
            return Some(found);
        }
        rest = tail;
    }
}

/// The text up to the closing quote, and what follows the quote.
fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((text, quoted.get(at.saturating_add(1)..).unwrap_or_default())),
            '\\' if quoted.get(at.saturating_add(1)..).is_some_and(|r| r.starts_with('"')) => {
                text.push('"');
                characters.next();
            }
            other => text.push(other),
        }
    }
    None
}

/// Reads until `mark`, which is consumed; what came before it.
async fn read_until<S>(
    body: &mut S,
    buffer: &mut BytesMut,
    mark: &[u8],
    read_bytes: &mut usize,
) -> Result<Bytes, FormError>
where
    S: Stream<Item = Result<Bytes, BodyError>> + Unpin,
{
    let mut searched = 0_usize;
    loop {
        if let Some(at) = find_from(buffer, mark, searched) {
            let before = buffer.split_to(at).freeze();
            buffer.advance(mark.len());
            *read_bytes = read_bytes.saturating_add(at).saturating_add(mark.len());
            return if *read_bytes > FORM_FIELDS_BYTES_MAX {
                Err(FormError::TooLarge)
            } else {
                Ok(before)
            };
        }
        // The mark may have begun in the last bytes.
        searched = buffer.len().saturating_sub(mark.len().saturating_sub(1));
        read_more(body, buffer, *read_bytes).await?;
    }
}

async fn read_exactly<S>(
    body: &mut S,
    buffer: &mut BytesMut,
    bytes: usize,
    read_bytes: &mut usize,
) -> Result<Bytes, FormError>
where
    S: Stream<Item = Result<Bytes, BodyError>> + Unpin,
{
    while buffer.len() < bytes {
        read_more(body, buffer, *read_bytes).await?;
    }
    *read_bytes = read_bytes.saturating_add(bytes);
    if *read_bytes > FORM_FIELDS_BYTES_MAX {
        return Err(FormError::TooLarge);
    }
    Ok(buffer.split_to(bytes).freeze())
}

async fn read_more<S>(
    body: &mut S,
    buffer: &mut BytesMut,
    read_bytes: usize,
) -> Result<(), FormError>
where
    S: Stream<Item = Result<Bytes, BodyError>> + Unpin,
{
    if read_bytes.saturating_add(buffer.len()) > FORM_FIELDS_BYTES_MAX {
        return Err(FormError::TooLarge);
    }
    match body.next().await {
        Some(Ok(piece)) => {
            buffer.extend_from_slice(&piece);
            Ok(())
        }
        Some(Err(error)) => Err(FormError::Broken { reason: error.to_string() }),
        None => Err(FormError::Malformed { what: "it ends before its file" }),
    }
}

/// The first place of `mark` in `bytes`.
fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    find_from(bytes, mark, 0)
}

/// The first place of `mark` at or behind `from`.
fn find_from(bytes: &[u8], mark: &[u8], mut from: usize) -> Option<usize> {
    #[cfg(test)]
    tests::SEARCHED.with(|searched| {
        searched.set(searched.get().saturating_add(bytes.len().saturating_sub(from)));
    });
    let first = *mark.first()?;
    loop {
        let rest = bytes.get(from..)?;
        let at = from.saturating_add(rest.iter().position(|&b| b == first)?);
        if bytes.get(at..)?.starts_with(mark) {
            return Some(at);
        }
        from = at.saturating_add(1);
    }
}

#[cfg(test)]
mod hostile;

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(
        form: &str,
        step: usize,
    ) -> impl Stream<Item = Result<Bytes, BodyError>> + Unpin + Send + use<> {
        let pieces: Vec<_> =
            form.as_bytes().chunks(step).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
        futures::stream::iter(pieces)
    }

    thread_local! {
        /// Bytes that were searched for a mark.
        pub(super) static SEARCHED: core::cell::Cell<usize> = const { core::cell::Cell::new(0) };
    }

    #[tokio::test]
    async fn a_form_in_small_pieces_is_searched_once() {
        let value = "x".repeat(FORM_FIELDS_BYTES_MAX / 2);
        let form = FORM.replace("foo.txt", &value);
        SEARCHED.set(0);
        let read = Form::read(pieces(&form, 1), "XX").await.expect("a form");
        assert_eq!(read.fields.get("key"), Some(value.as_str()));
        // Each byte once, and again as much of it as a mark may have begun in.
        let marks = "\r\n--XX".len().max("\r\n\r\n".len());
        assert!(SEARCHED.get() <= form.len() * (marks + 1), "{} bytes", SEARCHED.get());
    }

    #[tokio::test]
    async fn no_field_is_named_twice() {
        let check = async |from: &str, to: &str, expected: Option<&str>| {
            let form = FORM.replace(from, to);
            let field = match Form::read(pieces(&form, 64), "XX").await {
                Ok(_) => None,
                Err(FormError::Twice { field }) => Some(field),
                Err(error) => panic!("{error}"),
            };
            assert_eq!(field.as_deref(), expected, "{from} {to}");
        };
        check("", "", None).await;
        check("name=\"acl\"", "name=\"Key\"", Some("key")).await;
        check("name=\"kEy\"", "name=\"x-amz-acl\"", Some("acl")).await;
        check("name=\"kEy\"", "name=\"x-amz-tagging\"", None).await;
    }

    const FORM: &str = "--XX\r\nContent-Disposition: form-data; name=\"kEy\"\r\n\r\nfoo.txt\r\n\
        --XX\r\nContent-Disposition: form-data; name=\"acl\"; filename=\"acl\"\r\n\r\n\r\n\
        --XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a;\\\"b.txt\"\r\n\
        Content-Type: text/plain\r\n\r\nline\r\n--X\r\nend\r\n--XX--\r\n";

    #[tokio::test]
    async fn fields_and_file_are_told_apart() {
        for step in [1, 2, 3, 5, 8, 1000] {
            let form = Form::read(pieces(FORM, step), "XX").await.expect("a form");
            assert_eq!(
                form.fields.iter().collect::<Vec<_>>(),
                [("key", "foo.txt"), ("acl", "")],
                "steps of {step}"
            );
            assert_eq!(form.file_name, "a;\"b.txt");
            let file: Vec<_> = Box::pin(form.into_file()).collect().await;
            let bytes: Vec<u8> =
                file.into_iter().flat_map(|piece| piece.expect("bytes").to_vec()).collect();
            assert_eq!(bytes, b"line\r\n--X\r\nend", "steps of {step}");
        }
    }

    #[tokio::test]
    async fn a_cut_form_never_ends_well() {
        let file_ends = FORM.find("\r\n--XX--").expect("an end") + "\r\n--XX".len();
        for length in 0..file_ends {
            let cut = FORM.get(..length).expect("a prefix");
            let Ok(form) = Form::read(pieces(cut, 4), "XX").await else { continue };
            let file: Vec<_> = Box::pin(form.into_file()).collect().await;
            assert!(file.last().is_some_and(Result::is_err), "cut at {length}");
        }
    }

    #[tokio::test]
    async fn forms_that_are_none() {
        for form in ["", "--YY\r\n", "--XX--", "--XX\r\n\r\n\r\nvalue\r\n--XX--"] {
            assert!(Form::read(pieces(form, 3), "XX").await.is_err(), "{form:?}");
        }
        let long = format!(
            "--XX\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\n{}\r\n--XX--",
            "x".repeat(FORM_FIELDS_BYTES_MAX)
        );
        let read = Form::read(pieces(&long, 4096), "XX").await;
        assert!(matches!(read, Err(FormError::TooLarge)));
    }

    #[test]
    fn boundaries() {
        let check = |value: &str, expected: Option<&str>| {
            assert_eq!(boundary(value).as_deref(), expected, "{value:?}");
        };
        check("multipart/form-data; boundary=abc", Some("abc"));
        check("Multipart/Form-Data;charset=utf-8; Boundary=\"a b\"", Some("a b"));
        check("multipart/form-data", None);
        check("multipart/form-data; boundary=", None);
        check("multipart/mixed; boundary=abc", None);
    }
}
