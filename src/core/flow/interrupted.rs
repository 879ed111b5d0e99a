//! A session that was broken off: what of it is worth keeping, and how it is taken up again. Observations are not
//! kept; the host is always looked at anew.

use super::Place;
use crate::core::finding::RemedyId;
use crate::core::remedies;
use crate::core::text::{Lang, Text};
use crate::say;
use serde::{Deserialize, Serialize};

/// What is kept of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interrupted {
    pub place: Place,
    /// Edits that still need a restart to take effect.
    pub owed_restart: Vec<RemedyId>,
    /// The remedy that was on screen and not carried out.
    pub pending: Option<RemedyId>,
    /// What the operator read off the console.
    pub console_heartbeat: Option<bool>,
}

/// The offer to take a session up again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub session: Interrupted,
    /// When it stopped, as the operator's clock shows it.
    pub stopped_at: String,
}

impl Offer {
    /// What is offered: where the session stopped, what was on screen, which restarts are owed.
    pub fn told(&self) -> Vec<Text> {
        let at = &self.stopped_at;
        let with = |text: Text, make: fn(&str) -> String, zh: fn(&str) -> String| {
            Text::filled(make(text.get(Lang::En)), zh(text.get(Lang::Zh)))
        };
        let mut out = vec![match self.session.place {
            Place::Step(step) => {
                let (number, title) = (step.index() + 1, step.title());
                let (en, zh) = title.both();
                Text::filled(
                    format!("A session from {at} stopped at step {number}, {en}."),
                    format!("{at} 的会话停在第 {number} 步（{zh}）。"),
                )
            }
            Place::Ticket => say!("A session from {at} stopped at the support ticket.", "{at} 的会话停在工单页面。"),
            Place::Finish => say!("A session from {at} stopped at the result.", "{at} 的会话停在结果页面。"),
        }];
        out.extend(self.session.pending.map(|remedy| {
            let title = remedies::title(remedy);
            with(
                title,
                |en| format!("On screen was: {en}. It is planned anew."),
                |zh| format!("当时正在处理：{zh}。将重新生成预览。"),
            )
        }));
        out.extend(self.session.owed_restart.iter().map(|remedy| {
            let title = remedies::title(*remedy);
            with(
                title,
                |en| format!("A restart is owed after: {en}."),
                |zh| format!("以下更改需要重启 Agent 后才会生效：{zh}。"),
            )
        }));
        out
    }
}
