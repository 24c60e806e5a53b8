//! Secure Boot, as the firmware's variables tell it (UEFI Specification 2.10, section 32).

use std::fs;

use super::{Machine, Observed};

/// EFI_GLOBAL_VARIABLE.
const GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";

/// Whether the firmware starts only what is signed. A machine that was not started by EFI has no Secure Boot; one in setup
/// mode enforces nothing.
pub(super) fn is_on(machine: &Machine<'_>) -> Observed<bool> {
    if !machine.at("/sys/firmware/efi").exists() {
        return Ok(false);
    }
    let enforced = flag(machine, "SecureBoot")?;
    Ok(enforced && !flag(machine, "SetupMode").unwrap_or(false))
}

/// A variable of one byte, which stands behind four bytes of attributes.
fn flag(machine: &Machine<'_>, name: &str) -> Observed<bool> {
    let path = format!("/sys/firmware/efi/efivars/{name}-{GLOBAL}");
    let bytes = fs::read(machine.at(&path)).map_err(|error| format!("cannot read `{path}`: {error}"))?;
    match bytes.as_slice() {
        [_, _, _, _, value] => Ok(*value == 1),
        _ => Err(format!("`{path}` has {} bytes instead of 5", bytes.len())),
    }
}
