//! End-to-end tests: the real binary, real sockets, certificates made at run time, ports chosen by the kernel.
//! One file a promise.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that cannot go on must stop, and say where"
)]

mod assertion;
mod bodies;
mod break_glass;
mod browser;
mod cards;
mod carried;
mod check;
mod control;
mod crash;
mod crl_fetch;
mod cross_site;
mod devices;
mod drain;
mod explain;
mod flood;
mod grants;
mod groups;
mod handover;
mod handshakes;
mod headers;
mod identity_headers;
mod limits;
mod login_faults;
mod logins;
mod management;
mod metrics;
mod normalise;
mod observe;
mod ocsp;
mod openapi;
mod osquery;
mod own_pages;
mod pages;
mod policy_cases;
mod policy_commands;
mod policy_docs;
mod policy_folder;
mod policy_proofs;
mod promises;
mod protocols;
mod provider_faults;
mod rates;
mod recorded;
mod refusals;
mod reload;
mod replay;
mod revocation;
mod session_ends;
mod session_faults;
mod sessions;
mod shadow;
mod signals;
mod signed_policies;
mod store;
mod streams_cut;
mod threats;
mod tokens;
mod uploads_cut;
mod upstream_faults;
mod upstreams;
mod validity;
mod vouchers;
mod why;
