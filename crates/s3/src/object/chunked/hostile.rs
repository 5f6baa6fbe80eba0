//! Bodies that anybody may send, drawn at random.
//!
//! `PROPTEST_CASES` says how many of each are drawn; a few hundred if it says nothing.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// What came of a body.
#[derive(Debug)]
struct Passed {
    out: Vec<u8>,
    ended: Result<(), ChunkError>,
}

/// Feeds `wire` cut at these places, and looks after each piece at what is held.
fn pass(framing: Framing, wire: &[u8], cuts: &[usize]) -> Passed {
    let mut framer = Framer::new(framing);
    let mut out = VecDeque::new();
    let mut ended = Ok(());
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (wire.len() + 1)).collect();
    cuts.extend([0, wire.len()]);
    cuts.sort_unstable();
    'body: for ends in cuts.windows(2) {
        let mut piece = Bytes::copy_from_slice(&wire[ends[0]..ends[1]]);
        while !piece.is_empty() {
            if let Err(error) = framer.take(&mut piece, &mut out) {
                ended = Err(error);
                break 'body;
            }
            assert!(framer.line.len() <= CHUNK_LINE_BYTES_MAX, "{} bytes", framer.line.len());
            assert!(framer.block.capacity() <= GATHERED_CHUNK_FREE_BYTES);
        }
    }
    let ended = ended.and_then(|()| framer.finish());
    Passed { out: out.into_iter().flatten().collect(), ended }
}

/// The data in what an unsigned body became.
fn data(mut framed: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    while let Some(end) = framed.windows(2).position(|pair| pair == b"\r\n") {
        let size = core::str::from_utf8(&framed[..end]).expect("a size line");
        let size = usize::from_str_radix(size.split(';').next().expect("a part"), 16);
        let size = size.expect("a size");
        if size == 0 {
            break;
        }
        data.extend(&framed[end + 2..end + 2 + size]);
        framed = &framed[end + 2 + size + 2..];
    }
    data
}

fn framings() -> impl Strategy<Value = Framing> {
    let mode = select(&[Mode::Signed, Mode::Unsigned][..]);
    let length = prop_oneof![0..20_u64, Just(u64::MAX)];
    (mode, any::<bool>(), length).prop_map(|(mode, trailer, decoded_length)| Framing {
        mode,
        trailer,
        decoded_length,
    })
}

/// What is to come of a body, read whole and slowly: its data, or the kind of fault.
fn read_slowly(framing: Framing, wire: &[u8]) -> Result<Vec<u8>, ChunkError> {
    const MALFORMED: ChunkError = ChunkError::Malformed { what: "" };
    let (mut data, mut rest) = (Vec::new(), wire);
    loop {
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            return Err(if rest.len() > 256 { MALFORMED } else { ChunkError::Incomplete });
        };
        let (line, after) = rest.split_at(end + 1);
        let size = line.strip_suffix(b"\r\n").filter(|_| line.len() <= 256).ok_or(MALFORMED)?;
        let size = size.split(|byte| *byte == b';').next().expect("a first word");
        if !(1..=8).contains(&size.len()) || !size.iter().all(u8::is_ascii_hexdigit) {
            return Err(MALFORMED);
        }
        let size = core::str::from_utf8(size).expect("digits");
        let size = u64::from_str_radix(size, 16).expect("few digits");
        let (announced, found) = (framing.decoded_length, data.len() as u64 + size);
        if found > announced || (size == 0 && found != announced) {
            return Err(ChunkError::LengthMismatch { announced, found });
        }
        if framing.mode == Mode::Signed && size > 4 * 1024 * 1024 {
            return Err(ChunkError::ChunkTooLarge { bytes: size, max: 0 });
        }
        if size == 0 {
            let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
            let is_fit = after.len() <= 8 * 1024 && (framing.trailer || after.iter().all(is_end));
            return if is_fit { Ok(data) } else { Err(MALFORMED) };
        }
        let size = usize::try_from(size).expect("few digits");
        let (Some(chunk), Some(after)) = (after.get(..size), after.get(size..)) else {
            return Err(ChunkError::Incomplete);
        };
        data.extend_from_slice(chunk);
        rest = match after {
            [b'\r', b'\n', rest @ ..] => rest,
            [] | [b'\r'] => return Err(ChunkError::Incomplete),
            _ => return Err(MALFORMED),
        };
    }
}

/// Well framed bodies with one thing about them that may be wrong.
fn nearly_well_framed() -> impl Strategy<Value = (Framing, Vec<u8>)> {
    const WORDS: [&[u8]; 9] =
        [b"\r", b"\n", b"\r\n", b"0", b";", b"x", b"0\r\n", b"5\r\n", b"5\r\nabcde\r\n"];
    // Long signatures and trailers around their limits, in all of the body.
    let flaw = prop_oneof![
        4 => select(&WORDS[..]).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..4),
        1 => (0..300_usize).prop_map(|bytes| [b";", &*vec![b'x'; bytes]].concat()),
        1 => (8_190..8_195_usize).prop_map(|bytes| vec![b'x'; bytes]),
        1 => (8_190..8_195_usize).prop_map(|bytes| vec![b'\n'; bytes]),
    ];
    let place = prop_oneof![2 => any::<usize>(), 1 => Just(usize::MAX)];
    let length = prop_oneof![8 => Just(0), 1 => Just(1), 1 => Just(-1), 1 => Just(i64::MAX)];
    (framings(), chunks(), length, (flaw, place, 0..3_usize)).prop_map(
        |(framing, chunks, wrong_by, (flaw, at, removed))| {
            let length = chunks.concat().len() as u64;
            let decoded_length = length.saturating_add_signed(wrong_by);
            let mut wire = framed(framing.mode, &chunks, b"");
            let at = if at == usize::MAX { wire.len() } else { at % wire.len() };
            wire.splice(at..(at + removed).min(wire.len()), flaw);
            (Framing { decoded_length, ..framing }, wire)
        },
    )
}

/// Words of the framing in any order, and noise.
fn wires() -> impl Strategy<Value = Vec<u8>> {
    const WORDS: [&[u8]; 16] = [
        b"0\r\n",
        b"1\r\n",
        b"5\r\n",
        b"a",
        b"abcde",
        b"\r\n",
        b"\r",
        b"\n",
        b"ffffffff\r\n",
        b"400001\r\n",
        b"100000000\r\n",
        b";chunk-signature=0123",
        b"0\r\n\r\n",
        b"5\r\nabcde\r\n",
        b"x-amz-checksum-crc32:AAAAAA==\r\n",
        b"-1\r\n",
    ];
    let word = select(&WORDS[..]).prop_map(<[u8]>::to_vec);
    let noise = vec(any::<u8>(), 0..8);
    let long = (0..9_000_usize).prop_map(|bytes| vec![b'x'; bytes]);
    vec(prop_oneof![12 => word, 2 => noise, 1 => long], 0..16).prop_map(|words| words.concat())
}

/// The data of chunks, of all kinds of length around what is held.
fn chunks() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let edge = GATHERED_CHUNK_FREE_BYTES;
    let length = prop_oneof![8 => 1..40_usize, 1 => edge - 2..edge + 3];
    let chunk = (length, any::<u8>()).prop_map(|(length, first)| {
        (0..length).map(|at| first.wrapping_add(at.to_le_bytes()[0])).collect()
    });
    vec(chunk, 0..6)
}

/// The chunks as a client writes them, with or without signatures.
fn framed(mode: Mode, chunks: &[Vec<u8>], end: &[u8]) -> Vec<u8> {
    let line = |bytes: usize| match mode {
        Mode::Signed => format!("{bytes:X};chunk-signature={}\r\n", "0".repeat(64)),
        Mode::Unsigned => format!("{bytes:x}\r\n"),
    };
    let mut wire = Vec::new();
    for chunk in chunks {
        wire.extend([line(chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    }
    wire.extend([line(0).as_bytes(), end].concat());
    wire
}

fn kind(ended: &Result<(), ChunkError>) -> Option<core::mem::Discriminant<ChunkError>> {
    ended.as_ref().err().map(core::mem::discriminant)
}

proptest! {
    /// Whatever comes, and however it is cut: the same comes of it.
    #[test]
    fn the_cuts_do_not_matter(
        framing in framings(), wire in wires(), cuts in vec(any::<usize>(), 0..12),
    ) {
        let (whole, cut) = (pass(framing, &wire, &[]), pass(framing, &wire, &cuts));
        prop_assert_eq!(kind(&whole.ended), kind(&cut.ended), "{:?} {:?}", &whole, &cut);
        if whole.ended.is_err() {
            return Ok(());
        }
        if framing.mode == Mode::Signed {
            prop_assert_eq!(&whole.out, &wire, "signed bodies pass unchanged");
            prop_assert_eq!(&cut.out, &wire);
        } else {
            let found = data(&whole.out);
            prop_assert_eq!(found.len() as u64, framing.decoded_length);
            prop_assert_eq!(found, data(&cut.out));
        }
    }

    /// What is well framed passes whole.
    #[test]
    fn what_is_well_framed_passes(
        mode in select(&[Mode::Signed, Mode::Unsigned][..]),
        chunks in chunks(),
        trailer in any::<bool>(),
        cuts in vec(any::<usize>(), 0..12),
    ) {
        let whole = chunks.concat();
        let framing = Framing { mode, trailer, decoded_length: whole.len() as u64 };
        let end: &[u8] = if trailer { b"x-amz-checksum-crc32:AAAAAA==\r\n\r\n" } else { b"\r\n" };
        let wire = framed(mode, &chunks, end);
        let passed = pass(framing, &wire, &cuts);
        prop_assert_eq!(passed.ended, Ok(()));
        match mode {
            Mode::Signed => prop_assert_eq!(passed.out, wire),
            Mode::Unsigned => prop_assert_eq!(data(&passed.out), whole),
        }
    }

    /// What is right is told from what is wrong as by who reads all of it slowly.
    #[test]
    fn what_is_wrong_is_told(
        (framing, wire) in prop_oneof![nearly_well_framed(), (framings(), wires())],
        cuts in vec(any::<usize>(), 0..4),
    ) {
        let (passed, expected) = (pass(framing, &wire, &cuts), read_slowly(framing, &wire));
        prop_assert_eq!(
            kind(&passed.ended),
            kind(&expected.as_ref().map(drop).map_err(Clone::clone)),
            "{:?} {:?}", &passed.ended, &expected
        );
        let Ok(expected) = expected else { return Ok(()) };
        match framing.mode {
            Mode::Signed => prop_assert_eq!(passed.out, wire),
            Mode::Unsigned => prop_assert_eq!(data(&passed.out), expected),
        }
    }

    /// No signed chunk beyond the limit is begun, none up to it is refused.
    #[test]
    fn signed_chunks_have_a_longest(
        bytes in prop_oneof![0x3f_fff0..0x40_0010_u64, 1..u64::from(u32::MAX)],
        digits in 1..9_usize,
    ) {
        let framing = Framing { mode: Mode::Signed, trailer: false, decoded_length: u64::MAX };
        let wire = format!("{bytes:0digits$x};chunk-signature=0\r\n");
        let found = kind(&pass(framing, wire.as_bytes(), &[]).ended);
        let too_large = Err(ChunkError::ChunkTooLarge { bytes, max: 0 });
        let expected = if bytes > 4 * 1024 * 1024 { too_large } else { Err(ChunkError::Incomplete) };
        prop_assert_eq!(found, kind(&expected));
    }

    /// What breaks off before its last chunk never ends well.
    #[test]
    fn what_breaks_off_is_incomplete(
        mode in select(&[Mode::Signed, Mode::Unsigned][..]),
        chunks in chunks(),
        at in any::<usize>(),
        cuts in vec(any::<usize>(), 0..4),
    ) {
        let decoded_length = chunks.concat().len() as u64;
        let framing = Framing { mode, trailer: false, decoded_length };
        let wire = framed(mode, &chunks, b"");
        let passed = pass(framing, &wire[..at % wire.len()], &cuts);
        prop_assert_eq!(passed.ended, Err(ChunkError::Incomplete));
    }
}
