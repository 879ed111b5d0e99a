//! Text from outside, as a type that cannot be shown before it was made printable.

use super::printable;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// A string that came from a file, a bundle, the network or a program. It may hold whatever drives or disguises a
/// terminal, so it has no `Display`:
///
/// ```compile_fail
/// let outside = logtail_doctor::core::text::Untrusted::from("\u{1b}[2J");
/// println!("{outside}");
/// ```
///
/// and does not pass for a `&str`:
///
/// ```compile_fail
/// let outside = logtail_doctor::core::text::Untrusted::from("\u{1b}[2J");
/// logtail_doctor::core::text::Text::same(outside);
/// ```
///
/// It is shown as what it says once it is [printable](Untrusted::printable):
///
/// ```
/// let outside = logtail_doctor::core::text::Untrusted::from("\u{1b}[2J");
/// assert_eq!(format!("{}", outside.printable()), "?[2J");
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Untrusted(String);

impl Untrusted {
    /// The text, safe for one line of a terminal.
    pub fn printable(&self) -> Cow<'_, str> {
        printable(&self.0)
    }

    /// The text as it came: to compare and to parse it, and to hand it on to what makes it safe itself.
    pub fn raw(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Untrusted {
    fn from(text: String) -> Untrusted {
        Untrusted(text)
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Untrusted {
        Untrusted(text.to_string())
    }
}

impl PartialEq<str> for Untrusted {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Untrusted {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

/// With what is not printable escaped, as Rust writes it.
impl fmt::Debug for Untrusted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}", self.printable())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_shown_only_without_what_drives_a_terminal() {
        let text = Untrusted::from("a\u{1b}]0;x\u{7}\u{202e}b\n");
        assert_eq!(text.printable(), "a?]0;x??b ");
        assert_eq!(format!("{text:?}"), "\"a?]0;x??b \"");
        assert_eq!(serde_json::from_str::<Untrusted>("\"x\"").unwrap(), "x");
        assert_eq!(serde_json::to_string(&Untrusted::from("x")).unwrap(), "\"x\"");
    }
}
