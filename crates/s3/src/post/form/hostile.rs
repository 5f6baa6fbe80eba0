//! Forms that anybody may send, drawn at random.
//!
//! `PROPTEST_CASES` says how many of each are drawn; a few hundred if it says nothing.

use futures::FutureExt as _;
use parking_lot::Mutex;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const BOUNDARY: &str = "XX";

/// "The form data and boundaries (excluding the contents of the file) cannot exceed 20K"
/// (S3 API Reference, "POST Object"); the file's own headers are form data. In front of
/// the first boundary its line end is counted with it, as that of every other.
const S3_FIELDS_BYTES_MAX: usize = 20 * 1024 - 2;

/// What came of a form.
#[derive(Debug, PartialEq)]
enum Found {
    Refused(String),
    Read { fields: Vec<(String, String)>, file_name: String, file: Vec<u8>, ended: bool },
}

/// Reads a form cut at these places, and looks at how much of it was taken before it was
/// known to have a file.
fn read(form: &[u8], boundary: &str, cuts: &[usize]) -> Found {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (form.len() + 1)).collect();
    cuts.extend([0, form.len()]);
    cuts.sort_unstable();
    let pieces = cuts.windows(2).map(|ends| Bytes::copy_from_slice(&form[ends[0]..ends[1]]));
    let pieces: Vec<Result<Bytes, BodyError>> = pieces.map(Ok).collect();
    let taken = Mutex::new((0, 0));
    let pieces = futures::stream::iter(pieces).inspect(|piece| {
        let bytes = piece.as_ref().map_or(0, Bytes::len);
        let mut taken = taken.lock();
        *taken = (taken.0 + bytes, bytes);
    });
    let read = Form::read(pieces, boundary).now_or_never().expect("nothing is waited for");
    let (all, last) = *taken.lock();
    assert!(all <= S3_FIELDS_BYTES_MAX + last, "{all} bytes are taken, {last} at the end");
    let form = match read {
        Ok(form) => form,
        Err(FormError::Malformed { .. }) => return Found::Refused("malformed".to_owned()),
        Err(error) => return Found::Refused(error.to_string()),
    };
    let fields = form.fields.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let (fields, file_name) = (fields.collect(), form.file_name.clone());
    let (mut file, mut ended) = (Vec::new(), true);
    let pieces = form.into_file().collect::<Vec<_>>().now_or_never();
    for piece in pieces.expect("nothing is waited for") {
        match piece {
            Ok(piece) => file.extend_from_slice(&piece),
            Err(_) => ended = false,
        }
    }
    Found::Read { fields, file_name, file, ended }
}

/// Words of a form in any order, and noise.
fn forms() -> impl Strategy<Value = Vec<u8>> {
    const WORDS: [&[u8]; 16] = [
        b"--XX\r\n",
        b"\r\n--XX\r\n",
        b"\r\n--XX--\r\n",
        b"--XX",
        b"\r\n",
        b"\r\n\r\n",
        b"\r",
        b"Content-Disposition: form-data; name=\"key\"\r\n\r\n",
        b"Content-Disposition: form-data; name=\"file\"; filename=\"a\\\"b\"\r\n\r\n",
        b"Content-Disposition: form-data; name=file\r\n\r\n",
        b"content-disposition:; name=\"acl\r\n\r\n",
        b"\r\n--XX\r\nContent-Disposition: form-data; name=\"acl\"\r\n\r\nprivate",
        b"\r\n--XX\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n",
        b"value",
        b"\r\n--X",
        b"\"",
    ];
    let word = select(&WORDS[..]).prop_map(<[u8]>::to_vec);
    let noise = vec(any::<u8>(), 0..8);
    let long = (0..9_000_usize).prop_map(|bytes| vec![b'x'; bytes]);
    let words = vec(prop_oneof![12 => word, 2 => noise, 2 => long], 0..16);
    (any::<bool>(), words).prop_map(|(begun, words)| {
        let start: &[u8] = if begun { b"--XX\r\n" } else { b"" };
        [start, &words.concat()].concat()
    })
}

proptest! {
    /// Whatever comes, and however it is cut: the same comes of it.
    #[test]
    fn the_cuts_do_not_matter(form in forms(), cuts in vec(any::<usize>(), 0..12)) {
        prop_assert_eq!(read(&form, BOUNDARY, &[]), read(&form, BOUNDARY, &cuts));
    }

    /// What is well formed is read as it was written.
    #[test]
    fn what_is_well_formed_is_read(
        values in vec("[ -~é\r\n]{0,40}", 0..6),
        file_name in "[ -\\[\\]-~é]{0,20}",
        file in vec(any::<u8>(), 0..300),
        cuts in vec(any::<usize>(), 0..12),
    ) {
        let boundary = "a boundary that is in no value, and in no file";
        let fields: Vec<(String, String)> = values
            .into_iter()
            .enumerate()
            .map(|(number, value)| (format!("x-amz-meta-{number}"), value))
            .collect();
        let mut form = Vec::new();
        for (name, value) in &fields {
            let part = format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
            form.extend(part.into_bytes());
        }
        let quoted = file_name.replace('"', "\\\"");
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; \
             filename=\"{quoted}\"\r\n\r\n"
        );
        form.extend([head.as_bytes(), &file, format!("\r\n--{boundary}--").as_bytes()].concat());
        let expected = Found::Read { fields, file_name, file, ended: true };
        prop_assert_eq!(read(&form, boundary, &cuts), expected);
    }

    /// Exactly what S3 allows is read before the file, wherever it is spent.
    #[test]
    fn fields_are_read_up_to_their_limit(
        shares in vec(1..100_usize, 1..5),
        headers in any::<bool>(),
        over in prop_oneof![-3..4_isize, Just(20_478), -20_000..20_000_isize],
        cuts in vec(any::<usize>(), 0..12),
    ) {
        let form = |padding: &[usize]| {
            let field = |(number, bytes): (usize, &usize)| {
                let padding = "x".repeat(*bytes);
                let (header, value) = if headers { (&*padding, "") } else { ("", &*padding) };
                format!(
                    "--XX\r\nX-Padding: {header}\r\n\
                     Content-Disposition: form-data; name=\"field-{number}\"\r\n\r\n{value}\r\n"
                )
            };
            let fields: String = padding.iter().enumerate().map(field).collect();
            fields + "--XX\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n"
        };
        let bare = form(&vec![0; shares.len()]).len();
        let room = S3_FIELDS_BYTES_MAX.saturating_add_signed(over).saturating_sub(bare);
        let of_all: usize = shares.iter().sum();
        let mut padding: Vec<usize> = shares.iter().map(|share| room * share / of_all).collect();
        padding[0] += room - padding.iter().sum::<usize>();
        let fields = form(&padding);
        let read = read(format!("{fields}file\r\n--XX--").as_bytes(), BOUNDARY, &cuts);
        if fields.len() <= S3_FIELDS_BYTES_MAX {
            let is_read = matches!(&read, Found::Read { file, ended: true, .. } if file == b"file");
            prop_assert!(is_read, "{} bytes: {read:?}", fields.len());
        } else {
            let too_large = Found::Refused(FormError::TooLarge.to_string());
            prop_assert_eq!(read, too_large, "{} bytes", fields.len());
        }
    }

    #[test]
    fn no_content_type_panics(value in ".{0,60}", parameter in "[ -~]{0,40}") {
        let _ = boundary(&value);
        let _ = boundary(&format!("multipart/form-data; {parameter}"));
        let _ = super::parameter(&parameter, "name");
    }
}
