//! Drives any program in a pseudo-terminal by keys, and reads its screen as an operator would see it.
//!
//! Waiting is always for something on the screen, never for a time to pass; the time given is only when to give up.
//! A wait that fails panics with the full screen in its message.

use crate::picture::Frame;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A program running in a pseudo-terminal. Dropping it kills the program.
pub struct Pty {
    master: Box<dyn MasterPty + Send>,
    writer: Arc<Mutex<Box<dyn Write + Send>>>,
    child: Box<dyn Child + Send + Sync>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

/// What the program has written so far.
struct Seen {
    parser: vt100::Parser,
    raw: Vec<u8>,
    closed: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap_or(NonZeroU16::MIN)
}

fn pty_size(cols: u16, rows: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

impl Pty {
    /// Starts `argv` with exactly the environment `env` on a terminal of `cols` x `rows`.
    ///
    /// # Panics
    /// When no pseudo-terminal can be made or the program cannot be started.
    pub fn spawn<S: AsRef<str>>(argv: &[S], env: &[(String, String)], cols: u16, rows: u16) -> Pty {
        let pair = native_pty_system().openpty(pty_size(cols, rows)).expect("a pseudo-terminal");
        let mut command = CommandBuilder::from_argv(argv.iter().map(|word| word.as_ref().into()).collect());
        command.env_clear();
        // Else it would start in HOME, which may be one of another root filesystem.
        command.cwd("/");
        for (key, value) in env {
            command.env(key, value);
        }
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("the terminal can be read");
        let writer = Arc::new(Mutex::new(pair.master.take_writer().expect("the terminal can be written")));
        let parser = vt100::Parser::new(cells(rows), cells(cols), 1000);
        let seen = Arc::new((Mutex::new(Seen { parser, raw: Vec::new(), closed: false }), Condvar::new()));
        let (theirs, answers) = (Arc::clone(&seen), Arc::clone(&writer));
        std::thread::spawn(move || {
            let mut buffer = [0u8; 8192];
            loop {
                // Linux reports the end of a pseudo-terminal as an error (EIO).
                let count = reader.read(&mut buffer).unwrap_or(0);
                let chunk = &buffer[..count];
                let mut state = lock(&theirs.0);
                state.parser.process(chunk);
                state.raw.extend_from_slice(chunk);
                state.closed = count == 0;
                let answer = answer_to(chunk, state.parser.screen().cursor_position());
                theirs.1.notify_all();
                drop(state);
                if count == 0 {
                    return;
                }
                if !answer.is_empty() {
                    let _ = lock(&answers).write_all(answer.as_bytes());
                }
            }
        });
        Pty { master: pair.master, writer, child, seen }
    }

    /// Types text, or presses one key by its name: `Up` `Down` `Left` `Right` `Enter` `Esc` `Tab` `BackTab` `Space`
    /// `Backspace` `Delete` `Home` `End` `PageUp` `PageDown` `F1`, and `C-x` for a control key.
    pub fn send(&mut self, keys: &str) {
        let bytes = bytes_of(keys);
        // A program that has just ended is no fault of the typist; the next wait tells.
        let _ = lock(&self.writer).write_all(&bytes);
        let _ = lock(&self.writer).flush();
    }

    /// Waits until a password is asked for with these words: they are on the screen, and the terminal reads whole lines and
    /// echoes nothing. What is typed before that is thrown away by who asks.
    ///
    /// # Panics
    /// When that does not come in time.
    pub fn wait_for_password(&mut self, words: &str, within: Duration) {
        let until = Instant::now() + within;
        self.wait_for(words, within);
        let (echo, lines) = (nix::libc::ECHO, nix::libc::ICANON);
        loop {
            let flags = self.master.get_termios().map(|termios| termios.local_flags.bits());
            if flags.is_some_and(|flags| flags & echo == 0 && flags & lines != 0) {
                return;
            }
            assert!(Instant::now() < until, "nobody asks for a password:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Pastes text as a terminal does, in brackets when the program asked for them.
    pub fn paste(&mut self, text: &str) {
        let bracketed = lock(&self.seen.0).parser.screen().bracketed_paste();
        let text = if bracketed { format!("\x1b[200~{text}\x1b[201~") } else { text.to_string() };
        let _ = lock(&self.writer).write_all(text.as_bytes());
    }

    /// The screen as text, one line a row.
    pub fn screen(&self) -> String {
        lock(&self.seen.0).parser.screen().contents()
    }

    /// The screen as an SVG picture.
    pub fn picture(&self) -> String {
        crate::picture::svg(&self.frame())
    }

    /// The screen as it is drawn in a picture.
    pub fn frame(&self) -> Frame {
        Frame::of(lock(&self.seen.0).parser.screen())
    }

    /// Everything the program has written, escape sequences included.
    pub fn raw(&self) -> Vec<u8> {
        lock(&self.seen.0).raw.clone()
    }

    /// Whether the program is on the alternate screen, as a full-screen program should be until it leaves.
    pub fn alternate_screen(&self) -> bool {
        lock(&self.seen.0).parser.screen().alternate_screen()
    }

    /// Waits until the screen shows `text` and returns the screen. A text that the width of the terminal may wrap is
    /// also found across the end of a line.
    ///
    /// # Panics
    /// With the full screen, when it did not come in time or the program ended first.
    pub fn wait_for(&mut self, text: &str, within: Duration) -> String {
        self.wait_until(&format!("the text {text:?}"), within, |screen| {
            screen.contains(text) || screen.replace('\n', "").contains(text)
        })
    }

    /// Waits until the screen no longer shows `text` and returns the screen.
    ///
    /// # Panics
    /// With the full screen, when it did not go in time.
    pub fn wait_gone(&mut self, text: &str, within: Duration) -> String {
        self.wait_until(&format!("the text {text:?} to go"), within, |screen| !screen.contains(text))
    }

    /// Waits until `wanted` holds for the screen, and returns the screen.
    ///
    /// # Panics
    /// With the full screen, when it did not hold in time or the program ended first.
    pub fn wait_until(&mut self, what: &str, within: Duration, wanted: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + within;
        let (mutex, changed) = &*self.seen;
        let mut seen = lock(mutex);
        loop {
            let screen = seen.parser.screen().contents();
            if wanted(&screen) {
                return screen;
            }
            let left = until.saturating_duration_since(Instant::now());
            if seen.closed || left.is_zero() {
                let why = if seen.closed { "the program ended" } else { "time is up" };
                drop(seen);
                panic!("waited for {what}: {why}. The screen:\n{}\n{screen}\n{}", "-".repeat(80), "-".repeat(80));
            }
            seen = changed.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Gives the terminal another size; the program gets SIGWINCH.
    ///
    /// # Panics
    /// When the terminal refuses.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        lock(&self.seen.0).parser.set_size(cells(rows), cells(cols));
        self.master.resize(pty_size(cols, rows)).expect("the terminal takes another size");
    }

    /// Waits for the program to end and returns its exit code. A program ended by a signal has code 1.
    ///
    /// # Panics
    /// With the full screen, when it does not end in time.
    pub fn exit_code(&mut self, within: Duration) -> u32 {
        let until = Instant::now() + within;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                // What it wrote last may be on its way still. Not for ever: a child of its own may keep the terminal.
                let (mutex, changed) = &*self.seen;
                drop(changed.wait_timeout_while(lock(mutex), Duration::from_secs(1), |seen| !seen.closed));
                return status.exit_code();
            }
            assert!(Instant::now() < until, "the program does not end. The screen:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The process id of the program, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.process_id()
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// What a real terminal answers to the questions in `chunk`: where the cursor is, and what it is (a VT100).
fn answer_to(chunk: &[u8], (row, col): (u16, u16)) -> String {
    let asked = |question: &[u8]| chunk.windows(question.len()).any(|window| window == question);
    let mut answer = String::new();
    if asked(b"\x1b[6n") {
        answer.push_str(&format!("\x1b[{};{}R", row + 1, col + 1));
    }
    if asked(b"\x1b[c") {
        answer.push_str("\x1b[?1;2c");
    }
    answer
}

fn bytes_of(keys: &str) -> Vec<u8> {
    let named: &[u8] = match keys {
        "Up" => b"\x1b[A",
        "Down" => b"\x1b[B",
        "Right" => b"\x1b[C",
        "Left" => b"\x1b[D",
        "Home" => b"\x1b[H",
        "End" => b"\x1b[F",
        "PageUp" => b"\x1b[5~",
        "PageDown" => b"\x1b[6~",
        "Delete" => b"\x1b[3~",
        "F1" => b"\x1bOP",
        "Enter" => b"\r",
        "Esc" => b"\x1b",
        "Tab" => b"\t",
        "BackTab" => b"\x1b[Z",
        "Space" => b" ",
        "Backspace" => b"\x7f",
        text => match text.strip_prefix("C-").map(str::as_bytes) {
            Some([letter @ b'a'..=b'z']) => return vec![letter & 0x1f],
            Some(b"\\") => return vec![0x1c],
            _ => text.as_bytes(),
        },
    };
    named.to_vec()
}
