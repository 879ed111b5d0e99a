//! A terminal that does not show what is typed, while a secret is asked for. It shows it again when this is dropped, on
//! every way out.

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use std::io::{self, IsTerminal};

/// Standard input without echo.
pub(super) struct Quiet {
    before: Termios,
}

impl Quiet {
    /// Turns the echo off. None where standard input is no terminal: then nothing shows what is typed anyway.
    pub(super) fn begin() -> Option<Quiet> {
        let stdin = io::stdin();
        if !stdin.is_terminal() {
            return None;
        }
        let before = tcgetattr(&stdin).ok()?;
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHO);
        // The line end still shows, so that the next line begins where it should.
        quiet.local_flags.insert(LocalFlags::ECHONL);
        tcsetattr(&stdin, SetArg::TCSANOW, &quiet).ok()?;
        Some(Quiet { before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // A terminal that is gone has nobody to show anything to.
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &self.before);
    }
}
