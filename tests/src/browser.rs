//! Headless Chromium with a certificate in its own store, as on a managed laptop (`tests/browser/drive.mjs`).
//!
//! Names below the tests' domain lead to the gateway whatever port the kernel gave it, so that URLs need no port. Which
//! certificate is presented is said by the policy `AutoSelectCertificateForUrls`, as companies do: Chromium reads policies
//! from one folder of the machine only, so that `tests/run` puts it there once, for all tests.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::gateway::binary;
use crate::program::Program;
use crate::setup::DOMAIN;
use crate::{Ca, Certified, Gateway, eventually, within_patience};

/// What tells Chromium to present a certificate without asking; `tests/run` writes it.
const POLICY: &str = "/etc/chromium/policies/managed/gaccong-tests.json";

/// A browser of one person.
pub struct Browser {
    program: Program,
    _home: TempDir,
}

/// What a browser is started with.
#[derive(Default)]
pub struct Profile {
    certificates: Vec<Certified>,
    authorities: Vec<String>,
    options: Value,
}

impl Profile {
    /// A browser with a certificate and its key in the store.
    pub fn with(certified: &Certified) -> Self {
        Self { certificates: vec![certified.clone()], authorities: Vec::new(), options: json!({}) }
    }

    /// One more certificate, as of a smartcard that is in its reader.
    pub fn and(mut self, certified: &Certified) -> Self {
        self.certificates.push(certified.clone());
        self
    }

    /// Trusts the servers of one more CA.
    pub fn trusting(mut self, ca: &Ca) -> Self {
        self.authorities.push(ca.pem());
        self
    }

    /// Sets what Playwright calls an option of a context (`locale`, `viewport`, `colorScheme` …).
    pub fn option(mut self, name: &str, value: Value) -> Self {
        self.options[name] = value;
        self
    }

    /// Starts the browser.
    pub async fn start(self, gateway: &Gateway) -> Browser {
        assert!(Path::new(POLICY).exists(), "Chromium's policy {POLICY} is not there: tests/run writes it");
        let home = TempDir::new().unwrap();
        self.fill_store(home.path(), gateway).await;
        let settings = json!({
            "executable": "/usr/bin/chromium",
            "home": home.path(),
            "options": self.options,
            "args": [format!("--host-resolver-rules=MAP *.{DOMAIN}:443 {}", gateway.listen()), "--no-sandbox"],
        });
        let (program, _) = Program::start("drive", &settings).await;
        Browser { program, _home: home }
    }

    /// Makes an NSS store where Chromium looks for the user's.
    async fn fill_store(&self, home: &Path, gateway: &Gateway) {
        let folder = home.join(".pki/nssdb");
        std::fs::create_dir_all(&folder).unwrap();
        let store = format!("sql:{}", folder.display());
        run("certutil", &["-d", &store, "-N", "--empty-password"]).await;
        let servers = gateway.pki().servers.pem();
        for (index, authority) in self.authorities.iter().chain([&servers]).enumerate() {
            let file = write(home, "authority.pem", authority);
            run("certutil", &["-d", &store, "-A", "-t", "C,,", "-n", &format!("authority {index}"), "-i", &file]).await;
        }
        for certified in &self.certificates {
            let certificate = write(home, "client.pem", &certified.pem);
            let key = write(home, "client.key", &certified.key_pem);
            let both = home.join("client.p12").display().to_string();
            let made = ["-export", "-in", &certificate, "-inkey", &key, "-out", &both, "-passout", "pass:tests"];
            run("openssl", &[&["pkcs12"], &made[..]].concat()).await;
            run("pk12util", &["-d", &store, "-i", &both, "-W", "tests", "-K", ""]).await;
        }
    }
}

impl Browser {
    /// A new tab.
    pub async fn tab(&self) -> Tab<'_> {
        let page = self.program.ask(&json!({"do": "open"})).await.as_u64().unwrap();
        Tab { program: &self.program, page }
    }

    /// The cookies of all hosts.
    pub async fn cookies(&self) -> Vec<Value> {
        self.program.ask(&json!({"do": "cookies"})).await.as_array().unwrap().clone()
    }

    /// Adds cookies.
    pub async fn set_cookies(&self, cookies: &[Value]) {
        self.program.ask(&json!({"do": "setCookies", "cookies": cookies})).await;
    }

    /// Forgets all cookies.
    pub async fn clear_cookies(&self) {
        self.program.ask(&json!({"do": "clearCookies"})).await;
    }

    /// Keeps every tab that goes to an address that begins so where it is.
    pub async fn hold(&self, url: &str) {
        self.program.ask(&json!({"do": "hold", "url": url})).await;
    }

    /// Lets all tabs go on.
    pub async fn release(&self) {
        self.program.ask(&json!({"do": "release"})).await;
    }

    /// What the console said of errors since it was last asked.
    pub async fn complaints(&self) -> Vec<String> {
        let complaints = self.program.ask(&json!({"do": "complaints"})).await;
        complaints.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    }
}

/// A tab.
#[derive(Clone, Copy)]
pub struct Tab<'a> {
    program: &'a Program,
    page: u64,
}

impl Tab<'_> {
    async fn ask(&self, mut question: Value) -> Value {
        question["page"] = json!(self.page);
        self.program.ask(&question).await
    }

    async fn text_of(&self, question: Value) -> String {
        self.ask(question).await.as_str().unwrap().to_owned()
    }

    /// Goes to `https://{host}{path}`; the status of that page, which may lead on.
    pub async fn goto(&self, host: &str, path: &str) -> u64 {
        self.goto_url(&format!("https://{host}{path}")).await
    }

    /// Goes to a URL; the status of that page, which may lead on.
    pub async fn goto_url(&self, url: &str) -> u64 {
        self.ask(json!({"do": "goto", "url": url})).await.as_u64().unwrap()
    }

    /// Loads the page again; its status.
    pub async fn reload(&self) -> u64 {
        self.ask(json!({"do": "reload"})).await.as_u64().unwrap()
    }

    /// Presses “back”.
    pub async fn back(&self) {
        self.ask(json!({"do": "back"})).await;
    }

    /// Where it is.
    pub async fn url(&self) -> String {
        self.text_of(json!({"do": "url"})).await
    }

    /// The page as it stands.
    pub async fn html(&self) -> String {
        self.text_of(json!({"do": "html"})).await
    }

    /// The text that a person sees in the first element of a selector.
    pub async fn text(&self, selector: &str) -> String {
        self.text_of(json!({"do": "text", "selector": selector})).await
    }

    /// How many elements there are of a selector.
    pub async fn count(&self, selector: &str) -> u64 {
        self.ask(json!({"do": "count", "selector": selector})).await.as_u64().unwrap()
    }

    /// Waits until an element can be seen.
    pub async fn wait_for(&self, selector: &str) {
        self.ask(json!({"do": "waitFor", "selector": selector})).await;
    }

    /// Waits until it is at a URL, and the page is there.
    pub async fn wait_until_at(&self, url: &str) {
        self.ask(json!({"do": "waitUntilAt", "url": url})).await;
    }

    /// Waits until it is at a path of a host, whatever the query.
    pub async fn wait_until_at_path(&self, host: &str, path: &str) {
        let url = format!("https://{host}{path}");
        eventually(&url, || async { (self.url().await.split(['?', '#']).next() == Some(&url)).then_some(()) }).await;
    }

    /// Clicks.
    pub async fn click(&self, selector: &str) {
        self.ask(json!({"do": "click", "selector": selector})).await;
    }

    /// Waits until an element of the frame in the page can be seen.
    pub async fn wait_for_in_frame(&self, selector: &str) {
        self.ask(json!({"do": "waitForInFrame", "selector": selector})).await;
    }

    /// Clicks in the frame in the page.
    pub async fn click_in_frame(&self, selector: &str) {
        self.ask(json!({"do": "clickInFrame", "selector": selector})).await;
    }

    /// Types into a field.
    pub async fn fill(&self, selector: &str, value: &str) {
        self.ask(json!({"do": "fill", "selector": selector, "value": value})).await;
    }

    /// What a script of the page comes to.
    pub async fn evaluate(&self, script: &str) -> Value {
        self.ask(json!({"do": "evaluate", "script": script})).await
    }

    /// Changes the size of the window.
    pub async fn resize(&self, (width, height): (u32, u32)) {
        self.ask(json!({"do": "viewport", "width": width, "height": height})).await;
    }

    /// Wants `light` or `dark`.
    pub async fn prefer(&self, scheme: &str) {
        self.ask(json!({"do": "colours", "scheme": scheme})).await;
    }

    /// Keeps a picture of the page as `target/screenshots/{name}.png`.
    pub async fn keep_picture(&self, name: &str) {
        let folder = target().join("screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        self.ask(json!({"do": "screenshot", "path": folder.join(format!("{name}.png"))})).await;
    }

    /// Looks at the page in light and dark, on a phone and on a desktop: it can be read by everyone, fits, and a picture of
    /// each is kept.
    pub async fn assert_accessible_in_all_forms(&self, name: &str) {
        for (device, size) in [("phone", (390, 844)), ("desktop", (1280, 800))] {
            self.resize(size).await;
            for scheme in ["light", "dark"] {
                self.prefer(scheme).await;
                self.keep_picture(&format!("{name}-{device}-{scheme}")).await;
                self.assert_accessible().await;
                let overflow = self.evaluate("document.documentElement.scrollWidth - innerWidth").await;
                assert!(overflow.as_i64().unwrap() <= 0, "{name} is wider than the window of a {device}: {overflow}");
            }
        }
    }

    /// Fails where axe finds a violation that is serious or worse.
    pub async fn assert_accessible(&self) {
        let violations = self.ask(json!({"do": "axe"})).await;
        let grave =
            |violation: &&Value| ["serious", "critical"].contains(&violation["impact"].as_str().unwrap_or("critical"));
        let grave: Vec<_> = violations.as_array().unwrap().iter().filter(grave).collect();
        assert!(grave.is_empty(), "at {}: {grave:#?}", self.url().await);
    }
}

/// Cargo's folder: where the gateway's binary is, or this test.
fn target() -> PathBuf {
    binary().ancestors().nth(2).unwrap().to_owned()
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

async fn run(program: &str, arguments: &[&str]) {
    let output = within_patience(program, Command::new(program).args(arguments).output()).await;
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}: tests/run installs it"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
