//! The demo's folder: what is in it, and what of it is kept when the demo runs again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::certificates::{self, VALID_DAYS};
use super::{DemoError, Ports};
use crate::pki;

/// Password of `alice.p12`. It protects nothing: the key lies beside it.
pub(super) const P12_PASSWORD: &str = "demo";

const CONFIG: &str = "gaccong.toml";
const MARKER: &str = "demo.json";
const POSTURE: &str = "posture.json";

/// When fewer days are left to the certificates, new ones are made.
const RENEW_DAYS: u32 = 30;

const TEMPLATES: [(&str, &str); 7] = [
    (CONFIG, include_str!("folder/gaccong.toml")),
    (POSTURE, include_str!("folder/posture.json")),
    ("groups.json", include_str!("folder/groups.json")),
    ("policies/global.cedar", include_str!("folder/policies/global.cedar")),
    ("policies/payroll.cedar", include_str!("folder/policies/payroll.cedar")),
    ("control-policies/control.cedar", include_str!("folder/control-policies/control.cedar")),
    ("policies/wiki.cedar", include_str!("folder/policies/wiki.cedar")),
];

/// `demo.json`: the sign that the demo made a folder, and what it must remember of it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Marker {
    pub(super) certificates_made_at: Timestamp,
    pub(super) ports: Ports,
}

/// The configuration file in `dir`.
pub(super) fn config(dir: &Path) -> PathBuf {
    dir.join(CONFIG)
}

/// Refuses a folder with something in it that the demo did not make.
pub(super) fn refuse_foreign(dir: &Path) -> Result<(), DemoError> {
    if dir.join(MARKER).exists() || is_absent_or_empty(dir) {
        Ok(())
    } else {
        Err(DemoError::ForeignFolder(dir.to_owned()))
    }
}

/// What the demo remembers of its folder; `None` if the folder is still to be made.
pub(super) fn recall(dir: &Path) -> Result<Option<Marker>, DemoError> {
    let path = dir.join(MARKER);
    match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).map(Some).map_err(|error| malformed(&path, error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("read", &path)(error)),
    }
}

/// Makes the folder. It is filled beside its place and moved there, so that a demo that was interrupted leaves none.
pub(super) fn make(dir: &Path, ports: Ports) -> Result<(), DemoError> {
    let mut unfinished = dir.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    remove(&unfinished)?;
    for (name, template) in TEMPLATES {
        write(&unfinished.join(name), &filled(template, ports))?;
    }
    certificates::make(&unfinished)?;
    remember(&unfinished, Marker { certificates_made_at: pki::now(), ports })?;
    fs::rename(&unfinished, dir).map_err(io_error("create", dir))
}

/// Removes a folder that the demo made.
pub(super) fn remove(dir: &Path) -> Result<(), DemoError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("remove", dir)(error)),
        _ => Ok(()),
    }
}

/// Makes a folder of an earlier run good for this one: new revocation lists, postures observed now, the ports of now, and
/// new certificates if those there are near their end. Says what it did.
pub(super) fn refresh(dir: &Path, marker: Marker, ports: Ports) -> Result<Vec<String>, DemoError> {
    let mut notes = vec![format!("using `{}` again; `--fresh` makes everything anew", dir.display())];
    move_ports(dir, marker.ports, ports)?;
    if marker.ports != ports {
        notes.push("ports in gaccong.toml were changed to those of this run".to_owned());
    }
    let mut certificates_made_at = marker.certificates_made_at;
    let age_days = pki::now().duration_since(certificates_made_at).as_hours() / 24;
    if age_days >= i64::from(VALID_DAYS - RENEW_DAYS) {
        remove(&dir.join("pki"))?;
        remove(&dir.join("certs"))?;
        certificates::make(dir)?;
        certificates_made_at = pki::now();
        notes.push("certificates were near their end and were made anew; import alice.p12 again".to_owned());
    } else {
        certificates::renew_lists(dir)?;
        notes.push("revocation lists were written anew, so that they are not past their end".to_owned());
    }
    observe_now(&dir.join(POSTURE))?;
    notes.push("posture.json: every `observed_at` was set to now, so that no fact is stale".to_owned());
    remember(dir, Marker { certificates_made_at, ports })?;
    Ok(notes)
}

/// Replaces the ports of the last run. Both steps matter: a new port may be another's old one.
fn move_ports(dir: &Path, from: Ports, to: Ports) -> Result<(), DemoError> {
    let path = config(dir);
    let mut text = fs::read_to_string(&path).map_err(io_error("read", &path))?;
    for (place, old) in from.places() {
        if !text.contains(&format!("{old}\"")) {
            return Err(malformed(&path, format_args!("it no longer names `{old}`, which the demo needs")));
        }
        text = text.replace(&format!("{old}\""), &format!("{place}\""));
    }
    if from == to { Ok(()) } else { write(&path, &filled(&text, to)) }
}

/// Sets `observed_at` of each device to now and leaves the rest as the user wants it.
fn observe_now(path: &Path) -> Result<(), DemoError> {
    let text = fs::read_to_string(path).map_err(io_error("read", path))?;
    let mut posture: Value = serde_json::from_str(&text).map_err(|error| malformed(path, error))?;
    let devices = posture.get_mut("devices").and_then(Value::as_object_mut);
    let devices = devices.ok_or_else(|| malformed(path, "it has no object `devices`"))?;
    for device in devices.values_mut().filter_map(Value::as_object_mut) {
        device.insert("observed_at".to_owned(), Value::String(pki::now().to_string()));
    }
    write(path, &format!("{posture:#}\n"))
}

fn filled(template: &str, ports: Ports) -> String {
    let text = template.replace("@NOW@", &pki::now().to_string());
    ports.places().iter().fold(text, |text, (place, value)| text.replace(place, value))
}

fn remember(dir: &Path, marker: Marker) -> Result<(), DemoError> {
    let path = dir.join(MARKER);
    let text = serde_json::to_string_pretty(&marker).map_err(|error| malformed(&path, error))?;
    write(&path, &format!("{text}\n"))
}

fn write(path: &Path, text: &str) -> Result<(), DemoError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(io_error("create", parent))?;
    }
    fs::write(path, text).map_err(io_error("write", path))
}

fn is_absent_or_empty(dir: &Path) -> bool {
    match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn malformed(path: &Path, detail: impl ToString) -> DemoError {
    DemoError::Malformed { path: path.to_owned(), detail: detail.to_string() }
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DemoError {
    let path = path.to_owned();
    move |source| DemoError::Io { action, path, source }
}
