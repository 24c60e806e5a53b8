//! One connection attempt: PROXY header, ClientHello, handshake, certificate; established or refused with a record.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rustls::server::Acceptor;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use uuid::Uuid;

use crate::audit::event::{ConnectionEvent, ConnectionFacts, PresentedCertificate, TlsFacts};
use crate::clock;
use crate::config::{CertificateMode, OnInvalid};
use crate::facts::snapshot::{Control, Listener, Snapshot};
use crate::facts::trust::ocsp::InUse;
use crate::facts::trust::{ClientVerifier, Presented, Refused};
use crate::gateway::Gateway;
use crate::reason::Reason;
use crate::request::accept::bounds::Place;
use crate::request::accept::proxy_header;
use crate::request::accept::serve::{self, Serving};
use crate::request::identify::Identity;
use crate::streams::Connection;

/// The alert `unrecognized_name`, fatal (RFC 8446 §6, RFC 6066 §3).
const UNRECOGNIZED_NAME: [u8; 7] = [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x70];

/// A connection attempt and what its record will say.
#[derive(Debug)]
pub struct Attempt {
    gateway: Arc<Gateway>,
    listener: Listener,
    started: Instant,
    source: SocketAddr,
    via: Option<SocketAddr>,
    local: SocketAddr,
    sni: Option<Arc<str>>,
    /// Whether it was established, or refused with a record.
    settled: bool,
}

/// A connection whose handshake is complete.
pub struct Established {
    /// What is known of it.
    pub connection: Arc<Connection>,
    /// Serves it to its end.
    pub serving: Serving,
    /// Its part in the certificate that is asked about while the connection lives.
    pub certificate_in_use: Option<InUse>,
}

/// Why an attempt is refused.
#[derive(Debug)]
pub struct RefusedAttempt {
    reason: Reason,
    detail: String,
    certificate: Option<PresentedCertificate>,
}

impl From<Reason> for RefusedAttempt {
    fn from(reason: Reason) -> Self {
        Self { reason, detail: String::new(), certificate: None }
    }
}

impl From<&Refused> for RefusedAttempt {
    fn from(refused: &Refused) -> Self {
        Self { reason: refused.reason, detail: refused.detail.clone(), certificate: refused.presented.clone() }
    }
}

impl Attempt {
    /// An attempt from `peer`.
    pub fn new(gateway: &Arc<Gateway>, listener: Listener, stream: &TcpStream, peer: SocketAddr) -> Self {
        let local = stream.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
        Self {
            gateway: Arc::clone(gateway),
            listener,
            started: Instant::now(),
            source: peer,
            via: None,
            local,
            sni: None,
            settled: false,
        }
    }

    /// Goes through the handshake.
    pub async fn establish(
        &mut self,
        snapshot: &Snapshot,
        mut stream: TcpStream,
        place: &mut Place<'_>,
    ) -> Result<Established, RefusedAttempt> {
        self.read_proxy_header(snapshot, &mut stream).await?;
        let source = place.from_source(self.source.ip(), snapshot.config.limits.connections_per_source)?;

        let mut hello =
            LazyConfigAcceptor::new(Acceptor::default(), stream).await.map_err(|error| refusal(&error, None))?;
        self.sni = hello.client_hello().server_name().map(|name| Arc::from(name.to_ascii_lowercase()));
        let tls = match self.listener {
            Listener::Apps => Some(&snapshot.tls),
            Listener::Control => snapshot.control.as_ref().map(|control| &control.tls),
        };
        let chosen = tls.and_then(|tls| Some((tls, tls.choose(self.sni.as_deref())?)));
        let Some((tls, name)) = chosen else {
            // The attempt is refused whether or not the client still listens.
            let _ = hello.io.write_all(&UNRECOGNIZED_NAME).await;
            return Err(Reason::HandshakeUnknownName.into());
        };
        let verifier = Arc::new(self.verifier(snapshot));
        let config = tls
            .handshake(name, Arc::clone(&verifier) as _)
            .map_err(|error| RefusedAttempt { detail: error.to_string(), ..Reason::GatewayInternal.into() })?;
        let stream = hello.into_stream(config).await.map_err(|error| refusal(&error, Some(&verifier)))?;

        let identity = match verifier.outcome() {
            Some(Err(refused)) => return Err(refused.into()),
            Some(Ok(presented)) if !self.admits(snapshot, presented) => {
                let detail = "the control API does not admit its trust domain".to_owned();
                return Err(RefusedAttempt { detail, ..Reason::CertificateUntrusted.into() });
            }
            Some(Ok(presented)) => Identity::of(Some(presented)),
            None => Identity::of(None),
        };
        let tls = self.negotiated(&stream);
        let http2 = tls.alpn == "h2";
        self.gateway.metrics.handshake("ok", "", tls.group, self.started.elapsed());
        let facts = Arc::new(ConnectionFacts {
            id: Uuid::now_v7(),
            source: self.source,
            via: self.via,
            local: self.local,
            tls: Some(tls),
            identity,
        });
        let connection =
            Connection::new(Arc::clone(&self.gateway), self.listener, facts, Arc::clone(&name.hosts), source, http2);
        let connection = Arc::new(connection);
        let serve = if http2 { serve::http2 } else { serve::http1 };
        let serving = serve(stream, &connection, &snapshot.config.limits);
        let certificate_in_use = match &connection.facts.identity {
            Identity::Proven { certificate, .. } => snapshot.trust.watch(certificate, &self.gateway),
            Identity::Anonymous | Identity::Invalid { .. } => None,
        };
        self.settled = true;
        Ok(Established { connection, serving, certificate_in_use })
    }

    /// Browsers may come to the apps without a certificate, or with one that has ended, to be told so. Programs may not.
    fn verifier(&self, snapshot: &Snapshot) -> ClientVerifier {
        let trust = Arc::clone(&snapshot.trust);
        let clients = &snapshot.config.clients;
        match self.listener {
            Listener::Apps => {
                let verifier = ClientVerifier::new(trust, clients.certificate, clients.on_invalid);
                match snapshot.config.auth.as_ref().filter(|auth| auth.is_opened_with_cards(self.sni.as_deref())) {
                    Some(auth) => verifier.among(&auth.trust),
                    None => verifier,
                }
            }
            // A transmitter of signals may be known by its bearer.
            Listener::Control if snapshot.signals.know_bearers() => {
                ClientVerifier::new(trust, CertificateMode::Optional, OnInvalid::Alert)
            }
            Listener::Control => ClientVerifier::new(trust, CertificateMode::Required, OnInvalid::Alert),
        }
    }

    fn admits(&self, snapshot: &Snapshot, presented: &Presented) -> bool {
        let admitted = |control: &Control| control.trust.contains(&presented.certificate.trust_domain);
        self.listener == Listener::Apps || snapshot.control.as_ref().is_some_and(admitted)
    }

    async fn read_proxy_header(&mut self, snapshot: &Snapshot, stream: &mut TcpStream) -> Result<(), RefusedAttempt> {
        let peer = self.source.ip().to_canonical();
        if self.listener == Listener::Control
            || !snapshot.config.listen.proxy_protocol_from.iter().any(|network| network.contains(&peer))
        {
            return Ok(());
        }
        match proxy_header::read(stream).await {
            Ok(Some(source)) => self.via = Some(std::mem::replace(&mut self.source, source)),
            Ok(None) => {}
            Err(error) => {
                return Err(RefusedAttempt { detail: error.to_string(), ..Reason::ConnectionProxyHeader.into() });
            }
        }
        Ok(())
    }

    fn negotiated(&self, stream: &TlsStream<TcpStream>) -> TlsFacts {
        let (_, tls) = stream.get_ref();
        let group = tls.negotiated_key_exchange_group().and_then(|group| group.name().as_str());
        TlsFacts {
            version: if tls.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_2) { "1.2" } else { "1.3" },
            cipher: tls.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str()).unwrap_or("unknown"),
            group: group.unwrap_or("unknown"),
            alpn: if tls.alpn_protocol() == Some(b"h2") { "h2" } else { "http/1.1" },
            sni: self.sni.clone(),
        }
    }

    /// Records the refusal.
    pub fn refused(&mut self, reason: Reason, detail: String) {
        self.refused_with(RefusedAttempt { reason, detail, certificate: None });
    }

    /// Records the refusal.
    pub fn refused_with(&mut self, refused: RefusedAttempt) {
        self.settled = true;
        self.gateway.metrics.handshake("refused", refused.reason.code(), "", self.started.elapsed());
        self.gateway.lane.record(ConnectionEvent {
            id: Uuid::now_v7(),
            time_ms: clock::now_ms(),
            source: self.source,
            via: self.via,
            local: self.local,
            reason: refused.reason,
            detail: refused.detail,
            sni: self.sni.clone(),
            certificate: refused.certificate,
            count: 1,
        });
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.settled {
            // A panic, or the process ends in the middle of the handshake.
            let panicked = std::thread::panicking();
            let reason = if panicked { Reason::GatewayInternal } else { Reason::GatewayDraining };
            self.refused(reason, String::new());
        }
    }
}

/// The reason for which a handshake failed. What the verifier found comes before what rustls made of it.
fn refusal(error: &io::Error, verifier: Option<&ClientVerifier>) -> RefusedAttempt {
    if let Some(Err(refused)) = verifier.and_then(|verifier| verifier.outcome()) {
        return refused.into();
    }
    let reason = match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidMessage(_)) if verifier.is_none() => Reason::HandshakeNotTls,
        Some(rustls::Error::AlertReceived(_)) => Reason::HandshakeAborted,
        Some(rustls::Error::PeerIncompatible(_) | rustls::Error::NoApplicationProtocol) => {
            Reason::HandshakeIncompatible
        }
        Some(rustls::Error::NoCertificatesPresented) => Reason::CertificateAbsent,
        Some(_) => Reason::HandshakeFailed,
        None => Reason::HandshakeAborted,
    };
    RefusedAttempt { detail: error.to_string(), ..reason.into() }
}
