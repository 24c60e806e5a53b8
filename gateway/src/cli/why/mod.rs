//! `gaccong why`: what became of one request, why, what the person can do, and whom to ask. For the helpdesk.
//!
//! All it needs is the records. With the configuration and the policies at hand it says more: the policies' own words,
//! and who owns the app. Personal data is shown only where it is asked for.

mod account;
mod render;
mod words;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::json;
use uuid::Uuid;

use super::policy::inputs::{InputArgs, Inputs};
use super::{EXIT_FAILED, EXIT_NO, EXIT_USAGE, Format, fail};
use crate::audit::read;
use crate::audit::recorded::Recorded;
use crate::cli::run::print;
use crate::pages::Language;
use account::{Account, Shown};

/// Where a package puts the configuration.
const INSTALLED_CONFIG: &str = "/etc/gaccong/gaccong.toml";
/// Where one who works on a configuration has it.
const CONFIG_FILE: &str = "gaccong.toml";

/// Explains one request.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The id of the request: the refusal shows it, and `X-Request-Id` carries it.
    #[arg(value_name = "REQUEST-ID")]
    id: Uuid,
    /// The directory of the audit log. Default: the one that the configuration names.
    #[arg(long, value_name = "DIR")]
    records: Option<PathBuf>,
    /// The configuration. Default: `gaccong.toml` here, or else `/etc/gaccong/gaccong.toml`.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Also show who asked, from which device and address, and for which path.
    #[arg(long)]
    show_personal: bool,
    /// Also show the policies' conditions that are decisive.
    #[arg(long)]
    policy: bool,
    /// The language. Default: that of the terminal (`LANG`).
    #[arg(long, value_enum)]
    lang: Option<Lang>,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// Vietnamese.
    Vi,
    /// English.
    En,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::Vi => Self::Vietnamese,
            Lang::En => Self::English,
        }
    }
}

/// Exit code 0 where the request is on record, 1 where it is not, 3 where the records cannot be read.
pub fn run(args: &WhyArgs) -> ExitCode {
    let input = InputArgs { config: args.config.clone().or_else(installed_config), policies: None };
    let inputs = match input.read() {
        Ok(inputs) => Some(inputs),
        // The records alone say much.
        Err(_) if args.records.is_some() && args.config.is_none() => None,
        Err(diagnostics) => {
            print(&diagnostics);
            None
        }
    };
    let Some(directory) = args.records.as_ref().or(inputs.as_ref().and_then(|inputs| inputs.records.as_ref())) else {
        return fail(EXIT_USAGE, "where the records are is not known: give `--records DIR` or `--config FILE`");
    };
    match read::find(directory, args.id) {
        Ok(found) if found.is_empty() => not_found(args, directory),
        Ok(found) => explain(args, &found, inputs.as_ref()),
        Err(error) => fail(EXIT_FAILED, format!("cannot read the records in `{}`: {error}", directory.display())),
    }
}

fn installed_config() -> Option<PathBuf> {
    let path = Path::new(INSTALLED_CONFIG);
    (!Path::new(CONFIG_FILE).exists() && path.exists()).then(|| path.to_owned())
}

fn not_found(args: &WhyArgs, directory: &Path) -> ExitCode {
    if args.format == Format::Json {
        let _ = writeln!(io::stdout().lock(), "{}", json!({ "request_id": args.id.to_string(), "found": false }));
    }
    fail(EXIT_NO, format!("no record in `{}` has the id {}", directory.display(), args.id))
}

fn explain(args: &WhyArgs, found: &[Recorded], inputs: Option<&Inputs>) -> ExitCode {
    let language = args.lang.map_or_else(language_of_terminal, Language::from);
    // The final record, which comes last, says all that the opening one does.
    let record = match found.last().map(Recorded::record) {
        Some(Ok(record)) => record,
        Some(Err(error)) => return fail(EXIT_FAILED, format!("the record of {} cannot be used: {error}", args.id)),
        None => return fail(EXIT_NO, "no record"),
    };
    let shown = Shown { personal: args.show_personal, conditions: args.policy };
    let account = Account::of(args.id, &record, inputs, language, shown);
    let mut out = io::stdout().lock();
    let printed = match args.format {
        Format::Json => serde_json::to_writer_pretty(&mut out, &account).map_err(io::Error::from),
        Format::Text => render::text(&account, language, &mut out),
    };
    match printed.and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(EXIT_FAILED, error),
    }
}

/// As `setlocale` takes it: the first of these variables that is set and not empty.
fn language_of_terminal() -> Language {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set) {
        Some(locale) if locale.starts_with("vi") => Language::Vietnamese,
        _ => Language::English,
    }
}
