//! One end of a TCP connection, for measuring a [`blackbox::Network`].
//!
//! ```text
//! peer listen ADDRESS          serves the other two, until it is killed
//! peer send ADDRESS BYTES      sends so many; prints MB/s, once the other end has them all
//! peer ping ADDRESS COUNT      sends a byte and waits for it; prints the median in ms
//! ```

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

/// Read or written at once.
const PIECE_BYTES: usize = 1 << 20;
/// The first byte of a connection says what it is for.
const COUNTS: u8 = b'c';
const ECHOES: u8 = b'e';

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["listen", address] => listen(address),
        ["send", address, bytes] => send(address, bytes.parse()?),
        ["ping", address, count] => ping(address, count.parse()?),
        _ => bail!("peer listen ADDRESS | send ADDRESS BYTES | ping ADDRESS COUNT"),
    }
}

fn listen(address: &str) -> Result<()> {
    let listener = TcpListener::bind(address).with_context(|| address.to_owned())?;
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(move || {
            if let Err(error) = serve(stream) {
                eprintln!("{error:#}");
            }
        });
    }
    Ok(())
}

fn serve(mut stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut first = [0];
    // Whoever only looks whether somebody listens says nothing.
    if stream.read(&mut first)? == 0 {
        return Ok(());
    }
    let mut piece = vec![0; PIECE_BYTES];
    let mut count = 0_u64;
    loop {
        let length = stream.read(&mut piece)?;
        if length == 0 {
            break;
        }
        count += length as u64;
        if first == [ECHOES] {
            stream.write_all(piece.get(..length).unwrap_or_default())?;
        }
    }
    if first == [COUNTS] {
        stream.write_all(&count.to_le_bytes())?;
    }
    Ok(())
}

fn connect(address: &str, what: u8) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).with_context(|| address.to_owned())?;
    stream.set_nodelay(true)?;
    stream.write_all(&[what])?;
    Ok(stream)
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn send(address: &str, bytes: u64) -> Result<()> {
    let mut stream = connect(address, COUNTS)?;
    let piece = vec![7; PIECE_BYTES];
    let since = Instant::now();
    let mut left = bytes;
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        stream.write_all(piece.get(..now).unwrap_or_default())?;
        left -= now as u64;
    }
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut count = [0; 8];
    stream.read_exact(&mut count)?;
    if u64::from_le_bytes(count) != bytes {
        bail!("{} bytes arrived of {bytes}", u64::from_le_bytes(count));
    }
    println!("{:.0}", bytes as f64 / 1e6 / since.elapsed().as_secs_f64());
    Ok(())
}

fn ping(address: &str, count: usize) -> Result<()> {
    let mut stream = connect(address, ECHOES)?;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let since = Instant::now();
        stream.write_all(&[1])?;
        stream.read_exact(&mut [0])?;
        times.push(since.elapsed());
    }
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    println!("{:.3}", median.as_secs_f64() * 1e3);
    Ok(())
}
