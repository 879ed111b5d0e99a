//! Observations with what is needed to judge them elsewhere: `observations.json` of a bundle.

use super::Taken;
use crate::checks::{Investigation, Judge};
use crate::context::Context;
use crate::host::{Answer, ClockSeen, IdentitySeen, LookupSeen, Question, ReachSeen, Seen, Trouble};
use serde::{Deserialize, Serialize};

/// A recorded host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Recording {
    pub schema_version: u32,
    pub tool_version: String,
    pub taken: Taken,
    pub context: Context,
    /// What the operator read in the console; not part of a remembered context, but of a case.
    #[serde(default)]
    pub console_heartbeat: Option<bool>,
    #[serde(default)]
    pub no_cloud: bool,
    pub observations: Seen,
}

impl Recording {
    /// `told` is the context as it was; `clean` the same without secrets.
    pub(super) fn new(taken: Taken, told: &Context, clean: &Context, observations: Seen) -> Recording {
        Recording {
            schema_version: super::SCHEMA_VERSION,
            tool_version: env!("CARGO_PKG_VERSION").to_string(),
            taken,
            context: clean.clone(),
            console_heartbeat: told.console_heartbeat,
            no_cloud: told.no_cloud,
            observations,
        }
    }

    /// What the operator had told when the recording was made.
    pub fn told(&self) -> Context {
        Context { console_heartbeat: self.console_heartbeat, no_cloud: self.no_cloud, ..self.context.clone() }
    }

    /// Judges the recording: what was not observed then cannot be observed now, and is answered so.
    pub fn judged(&self, judge: Judge, context: Context) -> Investigation {
        let mut found = Investigation::new(judge, context).with_seen(self.observations.clone());
        loop {
            let asked = found.advance(0);
            if asked.is_empty() {
                return found;
            }
            for asked in asked {
                let answer = not_recorded(&asked.question);
                found.answer(&asked, answer);
            }
        }
    }
}

/// The answer to a question that was not asked when the recording was made.
fn not_recorded(question: &Question) -> Answer {
    let trouble = Trouble::Other("not in the bundle".into());
    match question {
        Question::File(_) | Question::Tail(_) => Answer::File(Err(trouble)),
        Question::Dir(_) => Answer::Dir(Err(trouble)),
        Question::Processes => Answer::Processes(Err(trouble)),
        Question::Environment { .. } => Answer::Environment(Err(trouble)),
        Question::Interfaces => Answer::Interfaces(Err(trouble)),
        Question::Lookup(_) => {
            Answer::Lookup(LookupSeen { addresses: Err(trouble), by: "not in the bundle".into(), elapsed_ms: 0 })
        }
        Question::Reach(_) => Answer::Reach(ReachSeen { http: Some(Err(trouble)), ..ReachSeen::default() }),
        Question::Look(_) => Answer::Look(Err(trouble)),
        Question::Clock => Answer::Clock(ClockSeen { now_ms: 0, offset_s: 0, booted: 0 }),
        Question::Identity => Answer::Identity(IdentitySeen {
            hostname: String::new(),
            os: String::new(),
            arch: String::new(),
            kernel: String::new(),
            distribution: String::new(),
            user: String::new(),
            uid: u32::MAX,
            privileged: false,
            sudo: None,
            container: None,
        }),
    }
}
