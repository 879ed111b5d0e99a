//! Lines from standard input, read by a thread of its own and only when one is asked for: so the runtime never blocks,
//! and nothing is taken from a terminal on which sudo asks for a password.

use std::io::{self, Read};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use zeroize::{Zeroize, Zeroizing};

/// What is longer than this is no answer; the rest of the line is dropped.
const LONGEST: usize = 4096;

/// The lines of an input.
pub(super) struct Lines {
    ask: Sender<()>,
    answers: UnboundedReceiver<Option<String>>,
    /// Whether the thread is reading a line for us.
    is_asked: bool,
}

impl Lines {
    /// Starts the thread. It ends with the input, or with the program.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn of(input: impl Read + Send + 'static) -> io::Result<Lines> {
        let (ask, asked) = channel();
        let (answer, answers) = unbounded_channel();
        thread::Builder::new().name("answers".to_string()).stack_size(64 * 1024).spawn(move || {
            let mut input = Wiped::of(input);
            while let Ok(()) = asked.recv() {
                let line = read_line(&mut input);
                let is_end = line.is_none();
                if answer.send(line).is_err() || is_end {
                    return;
                }
            }
        })?;
        Ok(Lines { ask, answers, is_asked: false })
    }

    /// The next line; None at the end of the input. Dropping the future loses none.
    pub async fn next(&mut self) -> Option<String> {
        if !self.is_asked {
            // A thread that is gone has reached the end, which the next line says.
            let _ = self.ask.send(());
            self.is_asked = true;
        }
        let answer = self.answers.recv().await.flatten();
        self.is_asked = false;
        answer
    }
}

/// A buffered input that overwrites what was taken from it: an answer may be a secret.
struct Wiped<R> {
    input: R,
    buffer: Vec<u8>,
    /// What is still to be taken.
    at: usize,
    end: usize,
}

impl<R: Read> Wiped<R> {
    fn of(input: R) -> Wiped<R> {
        Wiped { input, buffer: vec![0; 4096], at: 0, end: 0 }
    }

    /// What is there, read anew when all was taken; empty at the end of the input.
    fn fill(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.end {
            self.at = 0;
            self.end = self.input.read(&mut self.buffer)?;
        }
        Ok(self.buffer.get(self.at..self.end).unwrap_or_default())
    }

    fn take(&mut self, count: usize) {
        if let Some(taken) = self.buffer.get_mut(self.at..self.at + count) {
            taken.zeroize();
        }
        self.at += count;
    }
}

/// One line without its end, as text; None at the end of the input and after an error.
fn read_line(input: &mut Wiped<impl Read>) -> Option<String> {
    // Never longer than this, so that it does not leave a copy behind by growing.
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
    loop {
        let chunk = match input.fill() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return None,
        };
        if chunk.is_empty() {
            // A last line without an end is an answer too.
            return (!line.is_empty()).then(|| text(&line));
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
        let room = LONGEST.saturating_sub(line.len()).min(part.len());
        line.extend_from_slice(part.get(..room).unwrap_or_default());
        let taken = part.len() + usize::from(end.is_some());
        input.take(taken);
        if end.is_some() {
            return Some(text(&line));
        }
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_come_one_by_one_bounded_and_then_the_end() {
        let long = "x".repeat(3 * LONGEST);
        let mut lines = Lines::of(io::Cursor::new([b"one\r\n\n", long.as_bytes(), b"\n \xff\nlast"].concat())).unwrap();
        assert_eq!(lines.next().await.as_deref(), Some("one"));
        assert_eq!(lines.next().await.as_deref(), Some(""));
        assert_eq!(lines.next().await.map(|line| line.len()), Some(LONGEST));
        assert_eq!(lines.next().await.as_deref(), Some("\u{fffd}"));
        assert_eq!(lines.next().await.as_deref(), Some("last"));
        assert_eq!(lines.next().await, None);
        assert_eq!(lines.next().await, None);
    }
}
