//! Everything that must be there before the gateway starts.

use std::path::PathBuf;

use super::ports::Bound;
use super::{DemoArgs, DemoError, Ports, SampleApp, folder};

/// A demo that is ready but for the gateway.
#[derive(Debug)]
pub struct Prepared {
    /// The folder.
    pub dir: PathBuf,
    /// The configuration to run the gateway with.
    pub config: PathBuf,
    /// Where everything listens.
    pub ports: Ports,
    /// The sample apps, bound and not yet serving.
    pub apps: Vec<SampleApp>,
    /// What was kept, renewed or changed in a folder of an earlier run.
    pub notes: Vec<String>,
}

/// Makes the folder, or makes that of an earlier run ready again, and binds the sample apps. Ports are tried first: where
/// one is taken, nothing is written.
pub fn prepare(args: &DemoArgs) -> Result<Prepared, DemoError> {
    folder::refuse_foreign(&args.dir)?;
    let earlier = if args.fresh { None } else { folder::recall(&args.dir)? };
    let wanted = earlier.map_or(Ports::FIRST, |marker| marker.ports);
    let Bound { ports, payroll, wiki } = Ports::bind(wanted, args)?;
    let notes = match earlier {
        Some(marker) => folder::refresh(&args.dir, marker, ports)?,
        None => {
            folder::remove(&args.dir)?;
            folder::make(&args.dir, ports)?;
            Vec::new()
        }
    };
    Ok(Prepared {
        dir: args.dir.clone(),
        config: folder::config(&args.dir),
        ports,
        apps: vec![SampleApp::new("payroll", payroll), SampleApp::new("wiki", wiki)],
        notes,
    })
}
