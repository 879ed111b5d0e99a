//! The form for a key of the service: AccessKey id, secret, and the token of a temporary key. What is typed lives here
//! until it is handed to the host, and is overwritten when the form goes away; it is shown only as stars. It is no part
//! of the context, so nothing remembers, journals or bundles it.

use super::Key;
use super::form::FormKey;
use crate::core::service::Credentials;
use crate::core::service::credentials::{Source, is_temporary_id};
use crate::core::service::mask_key_id;
use crate::core::text::Text;
use std::fmt;
use zeroize::Zeroizing;

/// No field takes more bytes than this; the memory is taken at once, so that no copy is left behind by growing.
const LONGEST: usize = 4096;

/// One field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyField {
    Id,
    Secret,
    Token,
}

impl KeyField {
    pub const ALL: [KeyField; 3] = [KeyField::Id, KeyField::Secret, KeyField::Token];

    pub fn label(self) -> Text {
        match self {
            KeyField::Id => Text::fixed("AccessKey ID", "AccessKey ID"),
            KeyField::Secret => Text::fixed("AccessKey Secret", "AccessKey Secret"),
            KeyField::Token => Text::fixed("STS token (optional)", "STS Token（可选）"),
        }
    }

    pub fn hint(self) -> Text {
        match self {
            KeyField::Id => {
                Text::fixed("Begins with LTAI, or STS. for a temporary key", "以 LTAI 开头；临时凭证以 STS. 开头")
            }
            KeyField::Secret => Text::fixed("Shown as stars, kept in memory only", "显示为星号，仅保存在内存中"),
            KeyField::Token => Text::fixed("Only for a temporary key of STS", "仅 STS 临时凭证需要"),
        }
    }
}

/// The three fields and, below them, one button.
#[derive(Clone)]
pub struct KeyForm {
    texts: [Zeroizing<String>; 3],
    /// The field with the cursor; 3 is the button.
    pub focus: usize,
    /// Why the key cannot be used.
    pub error: Option<Text>,
}

impl Default for KeyForm {
    fn default() -> KeyForm {
        let empty = || Zeroizing::new(String::with_capacity(LONGEST));
        KeyForm { texts: [empty(), empty(), empty()], focus: 0, error: None }
    }
}

impl fmt::Debug for KeyForm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "KeyForm(***, {})", self.focus)
    }
}

impl KeyForm {
    /// The field with the cursor; None on the button.
    pub fn field(&self) -> Option<KeyField> {
        KeyField::ALL.get(self.focus).copied()
    }

    /// A field as it may be shown: the id as it is typed, later masked; everything else as stars.
    pub fn shown(&self, field: KeyField) -> String {
        let text = self.texts.get(field as usize).map(|text| text.as_str()).unwrap_or_default();
        match field {
            KeyField::Id if self.field() == Some(KeyField::Id) => text.to_string(),
            KeyField::Id if text.is_empty() => String::new(),
            KeyField::Id => mask_key_id(text.trim()),
            KeyField::Secret | KeyField::Token => "*".repeat(text.chars().count()),
        }
    }

    /// Whether something was typed that closing the form loses.
    pub fn is_touched(&self) -> bool {
        self.texts.iter().any(|text| !text.is_empty())
    }

    /// Handles a key.
    pub(super) fn handle(&mut self, key: &Key) -> FormKey {
        let button = KeyField::ALL.len();
        match key {
            Key::Enter if self.focus >= button => return FormKey::Submitted,
            Key::Ctrl('s') => return FormKey::Submitted,
            Key::Tab | Key::Down | Key::Enter => self.focus = (self.focus + 1).min(button),
            Key::BackTab | Key::Up => self.focus = self.focus.saturating_sub(1),
            Key::Char(c) => self.push(&[*c]),
            Key::Paste(text) => {
                for c in text.trim().chars() {
                    self.push(&[c]);
                }
            }
            Key::Backspace => {
                if let Some(text) = self.texts.get_mut(self.focus) {
                    text.pop();
                }
            }
            Key::Ctrl('u' | 'w') => {
                if let Some(text) = self.texts.get_mut(self.focus) {
                    text.clear();
                }
            }
            _ => return FormKey::Ignored,
        }
        FormKey::Taken
    }

    fn push(&mut self, chars: &[char]) {
        self.error = None;
        if let Some(text) = self.texts.get_mut(self.focus) {
            let fits = |c: &&char| !c.is_control();
            for c in chars.iter().filter(fits) {
                if text.len() + c.len_utf8() <= LONGEST {
                    text.push(*c);
                }
            }
        }
    }

    /// The key, if it is complete.
    pub(super) fn key(&self) -> Option<Credentials> {
        let [id, secret, token] = &self.texts;
        let token = Some(token.as_str()).filter(|token| !token.trim().is_empty());
        // Such an id is worth nothing without its token.
        Credentials::new(id, secret, token, Source::Typed).filter(|key| key.is_temporary() || !is_temporary_id(id))
    }
}
