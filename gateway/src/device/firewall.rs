//! Whether a firewall guards what comes in: the kernel's rules where we may read them, else the state of the programs that
//! people set them with.

use super::{Machine, Observed, nftables, processes};

/// Whether what was not asked for is turned away on its way in.
pub(super) fn is_on(machine: &Machine<'_>) -> Observed<bool> {
    let rules = kernel_rules(machine);
    if rules == Ok(true) || ufw_is_on(machine) || firewalld_runs(machine) {
        return Ok(true);
    }
    rules
}

/// What the kernel filters. Without the right to read the rules (CAP_NET_ADMIN) nothing is known.
fn kernel_rules(machine: &Machine<'_>) -> Observed<bool> {
    if nftables::refuses_by_default(&(machine.run)("nft", &["--json", "list", "ruleset"])?)? {
        return Ok(true);
    }
    legacy_rules(machine)
}

/// Rules of the older kernel interface, which `nft` does not see.
fn legacy_rules(machine: &Machine<'_>) -> Observed<bool> {
    const TABLES: &str = "/proc/net/ip_tables_names";
    if !machine.at(TABLES).exists() || !machine.read(TABLES)?.lines().any(|table| table == "filter") {
        return Ok(false);
    }
    let rules = (machine.run)("iptables-legacy", &["-S", "INPUT"])?;
    let last = rules.lines().next_back().unwrap_or_default();
    let refusal = matches!(last, "-A INPUT -j DROP") || last.starts_with("-A INPUT -j REJECT");
    Ok(refusal || rules.lines().any(|line| line == "-P INPUT DROP"))
}

/// ufw(8): enabled, and refusing what no rule allows.
fn ufw_is_on(machine: &Machine<'_>) -> bool {
    let says = |path: &str, line: &str| machine.read(path).is_ok_and(|text| text.lines().any(|found| found == line));
    let refuses =
        ["DROP", "REJECT"].iter().any(|policy| says("/etc/default/ufw", &format!("DEFAULT_INPUT_POLICY=\"{policy}\"")));
    refuses && says("/etc/ufw/ufw.conf", "ENABLED=yes")
}

/// firewalld(1) refuses by default while it runs.
fn firewalld_runs(machine: &Machine<'_>) -> bool {
    processes::is_running(machine, |comm| comm == "firewalld").unwrap_or(false)
}
