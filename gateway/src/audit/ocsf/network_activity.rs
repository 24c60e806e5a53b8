//! Network Activity (class 4001), activity Refuse: a connection attempt that was refused, or several summed up.

use serde::Serialize;

use super::objects::{Certificate, ConnectionInfo, Control, Endpoint, Metadata, Tls};
use super::text::{Bounds, Text};
use super::unmapped::{ConnectionPart, Unmapped};
use crate::audit::event::ConnectionEvent;
use crate::reason::Reason;

const CLASS_UID: u32 = 4001;
const REFUSE: u32 = 5;

/// The event of refused attempts.
#[derive(Debug, Serialize)]
pub(super) struct NetworkActivity<'a> {
    class_uid: u32,
    category_uid: u8,
    activity_id: u32,
    activity_name: &'static str,
    type_uid: u32,
    time: i64,
    count: u64,
    metadata: Metadata<'a>,
    #[serde(flatten)]
    control: Control,
    status_code: Reason,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_detail: Option<Text<'a>>,
    src_endpoint: Endpoint<'a>,
    dst_endpoint: Endpoint<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy_endpoint: Option<Endpoint<'a>>,
    connection_info: ConnectionInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<Tls<'a>>,
    unmapped: Unmapped<ConnectionPart<'a>>,
}

impl<'a> NetworkActivity<'a> {
    /// The event, with texts cut at `bounds`.
    pub(super) fn of(event: &'a ConnectionEvent, bounds: &'static Bounds) -> Self {
        Self {
            class_uid: CLASS_UID,
            category_uid: 4,
            activity_id: REFUSE,
            activity_name: "Refuse",
            type_uid: CLASS_UID * 100 + REFUSE,
            time: event.time_ms,
            count: event.count,
            metadata: Metadata::of(event.id, event.via.is_some(), None),
            control: Control::BLOCKED,
            status_code: event.reason,
            status_detail: (!event.detail.is_empty()).then(|| bounds.detail(&event.detail)),
            src_endpoint: Endpoint::of(event.source),
            dst_endpoint: Endpoint::of(event.local),
            proxy_endpoint: event.via.map(Endpoint::of),
            connection_info: ConnectionInfo::inbound(event.id),
            tls: tls(event, bounds),
            unmapped: Unmapped::connection(event, bounds),
        }
    }
}

/// What is known of the handshake, where there was one.
fn tls<'a>(event: &'a ConnectionEvent, bounds: &Bounds) -> Option<Tls<'a>> {
    let known = event.sni.is_some() || event.certificate.is_some();
    (known || in_handshake(event.reason)).then(|| {
        let sni = event.sni.as_deref().map(|name| bounds.name(name));
        Tls::failed(sni, event.certificate.as_ref().map(|it| Certificate::presented(it, bounds)))
    })
}

/// Whether a TLS handshake had begun when a connection was refused for this reason.
fn in_handshake(reason: Reason) -> bool {
    let code = reason.code();
    code.starts_with("certificate.") || (code.starts_with("handshake.") && reason != Reason::HandshakeNotTls)
}
