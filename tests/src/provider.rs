//! An OpenID provider nobody here wrote: the certified npm package `oidc-provider`, on loopback (`tests/browser/provider.mjs`).

use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::client::Client;
use crate::pki::{self, Ca};
use crate::program::Program;
use crate::setup::DOMAIN;
use crate::{Certified, Gateway, Setup};

/// The id of the gateway at the provider.
pub const CLIENT_ID: &str = "gaccong";
/// The gateway's secret at the provider.
pub const CLIENT_SECRET: &str = "what-the-gateway-and-the-provider-know";
/// The authentication class of a log-in with a second factor.
pub const SECOND_FACTOR: &str = "urn:test:second-factor";
/// The authentication class of any other log-in.
pub const FIRST_FACTOR: &str = "urn:test:password";

/// A provider.
pub struct Provider {
    program: Program,
    issuer: String,
    ca: Ca,
}

impl Provider {
    /// Starts a provider that knows Alice and Bob, and the gateway as a client.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn with(change: impl FnOnce(&mut Value)) -> Self {
        let ca = Ca::new("Test provider");
        let certified = ca.issue(pki::server(&["localhost"]));
        let mut settings = json!({
            "key": certified.key_pem,
            "cert": certified.pem,
            "secondFactor": SECOND_FACTOR,
            "users": {
                "alice": user("alice@example.org", "Alice", &["finance"]),
                "bob": user("bob@example.org", "Bob", &[]),
            },
            "clients": [{
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "redirect_uris": [auth_url("/callback")],
                "post_logout_redirect_uris": [auth_url("/logged-out")],
                "backchannel_logout_uri": auth_url("/backchannel-logout"),
                "backchannel_logout_session_required": true,
                "require_auth_time": true,
                "grant_types": ["authorization_code", "refresh_token"],
                "response_types": ["code"],
            }],
        });
        change(&mut settings);
        let (program, ready) = Program::start("provider", &settings).await;
        Self { program, issuer: ready["issuer"].as_str().unwrap().to_owned(), ca }
    }

    /// `iss`
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The CA of its server.
    pub fn ca(&self) -> &Ca {
        &self.ca
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        let (_, port) = self.issuer.rsplit_once(':').unwrap();
        Client::trusting(SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap())), &self.ca, None)
    }

    /// Changes claims of a user; they show at the next refresh or log-in.
    pub async fn set_claims(&self, user: &str, claims: Value) {
        self.program.ask(&json!({"do": "claims", "user": user, "claims": claims})).await;
    }

    /// Tells the provider where the gateway takes logout tokens. It is told after the gateway's start: ports are the kernel's.
    pub async fn reach(&self, host: &str, address: SocketAddr) {
        let address = json!({"host": address.ip().to_string(), "port": address.port()});
        self.program.ask(&json!({"do": "reach", "name": host, "address": address})).await;
    }

    /// Ends a user's sessions and tells the clients so; how many there were.
    pub async fn end_sessions(&self, user: &str) -> u64 {
        self.program.ask(&json!({"do": "endSessions", "user": user})).await.as_u64().unwrap()
    }

    /// Signs with a new key from now on, and tells the old one too.
    pub async fn rotate_keys(&self) {
        self.program.ask(&json!({"do": "rotateKeys"})).await;
    }
}

/// The host where people log in.
pub const AUTH_HOST: &str = "auth.example.test";

/// Gives a set-up a host where people log in, at a provider, and a device of Alice's that names nobody.
pub fn with_login(setup: &mut Setup, issuer: &str, ca: &Ca) {
    setup.set("auth", &format!("host = \"{AUTH_HOST}\""));
    setup.set("store", "path = \"store/gaccong.redb\"");
    setup.write("provider-ca.pem", &ca.pem());
    let secret = setup.write("oidc.secret", CLIENT_SECRET);
    std::fs::set_permissions(secret, Permissions::from_mode(0o600)).unwrap();
    for line in [
        &format!("issuer = \"{issuer}\""),
        "ca = [\"provider-ca.pem\"]",
        &format!("client_id = \"{CLIENT_ID}\""),
        "client_secret = \"file:oidc.secret\"",
        "principal = \"email\"",
    ] {
        setup.set("identity.oidc", line);
    }
}

/// Laptop 7 of the default posture, with a certificate that does not say whose it is.
pub fn laptop_7(gateway: &Gateway) -> Certified {
    gateway.pki().laptops.issue(pki::device("laptop-7"))
}

/// The claims of a user.
pub fn user(email: &str, name: &str, groups: &[&str]) -> Value {
    json!({"email": email, "email_verified": true, "name": name, "groups": groups})
}

/// A URL on the auth host.
pub fn auth_url(path: &str) -> String {
    format!("https://auth.{DOMAIN}{path}")
}
