//! Which distribution: os-release(5).

use super::{Machine, Observed};

/// The longest text that a posture may hold.
const MAX_BYTES: usize = 256;

/// `ID VERSION_ID`, such as `debian 12`; of a rolling distribution the `ID` alone.
pub(super) fn version(machine: &Machine<'_>) -> Observed<String> {
    let text = machine.read("/etc/os-release").or_else(|_| machine.read("/usr/lib/os-release"))?;
    let id = value(&text, "ID").ok_or("os-release has no `ID`")?;
    let version = match value(&text, "VERSION_ID") {
        Some(number) => format!("{id} {number}"),
        None => id,
    };
    if version.len() > MAX_BYTES {
        return Err("os-release has an `ID` or `VERSION_ID` that is too long".to_owned());
    }
    Ok(version)
}

/// The value of a variable, without its quotes. The last assignment holds, as in a shell.
fn value(text: &str, name: &str) -> Option<String> {
    let assigned = |line: &str| line.trim().strip_prefix(name)?.strip_prefix('=').map(str::to_owned);
    let value = text.lines().filter_map(assigned).next_back()?;
    let bare = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
    Some(bare.unwrap_or(&value).to_owned()).filter(|value| !value.is_empty())
}
