//! `revocation`: how long live WebSockets outlive their revocation, from the call that revokes to the last cut, and what
//! that costs.
//!
//! Many identities hold a few WebSockets each. First single identities are revoked one after the other, then a hundred
//! at once, then all by a lockdown of their trust domain. Whoever is cut without having been named is counted: there must
//! be none. `GACCONG_BIN` names the gateway's binary.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement that cannot go on must stop, and say where")]

use std::collections::HashSet;
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use futures_util::{StreamExt, stream};
use gaccong_tests::control::{self, target};
use gaccong_tests::pki::{self, Certified};
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Client, Gateway};
use rustix::process::{Resource, Rlimit};
use tokio::sync::mpsc;

const HOST: &str = "socket.example.test";

/// How many connections are opened at once.
const OPENING: usize = 32;

/// How long cuts are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures revocation.
#[derive(Parser)]
struct Arguments {
    /// How many identities
    #[arg(long, default_value_t = 1_000)]
    identities: usize,
    /// How many WebSockets each of them holds
    #[arg(long, default_value_t = 5)]
    sockets: usize,
    /// How many identities are revoked one after the other
    #[arg(long, default_value_t = 100)]
    singles: usize,
    /// How many are revoked at once
    #[arg(long, default_value_t = 100)]
    at_once: usize,
}

/// A WebSocket of this identity has ended.
struct Cut {
    identity: usize,
    at: Instant,
    by_policy: bool,
}

/// Cuts as they happen.
struct Cuts(mpsc::UnboundedReceiver<Cut>);

/// What one step came to.
struct Step {
    name: &'static str,
    latencies: Vec<Duration>,
    last: Duration,
    bystanders: usize,
    cpu: Duration,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    ensure!(arguments.singles + arguments.at_once < arguments.identities, "more are revoked than there are");
    let Rlimit { maximum, .. } = rustix::process::getrlimit(Resource::Nofile);
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;

    let echo = Echo::h1().await;
    let gateway = start(&echo).await;
    let people: Vec<Certified> = (0..arguments.identities).map(|person| certificate(&gateway, person)).collect();
    let (ended, cuts) = mpsc::unbounded_channel();
    let mut cuts = Cuts(cuts);
    open(&gateway, &people, arguments.sockets, &ended).await?;
    say(&format!("{} WebSockets of {} identities are open", people.len() * arguments.sockets, people.len()))?;

    let soc = Client::new(gateway.control(), gateway.pki(), Some(&gateway.pki().bob())).h2(control::HOST).await;
    let soc = soc.map_err(|error| anyhow::anyhow!("{error}"))?;
    let revoke = async |person: usize| {
        let request = soc.request("POST", &target("revocations", "user", &name(person)));
        let answer = soc.send(request.body(gaccong_tests::client::empty()).unwrap()).await;
        assert_eq!(answer.unwrap().status, 200);
    };

    let mut singles = Step::new("one identity, again and again");
    let before = cpu(&gateway)?;
    for person in 0..arguments.singles {
        let began = Instant::now();
        revoke(person).await;
        cuts.expect(&mut singles, began, &HashSet::from([person]), arguments.sockets).await?;
    }
    singles.cpu = cpu(&gateway)? - before;

    let mut hundred = Step::new("a hundred identities at once");
    let named: HashSet<_> = (arguments.singles..arguments.singles + arguments.at_once).collect();
    let (before, began) = (cpu(&gateway)?, Instant::now());
    stream::iter(&named).for_each_concurrent(OPENING, |person| revoke(*person)).await;
    cuts.expect(&mut hundred, began, &named, arguments.sockets).await?;
    hundred.cpu = cpu(&gateway)? - before;

    let mut all = Step::new("all that are left, by a lockdown");
    let named: HashSet<_> = (arguments.singles + arguments.at_once..arguments.identities).collect();
    let (before, began) = (cpu(&gateway)?, Instant::now());
    let request = soc.request("POST", &target("lockdowns", "trust-domain", "laptops"));
    let answer = soc.send(request.body(gaccong_tests::client::empty()).unwrap()).await;
    ensure!(answer.is_ok_and(|answer| answer.status == 204), "the lockdown is refused");
    cuts.expect(&mut all, began, &named, arguments.sockets).await?;
    all.cpu = cpu(&gateway)? - before;

    print(&[singles, hundred, all])
}

async fn start(echo: &Echo) -> Gateway {
    Gateway::start(|setup| {
        control::with_control(setup);
        setup.app_with("socket", &[echo.url()], "idle_timeout_ms = 600000\nposture = \"policy\"");
        let everyone = "@id(\"everyone\") permit (principal, action, resource == App::\"socket\");";
        setup.policies.insert("everyone.cedar", everyone.to_owned());
        for limit in ["connections", "connections_per_source", "requests_per_source"] {
            setup.set("limits", &format!("{limit} = 100000"));
        }
    })
    .await
}

fn name(person: usize) -> String {
    format!("person-{person}@example.org")
}

fn certificate(gateway: &Gateway, person: usize) -> Certified {
    gateway.pki().laptops.issue(pki::laptop(&format!("device-{person}"), &name(person)))
}

/// Opens all WebSockets; each has a task that reports its end.
async fn open(
    gateway: &Gateway,
    people: &[Certified],
    sockets: usize,
    ended: &mpsc::UnboundedSender<Cut>,
) -> Result<()> {
    let wanted = (0..people.len()).flat_map(|person| (0..sockets).map(move |_| person));
    let opened = stream::iter(wanted).map(|person| async move {
        let client = gateway.client(people.get(person).context("a person")?);
        let mut socket = client.websocket(HOST, "/socket").await?;
        let ended = ended.clone();
        tokio::spawn(async move {
            let last = socket.next().await;
            let by_policy = matches!(&last, Some(Ok(message)) if message.is_close());
            let _ = ended.send(Cut { identity: person, at: Instant::now(), by_policy });
        });
        anyhow::Ok(())
    });
    let mut opened = opened.buffer_unordered(OPENING);
    while let Some(result) = opened.next().await {
        result?;
    }
    Ok(())
}

impl Step {
    fn new(name: &'static str) -> Self {
        Self { name, latencies: Vec::new(), last: Duration::ZERO, bystanders: 0, cpu: Duration::ZERO }
    }
}

impl Cuts {
    /// Waits until all WebSockets of `named` have ended, and counts those of others that have.
    async fn expect(&mut self, step: &mut Step, began: Instant, named: &HashSet<usize>, sockets: usize) -> Result<()> {
        let mut left = named.len() * sockets;
        while left > 0 {
            let cut = tokio::time::timeout(PATIENCE, self.0.recv()).await.context("waited in vain for cuts")?;
            let cut = cut.context("nobody is left")?;
            ensure!(cut.by_policy, "a WebSocket ended without a close frame");
            if named.contains(&cut.identity) {
                left -= 1;
                step.latencies.push(cut.at - began);
                step.last = step.last.max(cut.at - began);
            } else {
                step.bystanders += 1;
            }
        }
        Ok(())
    }
}

/// CPU time of the gateway so far.
fn cpu(gateway: &Gateway) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", gateway.pid()))?;
    let (_, fields) = stat.rsplit_once(')').context("a stat line")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
    let ticks_per_s = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_millis((ticks(11) + ticks(12)) * 1000 / ticks_per_s))
}

fn print(steps: &[Step]) -> Result<()> {
    say("| revoked | cuts | p50 ms | p99 ms | last ms | bystanders cut | CPU ms |")?;
    say("|---|---|---|---|---|---|---|")?;
    for step in steps {
        let mut sorted = step.latencies.clone();
        sorted.sort_unstable();
        let at =
            |part: usize| sorted.get((sorted.len() * part / 100).min(sorted.len() - 1)).copied().unwrap_or_default();
        let ms = |duration: Duration| format!("{:.1}", duration.as_secs_f64() * 1000.0);
        let (p50, p99, last) = (ms(at(50)), ms(at(99)), ms(step.last));
        let Step { name, bystanders, .. } = step;
        say(&format!("| {name} | {} | {p50} | {p99} | {last} | {bystanders} | {} |", sorted.len(), ms(step.cpu)))?;
    }
    Ok(())
}

fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
