//! A short run of `faultlab abuse`: nothing of the quiet tenant fails, and the
//! node's memory stays within its bound. How much slower it may become is judged
//! by the long run on a machine that does nothing else.

use std::process::Command;

#[test]
fn a_quiet_tenant_is_served_beside_an_abusive_one() {
    let output = Command::new(env!("CARGO_BIN_EXE_faultlab"))
        .args(["abuse", "--seconds", "3", "--pace", "20", "--slow-clients", "200"])
        .args(["--objects", "1000", "--ratio-max", "1000"])
        .output()
        .expect("faultlab runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (said, wrong) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{said}\n{wrong}");
    assert!(said.contains("failed requests of the quiet tenant: 0"), "{said}");
}
