//! `gaccong policy prove`: whether properties hold for every request.

mod report;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use gaccong_policy::Source;
use gaccong_policy_prove::{Model, Property, Verdict, load_properties, prove, shipped_properties};

use super::inputs::{InputArgs, Inputs};
use super::solver::{SolverArgs, advance, progress_bar};
use crate::cli::run::print;
use crate::cli::{EXIT_FAILED, EXIT_INVALID, EXIT_NO, Format, fail};
use crate::config::diagnostic::Diagnostic;
use crate::process::policies;

/// The folder of properties beside the policy directory.
const FOLDER: &str = "properties";

/// Proves properties for every request: any person or workload, any device, any time, each app and action of the
/// configuration.
///
/// A property is written like a policy, in a file `*.properties.cedar` in the policy directory or in the folder `properties`
/// beside it. A `forbid` says that no request which it matches is ever permitted; a `permit` says that every request which
/// it matches is permitted; `@property("…")` says it in words:
///
///   @id("managed-devices-only")
///   @property("no person on an unmanaged device reaches anything secret")
///   forbid (principal is User, action, resource) when { resource.sensitivity == "secret" }
///   unless { context has device.managed && context.device.managed };
///
/// What does not hold is shown with a request that refutes it, and with what the policies answer to that request. Exit
/// code: 0 where all is proven, 1 where something is refuted or not decided in time, 3 where there is no solver.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct ProveArgs {
    #[command(flatten)]
    inputs: InputArgs,
    /// Properties: a file, or a folder with files `*.properties.cedar`. Can be given several times. Default: the policy
    /// directory, and the folder `properties` beside it.
    #[arg(long, value_name = "PATH")]
    properties: Vec<PathBuf>,
    /// Also prove the properties that are shipped with the product.
    #[arg(long)]
    shipped: bool,
    /// Prove only the property of this id. Can be given several times.
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    #[command(flatten)]
    solver: SolverArgs,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Exit code 0 where every property is proven, 1 where one is not.
pub fn run(args: &ProveArgs) -> ExitCode {
    match args.inputs.read().and_then(|inputs| properties_proven(args, &inputs)) {
        Ok(code) => code,
        Err(diagnostics) => {
            print(&diagnostics);
            ExitCode::from(EXIT_INVALID)
        }
    }
}

fn properties_proven(args: &ProveArgs, inputs: &Inputs) -> Result<ExitCode, Vec<Diagnostic>> {
    print(&inputs.warnings);
    let names = inputs.names();
    let sources = policies::read(&inputs.directory).map_err(|error| vec![*error])?;
    let placed = |errors: Vec<gaccong_policy::Diagnostic>| -> Vec<Diagnostic> {
        errors.into_iter().map(|error| policies::diagnostic(&inputs.directory, error)).collect()
    };
    let model = Model::load(&sources, names.vocabulary()).map_err(placed)?;
    let properties = properties(args, &inputs.directory, &model)?;
    if inputs.apps.is_empty() {
        return Ok(fail(EXIT_FAILED, "the configuration names no app, so that there is no request to speak of"));
    }
    if properties.is_empty() {
        let advice = "write one into a file `*.properties.cedar` in the policy directory, or ask for `--shipped`";
        return Ok(fail(EXIT_FAILED, format!("there is no property to prove; {advice}")));
    }
    Ok(match args.solver.settings() {
        Err(error) => fail(EXIT_FAILED, error),
        Ok(settings) => {
            let bar = progress_bar("proving");
            let verdicts = prove(&model, &properties, &settings, &|done, of| advance(&bar, done, of));
            bar.finish_and_clear();
            match verdicts.and_then(|verdicts| report(args.format, &model, &properties, &verdicts)) {
                Ok(true) => ExitCode::SUCCESS,
                Ok(false) => ExitCode::from(EXIT_NO),
                Err(error) => fail(EXIT_FAILED, error),
            }
        }
    })
}

/// The properties that are asked for.
fn properties(args: &ProveArgs, directory: &Path, model: &Model<'_>) -> Result<Vec<Property>, Vec<Diagnostic>> {
    let beside = directory.with_file_name(FOLDER);
    let places = match args.properties.as_slice() {
        [] if beside.is_dir() => vec![directory, &beside],
        [] => vec![directory],
        given => given.iter().map(PathBuf::as_path).collect(),
    };
    let mut sources = Vec::new();
    for place in places {
        sources.extend(read(place).map_err(|error| vec![*error])?);
    }
    // The names of the sources are whole paths.
    let placed = |errors: Vec<gaccong_policy::Diagnostic>| -> Vec<Diagnostic> {
        errors.into_iter().map(|error| policies::diagnostic(Path::new(""), error)).collect()
    };
    let mut properties = load_properties(model, &sources).map_err(placed)?;
    if args.shipped {
        properties.extend(shipped_properties(model).map_err(placed)?);
    }
    properties.retain(|property| args.only.is_empty() || args.only.iter().any(|id| **id == *property.id));
    Ok(properties)
}

/// The properties of a file, or of the files in a folder.
fn read(place: &Path) -> Result<Vec<Source>, Box<Diagnostic>> {
    let whole = |path: &Path| path.to_string_lossy().into_owned();
    if place.is_dir() {
        let sources = policies::read_properties(place)?.into_iter();
        return Ok(sources.map(|source| Source { name: whole(&place.join(&source.name)), ..source }).collect());
    }
    match std::fs::read_to_string(place) {
        Ok(text) => Ok(vec![Source { name: whole(place), text }]),
        Err(error) => Err(Box::new(Diagnostic::of_file(place, format!("cannot read: {error}")))),
    }
}

/// Prints what came of the properties; whether all are proven.
fn report(format: Format, model: &Model<'_>, properties: &[Property], verdicts: &[Verdict]) -> io::Result<bool> {
    let report = report::Report::of(model, properties, verdicts);
    let mut stdout = io::stdout().lock();
    match format {
        Format::Text => report.print(&mut stdout)?,
        Format::Json => super::solver::write_json(&mut stdout, &report)?,
    }
    stdout.flush()?;
    Ok(report.is_proven())
}
