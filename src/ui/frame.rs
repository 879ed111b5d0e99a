//! Collects one frame as bytes, and collects nothing when nothing changed.
//!
//! ratatui's own crossterm backend emits 25 bytes for an unchanged frame and flushes several times for a changed one;
//! over SSH each flush is a packet. This backend only gathers; `Screen` hands the gathered frame to the kernel. It
//! sends no query: where the cursor is, it knows because it put it there.

use super::encode;
use crossterm::terminal::window_size;
use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use std::io;

/// Taken when the terminal reports no size, as serial lines do.
const USUAL: Size = Size::new(80, 24);

/// No terminal is larger; a report beyond it would only make us allocate.
const LARGEST: Size = Size::new(1000, 500);

/// The backend; see the head of this file.
pub(super) struct FrameBackend {
    frame: Vec<u8>,
    cursor_shown: bool,
    /// Where the cursor is, unless the last cells have carried it elsewhere.
    cursor_at: Option<Position>,
    /// What the terminal shows.
    shown: encode::Shown,
}

impl FrameBackend {
    /// A backend for a blank screen without cursor, as the entering sequence leaves it.
    pub(super) fn new() -> FrameBackend {
        FrameBackend {
            frame: Vec::with_capacity(4096),
            cursor_shown: false,
            cursor_at: None,
            shown: encode::Shown::default(),
        }
    }

    /// Appends what was gathered since the last call to `out`; tells whether there was anything.
    pub(super) fn take_into(&mut self, out: &mut Vec<u8>) -> bool {
        let changed = !self.frame.is_empty();
        out.append(&mut self.frame);
        changed
    }

    /// Appends everything that the terminal showed last, for a screen that has just been entered anew.
    pub(super) fn again_into(&mut self, out: &mut Vec<u8>) {
        self.frame.clear();
        encode::whole(out, &self.shown);
        let cursor_shown = std::mem::take(&mut self.cursor_shown);
        if let (true, Some(at)) = (cursor_shown, self.cursor_at.take()) {
            let _ = self.show_cursor().and_then(|()| self.set_cursor_position(at));
        }
        self.take_into(out);
    }

    fn gather(&mut self, bytes: &[u8]) {
        self.frame.extend_from_slice(bytes);
    }
}

impl Backend for FrameBackend {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        self.cursor_at = None;
        encode::cells(&mut self.frame, &mut self.shown, content);
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.cursor_shown, false) {
            self.gather(b"\x1b[?25l");
        }
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if !std::mem::replace(&mut self.cursor_shown, true) {
            self.gather(b"\x1b[?25h");
        }
        Ok(())
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor_at.unwrap_or(Position::ORIGIN))
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let position = position.into();
        if self.cursor_at.replace(position) != Some(position) {
            let (row, column) = (u32::from(position.y) + 1, u32::from(position.x) + 1);
            self.gather(format!("\x1b[{row};{column}H").as_bytes());
        }
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, _clear_type: ClearType) -> io::Result<()> {
        // A frame is drawn whole after any clearing, so the larger one is right for every part, and what the terminal
        // shows then is known for certain.
        self.shown = encode::Shown::default();
        self.gather(b"\x1b[2J");
        Ok(())
    }

    /// The size of the terminal in cells.
    fn size(&self) -> io::Result<Size> {
        // Not `crossterm::terminal::size`: that forks `tput` twice when the terminal is gone.
        let told = window_size()?;
        Ok(plausible(Size::new(told.columns, told.rows)))
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.size()?, pixels: Size::ZERO })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The reported size, made usable.
pub(super) fn plausible(told: Size) -> Size {
    if told.width == 0 || told.height == 0 {
        return USUAL;
    }
    Size::new(told.width.min(LARGEST.width), told.height.min(LARGEST.height))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(backend: &mut FrameBackend) -> String {
        let mut out = Vec::new();
        backend.take_into(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_unchanged_frame_is_no_bytes() {
        let mut backend = FrameBackend::new();
        backend.draw(std::iter::empty()).unwrap();
        backend.hide_cursor().unwrap();
        assert_eq!(bytes(&mut backend), "");

        let cell = Cell::new("x");
        for _ in 0..2 {
            backend.show_cursor().unwrap();
            backend.set_cursor_position((3, 4)).unwrap();
        }
        assert_eq!(bytes(&mut backend), "\x1b[?25h\x1b[5;4H");
        backend.draw([(0, 0, &cell)].into_iter()).unwrap();
        backend.show_cursor().unwrap();
        backend.set_cursor_position((3, 4)).unwrap();
        let changed = bytes(&mut backend);
        assert!(changed.starts_with("\x1b[1Hx") && changed.ends_with("\x1b[5;4H"), "{changed:?}");
    }

    #[test]
    fn a_size_of_nothing_or_of_everything_is_not_believed() {
        assert_eq!(plausible(Size::new(0, 0)), USUAL);
        assert_eq!(plausible(Size::new(0, 50)), USUAL);
        assert_eq!(plausible(Size::new(1, 1)), Size::new(1, 1));
        assert_eq!(plausible(Size::new(u16::MAX, u16::MAX)), LARGEST);
    }
}
