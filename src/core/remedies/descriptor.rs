//! What is known of a remedy before any host is looked at: the one entry that lists, forms, reports, the journal and undo
//! read. A remedy's own file holds its descriptor; nothing else in the program lists remedies by name.

use super::common::{self, Drafted, Stop};
use super::{InputId, Inputs, Plan, Planned, control, descriptor, durable};
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::{Observations, Unanswered};
use crate::core::text::Text;
use serde::{Deserialize, Serialize};

/// What a remedy changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActsOn {
    /// Files, processes, rules or the clock of this host: it takes root, and stands in root's journal.
    ThisHost,
    /// A machine group of the service: it takes a key, and stands in the journal of whoever made the change.
    MachineGroup,
}

/// What a remedy has to do with the agent's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// No more than the plan itself says.
    AsPlanned,
    /// What it changes is read only when the agent starts, and so is what its undo puts back.
    Owed,
    /// As [`Restart::Owed`], but an undo leaves the agent alone: with what is put back it may not start at all, and it
    /// keeps what it has loaded.
    OwedButNotByUndo,
    /// It stops and starts the agent itself, and so pays every restart that is owed.
    IsOne,
}

/// How long a cure holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// Until somebody changes it.
    #[default]
    Lasts,
    /// Until this host, or its container, is started anew.
    UntilReboot,
    /// Until the service that keeps such rules loads its own again.
    UntilReload,
    /// Until the program that owns the file writes it anew.
    UntilRewritten,
}

impl Durability {
    /// The stable word, as in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Durability::Lasts => "lasts",
            Durability::UntilReboot => "until-reboot",
            Durability::UntilReload => "until-reload",
            Durability::UntilRewritten => "until-rewritten",
        }
    }

    /// How long a cure holds, as a sentence.
    pub fn text(self) -> Text {
        match self {
            Durability::Lasts => Text::fixed("It lasts until somebody changes it.", "效果一直保留，直到有人再次修改。"),
            Durability::UntilReboot => {
                Text::fixed("It holds only until the next start of this machine.", "效果仅保留到本机下次启动。")
            }
            Durability::UntilReload => Text::fixed(
                "It holds only until the rules of this host are loaded anew.",
                "效果仅保留到本机重新加载规则为止。",
            ),
            Durability::UntilRewritten => Text::fixed(
                "It holds only until the program that owns the file writes it anew.",
                "效果仅保留到该文件的管理程序再次写入为止。",
            ),
        }
    }
}

/// All that is known of a remedy without a host, and how it is planned on one.
pub struct Descriptor {
    pub id: RemedyId,
    /// The step that it belongs to (design, section 3).
    pub step: StepId,
    /// The title, as lists and headings show it.
    pub title: Text,
    /// The values that only the operator knows.
    pub inputs: &'static [InputId],
    pub acts_on: ActsOn,
    pub restart: Restart,
    /// Whether it can end an agent that does not stop when it is asked; only where the operator chose that.
    pub can_be_forced: bool,
    /// What may be lost by it, on whatever host: said before all else in the plan.
    pub loses: Option<Text>,
    /// How long its cure holds, where the plan finds nothing else on the host.
    pub durability: Durability,
    /// Plans it from what was observed.
    pub(super) plan: fn(&Inputs, &Observations) -> Drafted<Plan>,
}

impl Descriptor {
    /// Whether it is itself a restart of the agent, so that none is owed after it.
    pub fn is_restart(&self) -> bool {
        self.restart == Restart::IsOne
    }
}

/// The step that a remedy belongs to.
pub fn step_of(remedy: RemedyId) -> StepId {
    descriptor(remedy).step
}

/// The title of a remedy, as lists and headings show it.
pub fn title(remedy: RemedyId) -> Text {
    descriptor(remedy).title.clone()
}

/// Plans a remedy from what was observed.
///
/// # Errors
/// Something has not been looked at yet; the question was noted.
pub fn plan(remedy: RemedyId, inputs: &Inputs, see: &Observations) -> Result<Planned, Unanswered> {
    let known = descriptor(remedy);
    match (known.plan)(inputs, see) {
        Ok(mut plan) => {
            plan = durable::judged(plan, see)?;
            if let Some(loses) = known.loses.as_ref().filter(|_| !plan.changes.is_empty()) {
                plan.cautions.insert(0, loses.clone());
            }
            Ok(Planned::Ready(Box::new(control::with_revival(common::with_owners(plan, see)?, see)?)))
        }
        Err(Stop::Decided(planned)) => Ok(planned),
        Err(Stop::Unanswered) => Err(Unanswered),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ALL;
    use super::*;
    use crate::core::text::Lang;

    #[test]
    fn every_remedy_has_one_descriptor_which_is_its_own() {
        let listed: Vec<RemedyId> = ALL.iter().map(|known| known.id).collect();
        assert_eq!(listed, RemedyId::ALL);
        for id in RemedyId::ALL {
            let known = descriptor(*id);
            assert_eq!(known.id, *id);
            assert!(![Lang::En, Lang::Zh].iter().any(|lang| known.title.get(*lang).is_empty()), "{id:?}");
            let mut inputs = known.inputs.to_vec();
            inputs.sort();
            inputs.dedup();
            assert_eq!(inputs.len(), known.inputs.len(), "{id:?} names an input twice");
        }
    }

    #[test]
    fn titles_are_told_apart() {
        for lang in [Lang::En, Lang::Zh] {
            let mut titles: Vec<String> = RemedyId::ALL.iter().map(|id| title(*id).get(lang).to_string()).collect();
            titles.sort();
            titles.dedup();
            assert_eq!(titles.len(), RemedyId::ALL.len());
        }
    }
}
