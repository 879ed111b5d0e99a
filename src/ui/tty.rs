//! The terminal as a pair of file descriptors: raw mode, bytes out, and the one way back to how it was found.
//!
//! Everything here may be called from anywhere at any time: from `Drop`, from the panic hook, after a signal, twice.
//! So nothing here panics, prints through `std::io`, or waits for a terminal that does not take bytes.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{FlushArg, SetArg, Termios, cfmakeraw, tcflush, tcgetattr, tcsetattr};
use nix::unistd::{getpgrp, tcgetpgrp, write};
use std::io::{stderr, stdin, stdout};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Alternate screen, bracketed paste, no cursor, plain style, blank. Terminals without an alternate screen (the Linux
/// console) need the last two.
pub(super) const ENTER: &[u8] = b"\x1b[?1049h\x1b[?2004h\x1b[?25l\x1b[0m\x1b[H\x1b[2J";

/// The reverse of [`ENTER`], beginning with the end of a frame that may have been cut off.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[0m\x1b[?2004l\x1b[H\x1b[2J\x1b[?1049l\x1b[?25h";

/// How long the way out waits for a terminal that takes no bytes (held by Ctrl-S, a stalled line), in milliseconds.
const LEAVE_PATIENCE_MS: u16 = 300;

/// The line discipline as it was when this process started; every way out puts it back, because a child such as sudo
/// may have left it raw.
static AT_START: Mutex<Option<Termios>> = Mutex::new(None);

/// Whether [`ENTER`] was sent and [`LEAVE`] not yet.
static UP: AtomicBool = AtomicBool::new(false);

/// Switches the terminal to raw mode, remembering at the first call how it was.
pub(super) fn raw() -> nix::Result<()> {
    let mut raw = {
        let mut at_start = AT_START.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match &*at_start {
            Some(termios) => termios.clone(),
            None => at_start.insert(tcgetattr(stdin())?).clone(),
        }
    };
    cfmakeraw(&mut raw);
    retry(|| tcsetattr(stdin(), SetArg::TCSANOW, &raw))
}

/// Notes that the next bytes contain [`ENTER`]; before them, so that a failure halfway is undone too.
pub(super) fn going_up() {
    UP.store(true, Ordering::SeqCst);
}

/// Puts the terminal back as it was found. Does nothing that is not needed; never fails, never blocks for long.
pub(super) fn leave() {
    if UP.swap(false, Ordering::SeqCst) && takes_bytes(stdout().as_fd(), PollTimeout::from(LEAVE_PATIENCE_MS)) {
        // Nothing can be done about a terminal that refuses this.
        let _ = send(LEAVE);
    }
    // From the background, setting the line discipline would stop the process (SIGTTOU); there the shell owns it.
    if let Ok(at_start) = AT_START.try_lock()
        && let Some(termios) = &*at_start
        && tcgetpgrp(stdin()) == Ok(getpgrp())
    {
        // What was typed or pasted for the wizard must not become commands of the shell.
        let _ = tcflush(stdin(), FlushArg::TCIFLUSH);
        let _ = tcsetattr(stdin(), SetArg::TCSANOW, termios);
    }
}

/// Writes all bytes to the terminal, in one write(2) whenever the terminal takes them at once.
pub(super) fn send(bytes: &[u8]) -> nix::Result<()> {
    write_all(stdout().as_fd(), bytes)
}

/// Writes a message to standard error. Unlike `eprintln!`, it does not panic when that is a dead terminal.
pub(super) fn complain(message: &str) {
    let _ = write_all(stderr().as_fd(), message.as_bytes());
}

fn write_all(to: BorrowedFd, mut bytes: &[u8]) -> nix::Result<()> {
    while !bytes.is_empty() {
        match write(to, bytes) {
            Ok(0) => return Err(Errno::EIO),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            // Someone who shares the terminal made it non-blocking: wait as a blocking write would.
            Err(Errno::EAGAIN) if takes_bytes(to, PollTimeout::NONE) => {}
            Err(Errno::EAGAIN) => return Err(Errno::EIO),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Waits until the descriptor takes bytes; false when it does not in time, or never will again.
fn takes_bytes(fd: BorrowedFd, patience: PollTimeout) -> bool {
    let mut fds = [PollFd::new(fd, PollFlags::POLLOUT)];
    let dead = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
    match retry(|| poll(&mut fds, patience)) {
        Ok(ready) => ready > 0 && fds.iter().all(|fd| fd.revents().is_some_and(|seen| !seen.intersects(dead))),
        Err(_) => false,
    }
}

/// Repeats a call that a signal interrupted.
pub(super) fn retry<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The private modes that a byte sequence switches, with `h` (on) or `l` (off).
    fn modes(bytes: &[u8], switch: char) -> Vec<String> {
        let text = String::from_utf8_lossy(bytes);
        let mut modes: Vec<String> = text
            .split("\x1b[?")
            .filter_map(|rest| rest.split_once(switch))
            .filter(|(number, _)| number.chars().all(|c| c.is_ascii_digit()))
            .map(|(number, _)| number.to_string())
            .collect();
        modes.sort();
        modes
    }

    #[test]
    fn leaving_undoes_entering() {
        assert_eq!(modes(ENTER, 'h'), ["1049", "2004"]);
        assert_eq!(modes(LEAVE, 'l'), ["1049", "2004", "2026"]);
        assert_eq!(modes(ENTER, 'l'), ["25"]);
        assert_eq!(modes(LEAVE, 'h'), ["25"]);
    }

    #[test]
    fn all_bytes_arrive_through_a_pipe_smaller_than_them() {
        let (reader, writer) = nix::unistd::pipe().unwrap();
        let sent = vec![b'x'; 300_000];
        let copy = sent.clone();
        let writing = std::thread::spawn(move || write_all(writer.as_fd(), &copy));
        let mut got = Vec::new();
        std::io::Read::read_to_end(&mut std::fs::File::from(reader), &mut got).unwrap();
        writing.join().unwrap().unwrap();
        assert_eq!(got, sent);
    }

    #[test]
    fn a_reader_that_left_is_an_error_and_not_a_panic() {
        let (reader, writer) = nix::unistd::pipe().unwrap();
        drop(reader);
        assert_eq!(write_all(writer.as_fd(), b"x"), Err(Errno::EPIPE));
        assert!(!takes_bytes(writer.as_fd(), PollTimeout::NONE));
    }
}
