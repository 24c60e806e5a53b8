//! `gaccong-bench`: the gateway and other proxies side by side, each alone on one core, under the same load.

mod bodies;
mod certificates;
mod client;
mod cpu;
mod handshakes;
mod idle;
mod load;
mod measure;
mod peers;
mod plot;
mod report;
mod upstream;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Parser;

use certificates::Certificates;
use measure::{Amounts, Figures};
use peers::{Peer, Running, Site};
use report::{Conditions, PeerFacts, Report};

/// Measures the gateway beside nginx and haproxy.
#[derive(Parser)]
struct Arguments {
    /// How many rounds; each proxy has one turn a round [default: 5, with --quick 1]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: Option<u32>,
    /// Only see that everything works: little of everything
    #[arg(long)]
    quick: bool,
    /// Which proxies
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "nginx,nginx-short-log,nginx-auth-request,haproxy,gateway,gateway-session,gateway-token"
    )]
    peers: Vec<Peer>,
    /// The gateway's binary [default: `gaccong` beside this one]
    #[arg(long)]
    gateway: Option<PathBuf>,
    /// Where results, and configurations and logs of the proxies, go
    #[arg(long, default_value = "bench/out")]
    out: PathBuf,
    /// The core of the proxy
    #[arg(long, default_value_t = 0)]
    proxy_core: usize,
    /// The core of load generator and upstream
    #[arg(long, default_value_t = 1)]
    load_core: usize,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    ensure!(arguments.proxy_core != arguments.load_core, "the proxy needs a core for itself");
    // Before any other thread exists, so that all of them inherit it.
    cpu::pin_self(arguments.load_core)?;
    cpu::raise_open_files(8 * 1024)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(run(&arguments))?;
    write(&report, &arguments.out)
}

/// Lets the proxies take turns, so that whatever else the machine does hits all of them alike.
async fn run(arguments: &Arguments) -> Result<Report> {
    let mut amounts = if arguments.quick { Amounts::QUICK } else { Amounts::FULL };
    amounts.rounds = arguments.rounds.unwrap_or(amounts.rounds);
    fs::create_dir_all(&arguments.out)?;
    let out = arguments.out.canonicalize()?;
    let gateway = gateway_binary(arguments)?;
    let certificates = Certificates::make(&out.join("certificates"))?;
    let (upstream, authorization) = (upstream::start()?, upstream::start()?);

    let mut conditions = conditions(arguments)?;
    let mut turns: Vec<(Peer, Vec<Figures>)> = arguments.peers.iter().map(|peer| (*peer, Vec::new())).collect();
    for round in 1..=amounts.rounds {
        for (peer, figures) in &mut turns {
            say(&format!("round {round} of {}: {}", amounts.rounds, peer.name()))?;
            let folder = out.join("peers").join(peer.name().replace(", ", "-").replace(' ', "-"));
            let core = arguments.proxy_core;
            let site = Site { gateway: &gateway, certificates: &certificates, upstream, authorization, core, folder };
            let running = Running::start(*peer, &site).await.with_context(|| format!("starting {}", peer.name()))?;
            let turn = measure::turn(*peer, &running, &amounts).await;
            figures.push(turn.with_context(|| format!("measuring {}", peer.name()))?);
            if round == 1 {
                conditions.peers.push(PeerFacts {
                    name: peer.name().to_owned(),
                    version: peer.version(&gateway)?,
                    negotiated: running.negotiated.clone(),
                });
            }
        }
        // Begin each round with another proxy: a place in the order must not favour anyone.
        turns.rotate_left(1);
    }
    turns.sort_by_key(|(peer, _)| *peer);
    Ok(Report::new(conditions, amounts, turns))
}

fn gateway_binary(arguments: &Arguments) -> Result<PathBuf> {
    let path = match &arguments.gateway {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("gaccong"),
    };
    let needed = arguments.peers.iter().any(|peer| peer.is_gateway());
    ensure!(!needed || path.exists(), "no `{}`: build it, or name it with --gateway", path.display());
    Ok(std::path::absolute(path)?)
}

fn conditions(arguments: &Arguments) -> Result<Conditions> {
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    Ok(Conditions {
        time: format!("{:.0}", jiff::Timestamp::now()),
        cpu: model.map_or("an unknown CPU", |(_, name)| name).to_owned(),
        kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
        proxy_core: arguments.proxy_core,
        load_core: arguments.load_core,
        peers: Vec::new(),
    })
}

/// Prints the table and writes it, the figures of each round and the plot into `out`.
fn write(report: &Report, out: &Path) -> Result<()> {
    let table = report.markdown();
    fs::write(out.join("results.md"), &table)?;
    fs::write(out.join("results.json"), serde_json::to_string_pretty(report)?)?;
    fs::write(out.join("results.svg"), plot::svg(report))?;
    std::io::stdout().lock().write_all(table.as_bytes())?;
    say(&format!("written: results.md, results.json, results.svg in `{}`", out.display()))
}

fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stderr().lock(), "{line}")?)
}
