//! Observations with what is needed to judge them elsewhere: `observations.json` of a bundle.

use super::Taken;
use crate::core::checks::{Investigation, Judge};
use crate::core::context::Context;
use crate::core::observe::Observations;
use crate::core::text::Untrusted;
use crate::host::recorded::unrecorded;
use serde::{Deserialize, Serialize};

/// A recorded host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Recording {
    pub schema_version: u32,
    pub tool_version: Untrusted,
    pub taken: Taken,
    pub context: Context,
    /// What the operator read in the console; not part of a remembered context, but of a case.
    #[serde(default)]
    pub console_heartbeat: Option<bool>,
    #[serde(default)]
    pub no_cloud: bool,
    pub observations: Observations,
}

impl Recording {
    /// `told` is the context as it was; `clean` the same without secrets.
    pub(super) fn new(taken: Taken, told: &Context, clean: &Context, observations: Observations) -> Recording {
        Recording {
            schema_version: super::SCHEMA_VERSION,
            tool_version: env!("CARGO_PKG_VERSION").into(),
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
                let answer = unrecorded(&asked.question);
                found.answer(&asked, answer);
            }
        }
    }
}
