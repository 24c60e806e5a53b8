//! `signers` of `[policy]`, the fraction that is checked, and threat lists.

use super::*;

const SIGNED: &str = "directory = \"policies\"\nsigners = [\n  { name = \"lan\", key = \"file:lan.pub\" },\n  \
    { name = \"minh\", key = \"file:minh.pub\" },\n]";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("lan.pub", "x");
    folder.write("minh.pub", "x");
    folder
}

#[test]
fn signers_are_read_and_their_keys_watched() {
    let folder = folder();
    let Loaded { config, warnings } = folder.load(&with("directory = \"policies\"", SIGNED)).unwrap();
    assert_eq!(shown(&warnings), "", "anyone may read a public key");
    let signing = config.policy.signing.unwrap();
    assert_eq!((signing.threshold, signing.state), (2, folder.path().join("run/policy.state")));
    assert_eq!(signing.signers.iter().map(|signer| &*signer.name).collect::<Vec<_>>(), ["lan", "minh"]);
    assert!(config.watched.contains(&folder.path().join("minh.pub")));
}

#[test]
fn a_threshold_that_is_unreachable_or_has_no_signers_is_refused() {
    let folder = folder();
    for (line, words) in [
        (format!("{SIGNED}\nthreshold = 3"), "asks for 3 signatures, but there are 2 signers"),
        (format!("{SIGNED}\nthreshold = 1"), "`threshold` is out of range"),
        ("directory = \"policies\"\nthreshold = 2".to_owned(), "`threshold` without `signers` has no effect"),
        ("directory = \"policies\"\nstate = \"s\"".to_owned(), "`state` without `signers` has no effect"),
        ("directory = \"policies\"\nsigners = []".to_owned(), "`signers` is empty"),
        (SIGNED.replace("minh.pub", "absent.pub"), "cannot read `absent.pub`"),
        (SIGNED.replace("file:minh.pub", "minh.pub"), "a key needs a scheme"),
        (SIGNED.replace("\"minh\"", "\"../minh\""), "is not a name"),
    ] {
        let problems = folder.load(&with("directory = \"policies\"", &line)).expect_err(words);
        assert!(shown(&problems).contains(words), "{words}: {}", shown(&problems));
    }
}

#[test]
fn a_fraction_is_each_so_manyeth() {
    let folder = folder();
    for (fraction, every) in [("0", 0), ("0.0", 0), ("1", 1), ("0.5", 2), ("0.01", 100), ("1e-300", u32::MAX)] {
        let text = with("directory = \"policies\"", &format!("directory = \"policies\"\nshadow_fraction = {fraction}"));
        assert_eq!(folder.load(&text).unwrap().config.policy.shadow_every, every, "{fraction}");
    }
    for fraction in ["1.1", "-0.1", "2", "\"1\"", "nan"] {
        let text = with("directory = \"policies\"", &format!("directory = \"policies\"\nshadow_fraction = {fraction}"));
        assert!(folder.fault(&text).message.contains("no fraction"), "{fraction}");
    }
}

#[test]
fn threat_lists_have_names_of_their_own() {
    let folder = folder();
    let list = "[[threat]]\nname = \"soc\"\naddresses = \"soc.txt\"\n";
    let config = folder.load(&and(list)).unwrap().config;
    assert_eq!(config.threats[0].addresses, folder.path().join("soc.txt"));
    assert!(config.watched.contains(&folder.path().join("soc.txt")), "also while it is not there");
    assert!(folder.fault(&and(&format!("{list}{list}"))).message.contains("already a threat list `soc`"));
}
