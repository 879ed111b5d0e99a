//! Whether anybody still reads what this program writes.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io;
use std::os::fd::AsFd;

/// Looks whether standard output is a pipe that nobody reads any more.
///
/// # Errors
/// It is: what was written there has not been read, and nothing more will be.
pub(super) fn is_read() -> io::Result<()> {
    is_read_by(&io::stdout())
}

fn is_read_by(out: &impl AsFd) -> io::Result<()> {
    let mut asked = [PollFd::new(out.as_fd(), PollFlags::empty())];
    // Of a pipe without a reader, and of a terminal that hung up, the kernel tells unasked.
    let said = poll(&mut asked, PollTimeout::ZERO).ok().and_then(|_| asked[0].revents());
    match said.is_some_and(|said| said.contains(PollFlags::POLLERR)) {
        true => Err(io::ErrorKind::BrokenPipe.into()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_without_a_reader_is_known_before_anything_is_written_to_it() {
        let (reader, writer) = io::pipe().unwrap();
        assert!(is_read_by(&writer).is_ok());
        drop(reader);
        assert_eq!(is_read_by(&writer).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
