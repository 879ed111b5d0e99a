//! Joins again the escape sequences that a bad link has torn.
//!
//! A terminal sends an arrow key as `ESC [ A`. When the bytes arrive apart, crossterm reads the keys Esc, `[`, `A`:
//! an arrow would press letters. So an Esc is held for a moment; what follows it in time and reads as a sequence
//! becomes the one key that was pressed, what does not is handed on as it came. Pure: the time is passed in.

use super::input::Input;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long an Esc waits for the rest of a sequence on a local terminal.
const HOLD: Duration = Duration::from_millis(25);

/// The same when the terminal is at the other end of an SSH connection.
const HOLD_OVER_SSH: Duration = Duration::from_millis(100);

/// No sequence of a key is longer.
const LONGEST: usize = 12;

/// What the held keys read as.
enum Reading {
    /// A sequence of which more must come.
    Begun,
    /// A whole sequence; none when it is of no key that we know.
    Key(Option<KeyEvent>),
    /// The mark before pasted text.
    PasteBegins,
    /// No sequence.
    Keys,
}

/// The filter between crossterm's events and the program.
pub struct EscapeFilter {
    hold: Duration,
    held: Vec<KeyEvent>,
    /// Text that follows a torn paste mark. Its end mark is lost in crossterm, so a pause ends it.
    pasted: Option<String>,
    deadline: Option<Instant>,
    ready: VecDeque<Input>,
}

impl EscapeFilter {
    /// With the patience for a terminal at the other end of an SSH connection, or for a local one.
    pub fn new(over_ssh: bool) -> EscapeFilter {
        EscapeFilter {
            hold: if over_ssh { HOLD_OVER_SSH } else { HOLD },
            held: Vec::new(),
            pasted: None,
            deadline: None,
            ready: VecDeque::new(),
        }
    }

    /// The next input that is certain.
    pub fn pop(&mut self) -> Option<Input> {
        self.ready.pop_front()
    }

    /// When [`EscapeFilter::expire`] must be called at the latest; none while nothing is held.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Takes one event. Mouse, focus and key releases are dropped.
    pub fn feed(&mut self, event: Event, now: Instant) {
        // Late is late, even if the timer did not come first.
        self.expire(now);
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key, now),
            Event::Paste(text) => {
                self.let_go();
                self.ready.push_back(Input::Paste(text));
            }
            Event::Resize(width, height) => self.ready.push_back(Input::Resize(width, height)),
            Event::Key(_) | Event::Mouse(_) | Event::FocusGained | Event::FocusLost => {}
        }
    }

    /// Hands on what was held for too long.
    pub fn expire(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.let_go();
        }
    }

    fn key(&mut self, key: KeyEvent, now: Instant) {
        if let Some(text) = &mut self.pasted {
            match key.code {
                KeyCode::Char(c) => text.push(c),
                KeyCode::Enter => text.push('\n'),
                KeyCode::Tab => text.push('\t'),
                _ => {}
            }
            self.deadline = Some(now + self.hold);
            return;
        }
        if self.held.is_empty() && !is_esc(&key) {
            self.ready.push_back(Input::Key(key));
            return;
        }
        self.held.push(key);
        match read(&self.held) {
            Reading::Begun => self.deadline = Some(now + self.hold),
            Reading::Key(key) => {
                self.clear();
                self.ready.extend(key.map(Input::Key));
            }
            Reading::PasteBegins => {
                self.clear();
                self.pasted = Some(String::new());
                self.deadline = Some(now + self.hold);
            }
            Reading::Keys => {
                self.held.pop();
                self.let_go();
                self.key(key, now);
            }
        }
    }

    fn clear(&mut self) {
        self.held.clear();
        self.deadline = None;
    }

    /// Hands on everything that was held, as it came.
    fn let_go(&mut self) {
        self.deadline = None;
        self.ready.extend(self.held.drain(..).map(Input::Key));
        self.ready.extend(self.pasted.take().map(Input::Paste));
    }
}

fn is_esc(key: &KeyEvent) -> bool {
    key.code == KeyCode::Esc && key.modifiers.is_empty()
}

/// Reads the held keys, of which the first is Esc, as a sequence of xterm, rxvt or the Linux console.
fn read(held: &[KeyEvent]) -> Reading {
    // rxvt sends a second Esc before the sequence when Alt is held; crossterm makes one Esc of both or two.
    let escapes = held.iter().take_while(|key| is_esc(key)).count();
    if escapes > 2 || held.len() > LONGEST {
        return Reading::Keys;
    }
    let mut typed = String::with_capacity(LONGEST);
    for key in held.iter().skip(escapes) {
        match key.code {
            KeyCode::Char(c) if (key.modifiers - KeyModifiers::SHIFT).is_empty() => typed.push(c),
            _ => return Reading::Keys,
        }
    }
    if typed.is_empty() || matches!(typed.as_str(), "[" | "O" | "[[") {
        return Reading::Begun;
    }
    if let Some(rest) = typed.strip_prefix("[[") {
        return console_function_key(rest);
    }
    if let Some(rest) = typed.strip_prefix('[') {
        return control_sequence(rest);
    }
    match typed.strip_prefix('O').map(str::as_bytes) {
        Some([last @ b'A'..=b'Z']) => Reading::Key(by_letter(*last, 0)),
        _ => Reading::Keys,
    }
}

/// `ESC [ [ A` to `ESC [ [ E`: F1 to F5 of the Linux console.
fn console_function_key(rest: &str) -> Reading {
    match rest.as_bytes() {
        [letter @ b'A'..=b'E'] => Reading::Key(Some(KeyCode::F(letter - b'A' + 1).into())),
        _ => Reading::Keys,
    }
}

/// What follows `ESC [`: numbers separated by semicolons, then one letter or `~`.
fn control_sequence(rest: &str) -> Reading {
    let Some(last) = rest.bytes().last() else { return Reading::Begun };
    let numbers = rest.get(..rest.len() - 1).unwrap_or_default();
    if !numbers.bytes().all(|byte| byte.is_ascii_digit() || byte == b';') {
        return Reading::Keys;
    }
    let mut numbers = numbers.split(';').map(|number| number.parse::<u16>().unwrap_or(0));
    let first = numbers.next().unwrap_or(0);
    // xterm: 1 plus a sum of 1 Shift, 2 Alt, 4 Control.
    let modifiers = numbers.next().unwrap_or(0).saturating_sub(1);
    match last {
        b'0'..=b'9' | b';' => Reading::Begun,
        b'~' if first == 200 => Reading::PasteBegins,
        b'~' => Reading::Key(by_number(first).map(|code| KeyEvent::new(code, modifiers_of(modifiers)))),
        b'A'..=b'Z' => Reading::Key(by_letter(last, modifiers)),
        _ => Reading::Keys,
    }
}

fn modifiers_of(sum: u16) -> KeyModifiers {
    [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)]
        .into_iter()
        .filter(|(bit, _)| sum & bit != 0)
        .fold(KeyModifiers::NONE, |all, (_, one)| all | one)
}

fn by_letter(letter: u8, modifiers: u16) -> Option<KeyEvent> {
    let code = match letter {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        b'M' => KeyCode::Enter,
        b'P'..=b'S' => KeyCode::F(letter - b'P' + 1),
        b'Z' => return Some(KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT)),
        _ => return None,
    };
    Some(KeyEvent::new(code, modifiers_of(modifiers)))
}

fn by_number(number: u16) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F(u8::try_from(number - 10).ok()?),
        17..=21 => KeyCode::F(u8::try_from(number - 11).ok()?),
        23 | 24 => KeyCode::F(u8::try_from(number - 12).ok()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Keys as crossterm reads single bytes.
    fn typed(text: &str) -> Vec<KeyEvent> {
        text.chars()
            .map(|c| match c {
                '\x1b' => KeyCode::Esc.into(),
                c if c.is_ascii_uppercase() => KeyEvent::new(KeyCode::Char(c), KeyModifiers::SHIFT),
                c => KeyCode::Char(c).into(),
            })
            .collect()
    }

    /// Feeds keys `gap` milliseconds apart and waits at the end.
    fn filtered(text: &str, gap: u64, over_ssh: bool) -> Vec<Input> {
        let mut filter = EscapeFilter::new(over_ssh);
        let mut now = Instant::now();
        let mut out = Vec::new();
        for key in typed(text) {
            filter.feed(Event::Key(key), now);
            out.extend(std::iter::from_fn(|| filter.pop()));
            now += Duration::from_millis(gap);
        }
        filter.expire(now + Duration::from_secs(1));
        out.extend(std::iter::from_fn(|| filter.pop()));
        assert_eq!(filter.deadline(), None);
        out
    }

    fn keys(text: &str) -> Vec<Input> {
        typed(text).into_iter().map(Input::Key).collect()
    }

    fn one(code: KeyCode, modifiers: KeyModifiers) -> Vec<Input> {
        vec![Input::Key(KeyEvent::new(code, modifiers))]
    }

    #[test]
    fn torn_sequences_become_the_key_that_was_pressed() {
        let none = KeyModifiers::NONE;
        for (text, code, modifiers) in [
            ("\x1b[A", KeyCode::Up, none),
            ("\x1b[B", KeyCode::Down, none),
            ("\x1bOC", KeyCode::Right, none),
            ("\x1b\x1b[A", KeyCode::Up, none),
            ("\x1b[Z", KeyCode::BackTab, KeyModifiers::SHIFT),
            ("\x1b[5~", KeyCode::PageUp, none),
            ("\x1b[24~", KeyCode::F(12), none),
            ("\x1b[15~", KeyCode::F(5), none),
            ("\x1bOP", KeyCode::F(1), none),
            ("\x1b[[E", KeyCode::F(5), none),
            ("\x1b[1;5D", KeyCode::Left, KeyModifiers::CONTROL),
        ] {
            assert_eq!(filtered(text, 5, false), one(code, modifiers), "{text:?}");
            assert_eq!(filtered(text, 60, true), one(code, modifiers), "{text:?}");
        }
        // Focus reports and the end of a paste are no keys, and no letters either.
        assert_eq!(filtered("\x1b[I\x1b[201~", 5, false), []);
    }

    #[test]
    fn what_is_no_sequence_comes_as_it_was_typed() {
        for text in ["\x1b", "\x1bq", "\x1b\x1b", "\x1b\x1b\x1b", "\x1b[x", "\x1b[", "a[A", "\x1bOx", "\x1b[5;q", "[[A"]
        {
            assert_eq!(filtered(text, 5, false), keys(text), "{text:?}");
        }
    }

    #[test]
    fn an_escape_waits_no_longer_than_its_hold() {
        assert_eq!(filtered("\x1b[A", 30, false), keys("\x1b[A"));
        assert_eq!(filtered("\x1b[A", 110, true), keys("\x1b[A"));
        let mut filter = EscapeFilter::new(false);
        let now = Instant::now();
        filter.feed(Event::Key(KeyCode::Esc.into()), now);
        assert_eq!(filter.deadline(), Some(now + HOLD));
        filter.expire(now + HOLD - Duration::from_millis(1));
        assert_eq!(filter.pop(), None);
        filter.expire(now + HOLD);
        assert_eq!(filter.pop(), Some(Input::Key(KeyCode::Esc.into())));
    }

    #[test]
    fn a_torn_paste_is_text_and_presses_nothing() {
        assert_eq!(filtered("\x1b[200~rm q", 5, false), [Input::Paste("rm q".to_string())]);
    }

    #[test]
    fn releases_and_the_mouse_are_nobodys_input_and_a_resize_does_not_wait() {
        let mut filter = EscapeFilter::new(false);
        let now = Instant::now();
        let release = KeyEvent { kind: KeyEventKind::Release, ..KeyCode::Enter.into() };
        filter.feed(Event::Key(release), now);
        filter.feed(Event::FocusGained, now);
        filter.feed(Event::Key(KeyCode::Esc.into()), now);
        filter.feed(Event::Resize(80, 24), now);
        assert_eq!(filter.pop(), Some(Input::Resize(80, 24)));
        filter.feed(Event::Paste("text".to_string()), now);
        assert_eq!(filter.pop(), Some(Input::Key(KeyCode::Esc.into())));
        assert_eq!(filter.pop(), Some(Input::Paste("text".to_string())));
    }

    proptest! {
        #[test]
        fn keys_without_escape_pass_unchanged(text in "[a-zA-Z0-9\\[\\]~;O]{0,20}") {
            prop_assert_eq!(filtered(&text, 0, false), keys(&text));
        }

        #[test]
        fn slow_keys_pass_unchanged_and_nothing_is_held_for_ever(text in "[\x1bA-D\\[O~0-9;]{0,20}") {
            prop_assert_eq!(filtered(&text, 200, true), keys(&text));
            filtered(&text, 1, true);
        }
    }
}
