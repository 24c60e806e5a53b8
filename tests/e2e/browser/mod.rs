//! What a person sees in a browser that nobody here wrote, logging in at a provider that nobody here wrote.

mod binding;
mod login;
mod logout;
mod pages;
mod provider;
mod refusals;
mod step_up;

use gaccong_tests::provider::{laptop_7, with_login};
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Browser, Certified, Gateway, Profile, Provider, Setup, Tab, eventually};
use serde_json::json;

/// The app of the tests.
const APP: &str = "payroll.example.test";

/// Payslips want a login of the last five seconds.
const RECENT: &str = r#"
@id("payslips-want-a-recent-login")
@step_up_max_age_s("5")
forbid (principal, action, resource == App::"payroll")
when { context.request.path like "/payslips*" }
unless { context has session && context.session.auth_age_s < 5 };
"#;

/// The languages that a browser asks for.
const LOCALES: [&str; 2] = ["vi-VN", "en-GB"];

/// An app behind a gateway where people log in.
struct Office {
    echo: Echo,
    provider: Provider,
    gateway: Gateway,
}

impl Office {
    async fn open(change: impl FnOnce(&mut Setup)) -> Self {
        let (echo, provider) = (Echo::h1().await, Provider::start().await);
        let gateway = Gateway::start(|setup| {
            with_login(setup, provider.issuer(), provider.ca());
            setup.app("payroll", echo.url());
            change(setup);
        })
        .await;
        Self { echo, provider, gateway }
    }

    /// A browser on Alice's laptop; its certificate does not say whose it is.
    fn profile(&self) -> Profile {
        self.profile_of(&laptop_7(&self.gateway))
    }

    fn profile_of(&self, certified: &Certified) -> Profile {
        Profile::with(certified).trusting(self.provider.ca())
    }

    async fn browser(&self) -> Browser {
        self.profile().start(&self.gateway).await
    }

    /// A browser in a language.
    async fn browser_in(&self, locale: &str) -> Browser {
        self.profile().option("locale", json!(locale)).start(&self.gateway).await
    }
}

/// Types a name where the provider asks for one.
async fn type_name(tab: Tab<'_>, user: &str) {
    tab.wait_for("input[name=user]").await;
    tab.fill("input[name=user]", user).await;
    tab.click("button[value=first]").await;
}

/// Goes to the app, logs in and is there.
async fn log_in(tab: Tab<'_>, path: &str) {
    tab.goto(APP, path).await;
    type_name(tab, "alice").await;
    tab.wait_until_at(&format!("https://{APP}{path}")).await;
}

/// Waits until a script is told that the login is too old for a path.
async fn until_too_old(tab: Tab<'_>, path: &str) {
    // One that is on its way at that moment is cut.
    let script = format!("fetch('{path}').then((answer) => answer.status, () => null)");
    eventually("a login that is too old", || async { (tab.evaluate(&script).await == 401).then_some(()) }).await;
}
