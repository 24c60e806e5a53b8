//! `[pages]`

use super::*;

#[test]
fn pages_need_no_words() {
    let pages = Folder::new().load(MINIMAL).unwrap().config.pages;
    assert!(pages.name.is_none() && pages.logo.is_none() && pages.contact.is_empty());
}

#[test]
fn pages_bear_the_operators_words() {
    let folder = Folder::new();
    folder.write("logo.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"><path d=\"M0 0\"/></svg>");
    let lines =
        "name = \" Sở Y tế \"\nlogo = \"logo.svg\"\ncontact = [\"1080\"]\nhelp_en = \"Ask.\"\ntime_zone = \"UTC\"";
    let config = folder.load(&and(&format!("[pages]\n{lines}\n"))).unwrap().config;
    let pages = &config.pages;
    assert_eq!((pages.name.as_deref(), pages.help_en.as_deref()), (Some("Sở Y tế"), Some("Ask.")));
    assert!(pages.logo.as_deref().unwrap().starts_with("data:image/svg+xml;base64,"));
    assert_eq!(pages.contact[0].href.as_deref(), Some("tel:1080"));
    assert!(config.watched.iter().any(|path| path.ends_with("logo.svg")), "a new logo is seen");
}

#[test]
fn what_does_not_belong_on_pages_is_refused() {
    let folder = Folder::new();
    folder.write("active.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>");
    folder.write("large.png", &"\u{0}".repeat((64 << 10) + 1));
    let long = "x".repeat(2_001);
    for (line, words) in [
        ("name = \"\"".to_owned(), "this is empty"),
        (format!("name = \"{}\"", "x".repeat(101)), "this is too long"),
        (format!("help_vi = \"{long}\""), "this is too long"),
        ("logo = \"active.svg\"".to_owned(), "contains a script"),
        ("logo = \"large.png\"".to_owned(), "larger than 65536 bytes"),
        ("logo = \"none.png\"".to_owned(), "cannot read `none.png`"),
        ("logo = \"staff.pem\"".to_owned(), "is neither a PNG nor an SVG"),
        ("contact = [\"a\", \"b\", \"c\", \"d\", \"e\"]".to_owned(), "too many contacts"),
        ("contact = [\"javascript:alert(1)\"]".to_owned(), "is not a safe link"),
        ("contact = [\"http://help.example.org\"]".to_owned(), "is not a safe link"),
        ("time_zone = \"Mars/Olympus\"".to_owned(), "unknown time zone `Mars/Olympus`"),
        ("colour = \"red\"".to_owned(), "unknown key `colour`"),
    ] {
        let found = folder.fault(&and(&format!("[pages]\n{line}\n"))).message;
        assert!(found.contains(words), "{line}: {found}");
    }
}
