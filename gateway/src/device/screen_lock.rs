//! Whether the screen locks: what the administrator has fixed for everyone by dconf(7). What a person has chosen is not
//! readable for an agent, and may change a moment later.

use super::{Machine, Observed};

const LOCK: (&str, &str) = ("org/gnome/desktop/screensaver", "lock-enabled");
const IDLE: (&str, &str) = ("org/gnome/desktop/session", "idle-delay");

/// Whether the screen is made to lock.
pub(super) fn is_enforced(machine: &Machine<'_>) -> Observed<bool> {
    let fixed = |key| fixed(machine, key).ok_or("no dconf profile of this machine fixes when the screen locks");
    let (lock, idle) = (fixed(LOCK)?, fixed(IDLE)?);
    let never = matches!(idle.trim_start_matches("uint32 "), "0");
    Ok(lock == "true" && !never)
}

/// The value of a key that people cannot change. Databases and files later in order hold.
fn fixed(machine: &Machine<'_>, key: (&str, &str)) -> Option<String> {
    let databases = machine.list("/etc/dconf/db").into_iter().filter(|name| name.ends_with(".d"));
    databases.filter_map(|database| in_database(machine, &format!("/etc/dconf/db/{database}"), key)).next_back()
}

fn in_database(machine: &Machine<'_>, folder: &str, (group, name): (&str, &str)) -> Option<String> {
    let path = format!("/{group}/{name}");
    let locks = machine.list(&format!("{folder}/locks"));
    let locked = locks.iter().filter_map(|file| machine.read(&format!("{folder}/locks/{file}")).ok());
    if !locked.into_iter().any(|text| text.lines().any(|line| line.trim() == path)) {
        return None;
    }
    let files = machine.list(folder).into_iter().filter_map(|file| machine.read(&format!("{folder}/{file}")).ok());
    files.filter_map(|text| in_keyfile(&text, group, name)).next_back()
}

fn in_keyfile(text: &str, group: &str, name: &str) -> Option<String> {
    let mut current = "";
    let mut value = None;
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            current = header;
        } else if let Some((key, assigned)) = line.split_once('=')
            && (current, key.trim()) == (group, name)
        {
            value = Some(assigned.trim().to_owned());
        }
    }
    value
}
