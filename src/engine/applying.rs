//! A plan being carried out: in this process, or in one that sudo starts.

use super::{Frontend, Run};
use crate::carry_out::{self, Applied, Order, Progress, helper};
use crate::core::flow::Event;
use crate::core::remedies::{Change, Plan};
use crate::core::text::Lang;
use crate::say;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// How long a change of a file, or of the service, may take with its backup and its line in the journal, each of which
/// the host gives up after a minute; and the beginning and end of a plan.
const A_WHILE: Duration = Duration::from_secs(180);

/// A plan being carried out.
pub(super) struct Applying {
    task: JoinHandle<Applied>,
    progress: UnboundedReceiver<Progress>,
    /// What was read of the progress and is not an event yet.
    ahead: Option<Progress>,
    /// How long it can take at the most, with taking everything back.
    limit: Duration,
}

impl Applying {
    /// How long it can take at the most, with taking everything back.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// Waits for the end, but not for ever; None when it did not come.
    pub(super) async fn finish(self) -> Option<Applied> {
        match tokio::time::timeout(self.limit, self.task).await {
            Ok(Ok(applied)) => Some(applied),
            Ok(Err(_)) => Some(Applied::broken()),
            Err(_) => None,
        }
    }
}

impl Run<'_> {
    /// Carries an order out in this process.
    pub(super) fn apply(&mut self, order: Order) {
        let (host, store) = (Arc::clone(&self.looking.host), self.store.clone());
        self.begin(
            order,
            |order, sender| async move { carry_out::carry_out(host.as_ref(), &store, &order, sender).await },
        );
    }

    /// As [`Run::apply`], in a process that sudo or doas starts.
    pub(super) async fn apply_through<F: Frontend>(&mut self, sudo: PathBuf, order: Order, face: &mut F) {
        let opened = match helper::argv() {
            Ok(argv) => face.authorise(&sudo, &argv, self.session).await,
            Err(text) => Err(text),
        };
        let connection = opened.map_err(|reason| {
            let (command, en, zh) =
                (self.session.command_of_plan(&order.plan), reason.get(Lang::En), reason.get(Lang::Zh));
            say!(
                "{en} Nothing was changed. Somebody who may can run this: {command}",
                "{zh}未做任何更改。有权限的人可执行：{command}"
            )
        });
        match connection {
            Ok(connection) => {
                self.begin(order, |order, sender| async move { helper::send(connection, order, sender).await });
            }
            Err(text) => {
                let effects = self.session.handle(Event::Applied(Box::new(Applied::refused(text))));
                if effects.contains(&crate::core::flow::Effect::RecheckAll) {
                    self.looking.look_again();
                }
            }
        }
    }

    /// Begins the work on an order. What its plan is to cure is told as it is before the plan.
    fn begin<W>(&mut self, order: Order, work: impl FnOnce(Order, UnboundedSender<Progress>) -> W)
    where
        W: Future<Output = Applied> + Send + 'static,
    {
        let (sender, progress) = unbounded_channel();
        let limit = limit_of(&order.plan);
        self.goal = Some(self.looking.goal(order.plan.verify, order.plan.remedy));
        let task = tokio::spawn(work(order, sender));
        self.applying = Some(Applying { task, progress, ahead: None, limit });
    }
}

/// How long a plan can take at the most: every change to its limit, and as long again to take it back.
fn limit_of(plan: &Plan) -> Duration {
    let all = plan.changes.iter().chain(&plan.restart).chain(&plan.revive);
    A_WHILE + 2 * all.map(limit_of_change).sum::<Duration>()
}

fn limit_of_change(change: &Change) -> Duration {
    match change {
        Change::AwaitAgent { limit, harder: Some(harder), .. } => 2 * *limit + limit_of_change(harder),
        Change::Run { limit, .. } | Change::AwaitAgent { limit, .. } => *limit,
        // What names no limit of its own, the host gives up by itself.
        _ => A_WHILE,
    }
}

/// What happened next to a plan under way: a change that came to a state, the end, or a burst of lines, which is one
/// piece of news however many lines it has. Pending for ever when no plan is under way.
pub(super) async fn next_of(applying: &mut Option<Applying>) -> Vec<Event> {
    let Some(Applying { task, progress, ahead, .. }) = applying else { return std::future::pending().await };
    let first = match ahead.take() {
        Some(progress) => Some(progress),
        None => progress.recv().await,
    };
    let Some(first) = first else {
        let applied = task.await.unwrap_or_else(|_| Applied::broken());
        return vec![Event::Applied(Box::new(applied))];
    };
    let mut events = Vec::new();
    let mut next = Some(first);
    while let Some(news) = next.take() {
        if !events.is_empty() && !matches!(news, Progress::Line(_)) {
            *ahead = Some(news);
            break;
        }
        let is_line = matches!(news, Progress::Line(_));
        events.push(Event::Progress(news));
        if is_line {
            next = progress.try_recv().ok();
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carry_out::ChangeState;
    use crate::core::observe::LiveLine;
    use crate::core::text::Text;

    #[tokio::test]
    async fn a_burst_of_lines_is_one_piece_of_news_and_a_state_keeps_its_place() {
        let (sender, progress) = unbounded_channel();
        let line = |number: usize| Progress::Line(LiveLine { is_error: false, text: number.to_string() });
        sender.send(Progress::State(0, ChangeState::Running)).unwrap();
        (0..100).for_each(|number| sender.send(line(number)).unwrap());
        sender.send(Progress::State(0, ChangeState::Done)).unwrap();
        sender.send(line(100)).unwrap();
        drop(sender);
        let task = tokio::spawn(async { Applied::refused(Text::same("x")) });
        let mut applying = Some(Applying { task, progress, ahead: None, limit: A_WHILE });
        let mut sizes = Vec::new();
        loop {
            let events = next_of(&mut applying).await;
            sizes.push(events.len());
            if matches!(events.as_slice(), [Event::Applied(_)]) {
                break;
            }
        }
        assert_eq!(sizes, [1, 100, 1, 1, 1]);
    }
}
