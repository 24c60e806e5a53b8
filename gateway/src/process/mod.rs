//! The process: it loads a snapshot, opens or takes its sockets, serves, reloads, hands over, drains and ends.

pub mod drain;
pub mod grants;
pub mod handover;
pub mod load;
pub mod management;
pub mod policies;
pub mod reload;
pub mod server;
pub mod tasks;
pub mod watch;
