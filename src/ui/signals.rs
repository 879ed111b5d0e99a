//! Signals from outside and the hang-up of the terminal, as one source; and the guard that ends an orphaned process.
//!
//! crossterm cannot tell that its terminal is gone: its reader then spins for ever. So one thread sleeps in poll(2) on
//! the terminal, costing nothing, until the kernel reports a hang-up; it wakes the program, and ends the process when
//! the program does not do so itself. What a signal means for the session is not decided here.

use super::tty::retry;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, IsTerminal, stdin, stdout};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio::sync::Notify;

/// Exit code after a hang-up, as a shell reports a death by SIGHUP.
pub const EXIT_HANG_UP: i32 = 129;

/// How long after a hang-up the program may take to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// How often the guard looks whether the remedy that delays it has ended.
const RECHECK: Duration = Duration::from_millis(100);

/// How long a signal that was sent during a pause may take to arrive.
const ARRIVING: Duration = Duration::from_millis(20);

/// What came from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: end now, in order.
    Terminate,
    /// SIGINT, sent by someone: in raw mode Ctrl-C is a key.
    Interrupt,
    /// SIGQUIT.
    Quit,
    /// SIGHUP, or the terminal is gone: end without drawing; a running remedy may finish.
    HangUp,
    /// SIGTSTP, sent by someone: in raw mode Ctrl-Z is a key.
    Suspend,
    /// SIGCONT: the process was stopped, by itself or by someone.
    Continue,
}

impl Signal {
    /// The exit code that tells a shell which signal ended the program; none for signals that do not.
    pub const fn exit_code(self) -> Option<i32> {
        match self {
            Signal::Terminate => Some(143),
            Signal::Interrupt => Some(130),
            Signal::Quit => Some(131),
            Signal::HangUp => Some(EXIT_HANG_UP),
            Signal::Suspend | Signal::Continue => None,
        }
    }
}

/// Says that something runs which a hang-up must not cut in half. Clones share one count.
#[derive(Debug, Clone, Default)]
pub struct Busy(Arc<AtomicUsize>);

impl Busy {
    /// Busy until the value is dropped.
    #[must_use = "it is busy only as long as this is kept"]
    pub fn hold(&self) -> Held {
        self.0.fetch_add(1, Ordering::SeqCst);
        Held(self.clone())
    }

    fn is_held(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

/// See [`Busy::hold`].
#[derive(Debug)]
pub struct Held(Busy);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The one source of signals.
pub struct Signals {
    terminate: Stream,
    interrupt: Stream,
    quit: Stream,
    hang_up: Stream,
    suspend: Stream,
    resume: Stream,
    lost: Arc<Notify>,
    /// What the guard waits for; absent once it watches.
    unguarded: Option<Busy>,
}

impl Signals {
    /// Catches the signals from now on. The guard that ends the process when its terminal is gone waits for `busy`
    /// before it does so; it watches from the first [`Signals::next`] on, because the first frame need not wait for
    /// its thread. Must be called inside a tokio runtime with I/O enabled, before the screen is entered.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn new(busy: Busy) -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hang_up: signal(SignalKind::hangup())?,
            suspend: signal(SignalKind::from_raw(nix::libc::SIGTSTP))?,
            resume: signal(SignalKind::from_raw(nix::libc::SIGCONT))?,
            lost: Arc::new(Notify::new()),
            unguarded: Some(busy),
        })
    }

    /// The next signal. Dropping the future loses none.
    pub async fn next(&mut self) -> Signal {
        if let Some(busy) = self.unguarded.take() {
            // Without a thread there is no guard; SIGHUP still works.
            let _ = guard(busy, Arc::clone(&self.lost));
        }
        tokio::select! {
            biased;
            () = self.lost.notified() => Signal::HangUp,
            Some(()) = self.hang_up.recv() => Signal::HangUp,
            Some(()) = self.terminate.recv() => Signal::Terminate,
            Some(()) = self.quit.recv() => Signal::Quit,
            Some(()) = self.interrupt.recv() => Signal::Interrupt,
            Some(()) = self.suspend.recv() => Signal::Suspend,
            Some(()) = self.resume.recv() => Signal::Continue,
            else => std::future::pending().await,
        }
    }

    /// Forgets what was typed at a child's prompt: Ctrl-C and Ctrl-\ at sudo's password reach us too. To be awaited
    /// after the child has ended, before the next [`Signals::next`].
    pub async fn forget_typed(&mut self) {
        let forget = async {
            loop {
                tokio::select! {
                    Some(()) = self.interrupt.recv() => {}
                    Some(()) = self.quit.recv() => {}
                    else => std::future::pending().await,
                }
            }
        };
        // Ends by the timeout always: a signal is delivered through the runtime, which needs a moment.
        let _: Result<(), _> = tokio::time::timeout(ARRIVING, forget).await;
    }
}

/// Starts the thread that ends the process some time after its terminal is gone. Nothing is started when neither
/// standard input nor output is a terminal.
fn guard(busy: Busy, lost: Arc<Notify>) -> io::Result<()> {
    if !stdin().is_terminal() && !stdout().is_terminal() {
        return Ok(());
    }
    thread::Builder::new().name("hang-up guard".to_string()).stack_size(64 * 1024).spawn(move || {
        if wait_for_hang_up().is_err() {
            // Without poll(2) there is no guard; SIGHUP still works.
            return;
        }
        lost.notify_one();
        thread::sleep(GRACE);
        while busy.is_held() {
            thread::sleep(RECHECK);
        }
        std::process::exit(EXIT_HANG_UP);
    })?;
    Ok(())
}

/// Sleeps until the terminal on standard input, or else on standard output, is gone.
fn wait_for_hang_up() -> nix::Result<()> {
    let (stdin, stdout) = (stdin(), stdout());
    let terminal = if stdin.is_terminal() { stdin.as_fd() } else { stdout.as_fd() };
    // No events asked for: a hang-up is reported always, and a key does not wake this thread.
    let mut fds = [PollFd::new(terminal, PollFlags::empty())];
    retry(|| poll(&mut fds, PollTimeout::NONE)).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_counts_every_holder() {
        let busy = Busy::default();
        let first = busy.hold();
        let second = busy.clone().hold();
        drop(first);
        assert!(busy.is_held());
        drop(second);
        assert!(!busy.is_held());
    }

    #[test]
    fn a_raised_signal_arrives_by_name_and_a_typed_one_can_be_forgotten() {
        use nix::sys::signal::{Signal as Raised, raise};
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut signals = Signals::new(Busy::default()).unwrap();
            for (raised, seen) in [
                (Raised::SIGTERM, Signal::Terminate),
                (Raised::SIGHUP, Signal::HangUp),
                (Raised::SIGTSTP, Signal::Suspend),
                (Raised::SIGCONT, Signal::Continue),
            ] {
                raise(raised).unwrap();
                assert_eq!(signals.next().await, seen);
            }
            raise(Raised::SIGINT).unwrap();
            signals.forget_typed().await;
            raise(Raised::SIGTERM).unwrap();
            assert_eq!(signals.next().await, Signal::Terminate);
        });
    }
}
