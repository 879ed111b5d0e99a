//! The keys, and what each does where. One table: dispatch, footer and help all read it, so none of them can lie.

use crate::core::text::Text;

/// A key press, independent of the terminal library.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Char(char),
    Ctrl(char),
    Paste(String),
}

/// What a key can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    Quit,
    Help,
    Map,
    Language,
    Suspend,
    NextStep,
    PreviousStep,
    FirstStep,
    LastStep,
    ChooseUp,
    ChooseDown,
    Choose,
    ScrollUp,
    ScrollDown,
    /// A screenful further.
    PageUp,
    PageDown,
    /// The beginning and the end of a text or list.
    Top,
    Bottom,
    Recheck,
    RecheckAll,
    Tell,
    Ticket,
    /// The list of what was changed on this host.
    Journal,
    /// Take back the newest change, after a preview.
    Undo,
    /// Type a filter for the list on top.
    Filter,
    Copy,
    /// None of the groups fits: make a new one.
    NewGroup,
    Close,
    /// A digit: the action with that number.
    Number(u8),
}

/// One line of the key table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    pub keys: Vec<Key>,
    /// How the keys are shown, at most a few cells: `Enter`, `</>`.
    pub shown: &'static str,
    pub label: Text,
    pub command: Command,
    /// Whether it is worth a place in the footer.
    pub in_footer: bool,
}
