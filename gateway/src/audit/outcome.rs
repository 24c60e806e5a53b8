//! How a request ended.

use crate::reason::Reason;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Still running (opening events only).
    Running,
    /// The client got a whole response, ours or the upstream's.
    Completed,
    /// The client went away before the end.
    ClientGone,
    /// The upstream could not be reached, did not answer in time, or failed after its response had begun.
    UpstreamFailed(Reason),
    /// Access was taken away and the stream was cut, for this reason.
    Cut(Reason),
    /// The request's body broke a bound after forwarding had begun.
    BodyRefused(Reason),
    /// The gateway itself failed.
    Panicked,
}

impl Outcome {
    /// That of a request which was ended by us, for this reason.
    pub const fn of(reason: Reason) -> Self {
        match reason {
            Reason::RequestBodyTooLarge | Reason::RequestBodyTooSlow | Reason::RequestBodyMalformed => {
                Self::BodyRefused(reason)
            }
            Reason::UpstreamUnavailable
            | Reason::UpstreamConnect
            | Reason::UpstreamTimeout
            | Reason::UpstreamProtocol
            | Reason::UpstreamConnectionAuth
            | Reason::GatewayInternal => Self::UpstreamFailed(reason),
            _ => Self::Cut(reason),
        }
    }
}
