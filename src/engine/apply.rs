//! Orders are carried out: in this process, or in one that sudo starts.

use super::applying::{Applying, limit_of};
use super::frontend::Frontend;
use super::run::Run;
use crate::carry_out::helper;
use crate::core::flow::Event;
use crate::core::journal::{Applied, Order, Progress};
use crate::core::text::Lang;
use crate::say;
use std::path::PathBuf;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

impl Run<'_> {
    /// Carries an order out in this process.
    pub(super) fn apply(&mut self, order: Order) {
        let applier = self.applier.clone();
        self.begin(order, |order, sender| async move { applier.carry_out(&order, sender).await });
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
        let starts = order.plan.starts_agent(order.with_restart);
        self.goal = Some(self.goal_of(order.plan.verify, order.plan.remedy).starting(starts));
        let task = tokio::spawn(work(order, sender));
        self.applying = Some(Applying { task, progress, ahead: None, limit });
    }
}
