//! The store: what must survive the process. Revocations, lockdowns, posture, replay caches, each an entry of a table:
//! a key and a JSON value.
//!
//! The request path never asks it. What it holds is read into memory once, when the process starts, and every change is
//! committed before it is acknowledged ([`crate::state`]).

pub mod embedded;
pub mod export;
pub mod migrate;

use std::fmt;
use std::path::PathBuf;

/// Where entries are kept.
pub trait Store: Send + Sync + fmt::Debug {
    /// How many commits there were. A store with fewer than the records know is an old copy.
    fn serial(&self) -> u64;

    /// Calls `visit` with every entry, tables in the order of [`Table::ALL`], each by key.
    ///
    /// # Errors
    /// The store cannot be read, or the error of `visit`.
    fn load(&self, visit: &mut Visit<'_>) -> Result<(), StoreError>;

    /// Writes all or nothing, and returns the new serial once it is on the disk.
    ///
    /// # Errors
    /// Nothing was written.
    fn commit(&self, writes: &[Write]) -> Result<u64, StoreError>;
}

/// What is called with each entry: its table, its key, its JSON value.
pub type Visit<'a> = dyn FnMut(Table, &str, &[u8]) -> Result<(), StoreError> + 'a;

/// One entry that is written or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The table.
    pub table: Table,
    /// The key.
    pub key: String,
    /// The JSON value; `None` removes the entry.
    pub value: Option<Vec<u8>>,
}

macro_rules! tables {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// The tables.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Table {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Table {
            /// Every table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name in the file and in exports.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

tables! {
    /// Who and what is refused.
    Revocations = "revocations",
    /// Who must authenticate again.
    Reauthentications = "reauthentications",
    /// Apps, groups, issuers and trust domains that are closed.
    Lockdowns = "lockdowns",
    /// The alert level.
    Alerts = "alerts",
    /// What was reported of devices, by device and source.
    Posture = "posture",
    /// Sources of posture that are held.
    Holds = "holds",
    /// The risk of principals.
    Risks = "risks",
    /// Streams of signals.
    Streams = "streams",
    /// What streams of signals have said of accounts.
    Accounts = "accounts",
    /// Signals that were accepted: a second one of the same id is a replay.
    Seen = "seen",
    /// Agents of devices that are enrolled.
    Enrolments = "enrolments",
    /// Who is logged in.
    Sessions = "sessions",
    /// Keys that the gateway makes for itself.
    Keys = "keys",
}

impl Table {
    /// The table of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|table| table.name() == name)
    }
}

/// Why the store cannot be used, or a change was not kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The configuration has no store.
    #[error("this gateway keeps no state: its configuration has no `[store]`")]
    Absent,
    /// Another process has it.
    #[error("{0}: another process has the store open; stop the gateway first")]
    Taken(PathBuf),
    /// It is being handed over to a successor.
    #[error("the store is being handed over to a new process; ask again in a second")]
    HandedOver,
    /// More changes wait than can be kept.
    #[error("too many changes wait to be kept; ask again in a second")]
    Busy,
    /// The file is damaged.
    #[error(
        "{path}: the store is damaged: {what}. Restore the file from a backup, or `gaccong store import` an export"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The file is of a newer version.
    #[error("{path}: the store has version {found}, this gateway knows versions up to {known}; run the newer gateway")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The newest that is known.
        known: u64,
    },
    /// The file is a copy of before.
    #[error(
        "{path}: the store is an old copy: it has {found} commits, and the records know of a change with {known}; what \
         was revoked in between would be let in again. Restore a newer copy, or run with `--accept-older-store`"
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Its commits.
        found: u64,
        /// Those of the last change that was recorded.
        known: u64,
    },
    /// It could not be read or written.
    #[error("the store cannot be used: {0}")]
    Io(String),
}
