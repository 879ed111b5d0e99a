//! Reading the journals for the session: the one that this process writes and, for a user who is not root, root's.

use super::{Face, Run};
use crate::carry_out::{self, JOURNAL, Journals, Store, errand, read_journals};
use crate::flow::{Event, Notice, UnderWay, Way};
use crate::host::{Question, Trouble};
use crate::remedies::for_root;
use crate::say;
use std::collections::BTreeSet;

impl Run<'_> {
    /// Begins to read what was changed. What is to be taken back may be root's, so sudo may ask for its password then.
    pub(super) async fn read_journal<F: Face>(&mut self, to_undo: bool, face: &mut F) {
        if to_undo {
            self.reach_roots_journal(face).await;
        }
        let journals = self.journals();
        let host = self.looking.host.as_ref();
        let roots = match journals.roots {
            Some(dir) => carry_out::under_way(host, &Store { dir, ..self.store.clone() }).await,
            None => None,
        };
        let under_way = UnderWay { own: carry_out::under_way(host, &self.store).await, roots };
        self.session.handle(Event::UnderWay(under_way));
        self.reading_journal = Some(false);
        self.attempt_journal();
    }

    /// Makes sure that root's journal can be read, where sudo is the way to it. A refusal shows in what is read.
    pub(super) async fn reach_roots_journal<F: Face>(&mut self, face: &mut F) {
        if self.looking.roots_dir().is_some()
            && let Way::Sudo(sudo) = self.session.way()
            && let Ok(argv) = errand::argv()
            && let Err(text) = face.authorise(&sudo, &argv, self.session).await
        {
            self.session.handle(Event::Notice(Notice { text, is_problem: true }));
        }
    }

    fn journals(&self) -> Journals {
        self.looking.journals(&self.store)
    }

    /// Reads the journals anew: what was seen of them earlier may have been added to since.
    pub(super) fn attempt_journal(&mut self) -> Vec<Event> {
        let journals = self.journals();
        let Some(has_asked) = self.reading_journal.as_mut() else { return Vec::new() };
        let seen = self.looking.found.seen();
        seen.take_open();
        if !std::mem::replace(has_asked, true) {
            let dirs = [Some(&journals.own), journals.roots.as_ref()];
            let questions: BTreeSet<_> =
                dirs.into_iter().flatten().map(|dir| Question::Tail(dir.join(JOURNAL))).collect();
            self.looking.found.forget(&questions);
            let asked = self.looking.found.ask(questions);
            self.looking.spawn(asked);
            return Vec::new();
        }
        let Ok(entries) = read_journals(seen, &journals) else { return Vec::new() };
        let roots = journals.roots.as_ref().map(|dir| seen.tail(dir.join(JOURNAL)));
        let is_hidden = matches!(roots, Some(Ok(Err(trouble))) if *trouble != Trouble::Absent);
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
