//! Login sessions: what one is, the cookie that carries it, and what is sealed on the way to one.
//!
//! A session is begun on the host where people log in ([`crate::request::auth`]) and known by one id on every host. Its
//! cookie suffices to serve; what is kept in [`crate::state`] comes before it, where there is anything: it is newer, and
//! it is what is listed and revoked.

pub mod backchannel;
pub mod binding;
pub mod cookie;
pub mod ending;
pub mod entry;
pub mod keys;
pub mod refresh;
pub mod rotation;
pub mod sealed;
pub mod tickets;

pub use binding::Binding;
pub use cookie::{Carried, Presented, SESSION_COOKIE};
pub use entry::{AtProvider, LoginMethod, Session, Voucher};
pub use keys::Key;
pub use sealed::{Purpose, Sealer};
