//! What strangers say, so that the node keeps as much of it as it can be made to.

use std::fmt::Write as _;

use bytes::Bytes;

use super::crowd::Part;

/// Lines of a head, each so long that all together are within what is taken.
const LINES: usize = 60;
/// What is sent of a field, a file or a document.
const BODY_BYTES: usize = 60_000;
/// Requests in a row, none of whose answers is read.
const REQUESTS: usize = 1_500;

/// The start of a form, in the middle of the field that names the object.
pub(super) const FORM: &str = "POST /plans HTTP/1.1\r\nHost: x\r\n\
    Content-Type: multipart/form-data; boundary=B\r\nContent-Length: 3000000\r\n\r\n\
    --B\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\n";

/// Each kind by its name.
pub(super) fn all() -> Vec<(&'static str, Part)> {
    let filler = "a".repeat(BODY_BYTES);
    let file = "name\r\n--B\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n";
    let write = "PUT /plans/name HTTP/1.1\r\nTransfer-Encoding: chunked\r\n";
    let document = "POST /plans?delete HTTP/1.1\r\nContent-Length: 300000\r\n";
    let tiny = "1\r\na\r\n".repeat(BODY_BYTES / 6);
    let small = format!("100\r\n{}\r\n", "a".repeat(256)).repeat(BODY_BYTES / 256);
    let reads = "GET /plans/name HTTP/1.1\r\nHost: x\r\n\r\n".repeat(REQUESTS);
    vec![
        ("a head of 30 KB without its end", Part::says(head("GET / HTTP/1.1\r\n", 30_000))),
        ("a head of 60 KB without its end", Part::says(head("GET / HTTP/1.1\r\n", 60_000))),
        ("a form's field of 60 KB", Part::says(format!("{FORM}{filler}"))),
        ("a form's file", Part::says(format!("{FORM}{file}{filler}"))),
        ("a write in chunks of 1 byte", Part::says(format!("{}\r\n{tiny}", head(write, 14_000)))),
        (
            "a write in chunks of 256 bytes",
            Part::says(format!("{}\r\n{small}", head(write, 14_000))),
        ),
        ("a document", Part::says(format!("{}\r\n{filler}", head(document, 14_000)))),
        ("1,500 requests in a row, no answer read", Part { says: reads.into(), listens: false }),
    ]
}

/// A request that reads this link; the connection stays.
pub(super) fn read(link: &str, host: &str) -> Part {
    Part::says(Bytes::from(format!("GET {link} HTTP/1.1\r\nHost: {host}\r\n\r\n")))
}

/// A head of about this length, without the empty line at its end.
fn head(start: &str, length: usize) -> String {
    let mut head = format!("{start}Host: x\r\n");
    let value = "a".repeat((length / LINES).saturating_sub("x-00: \r\n".len()));
    for line in 0..LINES {
        let _infallible = write!(head, "x-{line:02}: {value}\r\n");
    }
    head
}
