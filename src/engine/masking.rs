//! What the session is told has no secrets: findings and sentences pass through here on their way to every face.

use crate::core::checks::Checked;
use crate::core::finding::Finding;
use crate::core::flow::Event;
use crate::core::journal::{AppliedResult, ChangeState, Progress};
use crate::core::observe::{Answer, Observations, Question};
use crate::core::redact::Redactor;
use crate::core::remedies::Planned;
use crate::core::text::{Lang, Text};
use std::collections::BTreeMap;

/// Learns the secrets of the answers that are new, so that a finding that shows a piece of one shows none of them.
pub(super) fn learn(redactor: &mut Redactor, learnt: &mut BTreeMap<Question, (usize, i64)>, seen: &Observations) {
    for (question, answer) in seen.answers() {
        let mark = match answer {
            Answer::File(Ok(file)) => (file.bytes.len(), file.modified),
            Answer::Environment(Ok(pairs)) => (pairs.iter().map(|(name, value)| name.len() + value.len()).sum(), 0),
            Answer::ReadCommand(Ok(printed)) => (printed.out.len(), 0),
            Answer::Processes(Ok(processes)) => {
                (processes.len(), processes.iter().map(|process| i64::from(process.pid)).sum())
            }
            _ => continue,
        };
        if learnt.get(question) != Some(&mark) {
            redactor.learn(answer);
            learnt.insert(question.clone(), mark);
        }
    }
}

/// The finding as it may be shown.
pub(super) fn finding_without_secrets(redactor: &mut Redactor, checked: &Checked) -> Checked {
    let finding = redactor.through(&checked.finding).unwrap_or_else(|| {
        let said = Text::fixed("This finding cannot be shown safely.", "该结果无法安全显示。");
        Finding::unknown(checked.finding.step, said, Vec::new())
    });
    Checked { finding, elapsed_ms: checked.elapsed_ms }
}

/// The event without secrets, as far as it brings text from outside. A plan keeps them, because it must write files
/// as they are; its preview takes them out.
pub(super) fn masked(redactor: &mut Redactor, event: Event) -> Event {
    let mut text = |text: Text| Text::filled(redactor.text(text.get(Lang::En)), redactor.text(text.get(Lang::Zh)));
    match event {
        Event::Planned(planned) => Event::Planned(Box::new(match *planned {
            Planned::Already(said) => Planned::Already(text(said)),
            Planned::Refused(said) => Planned::Refused(text(said)),
            ready @ (Planned::Ready(_) | Planned::Needs(_)) => ready,
        })),
        Event::Progress(Progress::State(number, ChangeState::Failed(said))) => {
            Event::Progress(Progress::State(number, ChangeState::Failed(text(said))))
        }
        Event::Progress(Progress::Line(mut line)) => {
            line.text = redactor.text(&line.text);
            Event::Progress(Progress::Line(line))
        }
        Event::Applied(mut applied) => {
            applied.result = match applied.result {
                AppliedResult::Refused(said) => AppliedResult::Refused(text(said)),
                AppliedResult::Busy(said) => AppliedResult::Busy(text(said)),
                AppliedResult::RolledBack(said) => AppliedResult::RolledBack(text(said)),
                AppliedResult::LeftOver(said) => AppliedResult::LeftOver(text(said)),
                other @ (AppliedResult::Applied | AppliedResult::Stale(_)) => other,
            };
            Event::Applied(applied)
        }
        other => other,
    }
}
