//! Every sentence that an operator reads, in English and in Simplified Chinese.
//!
//! A sentence is written once, both languages side by side, with [`say!`](crate::say): so a missing translation
//! or a misspelt placeholder does not compile, and a finding can be shown in either language at any time.
//! This room also holds the one filter between text from outside and the terminal, [`printable`].
//! It must not know any other room.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

mod printable;
mod shell;
mod untrusted;

pub use printable::{cut, pad, printable, printable_block, width};
pub use shell::shell_line;
pub use untrusted::Untrusted;

/// The language that the operator reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    #[default]
    En,
    Zh,
}

impl Lang {
    /// The language of a POSIX locale name such as `zh_CN.UTF-8`; anything but Chinese reads English. So does everything
    /// on the console of the Linux kernel (`TERM=linux`), whose font of at most 512 glyphs has no Chinese: a login shell
    /// of the Red Hat family sets its locale to English there for the same reason.
    pub fn of_locale(locale: &str, term: &str) -> Lang {
        let is_console = term == "linux" || term.starts_with("linux-");
        if !is_console && locale.to_ascii_lowercase().starts_with("zh") { Lang::Zh } else { Lang::En }
    }

    /// The other language, for the key that switches.
    pub fn other(self) -> Lang {
        match self {
            Lang::En => Lang::Zh,
            Lang::Zh => Lang::En,
        }
    }
}

/// One sentence in both languages. Make it with [`say!`](crate::say) or [`Text::fixed`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Text {
    en: Cow<'static, str>,
    zh: Cow<'static, str>,
}

impl Text {
    /// A sentence without values, usable in constants and tables.
    pub const fn fixed(en: &'static str, zh: &'static str) -> Text {
        Text { en: Cow::Borrowed(en), zh: Cow::Borrowed(zh) }
    }

    /// A sentence with its values filled in; [`say!`](crate::say) calls this.
    pub fn filled(en: String, zh: String) -> Text {
        Text { en: Cow::Owned(en), zh: Cow::Owned(zh) }
    }

    /// A piece that reads the same in every language: a path, a command, an address.
    pub fn same(word: impl Into<String>) -> Text {
        let word = word.into();
        Text { en: Cow::Owned(word.clone()), zh: Cow::Owned(word) }
    }

    /// The sentence in one language. It may carry text from outside: pass it through [`printable`] before a terminal.
    pub fn get(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Zh => &self.zh,
        }
    }

    /// English and Chinese, to be filled into another sentence.
    pub fn both(&self) -> (&str, &str) {
        (&self.en, &self.zh)
    }

    /// This sentence and one more after it.
    pub fn followed_by(&self, next: &Text) -> Text {
        let ((en, zh), (next_en, next_zh)) = (self.both(), next.both());
        Text::filled(format!("{en} {next_en}"), format!("{zh}{next_zh}"))
    }

    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.en.is_empty()
    }
}

/// Writes one sentence in English and Chinese with the same inline values: `say!("at {dir}", "位于 {dir}")`.
#[macro_export]
macro_rules! say {
    ($en:literal, $zh:literal $(, $($arg:tt)*)?) => {
        $crate::core::text::Text::filled(format!($en $(, $($arg)*)?), format!($zh $(, $($arg)*)?))
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_carries_its_values_in_both_languages() {
        let dir = "/usr/local/ilogtail";
        let text = say!("at {dir}", "位于 {dir}");
        assert_eq!(text.get(Lang::En), "at /usr/local/ilogtail");
        assert_eq!(text.get(Lang::Zh), "位于 /usr/local/ilogtail");
    }

    #[test]
    fn the_locale_decides_the_language() {
        assert_eq!(Lang::of_locale("zh_CN.UTF-8", "xterm"), Lang::Zh);
        assert_eq!(Lang::of_locale("zh_CN.UTF-8", ""), Lang::Zh);
        assert_eq!(Lang::of_locale("zh_CN.UTF-8", "linux"), Lang::En);
        assert_eq!(Lang::of_locale("zh_CN.UTF-8", "linux-16color"), Lang::En);
        assert_eq!(Lang::of_locale("C.UTF-8", "xterm"), Lang::En);
        assert_eq!(Lang::of_locale("", "xterm"), Lang::En);
    }
}
