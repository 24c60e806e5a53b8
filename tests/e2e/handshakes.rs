//! Connection attempts that fail: an alert for the client, one record with the reason for the SOC, no harm for others.

use std::process::Stdio;
use std::time::SystemTime;

use gaccong_tests::client::{get, read_answer};
use gaccong_tests::pki::{self, Ca, Certified, HOUR, Pki};
use gaccong_tests::setup::Setup;
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Client, Gateway, Record, audit, eventually, within_patience};
use rcgen::{
    CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const HOST: &str = "echo.example.test";

/// CAs and certificates that are wrong in one way each.
struct Wrong {
    /// Reason code, what is wrong, the certificate.
    rows: Vec<(&'static str, &'static str, Certified)>,
}

impl Wrong {
    fn add(&mut self, reason: &'static str, what: &'static str, certified: Certified) {
        self.rows.push((reason, what, certified));
    }

    fn in_default_domains(pki: &Pki) -> Self {
        let Pki { laptops, servers, .. } = pki;
        let alice = || pki::laptop("laptop-7", "alice@example.org");
        let with = |change: fn(&mut CertificateParams)| {
            let mut params = alice();
            change(&mut params);
            laptops.issue(params)
        };
        let mut wrong = Self { rows: Vec::new() };
        wrong.add("certificate.expired", "ended yesterday", with(|params| dated(params, -48, -24)));
        wrong.add("certificate.not_yet_valid", "begins tomorrow", with(|params| dated(params, 24, 48)));
        wrong.add("certificate.untrusted", "of a CA that no trust domain has", servers.issue(alice()));
        wrong.add("certificate.untrusted", "of a CA of the same name", Ca::new("Test laptops").issue(alice()));
        wrong.add("certificate.untrusted", "self-signed", self_signed(&alice()));
        wrong.add(
            "certificate.wrong_usage",
            "for servers only",
            with(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
        );
        wrong.add("certificate.unnamed", "no name at all", with(|params| params.subject_alt_names = Vec::new()));
        wrong.add(
            "certificate.unnamed",
            "neither subject nor name",
            with(|params| {
                params.distinguished_name = DistinguishedName::new();
                params.subject_alt_names = Vec::new();
            }),
        );
        wrong.add(
            "certificate.unnamed",
            "a name of a kind that no rule asks for",
            with(|params| {
                params.subject_alt_names = vec![SanType::DnsName("laptop-7.example.test".try_into().unwrap())];
            }),
        );
        wrong.add(
            "certificate.unnamed",
            "two people",
            with(|params| params.subject_alt_names.push(pki::email("bob@example.org"))),
        );
        wrong.add(
            "certificate.unnamed",
            "two devices",
            with(|params| params.subject_alt_names.push(pki::uri("urn:device:laptop-8"))),
        );
        wrong.add(
            "certificate.malformed",
            "control characters in a name",
            with(|params| params.subject_alt_names = vec![pki::uri("urn:device:a\r\n\u{1}\u{7f}")]),
        );
        wrong.add("certificate.malformed", "larger than any honest one", with(|params| stuff(params, 900)));
        wrong.add("certificate.malformed", "not a certificate", {
            let mut certified = laptops.issue(alice());
            certified.chain = vec![CertificateDer::from(vec![0x30, 0x03, 0x02, 0x01, 0x2a])];
            certified
        });
        wrong.add("handshake.failed", "the key of another", laptops.issue(alice()).with_key_of(&pki.bob()));
        wrong
    }

    fn in_further_domains(&mut self, setup: &mut Setup) {
        let rule = "person = \"email\"";
        let person = || pki::person("alice@example.org");

        let mut params = pki::ca_params("Expired root");
        dated(&mut params, -48, -24);
        let expired_root = Ca::with(params);
        setup.trust_ca("expired-root", &expired_root, rule);
        self.add("certificate.issuer_invalid", "the root has expired", expired_root.issue(person()));

        let signer = Ca::new("Signer");
        let mut params = pki::ca_params("Not a signer");
        params.key_usages = vec![KeyUsagePurpose::CrlSign];
        let no_signer = signer.sub(params);
        setup.trust_ca("signer", &signer, rule);
        let certified = no_signer.issue(person()).via(&no_signer);
        self.add("certificate.issuer_invalid", "its issuer may not sign certificates", certified);

        let listed = Ca::new("Listed");
        let unlisted = listed.sub(pki::ca_params("Unlisted intermediate"));
        setup.write("listed.crl", &listed.crl(&[]));
        setup.trust_ca("listed", &listed, &format!("crl = [\"listed.crl\"]\n{rule}"));
        self.add("certificate.crl_absent", "no list covers its issuer", unlisted.issue(person()).via(&unlisted));

        let late = Ca::new("Late");
        setup.write("late.crl", &late.crl_until(&[], SystemTime::now() - HOUR / 2));
        setup.trust_ca("late", &late, &format!("crl = [\"late.crl\"]\n{rule}"));
        self.add("certificate.crl_stale", "the list is past its nextUpdate", late.issue(person()));

        let root = Ca::new("Root");
        let mut params = pki::ca_params("Revoked intermediate");
        params.serial_number = Some(SerialNumber::from(77));
        let intermediate = root.sub(params);
        let day = SystemTime::now() + 24 * HOUR;
        setup.write("root.crl", &root.crl_of(&[SerialNumber::from(77)], day));
        setup.trust_ca("deep", &root, &format!("crl = [\"root.crl\"]\n{rule}"));
        self.add("certificate.revoked", "its intermediate is revoked", intermediate.issue(person()).via(&intermediate));

        let revoked = setup.pki.bob();
        setup.write("laptops.crl", &setup.pki.laptops.crl(&[&revoked]));
        self.add("certificate.revoked", "revoked", revoked);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_certificate_is_an_alert_and_one_record() {
    let echo = Echo::h1().await;
    let mut wrong = None;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        setup.set("limits", "unauthenticated_records_per_min = 1000");
        let mut rows = Wrong::in_default_domains(&setup.pki);
        rows.in_further_domains(setup);
        wrong = Some(rows);
    })
    .await;

    for (seen, (reason, what, certified)) in wrong.unwrap().rows.iter().enumerate() {
        refused_in_handshake(&gateway.client(certified)).await;
        let record = nth_refusal(&gateway, seen).await;
        assert_eq!(record.reason(), Some(*reason), "{what}");
    }
    assert_eq!(gateway.alice().get(HOST, "/").await.status, 200, "the good are unharmed");
    assert_eq!(echo.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_required_where_it_is_required() {
    let (gateway, _echo) = with_echo(|_| {}).await;
    refused_in_handshake(&gateway.anonymous()).await;
    gateway.refused_connection("certificate.absent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_hundreds_of_kilobytes_is_refused() {
    let (gateway, _echo) = with_echo(|_| {}).await;
    let mut params = pki::laptop("laptop-7", "alice@example.org");
    stuff(&mut params, 4000);
    let certified = gateway.pki().laptops.issue(params);
    assert!(certified.chain[0].len() > 200_000);
    // The gateway may hang up while the certificate is still being sent.
    if let Ok(mut tls) = gateway.client(&certified).connect(HOST, &["http/1.1"]).await {
        assert!(!matches!(tls.read(&mut [0; 1]).await, Ok(1)));
    }
    nth_refusal(&gateway, 0).await;
    assert_eq!(gateway.alice().get(HOST, "/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weak_key_is_refused() {
    let (gateway, _echo) = with_echo(|_| {}).await;
    // Our own TLS library refuses to sign with such a key, so another has to.
    let key = gateway.dir().join("weak.key");
    openssl(&["genrsa", "-out", key.to_str().unwrap(), "1024"]).await;
    let public_key = openssl(&["rsa", "-in", key.to_str().unwrap(), "-pubout"]).await;
    let params = pki::laptop("laptop-7", "alice@example.org");
    let certificate = gateway.dir().join("weak.pem");
    std::fs::write(&certificate, gateway.pki().laptops.issue_pem_for(&params, &public_key)).unwrap();
    let mut client = tokio::process::Command::new("openssl")
        .args(["s_client", "-quiet", "-cipher", "DEFAULT@SECLEVEL=0", "-servername", HOST])
        .args(["-connect", &gateway.listen().to_string()])
        .arg("-cert")
        .arg(certificate)
        .arg("-key")
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    gateway.refused_connection("certificate.weak_key").await;
    within_patience("end of openssl", client.wait()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_says_what_was_presented() {
    let (gateway, _echo) = with_echo(|_| {}).await;
    let certified = gateway.pki().servers.issue(pki::laptop("laptop-7", "alice@example.org"));
    refused_in_handshake(&gateway.client(&certified)).await;
    let record = nth_refusal(&gateway, 0).await;
    let text = record.0.to_string();
    assert!(text.contains(HOST), "the name that was asked for: {text}");
    assert!(text.contains("Test servers"), "the issuer: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_tls_is_recorded() {
    let (gateway, _echo) = with_echo(|_| {}).await;
    let mut tcp = TcpStream::connect(gateway.listen()).await.unwrap();
    tcp.write_all(b"GET / HTTP/1.1\r\nHost: echo.example.test\r\n\r\n").await.unwrap();
    assert!(read_answer(&mut tcp).await.is_none());
    gateway.refused_connection("handshake.not_tls").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_stalls_ends() {
    let (gateway, _echo) = with_echo(|setup| {
        setup.set("limits", "handshake_ms = 300");
    })
    .await;
    let mut silent = TcpStream::connect(gateway.listen()).await.unwrap();
    let mut halfway = TcpStream::connect(gateway.listen()).await.unwrap();
    halfway.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]).await.unwrap();
    for tcp in [&mut silent, &mut halfway] {
        let read = within_patience("the gateway to hang up", tcp.read(&mut [0; 64])).await;
        // An alert, an end or a reset; it must not stay open.
        assert!(read.is_err() || read.is_ok_and(|bytes| bytes < 64));
    }
    gateway.refused_connection("handshake.timeout").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_is_recorded() {
    let (gateway, _echo) = with_echo(|_| {}).await;
    let mut tcp = TcpStream::connect(gateway.listen()).await.unwrap();
    tcp.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]).await.unwrap();
    drop(tcp);
    gateway.refused_connection("handshake.aborted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_common_is_recorded() {
    let (gateway, _echo) = with_echo(|_| {}).await;
    let alice = gateway.pki().alice();
    let old = gateway.client(&alice).tls12(gateway.pki(), Some(&alice));
    assert!(old.connect(HOST, &["http/1.1"]).await.is_err());
    gateway.refused_connection("handshake.incompatible").await;

    assert!(gateway.client(&alice).connect(HOST, &["spdy/3"]).await.is_err());
    let record = nth_refusal(&gateway, 1).await;
    assert_eq!(record.reason(), Some("handshake.incompatible"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_1_2_works_for_the_hosts_that_allow_it_and_only_for_them() {
    let (gateway, echo) = with_echo(|setup| {
        setup.certificate("legacy", &["legacy.other.test"], "tls = \"1.2\"");
    })
    .await;
    let alice = gateway.pki().alice();
    let old = gateway.client(&alice).tls12(gateway.pki(), Some(&alice));
    let answer = old.get("legacy.other.test", "/").await;
    // The name belongs to no app: that the request was read at all is what counts.
    assert_eq!(answer.reason(), Some("request.host_unknown"));
    assert!(old.connect(HOST, &["http/1.1"]).await.is_err());
    assert_eq!(echo.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_is_refused() {
    let (gateway, _echo) = with_echo(|_| {}).await;
    assert!(gateway.alice().connect("app.elsewhere.test", &["http/1.1"]).await.is_err());
    gateway.refused_connection("handshake.unknown_name").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_never_resumed() {
    let (gateway, _echo) = with_echo(|_| {}).await;
    let alice = gateway.alice();
    for _ in 0..3 {
        let mut tls = alice.connect(HOST, &["http/1.1"]).await.unwrap();
        tls.write_all(b"GET / HTTP/1.1\r\nHost: echo.example.test\r\n\r\n").await.unwrap();
        assert_eq!(read_answer(&mut tls).await.unwrap().status, 200);
        assert_eq!(tls.get_ref().1.handshake_kind(), Some(rustls::HandshakeKind::Full));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_exchange_is_post_quantum_and_recorded() {
    let (gateway, _echo) = with_echo(|_| {}).await;
    let answer = gateway.alice().get(HOST, "/").await;
    let record = gateway.final_record(answer.id()).await;
    assert!(record.0.to_string().contains("X25519MLKEM768"), "{}", record.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_genuine_but_invalid_certificate_gets_a_page_where_pages_are_wanted() {
    let mut certificates = None;
    let (gateway, echo) = with_echo(|setup| {
        setup.set("clients", "on_invalid = \"page\"");
        let mut params = pki::laptop("laptop-7", "alice@example.org");
        dated(&mut params, -48, -24);
        let (expired, revoked) = (setup.pki.laptops.issue(params), setup.pki.bob());
        setup.write("laptops.crl", &setup.pki.laptops.crl(&[&revoked]));
        certificates = Some((expired, revoked));
    })
    .await;
    let (expired, revoked) = certificates.unwrap();
    for (certified, reason) in [(&expired, "certificate.expired"), (&revoked, "certificate.revoked")] {
        let mut connection = gateway.client(certified).h1(HOST).await.unwrap();
        for _ in 0..2 {
            let mut request = get(HOST, "/");
            request.headers_mut().insert("accept", "text/html".parse().unwrap());
            let answer = connection.send(request).await.unwrap();
            assert_eq!((answer.status.as_u16(), answer.reason()), (401, Some(reason)));
            assert!(answer.header("content-type").unwrap().starts_with("text/html"));
            assert_eq!(gateway.final_record(answer.id()).await.reason(), Some(reason));
        }
    }
    // Everything else stays an alert.
    let untrusted = gateway.pki().servers.issue(pki::laptop("laptop-7", "alice@example.org"));
    refused_in_handshake(&gateway.client(&untrusted)).await;
    assert_eq!(echo.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_is_summed_up() {
    let (gateway, _echo) = with_echo(|setup| {
        setup.set("limits", "unauthenticated_records_per_min = 5");
    })
    .await;
    const ATTEMPTS: u64 = 40;
    for _ in 0..ATTEMPTS {
        let mut tcp = TcpStream::connect(gateway.listen()).await.unwrap();
        let _ = tcp.write_all(b"not tls at all, not even nearly\r\n\r\n").await;
        let _ = tcp.read(&mut [0; 64]).await;
    }
    // The sum is written when its minute is over or the gateway stops; stopping is quicker.
    let mut gateway = gateway;
    gateway.terminate();
    gateway.exit().await;
    let refused: Vec<_> = gateway.records().into_iter().filter(|r| r.class() == audit::NETWORK_ACTIVITY).collect();
    assert!(refused.len() <= 6, "{} records for a budget of 5 and a sum", refused.len());
    assert_eq!(refused.iter().map(Record::count).sum::<u64>(), ATTEMPTS, "no attempt is forgotten");
}

async fn with_echo(change: impl FnOnce(&mut Setup)) -> (Gateway, Echo) {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        change(setup);
    })
    .await;
    (gateway, echo)
}

/// In TLS 1.3 the client is done before the server has seen its certificate: the alert comes with the first read. The
/// kernel may turn it into a reset when bytes of the client were still unread.
async fn refused_in_handshake(client: &Client) {
    if let Ok(mut tls) = client.connect(HOST, &["http/1.1"]).await {
        let read = within_patience("an alert", tls.read(&mut [0; 1])).await;
        assert!(read.is_err(), "expected an alert, got {read:?}");
    }
}

/// The record of the `seen`-th refused attempt (from 0), and that there are no more.
async fn nth_refusal(gateway: &Gateway, seen: usize) -> Record {
    let refused = eventually("the record of a refused connection attempt", || async {
        let mut records = gateway.records();
        records.retain(|record| record.class() == audit::NETWORK_ACTIVITY);
        (records.len() > seen).then_some(records)
    })
    .await;
    assert_eq!(refused.len(), seen + 1, "exactly one record an attempt");
    refused[seen].clone()
}

pub(crate) fn dated(params: &mut CertificateParams, from_hours: i64, to_hours: i64) {
    let at = |hours: i64| {
        let distance = HOUR * u32::try_from(hours.unsigned_abs()).unwrap();
        let now = SystemTime::now();
        if hours < 0 { now - distance } else { now + distance }
    };
    params.not_before = at(from_hours).into();
    params.not_after = at(to_hours).into();
}

/// Some sixty bytes a name.
fn stuff(params: &mut CertificateParams, names: usize) {
    let name = |n| SanType::DnsName(format!("{n:054}.test").as_str().try_into().unwrap());
    params.subject_alt_names.extend((0..names).map(name));
}

fn self_signed(params: &CertificateParams) -> Certified {
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let donor = Ca::new("donor").issue_for(params.clone(), key);
    Certified { chain: vec![certificate.der().clone()], pem: certificate.pem(), ..donor }
}

async fn openssl(arguments: &[&str]) -> String {
    let output = tokio::process::Command::new("openssl").args(arguments).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
