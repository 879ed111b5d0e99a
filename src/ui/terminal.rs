//! The screen: enters full-screen mode, draws frames, steps aside for a child, and always gives the terminal back.
//!
//! Each changed frame is one write(2) inside a synchronized update; an unchanged frame is nothing. No query is ever
//! sent, because one that stays unanswered costs two seconds. Which keys there are and what is drawn is not known here.

use super::frame::FrameBackend;
use super::{clipboard, tty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ratatui::{Frame, Terminal};

const BEGIN_UPDATE: &[u8] = b"\x1b[?2026h";
const END_UPDATE: &[u8] = b"\x1b[?2026l";

/// The terminal is gone, hung up, or was never one; there is nobody left to draw for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the terminal is gone")]
pub struct Gone;

/// The full screen. One at a time; dropping it gives the terminal back.
pub struct Screen {
    /// Absent while the screen is left or lent to a child.
    terminal: Option<Terminal<FrameBackend>>,
    /// The same while it is absent: it knows the last frame, so that the picture is back with the first byte.
    away: Option<Terminal<FrameBackend>>,
    /// Bytes that go out with the next frame.
    out: Vec<u8>,
    /// Whether a SIGCONT is on its way that [`Screen::suspend`] has dealt with already.
    answered_continue: bool,
}

impl Screen {
    /// Switches standard input to raw mode and standard output to the alternate screen. The switching bytes travel
    /// with the first frame, so nothing flickers and the start is one packet.
    ///
    /// # Errors
    /// When standard input or output is not a living terminal.
    pub fn enter() -> Result<Screen, Gone> {
        let mut screen = Screen { terminal: None, away: None, out: Vec::new(), answered_continue: false };
        screen.resume()?;
        Ok(screen)
    }

    /// Draws one frame, sending only what differs from the last. Does nothing while the screen is paused or left.
    ///
    /// # Errors
    /// When the terminal takes no more bytes.
    pub fn draw(&mut self, view: impl FnOnce(&mut Frame)) -> Result<(), Gone> {
        let Some(terminal) = &mut self.terminal else { return Ok(()) };
        terminal.draw(view).map_err(|_| Gone)?;
        let entering = !self.out.is_empty();
        let mut bytes = Vec::with_capacity(self.out.len() + 4096);
        bytes.extend_from_slice(BEGIN_UPDATE);
        bytes.append(&mut self.out);
        let changed = terminal.backend_mut().take_into(&mut bytes);
        if !entering && !changed {
            return Ok(());
        }
        bytes.extend_from_slice(END_UPDATE);
        if entering {
            tty::going_up();
        }
        tty::send(&bytes).map_err(|_| Gone)
    }

    /// Gives the terminal back as it was found. Harmless when repeated and when the terminal is gone.
    pub fn leave(&mut self) {
        self.away = self.terminal.take().or_else(|| self.away.take());
        self.out.clear();
        tty::leave();
    }

    /// Lends the terminal to a child such as sudo. Pause the keys first, or they take what is typed for the child.
    pub fn pause(&mut self) {
        self.leave();
    }

    /// Takes the terminal back from a child, however the child left it. The last frame is shown again at once; the
    /// next one brings what has changed meanwhile.
    ///
    /// # Errors
    /// When the terminal went away meanwhile.
    pub fn resume(&mut self) -> Result<(), Gone> {
        tty::raw().map_err(|_| Gone)?;
        self.out.clear();
        let known = self.terminal.take().or_else(|| self.away.take());
        let Some(mut terminal) = known.and_then(if_as_large_as_before) else {
            // The first entrance, or another size: the bytes of entering wait for the frame.
            self.terminal = Some(Terminal::new(FrameBackend::new()).map_err(|_| Gone)?);
            self.out.extend_from_slice(tty::ENTER);
            return Ok(());
        };
        let mut bytes = [BEGIN_UPDATE, tty::ENTER].concat();
        terminal.backend_mut().again_into(&mut bytes);
        bytes.extend_from_slice(END_UPDATE);
        self.terminal = Some(terminal);
        tty::going_up();
        tty::send(&bytes).map_err(|_| Gone)
    }

    /// Ctrl-Z, or SIGTSTP from outside: gives the terminal back, stops the process group, and returns when it is
    /// continued, ready to draw. While paused it only stops, since the terminal is already given away.
    ///
    /// # Errors
    /// When the terminal went away meanwhile.
    pub fn suspend(&mut self) -> Result<(), Gone> {
        let was_up = self.terminal.is_some();
        if was_up {
            self.leave();
        }
        // SIGSTOP and not SIGTSTP: the kernel discards the latter in an orphaned process group, and we catch it. The
        // whole group, as the terminal itself does, so that a wrapper script or sudo stops with us.
        self.answered_continue = kill(Pid::from_raw(0), Signal::SIGSTOP).is_ok();
        if was_up { self.resume() } else { Ok(()) }
    }

    /// For SIGCONT: after a stop that was not ours (SIGSTOP from outside) the shell has used the terminal, so it is
    /// entered anew. Tells whether a frame must be drawn.
    ///
    /// # Errors
    /// When the terminal went away meanwhile.
    pub fn continued(&mut self) -> Result<bool, Gone> {
        if std::mem::take(&mut self.answered_continue) || self.terminal.is_none() {
            return Ok(false);
        }
        self.resume()?;
        Ok(true)
    }

    /// Asks the terminal to copy the text (OSC 52). Whether it does, no program can know: say "sent", not "copied".
    ///
    /// # Errors
    /// [`clipboard::Refused`] when the text is too long or the terminal is gone or lent away.
    pub fn copy(&mut self, text: &str, through: clipboard::Through) -> Result<(), clipboard::Refused> {
        let bytes = clipboard::sequence(text, through)?;
        if self.terminal.is_none() {
            return Err(clipboard::Refused::NoTerminal);
        }
        tty::send(&bytes).map_err(|_| clipboard::Refused::NoTerminal)
    }
}

/// The terminal, if the window still has the size of the last frame.
fn if_as_large_as_before(mut terminal: Terminal<FrameBackend>) -> Option<Terminal<FrameBackend>> {
    let drawn = terminal.get_frame().area().as_size();
    terminal.size().is_ok_and(|now| now == drawn).then_some(terminal)
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.leave();
    }
}
