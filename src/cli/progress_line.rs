//! What a command says while it works: one line on standard error, only where that is a terminal, and only when the
//! work takes longer than a moment. The line is gone when the work is done; results never come from here.

use super::settings::Settings;
use crate::core::text::{Lang, Text};
use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, interval_at};

/// Work that is done sooner needs no word.
const MOMENT: Duration = Duration::from_millis(200);
/// How often the seconds are counted.
const COUNT: Duration = Duration::from_secs(1);
/// Back to the beginning of the line, and blank.
const CLEAR: &[u8] = b"\r\x1b[K";

/// Does the work and says meanwhile `what` is being done.
pub async fn while_waiting<T>(settings: &Settings, what: &Text, work: impl Future<Output = T>) -> T {
    if !io::stderr().is_terminal() {
        return work.await;
    }
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    let said = Said { to: io::stderr(), lang: settings.lang, is_dumb, has_line: false };
    said_on(said, what, work).await
}

async fn said_on<W: Write, T>(mut said: Said<W>, what: &Text, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let begin = Instant::now();
    let mut ticks = interval_at(begin + MOMENT, COUNT);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            _ = ticks.tick() => said.count(what, begin.elapsed().as_secs()),
        }
    }
}

/// The line. Dropping it takes it away, also when the work is given up.
struct Said<W: Write> {
    to: W,
    lang: Lang,
    /// Cannot take a line back: there it is said once.
    is_dumb: bool,
    has_line: bool,
}

impl<W: Write> Said<W> {
    fn count(&mut self, what: &Text, seconds: u64) {
        let what = what.get(self.lang);
        // Nobody else can be told that standard error is closed.
        let _ = match (self.is_dumb, self.has_line, seconds) {
            (true, true, _) => Ok(()),
            (true, false, _) => writeln!(self.to, "logtail-doctor: {what}..."),
            (false, _, 0) => write!(self.to, "logtail-doctor: {what}..."),
            (false, ..) => {
                self.to.write_all(CLEAR).and_then(|()| write!(self.to, "logtail-doctor: {what}... {seconds} s"))
            }
        };
        let _ = self.to.flush();
        self.has_line = true;
    }
}

impl<W: Write> Drop for Said<W> {
    fn drop(&mut self) {
        if self.has_line && !self.is_dumb {
            let _ = self.to.write_all(CLEAR).and_then(|()| self.to.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said while the work takes so many milliseconds; the clock of the test does not wait.
    fn said(is_dumb: bool, work_ms: u64) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let mut out = Vec::new();
        let said = Said { to: &mut out, lang: Lang::En, is_dumb, has_line: false };
        let what = Text::fixed("looking", "正在检查");
        let work = async {
            tokio::time::sleep(Duration::from_millis(work_ms)).await;
            7
        };
        assert_eq!(runtime.block_on(said_on(said, &what, work)), 7);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn short_work_is_silent_and_long_work_counts_its_seconds() {
        assert_eq!(said(false, 150), "");
        assert_eq!(said(false, 250), "logtail-doctor: looking...\r\u{1b}[K");
        let long = said(false, 3500);
        assert!(long.contains("looking... 1 s") && long.contains("looking... 3 s"), "{long:?}");
        assert!(long.ends_with("\r\u{1b}[K"), "the line is taken away: {long:?}");
    }

    #[test]
    fn a_terminal_that_takes_no_line_back_hears_it_once() {
        assert_eq!(said(true, 3500), "logtail-doctor: looking...\n");
    }
}
