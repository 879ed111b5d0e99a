//! Watching for the heartbeat.

use crate::core::context::Context;
use crate::core::finding::StepId;
use crate::core::flow::watch::{HeartbeatAge, WatchLayer};
use crate::core::flow::{Effect, Layer, Notice, Place, Session};
use crate::core::service::heartbeat::POLL_AT_MOST;
use crate::core::text::Text;

/// At most this many looks are kept: three minutes of one every five seconds, and some more.
const LOOKS: usize = 120;

impl Session {
    /// Begins to watch.
    pub(super) fn watch(&mut self) -> Vec<Effect> {
        let can_ask = self.around.key.is_some() && !self.around.wants_key;
        let asks_service = can_ask && self.context.machine_group.is_some();
        let seconds = POLL_AT_MOST.as_secs();
        self.pulses.clear();
        self.layers.push(Layer::Watch(WatchLayer { asks_service, seconds_left: seconds, ended: None }));
        let mut effects = Vec::new();
        // What the console showed before proves nothing now.
        if self.context.console_heartbeat.is_some() {
            let context = Context { console_heartbeat: None, ..self.context.clone() };
            effects.extend(self.judge(context));
        }
        effects.push(Effect::Watch { seconds });
        effects
    }

    /// Keeps what a look told.
    pub(super) fn pulse(&mut self, pulse: HeartbeatAge) {
        if self.pulses.len() >= LOOKS {
            self.pulses.remove(0);
        }
        self.pulses.push(pulse);
    }

    pub(super) fn watch_layer(&mut self) -> Option<&mut WatchLayer> {
        self.layers.iter_mut().rev().find_map(|layer| match layer {
            Layer::Watch(layer) => Some(layer),
            _ => None,
        })
    }

    /// The operator leaves the watch: a heartbeat that was not seen is not claimed.
    pub(super) fn leave_watch(&mut self) -> Vec<Effect> {
        let Some(Layer::Watch(layer)) = self.layers.pop() else { return Vec::new() };
        self.walk_to(Place::Step(StepId::Heartbeat));
        match layer.ended {
            Some(true) => Vec::new(),
            ended => {
                let text = Text::fixed(
                    "Not proven yet: no heartbeat newer than the cure has been seen.",
                    "尚未验证：还没有看到修复之后的心跳。",
                );
                self.notice = Some(Notice { text, is_problem: false });
                if ended.is_none() { vec![Effect::StopVerifying] } else { Vec::new() }
            }
        }
    }

    /// The operator says what the console shows.
    pub(super) fn console_says(&mut self, ok: bool) -> Vec<Effect> {
        let mut effects = Vec::new();
        if matches!(self.layers.last(), Some(Layer::Watch(_))) {
            self.layers.pop();
            self.walk_to(Place::Step(StepId::Heartbeat));
            effects.push(Effect::StopVerifying);
        }
        let mut context = self.context.clone();
        context.console_heartbeat = Some(ok);
        effects.extend(self.judge(context));
        effects
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::flow::*;
    use crate::core::flow::{Event, Key, Proof};
    use crate::core::observe::CredentialsSeen;
    use crate::core::text::Lang;

    fn session(has_key: bool) -> Session {
        let context = Context { machine_group: Some("web".into()), ..Context::default() };
        let mut session = Session::new(context, Lang::En, false, vec![]);
        session.around.key = has_key.then(|| CredentialsSeen {
            source: Text::same("typed in"),
            key_id: "LTAI****".into(),
            unusable_proxies: Vec::new(),
            passed_over: Vec::new(),
        });
        session.watch();
        session
    }

    #[test]
    fn only_a_heartbeat_that_came_ends_in_green() {
        let mut session = session(true);
        session.handle(Event::HeartbeatAge(Some(70)));
        session.handle(Event::HeartbeatAge(None));
        session.handle(Event::Verified { proof: Proof::Holds });
        assert_eq!(session.pulses, [Some(70), None]);
        assert!(matches!(session.layers.last(), Some(Layer::Watch(layer)) if layer.ended == Some(true)));
        session.handle(Event::Key(Key::Esc));
        assert!(session.layers.is_empty() && session.notice.is_none());
    }

    #[test]
    fn who_leaves_early_is_told_that_nothing_is_proven() {
        let mut session = session(true);
        assert_eq!(session.handle(Event::Key(Key::Esc)), [Effect::StopVerifying]);
        let notice = session.notice.clone().unwrap();
        assert!(notice.text.get(Lang::En).contains("Not proven yet"), "{notice:?}");
    }

    #[test]
    fn without_a_key_the_operator_answers() {
        let mut session = session(false);
        let effects = session.handle(Event::Key(Key::Char('1')));
        let told =
            |effect: &Effect| matches!(effect, Effect::Judge(context) if context.console_heartbeat == Some(true));
        assert!(effects.iter().any(told) && effects.contains(&Effect::StopVerifying), "{effects:?}");
        assert!(session.layers.is_empty());
    }
}
