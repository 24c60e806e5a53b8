//! The languages that pages speak.

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `vi`
    Vietnamese,
    /// `en`
    English,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::Vietnamese, Self::English];

    /// Its tag (BCP 47).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Vietnamese => "vi",
            Self::English => "en",
        }
    }

    /// The language of a tag or range such as `en-GB`.
    pub fn of_range(range: &[u8]) -> Option<Self> {
        let primary = range.split(|byte| *byte == b'-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|known| primary.eq_ignore_ascii_case(known.tag().as_bytes()))
    }
}
