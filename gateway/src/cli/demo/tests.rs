//! The folder, the tour and the client, with a stand-in for the gateway.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use http::Method;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::client;
use super::*;
use crate::pki::Authority;

fn args(dir: &Path) -> DemoArgs {
    DemoArgs {
        once: false,
        dir: dir.to_owned(),
        fresh: false,
        port: Some(0),
        management_port: Some(0),
        format: Format::Text,
    }
}

fn prepared(dir: &Path) -> Prepared {
    prepare(&args(dir)).unwrap()
}

#[test]
fn the_folder_is_complete_and_parses() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("demo");
    let prepared = prepared(&dir);
    let config = fs::read_to_string(&prepared.config).unwrap();
    assert!(!config.contains('@') || !config.contains("_PORT@"), "{config}");
    let parsed = toml_span::parse(&config).unwrap();
    assert_eq!(
        parsed.pointer("/listen/address").unwrap().as_str().unwrap(),
        prepared.ports.gateway_address().to_string()
    );
    let files =
        ["/listen/certificates/0/chain", "/clients/trust/0/ca/0", "/clients/trust/0/crl/0", "/clients/trust/1/ca/0"];
    for pointer in
        files.into_iter().chain(["/clients/trust/1/crl/0", "/identity/groups", "/posture/file", "/policy/directory"])
    {
        let named = parsed.pointer(pointer).and_then(|value| value.as_str()).unwrap_or_else(|| panic!("{pointer}"));
        assert!(dir.join(named).exists(), "{named}");
    }
    for json in ["groups.json", "posture.json", "demo.json"] {
        let value: serde_json::Value = serde_json::from_str(&fs::read_to_string(dir.join(json)).unwrap()).unwrap();
        assert!(value.is_object(), "{json}");
    }
    assert!(!fs::read_to_string(dir.join("posture.json")).unwrap().contains("@NOW@"));
    for step in tour(&prepared) {
        assert!(step.request.ca.exists());
        assert!(step.request.client.is_none_or(|client| client.certificate.exists() && client.key.exists()));
    }
    assert!(dir.join("certs/alice.p12").exists());
    assert!(!parent.path().join("demo.unfinished").exists());
}

#[test]
fn the_gateway_loads_the_folder_without_a_warning() {
    let parent = tempfile::tempdir().unwrap();
    let loaded = crate::config::load(&prepared(&parent.path().join("demo")).config).unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let config = loaded.config;
    let groups = crate::facts::groups::Groups::load(config.identity.groups.as_ref().unwrap()).unwrap();
    assert_eq!(groups.of("alice@example.org").len(), 2);
    let posture = crate::facts::posture::Posture::load(config.posture.file.as_ref().unwrap(), &config.posture).unwrap();
    let now_ms = jiff::Timestamp::now().as_millisecond();
    for device in ["laptop-alice", "laptop-bob", "kiosk-lobby"] {
        assert_eq!(posture.of(device).unwrap().requirement(&config.posture.required, now_ms), Ok(()), "{device}");
    }

    let source = |file: std::io::Result<fs::DirEntry>| {
        let path = file.unwrap().path();
        gaccong_policy::Source { name: path.display().to_string(), text: fs::read_to_string(&path).unwrap() }
    };
    let policies = fs::read_dir(&config.policy.directory).unwrap().map(source).collect();
    let sources = gaccong_policy::Sources { policies, ..Default::default() };
    let apps: Vec<_> = config
        .apps
        .iter()
        .map(|app| gaccong_policy::AppScope {
            name: &app.name,
            groups: &app.groups,
            owner: app.owner.as_deref(),
            sensitivity: app.sensitivity.as_str(),
        })
        .collect();
    let vocabulary = gaccong_policy::Vocabulary { apps: &apps, ..Default::default() };
    let loaded = gaccong_policy::PolicySet::load(&sources, &vocabulary).unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
}

#[test]
fn a_second_run_keeps_what_the_user_changed_and_renews_what_would_be_stale() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("demo");
    let first = prepared(&dir).ports;
    let alice = fs::read(dir.join("certs/alice.pem")).unwrap();
    fs::write(dir.join("policies/own.cedar"), "// mine\n").unwrap();
    let config = fs::read_to_string(dir.join("gaccong.toml")).unwrap();
    fs::write(dir.join("gaccong.toml"), format!("{config}# mine\n")).unwrap();
    let posture = fs::read_to_string(dir.join("posture.json")).unwrap();
    let old = posture.replace("\"observed_at\": \"2", "\"observed_at\": \"1").replace("71", "72");
    fs::write(dir.join("posture.json"), old).unwrap();
    let list = fs::read(dir.join("pki/laptops/crl.pem")).unwrap();

    let second = prepared(&dir);
    assert!(!second.notes.is_empty());
    assert_eq!(fs::read(dir.join("certs/alice.pem")).unwrap(), alice);
    assert!(dir.join("policies/own.cedar").exists());
    assert_ne!(fs::read(dir.join("pki/laptops/crl.pem")).unwrap(), list);
    let posture = fs::read_to_string(dir.join("posture.json")).unwrap();
    assert!(posture.contains("72") && !posture.contains("\"observed_at\": \"1"), "{posture}");
    let config = fs::read_to_string(dir.join("gaccong.toml")).unwrap();
    assert!(config.contains("# mine"));
    for port in [second.ports.gateway, second.ports.management, second.ports.payroll, second.ports.wiki] {
        assert!(config.contains(&format!("127.0.0.1:{port}\"")), "{port} {config}");
    }
    assert_ne!(first.gateway, second.ports.gateway);
}

#[test]
fn fresh_makes_everything_anew_even_where_the_marker_is_broken() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("demo");
    prepared(&dir);
    fs::write(dir.join("policies/own.cedar"), "// mine\n").unwrap();
    fs::write(dir.join("demo.json"), "{").unwrap();
    assert!(matches!(prepare(&args(&dir)), Err(DemoError::Malformed { .. })));
    prepare(&DemoArgs { fresh: true, ..args(&dir) }).unwrap();
    assert!(!dir.join("policies/own.cedar").exists());
}

#[test]
fn a_folder_of_someone_else_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.txt"), "years of work").unwrap();
    for fresh in [false, true] {
        let error = prepare(&DemoArgs { fresh, ..args(dir.path()) }).unwrap_err();
        assert!(matches!(error, DemoError::ForeignFolder(_)), "{error}");
    }
    assert!(dir.path().join("thesis.txt").exists());
}

#[test]
fn a_taken_port_is_named_with_its_flag_and_nothing_is_written() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("demo");
    let error = prepare(&DemoArgs { management_port: Some(port), ..args(&dir) }).unwrap_err().to_string();
    assert!(error.contains(&port.to_string()) && error.contains("--management-port"), "{error}");
    assert!(!dir.exists());
}

#[test]
fn a_configuration_that_lost_its_address_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("demo");
    let prepared = prepared(&dir);
    let config = fs::read_to_string(&prepared.config).unwrap();
    fs::write(&prepared.config, config.replace("127.0.0.1:", "0.0.0.0:")).unwrap();
    let error = prepare(&args(&dir)).unwrap_err().to_string();
    assert!(error.contains("gaccong.toml") && error.contains("--fresh"), "{error}");
}

#[test]
fn the_certificates_are_what_the_tour_says_of_them() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("demo");
    prepared(&dir);
    let read = |name: &str| {
        let pem = fs::read(dir.join("certs").join(name)).unwrap();
        x509_parser::pem::parse_x509_pem(&pem).unwrap().1.contents
    };
    let expired = read("expired.pem");
    assert!(!X509Certificate::from_der(&expired).unwrap().1.validity().is_valid());
    let names = |der: &[u8]| {
        let certificate = X509Certificate::from_der(der).unwrap().1;
        certificate.subject_alternative_name().unwrap().unwrap().value.general_names.len()
    };
    assert_eq!((names(&read("alice.pem")), names(&read("kiosk.pem")), names(&read("reports.pem"))), (2, 1, 1));
    let revoked: Vec<_> = Authority::open(&dir.join("pki/laptops")).unwrap().entries().unwrap();
    let revoked: Vec<_> = revoked.into_iter().filter(|entry| entry.revoked_at.is_some()).collect();
    assert_eq!(revoked.len(), 1);
    assert_eq!(revoked[0].serial, crate::pki::serial_of(&dir.join("certs/revoked.pem")).unwrap());
}

/// What `curl` makes of the line: its words after the shell, then what they ask for.
fn understood_by_curl(line: &str) -> StepRequest {
    let words = shell_words(line);
    assert_eq!(words[0], "curl");
    let value_of = |flag: &str| words.iter().position(|word| word == flag).map(|at| words[at + 1].clone());
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let url = words.last().unwrap();
    let (scheme, rest) = url.split_once("://").unwrap();
    let (authority, path) = rest.split_at(rest.find('/').unwrap());
    let (host, port) = authority.split_once(':').unwrap();
    let would_be_squashed = path.contains("%2e") && !words.iter().any(|word| word == "--path-as-is");
    assert!(!would_be_squashed, "{line}");
    let body = value_of("--data-binary").map(leak);
    let implied = if body.is_some() { Method::POST } else { Method::GET };
    let headers = words.windows(2).filter(|pair| pair[0] == "-H");
    StepRequest {
        method: value_of("-X").map_or(implied, |method| method.parse().unwrap()),
        scheme: leak(scheme.to_owned()),
        host: leak(host.to_owned()),
        port: port.parse().unwrap(),
        path: leak(path.to_owned()),
        headers: headers
            .map(|pair| pair[1].split_once(": ").unwrap())
            .map(|(name, value)| (leak(name.to_owned()), leak(value.to_owned())))
            .collect(),
        body,
        ca: value_of("--cacert").unwrap_or_default().into(),
        client: value_of("--cert")
            .map(|certificate| ClientFiles { certificate: certificate.into(), key: value_of("--key").unwrap().into() }),
    }
}

fn shell_words(line: &str) -> Vec<String> {
    let output = std::process::Command::new("sh").args(["-c", &format!("printf '%s\\n' {line}")]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn the_printed_lines_are_the_requests_that_are_sent() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("it's a demo; $HOME");
    let steps = tour(&prepared(&dir));
    for step in &steps {
        let mut sent = step.request.clone();
        if sent.scheme == "http" {
            sent.ca = std::path::PathBuf::new();
        }
        assert_eq!(understood_by_curl(&step.request.curl()), sent, "{}", step.title);
    }
}

#[test]
fn the_tour_is_printed_with_every_line_and_answer() {
    let parent = tempfile::tempdir().unwrap();
    let prepared = prepared(&parent.path().join("demo"));
    let steps = tour(&prepared);
    let mut printed = Vec::new();
    print_tour(&mut printed, &prepared, &steps).unwrap();
    let printed = String::from_utf8(printed).unwrap();
    for step in &steps {
        assert!(printed.contains(&step.request.curl()) && printed.contains(&step.expected.to_string()));
    }
}

/// A TLS server that asks for client certificates and answers 200 with nothing decided.
async fn stand_in(dir: &Path) -> u16 {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(dir.join("pki/laptops/ca.pem")).unwrap()).unwrap();
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![CertificateDer::from_pem_file(dir.join("certs/server.pem")).unwrap()],
            PrivateKeyDer::from_pem_file(dir.join("certs/server.key")).unwrap(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let Ok(stream) = acceptor.accept(socket).await else { continue };
            let service = hyper::service::service_fn(|request: http::Request<hyper::body::Incoming>| async move {
                let seen = format!("{} {}", request.method(), request.uri());
                let body = http_body_util::Full::new(bytes::Bytes::from(seen));
                let refused = request.uri().path().contains("%2e");
                let response = http::Response::builder().status(if refused { 400 } else { 200 });
                let response =
                    if refused { response.header("Gaccong-Reason", "request.path_ambiguous") } else { response };
                Ok::<_, std::convert::Infallible>(response.body(body).unwrap())
            });
            let io = hyper_util::rt::TokioIo::new(stream);
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
        }
    });
    port
}

#[tokio::test]
async fn the_walk_tells_answers_refused_handshakes_and_silence_apart() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("demo");
    let prepared = prepared(&dir);
    let port = stand_in(&dir).await;
    let mut steps = tour(&prepared);
    steps.retain(|step| step.request.scheme == "https");
    for step in &mut steps {
        step.request.port = port;
    }
    let results = walk(&steps).await;
    let got = |title: &str| results.iter().find(|result| result.title == title).unwrap();
    assert!(got("alice reads payroll").matched());
    assert!(got("no certificate at all").matched());
    assert!(got("a path with two readings").matched());
    assert_eq!(got("bob reads payroll").got, Answer::Http { status: 200, reason: None });
    assert_eq!(got("alice's old certificate").got, Answer::HandshakeRefused);
    assert!(got("alice's old certificate").detail.as_ref().unwrap().contains("CertificateExpired"));
    let mut printed = Vec::new();
    assert!(!print_results(&mut printed, &results, Format::Text).unwrap());
    assert!(String::from_utf8(printed).unwrap().contains("BAD bob reads payroll"));

    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    steps.truncate(1);
    steps[0].request.port = nobody;
    assert_eq!(walk(&steps).await[0].got, Answer::Failed);
}

#[tokio::test]
async fn the_sample_apps_echo_count_and_stream() {
    let parent = tempfile::tempdir().unwrap();
    let mut prepared = prepared(&parent.path().join("demo"));
    for app in std::mem::take(&mut prepared.apps) {
        tokio::spawn(app.serve());
    }
    let request = StepRequest {
        method: Method::GET,
        scheme: "http",
        host: "wiki.localhost",
        port: prepared.ports.wiki,
        path: "/page",
        headers: vec![("X-Seen", "yes")],
        body: None,
        ca: "none".into(),
        client: None,
    };
    let (_, echo) = client::send(&request).await.unwrap();
    let echo: serde_json::Value = serde_json::from_slice(&echo).unwrap();
    assert_eq!(
        (&echo["app"], &echo["path"], &echo["headers"]["x-seen"][0]),
        (&"wiki".into(), &"/page".into(), &"yes".into())
    );

    let upload = StepRequest { method: Method::POST, path: "/upload", body: Some("12345"), ..request.clone() };
    let (_, counted) = client::send(&upload).await.unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&counted).unwrap()["received_bytes"], 5);

    let events = StepRequest { path: "/events", ..request };
    let (head, event) = client::send(&events).await.unwrap();
    assert_eq!(head.headers()["content-type"], "text/event-stream");
    assert!(event.starts_with(b"id: 0\n"));
}
