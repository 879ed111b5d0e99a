//! Lines from standard input, read by a thread of its own and only when one is asked for: so the runtime never blocks,
//! and nothing is taken from a terminal on which sudo asks for a password.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

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
            let mut input = BufReader::new(input);
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

/// One line without its end, as text; None at the end of the input and after an error.
fn read_line(input: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    loop {
        let chunk = match input.fill_buf() {
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
        input.consume(taken);
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
