//! Trials of the whole face, in one process: real gate, catalog and object path
//! over simulated disks, asked through [`crate::server::Front`] as a client would.

mod cases;
mod copies;
mod documents;
mod forms;
mod lists;
mod random;
mod rules;
mod signer;
mod site;
mod strangers;
mod streams;
mod vectors;
