//! Reading the journals for the session: the one that this process writes and, for a user who is not root, root's.

use super::frontend::Frontend;
use super::run::Run;
use crate::carry_out::{self, Store, ask_for_journals, helper};
use crate::core::flow::{Event, Notice, UnderWay, Way};
use crate::core::journal::{JOURNAL, Journals, read_journals};
use crate::core::observe::{Answer, Question, Unavailable};
use crate::core::remedies::for_root;
use crate::say;
use std::collections::BTreeSet;

impl Run<'_> {
    /// Begins to read what was changed. What is to be taken back may be root's, so sudo may ask for its password then;
    /// not where this session's newest change is the user's own.
    pub(super) async fn read_journal<F: Frontend>(&mut self, to_undo: bool, face: &mut F) {
        if to_undo {
            let newest = self.session.done.iter().rev().find_map(|(_, entry, _)| entry.clone());
            self.reach_roots_journal(newest.as_deref(), face).await;
        }
        let journals = self.journals();
        let host = self.looking.host.as_ref();
        let roots = match journals.roots {
            Some(dir) => carry_out::under_way(host, &Store { dir, ..self.applier.store().clone() }).await,
            None => None,
        };
        let under_way = UnderWay { own: carry_out::under_way(host, self.applier.store()).await, roots };
        self.session.handle(Event::UnderWay(under_way));
        self.reading_journal = Some(false);
        self.attempt_journal();
    }

    /// Makes sure that root's journal can be read, where sudo is the way to it and `entry`, which is to be taken back,
    /// stands there or may stand there. A refusal shows in what is read.
    pub(super) async fn reach_roots_journal<F: Frontend>(&mut self, entry: Option<&str>, face: &mut F) {
        if let Way::Sudo(sudo) = self.session.way()
            && self.is_roots_journal_hidden().await
            && !self.is_own(entry).await
            && let Ok(argv) = helper::argv()
            && let Err(text) = face.authorise(&sudo, &argv, self.session).await
        {
            self.session.handle(Event::Notice(Notice { text, is_problem: true }));
        }
    }

    /// Whether root's journal is another one, and there may be one that cannot be read now.
    async fn is_roots_journal_hidden(&self) -> bool {
        let Some(dir) = self.journals().roots else { return false };
        let seen = self.looking.host.observe(Question::Tail(dir.join(JOURNAL))).await;
        matches!(seen, Answer::File(Err(trouble)) if trouble != Unavailable::Absent)
    }

    /// Whether an entry stands in the journal that this process writes.
    async fn is_own(&self, entry: Option<&str>) -> bool {
        let own = Journals { roots: None, ..self.journals() };
        let all = ask_for_journals(self.looking.host.as_ref(), &own).await;
        all.iter().any(|done| Some(done.id.as_str()) == entry)
    }

    /// Closes an entry of which nothing is left to take back.
    pub(super) async fn close(&self, entry: &str) {
        if self.session.read_only {
            return;
        }
        let host = self.looking.host.as_ref();
        let all = ask_for_journals(host, &self.journals()).await;
        if let Some(done) = all.iter().find(|done| done.id == entry) {
            self.applier.close(done).await;
        }
    }

    fn journals(&self) -> Journals {
        self.looking.journals(self.applier.store())
    }

    /// Reads the journals anew: what was seen of them earlier may have been added to since.
    pub(super) fn attempt_journal(&mut self) -> Vec<Event> {
        let journals = self.journals();
        let Some(has_asked) = self.reading_journal.as_mut() else { return Vec::new() };
        let seen = self.looking.found.seen();
        if !std::mem::replace(has_asked, true) {
            let dirs = [Some(&journals.own), journals.roots.as_ref()];
            let questions: BTreeSet<_> =
                dirs.into_iter().flatten().map(|dir| Question::Tail(dir.join(JOURNAL))).collect();
            self.looking.found.forget(&questions);
            let asked = self.looking.found.ask(questions);
            self.looking.spawn(asked);
            return Vec::new();
        }
        let Ok(entries) = seen.at_a_glance(|seen| read_journals(seen, &journals)) else { return Vec::new() };
        let roots = journals.roots.as_ref().map(|dir| seen.at_a_glance(|seen| seen.tail(dir.join(JOURNAL)).cloned()));
        let is_hidden = matches!(roots, Some(Ok(Err(trouble))) if trouble != Unavailable::Absent);
        self.reading_journal = None;
        let mut events = vec![Event::Journal(entries)];
        if is_hidden {
            let command = for_root(&["journal"]);
            let text = say!(
                "Root's journal is not among these: only root may read it. It is shown by: {command}",
                "以下不含 root 的操作日志：只有 root 可以读取。查看命令：{command}"
            );
            events.push(Event::Notice(Notice { text, is_problem: false }));
        }
        events
    }
}
