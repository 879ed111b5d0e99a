//! What comes from the terminal: keys, pasted text, new sizes.
//!
//! Reads through crossterm's stream, which is dropped while a child has the terminal, and passes everything through
//! the filter for torn escape sequences. It does not know what any key means.

use super::escape::EscapeFilter;
use super::terminal::Gone;
use crossterm::event::{Event, EventStream, KeyEvent};
use futures_util::StreamExt;
use std::future::{pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

/// How long the reader's thread may take to let go of the terminal.
const LETTING_GO: Duration = Duration::from_millis(50);

/// One thing that came from the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key was pressed, or repeats.
    Key(KeyEvent),
    /// Text was pasted: from outside, unbounded, perhaps with control characters.
    Paste(String),
    /// The window has this many columns and rows now; drawing adapts by itself.
    Resize(u16, u16),
    /// Nothing will come any more.
    Gone,
}

/// The reader of keys. All its futures must be polled from one task: crossterm remembers only the first waker.
pub struct Keys {
    /// Absent while a child has the terminal.
    stream: Option<EventStream>,
    filter: EscapeFilter,
}

impl Keys {
    /// Begins to read. `over_ssh`: whether `SSH_CONNECTION` is set, so that torn sequences get more time.
    ///
    /// # Errors
    /// When there is no terminal to read from.
    pub fn new(over_ssh: bool) -> Result<Keys, Gone> {
        let mut keys = Keys::paused(over_ssh);
        keys.resume()?;
        Ok(keys)
    }

    /// The same, but reads only after [`Keys::resume`].
    pub fn paused(over_ssh: bool) -> Keys {
        Keys { stream: None, filter: EscapeFilter::new(over_ssh) }
    }

    /// The next input. Dropping the future loses nothing. While paused it waits for ever.
    pub async fn next(&mut self) -> Input {
        loop {
            if let Some(input) = self.filter.pop() {
                return input;
            }
            let Some(stream) = &mut self.stream else { return pending().await };
            let event = match self.filter.deadline() {
                None => stream.next().await,
                Some(deadline) => match tokio::time::timeout_at(deadline.into(), stream.next()).await {
                    Ok(event) => event,
                    Err(_) => {
                        self.filter.expire(Instant::now());
                        continue;
                    }
                },
            };
            if let Err(Gone) = self.feed(event) {
                return Input::Gone;
            }
        }
    }

    /// An input that has arrived already, without waiting: for taking all that is there before drawing once.
    pub async fn next_ready(&mut self) -> Option<Input> {
        loop {
            if let Some(input) = self.filter.pop() {
                return Some(input);
            }
            let stream = self.stream.as_mut()?;
            let event = poll_fn(|context| match Pin::new(&mut *stream).poll_next_unpin(context) {
                Poll::Ready(event) => Poll::Ready(Some(event)),
                Poll::Pending => Poll::Ready(None),
            });
            let event = event.await?;
            if let Err(Gone) = self.feed(event) {
                return Some(Input::Gone);
            }
        }
    }

    fn feed(&mut self, event: Option<io::Result<Event>>) -> Result<(), Gone> {
        match event {
            Some(Ok(event)) => self.filter.feed(event, Instant::now()),
            Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Some(Err(_)) | None => return Err(Gone),
        }
        Ok(())
    }

    /// Stops reading, so that a child such as sudo gets every key. Blocks for up to 50 ms.
    pub fn pause(&mut self) {
        if self.stream.take().is_some() {
            // The stream's thread leaves in its own time; while it still reads, it holds the lock that this takes.
            // What is typed in these milliseconds is kept for after the pause.
            let _ = crossterm::event::poll(LETTING_GO);
        }
    }

    /// Reads again after a pause.
    ///
    /// # Errors
    /// When the terminal went away meanwhile.
    pub fn resume(&mut self) -> Result<(), Gone> {
        if self.stream.is_none() {
            // `EventStream::new` panics when its reader cannot be set up; this sets it up, and can say so.
            crossterm::event::poll(Duration::ZERO).map_err(|_| Gone)?;
            self.stream = Some(EventStream::new());
        }
        Ok(())
    }
}
