//! The verifier in real handshakes, in memory.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{Certificate, CertificateParams, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::time_provider::TimeProvider;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, Error, RootCertStore, ServerConfig,
    ServerConnection, SupportedProtocolVersion, version,
};

use crate::config::{CertificateMode, OnInvalid};
use crate::facts::trust::testing::{Ca, Files, NOW_MS, leaf_params};
use crate::facts::trust::{ClientVerifier, Presented, Refused};
use crate::reason::Reason;
use crate::request::identify::Identity;

#[derive(Debug)]
struct At(i64);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(u64::try_from(self.0).unwrap())))
    }
}

/// A client and what it presents.
struct Client {
    root: Ca,
    credentials: Option<(CertificateDer<'static>, KeyPair)>,
}

impl Client {
    fn with(params: &CertificateParams) -> Self {
        let root = Ca::root("root");
        let key = KeyPair::generate().unwrap();
        let certificate = root.issue_to(params, &key);
        Self { root, credentials: Some((certificate, key)) }
    }

    fn without() -> Self {
        Self { root: Ca::root("root"), credentials: None }
    }
}

/// How a handshake ended.
struct Ended {
    outcome: Option<Result<Presented, Refused>>,
    server: Result<(), Error>,
    client: Result<(), Error>,
}

fn handshake(
    client: &Client,
    crls: &[String],
    mode: CertificateMode,
    on_invalid: OnInvalid,
    tls: &'static SupportedProtocolVersion,
) -> Ended {
    let trust = Arc::new(Files::new(&[&client.root.certificate], crls).trust());
    let verifier = Arc::new(ClientVerifier::new(trust, mode, on_invalid));
    let (server_certificate, server_key) = server_credentials();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server_config = ServerConfig::builder_with_details(Arc::clone(&provider), Arc::new(At(NOW_MS)))
        .with_protocol_versions(&[tls])
        .unwrap()
        .with_client_cert_verifier(Arc::clone(&verifier) as _)
        .with_single_cert(vec![server_certificate.der().clone()], server_key.serialize_der().try_into().unwrap())
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(server_certificate.der().clone()).unwrap();
    let builder = ClientConfig::builder_with_details(Arc::clone(&provider), Arc::new(At(NOW_MS)))
        .with_protocol_versions(&[tls])
        .unwrap()
        .with_root_certificates(roots);
    let client_config = match &client.credentials {
        Some((certificate, key)) => {
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            let key = provider.key_provider.load_private_key(key).unwrap();
            let credentials = SingleCertAndKey::from(CertifiedKey::new(vec![certificate.clone()], key));
            builder.with_client_cert_resolver(Arc::new(credentials))
        }
        None => builder.with_no_client_auth(),
    };
    let mut server = ServerConnection::new(Arc::new(server_config)).unwrap();
    let mut connection = ClientConnection::new(Arc::new(client_config), "localhost".try_into().unwrap()).unwrap();
    let (server, client) = exchange(&mut server, &mut connection);
    Ended { outcome: verifier.outcome().cloned(), server, client }
}

fn server_credentials() -> (Certificate, KeyPair) {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap(), key)
}

/// Carries bytes to and fro until both are done or one has failed and the other has heard of it.
fn exchange(server: &mut ServerConnection, client: &mut ClientConnection) -> (Result<(), Error>, Result<(), Error>) {
    let mut results = (Ok(()), Ok(()));
    for _ in 0..8 {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut unread = wire.as_slice();
        while !unread.is_empty() && results.0.is_ok() {
            server.read_tls(&mut unread).unwrap();
            results.0 = server.process_new_packets().map(|_| ());
        }
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut unread = wire.as_slice();
        while !unread.is_empty() && results.1.is_ok() {
            client.read_tls(&mut unread).unwrap();
            results.1 = client.process_new_packets().map(|_| ());
        }
    }
    results
}

#[test]
fn a_good_certificate_proves_who_is_there() {
    let client = Client::with(&leaf_params());
    for tls in [&version::TLS13, &version::TLS12] {
        let ended = handshake(&client, &[], CertificateMode::Required, OnInvalid::Alert, tls);
        assert_eq!((ended.server, ended.client), (Ok(()), Ok(())));
        let presented = ended.outcome.unwrap().unwrap();
        let Identity::Proven { device, principal, .. } = Identity::of(Some(&presented)) else { panic!("not proven") };
        assert_eq!(device.as_deref(), Some("d1"));
        assert_eq!(&*principal.unwrap().id, "alice@example.org");
    }
}

#[test]
fn none_is_enough_only_where_it_is_optional() {
    let client = Client::without();
    let optional = handshake(&client, &[], CertificateMode::Optional, OnInvalid::Alert, &version::TLS13);
    assert_eq!(optional.server, Ok(()));
    assert!(optional.outcome.is_none());
    let required = handshake(&client, &[], CertificateMode::Required, OnInvalid::Alert, &version::TLS13);
    assert_eq!(required.server, Err(Error::NoCertificatesPresented));
    assert!(required.outcome.is_none());
}

#[test]
fn what_is_genuine_but_invalid_gets_an_alert_or_a_page() {
    let mut expired = leaf_params();
    expired.not_after = date_time_ymd(2025, 3, 1);
    let (expired, good) = (Client::with(&expired), Client::with(&leaf_params()));
    let mut stale = crate::facts::trust::testing::crl_params(&[]);
    stale.next_update = date_time_ymd(2025, 5, 20);
    let revoking = vec![good.root.crl(&[0x42])];
    let stale = vec![good.root.crl_from(&stale)];
    for (client, crls, reason, error, alert) in [
        (
            &expired,
            &vec![],
            Reason::CertificateExpired,
            CertificateError::Expired,
            AlertDescription::CertificateExpired,
        ),
        (&good, &revoking, Reason::CertificateRevoked, CertificateError::Revoked, AlertDescription::CertificateRevoked),
        (&good, &stale, Reason::CrlStale, CertificateError::ExpiredRevocationList, AlertDescription::UnknownCA),
    ] {
        let alerted = handshake(client, crls, CertificateMode::Required, OnInvalid::Alert, &version::TLS13);
        assert_eq!(alerted.server, Err(error.into()));
        assert_eq!(alerted.client, Err(Error::AlertReceived(alert)));
        assert_eq!(alerted.outcome.unwrap().unwrap_err().reason, reason);

        let paged = handshake(client, crls, CertificateMode::Required, OnInvalid::Page, &version::TLS13);
        assert_eq!((paged.server, paged.client), (Ok(()), Ok(())));
        let presented = paged.outcome.unwrap().unwrap();
        assert_eq!(presented.standing, Err(reason));
        match Identity::of(Some(&presented)) {
            Identity::Invalid { reason: told, .. } => assert_eq!(told, reason),
            // A list may be renewed while the connection lives, so each request asks.
            Identity::Proven { .. } => assert_eq!(reason, Reason::CrlStale),
            Identity::Anonymous => panic!("a certificate was presented"),
        }
    }
}

#[test]
fn everything_else_is_an_alert_even_where_pages_are_shown() {
    let mut wrong_usage = leaf_params();
    wrong_usage.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let mut not_yet_valid = leaf_params();
    not_yet_valid.not_before = date_time_ymd(2025, 7, 1);
    for (params, reason) in
        [(wrong_usage, Reason::CertificateWrongUsage), (not_yet_valid, Reason::CertificateNotYetValid)]
    {
        let ended = handshake(&Client::with(&params), &[], CertificateMode::Optional, OnInvalid::Page, &version::TLS13);
        assert!(matches!(ended.server, Err(Error::InvalidCertificate(_))));
        assert_eq!(ended.outcome.unwrap().unwrap_err().reason, reason);
    }
}

#[test]
fn a_certificate_without_its_key_proves_nothing() {
    let mut client = Client::with(&leaf_params());
    if let Some((_, key)) = &mut client.credentials {
        *key = KeyPair::generate().unwrap();
    }
    for tls in [&version::TLS13, &version::TLS12] {
        let ended = handshake(&client, &[], CertificateMode::Optional, OnInvalid::Page, tls);
        assert_eq!(ended.server, Err(CertificateError::BadSignature.into()));
    }
}
