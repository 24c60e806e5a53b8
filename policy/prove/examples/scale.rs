//! How long it takes to judge properties over many policies: `cargo run --release --example scale -- [APPS]`.
//!
//! 20 `forbid`s for all apps and 10 permits for each; every tenth app is secret.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gaccong_policy::{AppScope, Source, Sources, Vocabulary};
use gaccong_policy_prove::{Model, Settings, find_solver, load_properties, prove};

const PROPERTIES: &str = r#"
    @id("by-one-forbid") forbid (principal is User, action, resource)
        when { resource.sensitivity == "secret" } unless { context has device.managed && context.device.managed };
    @id("by-the-permits") forbid (principal, action, resource) when { resource.sensitivity == "secret" }
        unless { context has session && context.session.auth_age_s <= 3600 };
    @id("by-all-permits") forbid (principal, action, resource)
        unless { context has session && context.session.auth_age_s <= 3600 };
    @id("refuted") forbid (principal, action, resource == App::"app-0") when { context.request.path like "/area-0/x*" };
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: usize = std::env::args().nth(1).map_or(Ok(98), |apps| apps.parse())?;
    let names: Vec<String> = (0..count).map(|number| format!("app-{number}")).collect();
    let groups: Vec<Arc<str>> = vec!["office".into()];
    let sensitivity = |number: usize| if number.is_multiple_of(10) { "secret" } else { "internal" };
    let scope = |(number, name): (usize, &'_ String)| (number, name.clone());
    let scopes: Vec<_> = names.iter().enumerate().map(scope).collect();
    let apps: Vec<_> = scopes
        .iter()
        .map(|(number, name)| AppScope { name, groups: &groups, owner: None, sensitivity: sensitivity(*number) })
        .collect();
    let sources = Sources { policies: vec![source("a.cedar", policies(count)?)], ..Sources::default() };
    let vocabulary = Vocabulary { apps: &apps, ..Vocabulary::default() };
    let began = Instant::now();
    let model = Model::load(&sources, vocabulary).map_err(|errors| format!("{errors:?}"))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{} policies, {count} apps: loaded in {:.1?}", model.set().len(), began.elapsed())?;
    let properties = load_properties(&model, &[source("p.properties.cedar", PROPERTIES.to_owned())]);
    let solver = find_solver(None, std::env::var_os("PATH").as_deref())?;
    let settings = Settings { solver, timeout: Duration::from_secs(30), jobs: 2 };
    for property in properties.map_err(|errors| format!("{errors:?}"))? {
        let began = Instant::now();
        let verdicts = prove(&model, std::slice::from_ref(&property), &settings, &|_, _| {})?;
        let took = began.elapsed();
        let verdict: String = format!("{verdicts:?}").chars().take(160).collect();
        writeln!(out, "{took:>8.1?}  {}: {verdict}", property.id)?;
    }
    Ok(())
}

fn source(name: &str, text: String) -> Source {
    Source { name: name.to_owned(), text }
}

fn policies(apps: usize) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(
        text,
        r#"@id("managed") forbid (principal is User, action, resource) when {{ resource.sensitivity == "secret" }}
           unless {{ context has device && context.device has managed && context.device.managed == true }};"#
    )?;
    for number in 1..20 {
        writeln!(
            text,
            r#"@id("global-{number}") forbid (principal, action, resource)
               when {{ context.request.path like "/internal-{number}/*" && context has device.patch_age_days
                       && context.device.patch_age_days > {number} }};"#
        )?;
    }
    for app in 0..apps {
        for number in 0..10 {
            let action = if number % 2 == 0 { "read" } else { "write" };
            writeln!(
                text,
                r#"@id("app-{app}-{number}")
                   permit (principal in Group::"app-{app}-group-{number}", action == Action::"{action}", resource == App::"app-{app}")
                   when {{ context has session && context.session.auth_age_s <= {limit}
                           && context.request.path like "/area-{number}/*" }}
                   unless {{ context has device.risk && context.device.risk == "high" }};"#,
                limit = 600 + number
            )?;
        }
    }
    Ok(text)
}
