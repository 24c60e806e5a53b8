//! `gaccong grant check`: what the gateway would make of the grants of its directory.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use crate::cli::run::print;
use crate::cli::{EXIT_FAILED, EXIT_INVALID, EXIT_NO, Format, fail};
use crate::clock;
use crate::config::{self, Diagnostic};
use crate::facts::break_glass::{Grant, Grants, Signed, Unsigned};
use crate::signers::Signers;

/// Says of each grant whether it is good.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The configuration.
    #[arg(short, long, default_value = "gaccong.toml", value_name = "FILE")]
    config: PathBuf,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// One file of the directory.
#[derive(Debug, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
enum Finding {
    /// It counts from its beginning to its end.
    Good {
        grant: Grant,
        signers: Vec<Arc<str>>,
        /// Whether it counts now.
        in_force: bool,
        /// Apps that it names and that there are not.
        unknown_apps: Vec<Arc<str>>,
    },
    /// It counts for nothing.
    Refused { file: PathBuf, why: String },
}

/// Checks. Exit code 1 where a grant is not good, 78 where the configuration is invalid.
pub(super) fn run(args: &CheckArgs) -> ExitCode {
    let findings = match findings(args) {
        Ok(findings) => findings,
        Err(diagnostics) => {
            print(&diagnostics);
            return ExitCode::from(EXIT_INVALID);
        }
    };
    let mut out = io::stdout().lock();
    let printed = match args.format {
        Format::Json => serde_json::to_writer_pretty(&mut out, &findings).map_err(io::Error::from),
        Format::Text => findings.iter().try_for_each(|finding| tell(finding, &mut out)),
    };
    match printed.and_then(|()| out.flush()) {
        Err(error) => fail(EXIT_FAILED, error),
        Ok(()) if findings.iter().any(|finding| matches!(finding, Finding::Refused { .. })) => ExitCode::from(EXIT_NO),
        Ok(()) => ExitCode::SUCCESS,
    }
}

fn findings(args: &CheckArgs) -> Result<Vec<Finding>, Vec<Diagnostic>> {
    let config::Loaded { config, warnings } = config::load(&args.config).map_err(|invalid| invalid.diagnostics)?;
    print(&warnings);
    let Some(settings) = &config.break_glass else {
        let missing = Diagnostic::of_file(&args.config, "there is no `[break_glass]`, so no grant counts");
        return Err(vec![missing.expecting("the table `[break_glass]`")]);
    };
    let grants = Grants::read(&settings.grants, &Signers::load(&settings.signers)?);
    let now_ms = clock::now_ms();
    let good = grants.signed.iter().map(|signed| {
        let Signed { grant, signers } = &**signed;
        let is_unknown = |app: &&Arc<str>| !config.apps.iter().any(|known| known.name == **app);
        let unknown_apps = grant.apps.iter().filter(is_unknown).cloned().collect();
        let in_force = grant.holds_at(now_ms);
        Finding::Good { grant: grant.clone(), signers: signers.clone(), in_force, unknown_apps }
    });
    let refused = grants.refused.iter().cloned().map(|Unsigned { file, why }| Finding::Refused { file, why });
    Ok(good.chain(refused).collect())
}

fn tell(finding: &Finding, out: &mut impl Write) -> io::Result<()> {
    match finding {
        Finding::Refused { file, why } => writeln!(out, "{}: not good: {why}", file.display()),
        Finding::Good { grant, signers, in_force, unknown_apps } => {
            let Grant { id, holder, apps, reason, not_before, not_after, .. } = grant;
            let now = if *in_force { "in force" } else { "good, not in force now" };
            let (apps, signers) = (apps.join(", "), signers.join(", "));
            writeln!(
                out,
                "{id}: {now}: {holder} to {apps} from {not_before} to {not_after}, signed by {signers}: {reason}"
            )?;
            unknown_apps.iter().try_for_each(|app| writeln!(out, "{id}: there is no app `{app}`"))
        }
    }
}
