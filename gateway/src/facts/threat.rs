//! Threat lists: addresses and networks that are known to be dangerous, from files with one a line.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use ipnet::IpNet;

use super::json;
use crate::config::{Diagnostic, ThreatList};

const MAX_FILE_BYTES: u64 = 64 << 20;
const MAX_LINES: usize = 1_000_000;
/// The most faults of one file that are told.
const MAX_FAULTS: usize = 20;

/// The lists, in the order of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Threats {
    lists: Vec<Arc<List>>,
}

/// Lists that were loaded.
#[derive(Debug)]
pub struct Loaded {
    /// The lists.
    pub threats: Threats,
    /// Whether one of them could not be read and its last good version stays in force.
    pub kept: bool,
}

/// The networks of one list.
#[derive(Debug)]
struct List {
    name: Arc<str>,
    /// SHA-256 of the file: what has not changed is not parsed again.
    digest: [u8; 32],
    networks: Networks,
}

/// Addresses as ranges that neither overlap nor touch, in their order. IPv4 stands as its mapped IPv6.
#[derive(Debug, Default)]
struct Networks(Vec<(u128, u128)>);

impl Threats {
    /// Reads the lists; what of them is doubtful comes beside. One that cannot be read keeps its `previous` version.
    ///
    /// # Errors
    /// What is wrong with a list that was never good, with the lines.
    pub fn load(
        settings: &[ThreatList],
        previous: Option<&Self>,
    ) -> Result<(Loaded, Vec<Diagnostic>), Vec<Diagnostic>> {
        let mut loaded = Loaded { threats: Self::default(), kept: false };
        let (mut warnings, mut errors) = (Vec::new(), Vec::new());
        for setting in settings {
            let last = previous.and_then(|previous| previous.lists.iter().find(|list| list.name == setting.name));
            match (List::load(setting, last), last) {
                (Ok(list), _) => loaded.threats.lists.push(list),
                (Err(faults), Some(last)) => {
                    loaded.kept = true;
                    loaded.threats.lists.push(Arc::clone(last));
                    warnings.extend(faults.into_iter().map(Diagnostic::as_warning));
                }
                (Err(faults), None) => errors.extend(faults),
            }
        }
        if errors.is_empty() { Ok((loaded, warnings)) } else { Err(errors) }
    }

    /// The name of the first list that has this address.
    pub fn list_of(&self, address: IpAddr) -> Option<&Arc<str>> {
        let address = number(address);
        self.lists.iter().find(|list| list.networks.contain(address)).map(|list| &list.name)
    }
}

impl List {
    fn load(setting: &ThreatList, last: Option<&Arc<Self>>) -> Result<Arc<Self>, Vec<Diagnostic>> {
        let text = json::read(&setting.addresses, MAX_FILE_BYTES)?;
        let digest = sha256(text.as_bytes());
        match last.filter(|last| last.digest == digest) {
            Some(unchanged) => Ok(Arc::clone(unchanged)),
            None => {
                let networks = Networks::parse(&setting.addresses, &text)?;
                Ok(Arc::new(Self { name: Arc::clone(&setting.name), digest, networks }))
            }
        }
    }
}

impl Networks {
    fn parse(path: &Path, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let (mut ranges, mut faults) = (Vec::new(), Vec::new());
        for (index, line) in text.lines().enumerate() {
            let entry = line.split('#').next().unwrap_or_default().trim();
            if entry.is_empty() {
                continue;
            }
            if ranges.len() == MAX_LINES {
                let message = format!("more than {MAX_LINES} addresses; sum neighbours up as networks");
                return Err(vec![Diagnostic::at(path, index + 1, 0, message)]);
            }
            match range(entry) {
                Some(range) => ranges.push(range),
                None if faults.len() == MAX_FAULTS => break,
                None => faults.push(fault(path, index + 1, entry)),
            }
        }
        if faults.is_empty() { Ok(Self::of(ranges)) } else { Err(faults) }
    }

    fn of(mut ranges: Vec<(u128, u128)>) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<(u128, u128)> = Vec::new();
        for (first, last) in ranges {
            match merged.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        merged.shrink_to_fit();
        Self(merged)
    }

    fn contain(&self, address: u128) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= address);
        after.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|(_, last)| address <= *last)
    }
}

/// First and last address of `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`.
fn range(entry: &str) -> Option<(u128, u128)> {
    let network: IpNet = match entry.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => entry.parse().ok()?,
    };
    Some((number(network.network()), number(network.broadcast())))
}

/// An address as a number: IPv4 as its mapped IPv6, so that both spellings of it are one.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn fault(path: &Path, line: usize, entry: &str) -> Diagnostic {
    let shown: String = entry.chars().take(80).collect();
    let message = format!("`{shown}` is no address; expected such as `192.0.2.7`, `192.0.2.0/24` or `2001:db8::/32`");
    Diagnostic::at(path, line, 1, message)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn networks(text: &str) -> Networks {
        Networks::parse(Path::new("list"), text).unwrap()
    }

    fn contains(networks: &Networks, address: &str) -> bool {
        networks.contain(number(address.parse().unwrap()))
    }

    #[test]
    fn addresses_and_networks_are_found_in_either_spelling() {
        let list = networks("# botnet\n192.0.2.7\n198.51.100.0/24 # all of it\n\n2001:db8::/32\n::ffff:203.0.113.9\n");
        for inside in
            ["192.0.2.7", "::ffff:192.0.2.7", "198.51.100.0", "198.51.100.255", "2001:db8:1::1", "203.0.113.9"]
        {
            assert!(contains(&list, inside), "{inside}");
        }
        for outside in
            ["192.0.2.6", "192.0.2.8", "198.51.99.255", "198.51.101.0", "2001:db9::", "::", "255.255.255.255"]
        {
            assert!(!contains(&list, outside), "{outside}");
        }
        assert!(!contains(&networks(""), "192.0.2.7"));
        assert!(contains(&networks("0.0.0.0/0\n::/0"), "192.0.2.7"));
    }

    #[test]
    fn faults_have_their_lines_and_are_bounded() {
        let faults =
            Networks::parse(Path::new("list"), "192.0.2.7\n192.0.2.300\n# x\n10.0.0.0/33\nevil.example").unwrap_err();
        let lines: Vec<_> = faults.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [2, 4, 5]);
        assert!(faults[0].to_string().starts_with("list:2:1: `192.0.2.300` is no address"), "{}", faults[0]);
        assert_eq!(Networks::parse(Path::new("list"), &"x\n".repeat(1000)).unwrap_err().len(), MAX_FAULTS);
        let long = "192.0.2.7\n".repeat(MAX_LINES + 1);
        assert_eq!(Networks::parse(Path::new("list"), &long).unwrap_err()[0].line, MAX_LINES + 1);
    }

    #[test]
    fn a_list_that_cannot_be_read_keeps_its_last_good_version() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        let settings = [ThreatList { name: "soc".into(), addresses: path.clone() }];
        assert!(Threats::load(&settings, None).is_err(), "never good");
        fs::write(&path, "192.0.2.7").unwrap();
        let (good, warnings) = Threats::load(&settings, None).unwrap();
        assert!(warnings.is_empty() && !good.kept);
        for broken in [Some("192.0.2"), None] {
            match broken {
                Some(text) => fs::write(&path, text).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            let (kept, warnings) = Threats::load(&settings, Some(&good.threats)).unwrap();
            assert!(kept.kept && warnings.len() == 1);
            assert_eq!(kept.threats.list_of("192.0.2.7".parse().unwrap()).map(|name| &**name), Some("soc"));
        }
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_some_entry_covers(
            entries in prop::collection::vec((any::<u32>(), 0_u8..=32), 0..20),
            address in any::<u32>(),
        ) {
            let nets: Vec<IpNet> = entries.iter().map(|(at, length)| IpNet::new(IpAddr::V4((*at).into()), *length).unwrap()).collect();
            let text: String = nets.iter().map(|net| format!("{net}\n")).collect();
            let list = networks(&text);
            let near = nets.first().map(|net| net.broadcast());
            for address in [Some(IpAddr::V4(address.into())), near].into_iter().flatten() {
                let expected = nets.iter().any(|net| net.contains(&address));
                prop_assert_eq!(list.contain(number(address)), expected);
            }
        }
    }
}
