//! The reference page, from the table.

use std::fmt::Write as _;

use super::table::SETTINGS;

/// `docs/reference/settings.md`, as it must be.
pub fn reference_page() -> String {
    let mut page = String::from(
        "# Settings\n\n\
         Every setting can be given on the command line of `essaim up`, in the environment, or in \
         the file that `--config FILE` names, in this order.\n\
         The file is TOML with one key per setting; an unknown key is refused with its line.\n\
         A variable that is empty counts as not set.\n\
         This page is written from the same table as the flags: `ESSAIM_BLESS=1 cargo test -p node \
         --test settings_reference` rewrites it.\n",
    );
    for setting in SETTINGS {
        let many = if setting.many { " (several)" } else { "" };
        let default = match setting.default {
            "" => "none".to_owned(),
            default => format!("`{default}`"),
        };
        let _ = write!(
            page,
            "\n## {}\n\n{}.\n{}\n\n\
             | flag | file | environment | value | default |\n|---|---|---|---|---|\n\
             | `--{}` | `{}` | `{}` | {}{many} | {default} |\n",
            setting.name,
            setting.doc,
            setting.more,
            setting.name,
            setting.key(),
            setting.variable(),
            setting.kind.described(),
        );
    }
    page
}
