//! The agent's version: what the files and the log call it, and the comparisons that its rules turn on.
//! It must not know what any version does; that stands beside each rule.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A version such as `1.8.8 Community Edition`. Compares by its three numbers alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
    /// What follows the numbers, without the edition: `-beta`, `.0`; usually empty.
    pub suffix: String,
    /// The open-source build. It has no heartbeat to the service, by design (agent's document "compare editions").
    pub community: bool,
}

impl Version {
    /// A plain version of the commercial build.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Version {
        Version { major, minor, patch, suffix: String::new(), community: false }
    }

    /// Reads `1.0.25`, `v2.0.7`, `3.3.5 Community Edition`, `ilogtail/1.8.8`. A missing minor or patch number is 0.
    /// None when there is no number at all.
    pub fn parse(text: &str) -> Option<Version> {
        let text = text.trim();
        let start = text.find(|c: char| c.is_ascii_digit())?;
        let mut rest = text.get(start..)?;
        let mut numbers = [0u32; 3];
        for (index, number) in numbers.iter_mut().enumerate() {
            let after_dot = if index == 0 { Some(rest) } else { rest.strip_prefix('.') };
            let Some(digits) = after_dot.filter(|text| text.starts_with(|c: char| c.is_ascii_digit())) else { break };
            let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            *number = digits.get(..end)?.parse().ok()?;
            rest = digits.get(end..)?;
        }
        let community = rest.to_ascii_lowercase().contains("community");
        let suffix = rest.split_whitespace().next().filter(|word| rest.starts_with(word));
        let suffix = suffix.map(|word| word.chars().take(40).collect()).unwrap_or_default();
        let [major, minor, patch] = numbers;
        Some(Version { major, minor, patch, suffix, community })
    }

    const fn numbers(&self) -> (u32, u32, u32) {
        (self.major, self.minor, self.patch)
    }

    /// Whether this version is the given one or later.
    pub fn at_least(&self, major: u32, minor: u32, patch: u32) -> bool {
        self.numbers() >= (major, minor, patch)
    }

    /// Whether this version came before the given one.
    pub fn before(&self, major: u32, minor: u32, patch: u32) -> bool {
        !self.at_least(major, minor, patch)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}{}", self.major, self.minor, self.patch, self.suffix)?;
        if self.community { f.write_str(" Community Edition") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_spelling_is_understood() {
        let cases = [
            ("1.0.25", (1, 0, 25), false, "1.0.25"),
            ("1.8.8 Community Edition", (1, 8, 8), true, "1.8.8 Community Edition"),
            ("v2.0.7", (2, 0, 7), false, "2.0.7"),
            ("ilogtail/1.8.8", (1, 8, 8), false, "1.8.8"),
            ("3.4", (3, 4, 0), false, "3.4.0"),
            ("3.0.0-beta", (3, 0, 0), false, "3.0.0-beta"),
            ("1.6.1.0", (1, 6, 1), false, "1.6.1.0"),
        ];
        for (text, numbers, community, shown) in cases {
            let version = Version::parse(text).unwrap();
            assert_eq!((version.numbers(), version.community), (numbers, community), "{text}");
            assert_eq!(version.to_string(), shown);
        }
        assert_eq!(Version::parse(""), None);
        assert_eq!(Version::parse("unknown"), None);
        assert_eq!(Version::parse("99999999999999999999.1"), None);
    }

    #[test]
    fn order_is_by_number() {
        assert!(Version::new(1, 10, 0).at_least(1, 9, 9));
        assert!(Version::new(2, 0, 4).before(2, 0, 7));
        assert!(Version::new(2, 0, 7).at_least(2, 0, 7));
    }

    proptest! {
        #[test]
        fn any_text_ends_in_an_answer(text in ".*") {
            Version::parse(&text);
        }
    }
}
