//! The web interface: for now one page that says what runs, how full, how healthy.
//!
//! Plain HTML and one stylesheet: it works without JavaScript, at 320 pixels, in
//! light and dark, in French and in English. It sees the node only through
//! [`admin`]: the same accounts, the same answers as the API.
//!
//! **Invariants**
//! - Nothing of the node is shown without a login, but whether it is ready.
//! - No page has a script, a style of its own, or anything from elsewhere: the
//!   content security policy forbids them.
//! - A session's cookie cannot be read by scripts and does not travel from other
//!   sites; a form from another site is refused.

mod format;
mod language;
mod pages;
mod routes;
mod session;
mod words;

pub use routes::router;
