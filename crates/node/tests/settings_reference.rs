//! The reference page of the settings says what the table says.

use std::path::Path;

#[test]
fn the_page_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/settings.md");
    let page = node::settings::reference_page();
    if std::env::var_os("ESSAIM_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, page, "run it again with ESSAIM_BLESS=1 to write the page");
}
