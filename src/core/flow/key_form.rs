//! The form for a key of the service: AccessKey id, secret, and the token of a temporary key. What is typed lives here
//! until it is handed to the host, and is overwritten when the form goes away; it is shown only as stars. It is no part
//! of the context, so nothing remembers, journals or bundles it.

use super::form::FormKey;
use super::{Effect, Key, Layer, Notice, Session};
use crate::core::service::Credentials;
use crate::core::service::credentials::{Source, is_temporary_id};
use crate::core::service::mask_key_id;
use crate::core::text::Text;
use crate::say;
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
    fn key(&self) -> Option<Credentials> {
        let [id, secret, token] = &self.texts;
        let token = Some(token.as_str()).filter(|token| !token.trim().is_empty());
        // Such an id is worth nothing without its token.
        Credentials::new(id, secret, token, Source::Typed).filter(|key| key.is_temporary() || !is_temporary_id(id))
    }
}

impl Session {
    /// Opens the form for a key.
    pub(super) fn ask_for_key(&mut self) {
        self.layers.push(Layer::Key(Box::default()));
    }

    /// Gives a key to the form for a key, when it is on top; None when there is none, or it does not want it.
    pub(super) fn key_form_key(&mut self, key: &Key) -> Option<Vec<Effect>> {
        let Some(Layer::Key(form)) = self.layers.last_mut() else { return None };
        match form.handle(key) {
            FormKey::Ignored => None,
            FormKey::Taken => Some(Vec::new()),
            FormKey::Submitted => Some(match form.key() {
                Some(key) => {
                    self.layers.pop();
                    // What was chosen here is not offered any more.
                    self.chosen = 0;
                    let id = key.masked();
                    let text = say!(
                        "The service is asked with the key {id}. It is kept in memory only, until this program ends.",
                        "正在使用 AccessKey {id} 访问服务端。它只保存在内存中，程序结束后即丢弃。"
                    );
                    self.notice = Some(Notice { text, is_problem: false });
                    vec![Effect::UseKey(Box::new(key))]
                }
                None => {
                    form.focus = 0;
                    form.error = Some(Text::fixed(
                        "The AccessKey ID or secret is missing, contains characters that no key has, or is a temporary one (STS.) without its token.",
                        "缺少 AccessKey ID 或 AccessKey Secret，其中含有非法字符，或为临时 AccessKey（STS.）但缺少 SecurityToken。",
                    ));
                    Vec::new()
                }
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::context::Context;
    use crate::core::flow::Event;
    use crate::core::text::Lang;

    const SECRET: &str = "kZ93TypedSecretValue77xQ";

    /// A key is typed into the first two fields, and accepted by these keys.
    fn typed(ends: &[Key]) -> (Session, Vec<Effect>) {
        let mut session = Session::new(Context::default(), Lang::En, false, vec![]);
        session.ask_for_key();
        let mut effects = Vec::new();
        let mut press = |key| effects.extend(session.handle(Event::Key(key)));
        press(Key::Paste(" LTAI5tExampleKeyIdabcd\n".into()));
        press(Key::Tab);
        SECRET.chars().for_each(|c| press(Key::Char(c)));
        ends.iter().cloned().for_each(press);
        (session, effects)
    }

    #[test]
    fn a_key_that_was_typed_goes_to_the_host_and_nowhere_else() {
        let (session, effects) = typed(&[Key::Enter, Key::Enter, Key::Enter]);
        assert_eq!(typed(&[Key::Ctrl('s')]).1, effects, "from any field");
        let [Effect::UseKey(key)] = effects.as_slice() else { panic!("{effects:?}") };
        assert_eq!(key.key().secret.expose(), SECRET);
        assert_eq!(key.source, Source::Typed);
        assert!(session.layers.is_empty());
        for text in [format!("{session:?}"), format!("{effects:?}"), serde_json::to_string(&session.context).unwrap()] {
            assert!(!text.contains(SECRET) && !text.contains("ExampleKeyId"), "{text}");
        }
        let kept = serde_json::to_string(&session.interrupted()).unwrap();
        assert!(!kept.contains(SECRET), "{kept}");
    }

    #[test]
    fn what_is_typed_is_shown_as_stars_and_never_printed() {
        let mut form = KeyForm::default();
        for key in [Key::Paste("LTAI5tExampleKeyIdabcd".into()), Key::Tab, Key::Paste(SECRET.into())] {
            form.handle(&key);
        }
        assert_eq!(form.shown(KeyField::Id), "LTAI****abcd");
        assert_eq!(form.shown(KeyField::Secret), "*".repeat(SECRET.len()));
        assert!(!format!("{form:?}").contains(SECRET));
        form.handle(&Key::BackTab);
        assert_eq!(form.shown(KeyField::Id), "LTAI5tExampleKeyIdabcd", "while it is typed it can be read");
    }

    #[test]
    fn an_incomplete_key_is_refused_and_esc_forgets_what_was_typed() {
        let mut session = Session::new(Context::default(), Lang::En, false, vec![]);
        session.ask_for_key();
        for key in [Key::Char('k'), Key::Tab, Key::Tab, Key::Tab, Key::Enter] {
            assert!(session.handle(Event::Key(key)).is_empty());
        }
        assert!(matches!(session.layers.last(), Some(Layer::Key(form)) if form.error.is_some() && form.focus == 0));
        session.handle(Event::Key(Key::Esc));
        assert!(session.layers.is_empty());
    }
}
