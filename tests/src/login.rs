//! A login at the [`FakeProvider`], step by step: a test may change what is carried from one to the next.

use serde_json::Value;

use crate::client::Answer;
use crate::eventually;
use crate::fake_provider::FakeProvider;
use crate::user_agent::{UserAgent, parameter};

/// A login that waits for the provider.
pub struct Begun {
    /// What the provider repeats.
    pub state: String,
    /// What the ID token repeats.
    pub nonce: String,
    redirect_uri: String,
}

impl Begun {
    /// Goes to a page that wants a login, and as far as the provider.
    pub async fn at(provider: &FakeProvider, agent: &mut UserAgent, url: &str) -> Self {
        // The gateway asks the provider in the background what it is.
        let (location, went) = eventually("the way to the provider", || {
            let mut trying = agent.clone();
            async move {
                let page = trying.get(url).await;
                assert_eq!(page.status, 401, "{}", page.text());
                let answer = trying.get(&login_url(&page)).await;
                answer.header("location").map(|location| (location.to_owned(), trying))
            }
        })
        .await;
        *agent = went;
        Self::of(provider, &location)
    }

    /// What is asked of the provider by the URL that a browser is sent to.
    pub fn of(provider: &FakeProvider, location: &str) -> Self {
        let asked = |name: &str| parameter(location, name).unwrap_or_else(|| panic!("no {name} in {location}"));
        assert!(location.starts_with(provider.issuer()) && asked("code_challenge_method") == "S256", "{location}");
        Self { state: asked("state"), nonce: asked("nonce"), redirect_uri: asked("redirect_uri") }
    }

    /// Where the provider sends the browser back to, with a code for a good ID token of Alice with these changes.
    pub fn back(&self, provider: &FakeProvider, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = provider.claims(&self.nonce);
        change(&mut claims);
        self.back_with(provider, &provider.sign("JWT", &claims))
    }

    /// The same with any token.
    pub fn back_with(&self, provider: &FakeProvider, id_token: &str) -> String {
        format!("{}?code={}&state={}", self.redirect_uri, provider.code_for(id_token), self.state)
    }
}

/// Where a page leads to the login.
pub fn login_url(page: &Answer) -> String {
    let html = page.text();
    let link = html.split("id=\"login\" href=\"").nth(1).unwrap_or_else(|| panic!("no way to a login: {html}"));
    link.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&")
}
