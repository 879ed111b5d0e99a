//! What all commands share: the settings of this run, the exit codes, and messages on standard error.

use crate::carry_out::Store;
use crate::core::context::{Context, Field};
use crate::core::journal::Journals;
use crate::core::text::{Lang, Text, printable};
use crate::report::Style;
use std::io::{self, Write};
use std::path::PathBuf;

/// Nothing fails.
pub const NOTHING_FAILS: u8 = 0;
/// Something fails.
pub const FAILS: u8 = 1;
/// It could not run: usage, input or output.
pub const COULD_NOT_RUN: u8 = 2;
/// Nothing fails, but something that matters is unknown.
pub const UNKNOWN: u8 = 3;

/// Applied, and the step holds; or nothing had to be done.
pub const CURED: u8 = 0;

/// Everything that the commands share.
#[derive(Debug, Clone)]
pub struct Settings {
    pub lang: Lang,
    pub style: Style,
    /// `--no-color`.
    pub no_colour: bool,
    pub read_only: bool,
    /// Whether a question can be asked on the terminal.
    pub asks: bool,
    pub context: Context,
    pub store: Store,
    /// Root's state directory, when this process is not root and has another one.
    pub roots_dir: Option<PathBuf>,
}

impl Settings {
    /// The journals of this host.
    pub fn journals(&self) -> Journals {
        Journals { own: self.store.dir.clone(), roots: self.roots_dir.clone() }
    }

    /// A message for standard error.
    pub fn complain(&self, text: &Text) {
        complain(self.lang, text);
    }

    /// A line of the result.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn say(&self, out: &mut impl Write, text: &Text) -> io::Result<()> {
        writeln!(out, "{}", printable(text.get(self.lang)))
    }

    /// The last line of a result that stands, whoever still reads: where it cannot be written to standard output it is said
    /// on standard error.
    pub fn say_or_complain(&self, out: &mut impl Write, text: &Text) {
        if self.say(out, text).and_then(|()| out.flush()).is_err() {
            self.complain(text);
        }
    }
}

pub fn complain(lang: Lang, text: &Text) {
    // Standard error may be closed; there is nobody else to tell.
    let _ = writeln!(io::stderr(), "logtail-doctor: {}", printable(text.get(lang)));
}

/// An option whose value is not acceptable, and why.
pub fn refuse(field: Field, refusal: &Text, lang: Lang) {
    let (id, en, zh) = (field.id(), refusal.get(Lang::En), refusal.get(Lang::Zh));
    complain(lang, &Text::filled(format!("--{id}: {en}"), format!("--{id}：{zh}")));
}
