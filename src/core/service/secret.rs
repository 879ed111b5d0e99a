//! A secret that cannot be printed by accident, and the short form in which a key id may be shown.

use std::fmt;
use zeroize::Zeroizing;

/// An AccessKey secret, a security token, or a password. Its memory is overwritten when it is dropped; `Debug` and
/// `Display` print `***`; it cannot be serialised, so no recording, journal or remembered context can hold it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes over a text, without the blanks and line ends that come with copy and paste.
    pub fn new(text: impl Into<String>) -> Secret {
        let text = Zeroizing::new(text.into());
        Secret(Zeroizing::new(text.trim().to_string()))
    }

    /// The text itself, for signing only.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

/// An AccessKey id in the form that may be shown: the first and the last four characters, `LTAI****abcd`; a short one
/// shows less, so that never more than half of it can be read.
pub fn mask_key_id(id: &str) -> String {
    let chars: Vec<char> = id.chars().collect();
    let shown = (chars.len() / 4).min(4);
    let head: String = chars.iter().take(shown).collect();
    let tail: String = chars.iter().skip(chars.len() - shown).collect();
    format!("{head}****{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_secret_prints_stars_and_loses_pasted_blanks() {
        let secret = Secret::new(" topsecret\r\n");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
        assert_eq!(secret.expose(), "topsecret");
    }

    #[test]
    fn a_key_id_is_recognisable_but_not_complete() {
        assert_eq!(mask_key_id("LTAI5tExampleKeyIdabcd"), "LTAI****abcd");
        assert_eq!(mask_key_id("abcdefgh"), "ab****gh");
        assert_eq!(mask_key_id("abc"), "****");
        assert_eq!(mask_key_id(""), "****");
    }

    proptest! {
        #[test]
        fn at_most_half_of_a_key_id_is_shown(id in ".{0,40}") {
            prop_assert!(mask_key_id(&id).chars().count() <= 4 + id.chars().count() / 2);
        }
    }
}
