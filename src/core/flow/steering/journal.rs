//! The journal on screen: read, moved in, and taken back from.

use super::motion::Motion;
use super::remedy::{command_for, is_undoable};
use crate::core::flow::journal_layer::{JournalLayer, undo_command};
use crate::core::flow::{Clip, Effect, Layer, Notice, RemedyLayer, Session, Stage};
use crate::core::journal::{JournalEntry, Recorded};
use crate::core::remedies::{self, Plan};
use crate::core::text::{Lang, Text};
use crate::say;

impl Session {
    /// The entries that the filter leaves, newest first; empty until the journal is read.
    pub fn journal_rows(&self) -> Vec<&JournalEntry> {
        let Some(Layer::Journal(layer)) = self.layers.last() else { return Vec::new() };
        let leaves = |done: &&JournalEntry| {
            let title = remedies::title(done.remedy);
            let words = [title.get(Lang::En), title.get(Lang::Zh), &done.id, &done.actor, done.remedy.id()];
            words.iter().any(|word| self.leaves(word))
        };
        layer.entries.iter().flatten().filter(leaves).collect()
    }

    /// Who is at the change of this entry right now. Only the newest entry without an end can be under way.
    pub fn under_way(&self, done: &JournalEntry) -> Option<&str> {
        let Some(Layer::Journal(JournalLayer { entries: Some(entries), .. })) = self.layers.last() else { return None };
        let newest = entries.iter().find(|entry| entry.is_roots == done.is_roots && entry.result == Recorded::Open)?;
        let holder = if done.is_roots { &self.under_way.roots } else { &self.under_way.own };
        holder.as_deref().filter(|_| newest.id == done.id)
    }

    pub(super) fn open_journal(&mut self, takes_back_newest: bool) -> Vec<Effect> {
        self.layers.push(Layer::Journal(JournalLayer { takes_back_newest, ..JournalLayer::default() }));
        vec![Effect::ReadJournal { to_undo: takes_back_newest }]
    }

    /// The journal was read, oldest entry first.
    pub(super) fn journal_read(&mut self, mut entries: Vec<JournalEntry>) -> Vec<Effect> {
        entries.reverse();
        // The help may have been opened above it meanwhile.
        let Some(at) = self.layers.iter().rposition(|layer| matches!(layer, Layer::Journal(_))) else {
            return Vec::new();
        };
        let Some(Layer::Journal(layer)) = self.layers.get_mut(at) else { return Vec::new() };
        let newest = entries.iter().find(|done| done.can_be_taken_back()).cloned();
        let takes_back = std::mem::take(&mut layer.takes_back_newest);
        layer.chosen = layer.chosen.min(entries.len().saturating_sub(1));
        layer.entries = Some(entries);
        match (takes_back, newest) {
            (false, _) => Vec::new(),
            (true, Some(done)) => {
                self.layers.truncate(at);
                self.plan_undo(&done)
            }
            (true, None) => {
                self.layers.truncate(at);
                let text = Text::fixed("The journal has nothing to take back.", "操作日志中没有可撤销的条目。");
                self.notice = Some(Notice { text, is_problem: false });
                Vec::new()
            }
        }
    }

    pub(super) fn journal_move(&mut self, motion: Motion, page: usize) {
        let count = self.journal_rows().len();
        if let Some(Layer::Journal(layer)) = self.layers.last_mut() {
            layer.chosen = motion.from(layer.chosen, count.saturating_sub(1), page);
        }
    }

    fn chosen_entry(&self) -> Option<&JournalEntry> {
        let Some(Layer::Journal(layer)) = self.layers.last() else { return None };
        self.journal_rows().get(layer.chosen).copied()
    }

    /// Previews the taking back of the entry under the cursor, or says why there is nothing to preview.
    pub(super) fn take_back_chosen(&mut self) -> Vec<Effect> {
        let chosen = self.chosen_entry().cloned();
        if let Some((done, holder)) = chosen.as_ref().and_then(|done| Some((done, self.under_way(done)?))) {
            let (id, remedy) = (&done.id, done.remedy.id());
            let text = say!(
                "{remedy} {id} is under way: {holder}. Wait until it is over before you change anything.",
                "{remedy} {id} 正在执行：{holder}。请待其结束后再做更改。"
            );
            self.notice = Some(Notice { text, is_problem: true });
            return Vec::new();
        }
        match chosen {
            Some(done) if done.is_broken_off() => {
                self.ask_about(done);
                Vec::new()
            }
            Some(done) if done.can_be_taken_back() => self.plan_undo(&done),
            Some(_) => {
                let text = Text::fixed("There is nothing to take back in this entry.", "该条目没有可撤销的内容。");
                self.notice = Some(Notice { text, is_problem: false });
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    pub(super) fn plan_undo(&mut self, done: &JournalEntry) -> Vec<Effect> {
        let mut layer = RemedyLayer::new(done.remedy);
        layer.is_undo = true;
        self.layers.push(Layer::Remedy(Box::new(layer)));
        self.undoing = Some(done.id.clone());
        vec![Effect::PlanUndo(done.id.clone())]
    }

    /// The command that takes the entry under the cursor back.
    pub(super) fn journal_clip(&self) -> Option<Clip> {
        self.chosen_entry().map(|done| Clip::Command(undo_command(&done.id, done.remedy, done.is_roots)))
    }

    /// The command that takes back what the outcome on screen tells; None where there is nothing to take back, and on a
    /// simulated host, which is gone by then.
    pub fn undo_later(&self) -> Option<String> {
        let layer = self.layers.iter().rev().find_map(|layer| match layer {
            Layer::Remedy(layer) => Some(layer),
            _ => None,
        })?;
        let Stage::Outcome { plan: Some(plan), applied: Some(applied), .. } = &layer.stage else { return None };
        let has_undo = !layer.is_undo && self.demo.is_none() && is_undoable(plan, applied);
        applied.entry.as_deref().filter(|_| has_undo).map(|entry| undo_command(entry, plan.remedy, plan.is_roots))
    }

    /// The command that carries out the plan on screen without the wizard.
    pub fn command_of_plan(&self, plan: &Plan) -> String {
        match &self.undoing {
            Some(entry) => undo_command(entry, plan.remedy, plan.is_roots),
            None => command_for(plan),
        }
    }
}
