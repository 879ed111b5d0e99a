//! The form for an AccessKey: opened, typed into, handed on.

use crate::core::flow::form::FormKey;
use crate::core::flow::{Effect, Key, Layer, Notice, Session};
use crate::core::text::Text;
use crate::say;

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
    use crate::core::context::Context;
    use crate::core::flow::Event;
    use crate::core::flow::*;
    use crate::core::service::Source;
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
