//! `fix`, `undo`: plan, show, carry out, prove.

mod consent;
mod result;

use super::args::{ConsentArgs, FixArgs, FixFormat};
use super::journal;
use super::journal::Unfinished;
use super::looking::{begin, looking_text};
use super::progress_line::while_waiting;
use super::settings::{COULD_NOT_RUN, CURED, Settings};
use crate::carry_out::elevation::Connection;
use crate::carry_out::{Applier, WithRootsJournal, helper};
use crate::core::checks::Judge;
use crate::core::finding::{CauseId, RemedyId, StepId};
use crate::core::flow::{Goal, Proof, rolled_back, undo_command};
use crate::core::journal::{
    Applied, AppliedResult, ChangeState, Consent, Order, Progress, can_be_undone, choose_entry,
};
use crate::core::redact::Redactor;
use crate::core::remedies::{self, InputId, Inputs, Plan, Planned, PreviewMark};
use crate::core::text::{Lang, Text, printable};
use crate::engine::{Looking, PlanRequest};
use crate::say;
use consent::Leave;
use result::{Ended, Noted, Outcome};
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::unbounded_channel;

/// Applied, but the step still fails.
const STILL_FAILS: u8 = 1;
/// Nothing was changed: refused, or something is missing.
const REFUSED: u8 = 3;
/// Applied and taken back.
const ROLLED_BACK: u8 = 4;

/// Carries out one remedy.
///
/// # Errors
/// The preview cannot be written; nothing was changed then.
pub async fn fix(
    applier: Applier,
    judge: Judge,
    settings: &Settings,
    remedy: RemedyId,
    set: &[String],
    manner: impl Into<FixArgs>,
    out: &mut impl Write,
) -> io::Result<u8> {
    let host = applier.host();
    let FixArgs { consent, format, detailed_exitcode } = manner.into();
    let mut inputs = Inputs::from_context(&settings.context);
    for pair in set {
        match put(&mut inputs, pair) {
            Ok(said) => said.iter().for_each(|text| settings.complain(text)),
            Err(reason) => {
                settings.complain(&reason);
                return Ok(COULD_NOT_RUN);
            }
        }
    }
    match journal::unfinished(&host, settings).await {
        Some(Unfinished::BrokenOff(done)) if done.remedy == remedy => {
            let id = &done.id;
            settings.complain(&say!("This finishes {id}, which was broken off.", "将继续完成被中断的 {id}。"));
        }
        Some(Unfinished::BrokenOff(done)) => settings.complain(&journal::ways_out(&done)),
        Some(Unfinished::UnderWay(text)) => settings.complain(&text),
        None => {}
    }
    let mut told = settings.clone();
    told.context = inputs.context.clone();
    let mut looking = begin(&host, judge, &told);
    let wish = PlanRequest::Remedy(remedy, Box::new(inputs));
    let planned = while_waiting(settings, &looking_text(), looking.plan(wish)).await;
    let changing = Changing { applier, settings, consent, remedy, undoes: None, noted: Mutex::default() };
    let ended = match format {
        FixFormat::Text => changing.go(&mut looking, planned, out).await?,
        FixFormat::Json => {
            let ended = changing.go_unseen(&mut looking, planned).await?;
            changing.noted().write(remedy, ended, settings.lang, out)?;
            ended
        }
    };
    Ok(ended.exit_code(detailed_exitcode))
}

/// Carries out the helper of a wizard that is not root, which sudo started. What the terminal sends to its processes
/// meanwhile does not cut a change in half.
///
/// # Errors
/// The signals cannot be held; nothing was changed then.
pub async fn run_errand(applier: &Applier, settings: &Settings) -> io::Result<u8> {
    let _signals = Signals::hold()?;
    let has_come = applier.receive(io::stdin().lock()).await;
    if !has_come {
        settings.complain(&Text::fixed(
            "This command is for the wizard alone; use fix REMEDY instead.",
            "该命令仅供向导内部使用，请改用 fix REMEDY。",
        ));
    }
    Ok(if has_come { CURED } else { COULD_NOT_RUN })
}

/// Puts one `KEY=VALUE` into the inputs. Returns what is to be said about it.
fn put(inputs: &mut Inputs, pair: &str) -> Result<Option<Text>, Text> {
    let Some((key, value)) = pair.split_once('=') else {
        return Err(say!("--set {pair}: write it as KEY=VALUE", "--set {pair}：请写成 KEY=VALUE"));
    };
    let Some(input) = InputId::of_id(key.trim()) else {
        let known = ["ip", "old-ip", "create-group", "force"]
            .into_iter()
            .chain(crate::core::context::Field::ALL.iter().map(|field| field.id()));
        let known = known.collect::<Vec<_>>().join(", ");
        return Err(say!("--set {key}: unknown; known are {known}", "--set {key}：未知；可用：{known}"));
    };
    inputs.tell(input, value).map_err(|refusal| {
        let (en, zh) = refusal.both();
        Text::filled(format!("--set {key}: {en}"), format!("--set {key}：{zh}"))
    })
}

/// Takes back an entry of the journal: the named one, or the newest that still stands.
///
/// # Errors
/// The preview cannot be written; nothing was changed then.
pub async fn undo(
    applier: Applier,
    judge: Judge,
    settings: &Settings,
    id: Option<&str>,
    consent: ConsentArgs,
    out: &mut impl Write,
) -> io::Result<u8> {
    let host = WithRootsJournal::around(applier.host(), settings.roots_dir.as_deref());
    let Some((entries, unread)) = journal::read(&host, settings).await else { return Ok(COULD_NOT_RUN) };
    if unread > 0 {
        settings.complain(&journal::unreadable_lines(unread));
    }
    let entry = match choose_entry(&entries, id.unwrap_or("last")) {
        Ok(entry) => entry,
        Err(reason) => {
            settings.complain(&reason);
            return Ok(REFUSED);
        }
    };
    let mut looking = begin(&host, judge, settings);
    let wish = PlanRequest::Undo { entry: entry.id.clone(), store: settings.store.clone() };
    let planned = while_waiting(settings, &looking_text(), looking.plan(wish)).await;
    if matches!(planned, Planned::Already(_)) && !consent.dry_run && !settings.read_only {
        applier.close(entry).await;
    }
    let undoes = Some(entry.id.clone());
    let changing = Changing { applier, settings, consent, remedy: entry.remedy, undoes, noted: Mutex::default() };
    Ok(changing.go(&mut looking, planned, out).await?.code)
}

/// One change on its way from plan to proof.
struct Changing<'a> {
    applier: Applier,
    settings: &'a Settings,
    consent: ConsentArgs,
    remedy: RemedyId,
    undoes: Option<String>,
    noted: Mutex<Noted>,
}

impl Changing<'_> {
    /// What was noted on the way.
    fn noted(&self) -> std::sync::MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes without showing anything on standard output, which is the result's alone; so nobody can be asked.
    async fn go_unseen(&self, looking: &mut Looking, planned: Planned) -> io::Result<Ended> {
        if !self.consent.yes && !self.consent.dry_run {
            self.settings.complain(&Text::fixed(
                "--format json asks nobody: add --yes, or --dry-run to see the changes only.",
                "--format json 不会询问：请加上 --yes，或用 --dry-run 仅查看更改。",
            ));
            return Ok(Ended::new(Outcome::Refused, REFUSED));
        }
        self.go(looking, planned, &mut io::sink()).await
    }

    async fn go(&self, looking: &mut Looking, planned: Planned, out: &mut impl Write) -> io::Result<Ended> {
        let settings = self.settings;
        let plan = match planned {
            Planned::Already(text) => {
                settings.say(out, &text)?;
                return Ok(Ended::new(Outcome::Already, CURED));
            }
            Planned::Refused(text) => {
                settings.complain(&text);
                return Ok(Ended::new(Outcome::Refused, REFUSED));
            }
            Planned::Needs(inputs) => {
                self.ask_for(&inputs);
                return Ok(Ended::new(Outcome::Refused, REFUSED));
            }
            Planned::Ready(plan) => plan,
        };
        self.preview(&plan, out)?;
        self.noted().plan(&plan, settings.lang);
        if self.consent.dry_run {
            return Ok(Ended::new(Outcome::Planned, CURED));
        }
        let (helper, consent) = match self.leave(&plan).await {
            Leave::Direct(consent) => (None, consent),
            Leave::Sudo(helper, consent) => (Some(helper), consent),
            Leave::No(refusals) => {
                // A line each: the commands among them are there to be copied.
                for refusal in &refusals {
                    settings.complain(refusal);
                }
                return Ok(Ended::new(Outcome::Refused, REFUSED));
            }
        };
        // Whoever has stopped reading has not seen the preview, and would not see what came of it.
        super::streams::is_read()?;
        // What there is to cure is known before anything is changed.
        let goal = looking.settled_goal(plan.verify, self.remedy).await.starting(plan.starts_agent(true));
        self.noted().cause = self.cause(looking, plan.verify);
        let mut signals = Signals::hold()?;
        let is_errand = helper.is_some();
        let order =
            Order { plan: *plan, with_restart: true, consent: Consent::given(consent), undoes: self.undoes.clone() };
        let applied = self.apply(&order, helper, &mut signals, out).await;
        let plan = order.plan;
        self.noted().journal_id = applied.entry.clone();
        match applied.result {
            AppliedResult::Applied => {}
            AppliedResult::Stale(path) => {
                let path = path.display();
                settings.complain(&say!(
                    "{path} changed after the preview was made. Nothing was done; run the command again.",
                    "{path} 在生成预览之后发生了变化。未做任何更改，请重新运行该命令。"
                ));
                return Ok(Ended::new(Outcome::Refused, REFUSED));
            }
            AppliedResult::Refused(reason) if is_errand => {
                settings.complain(&reason);
                settings.complain(&self.as_root(&plan));
                return Ok(Ended::new(Outcome::Refused, REFUSED));
            }
            AppliedResult::Refused(reason) => {
                settings.complain(&reason);
                return Ok(Ended::new(Outcome::Refused, COULD_NOT_RUN));
            }
            AppliedResult::Busy(reason) => {
                settings.complain(&reason);
                return Ok(Ended::new(Outcome::Refused, REFUSED));
            }
            AppliedResult::RolledBack(reason) => {
                settings.complain(&rolled_back(&reason));
                return Ok(match applied.entry {
                    Some(_) => Ended::new(Outcome::RolledBack, ROLLED_BACK),
                    None => Ended::new(Outcome::Refused, COULD_NOT_RUN),
                });
            }
            AppliedResult::LeftOver(reason) => {
                settings.complain(&reason);
                return Ok(Ended::new(Outcome::NotProven, COULD_NOT_RUN));
            }
        }
        if self.undoes.is_some() {
            settings.say_or_complain(out, &taken_back(&plan));
            return Ok(Ended::new(Outcome::Applied, CURED));
        }
        settings.complain(&match &applied.entry {
            Some(entry) if can_be_undone(&plan) => {
                let undo = undo_command(entry, plan.remedy, plan.is_roots);
                say!("Applied. To take it back: {undo}", "已执行。撤销命令：{undo}")
            }
            _ => Text::fixed("Applied.", "已执行。"),
        });
        self.prove(looking, &goal, plan.patience_for(true), &mut signals, out).await
    }

    /// The cause that the remedy is carried out for: the worst one of its step that offers it.
    fn cause(&self, looking: &Looking, step: StepId) -> Option<CauseId> {
        let steps = [step, remedies::step_of(self.remedy)];
        let findings = steps.iter().filter_map(|step| looking.found().finding(*step));
        let causes = findings.flat_map(|checked| &checked.finding.causes);
        causes
            .filter(|cause| cause.remedies.contains(&self.remedy))
            .max_by_key(|cause| cause.severity)
            .map(|cause| cause.id)
    }

    /// Says what is missing, each with the option that tells it.
    fn ask_for(&self, inputs: &[(InputId, String)]) {
        self.settings.complain(&Text::fixed("This remedy needs:", "该修复需要："));
        for (input, suggestion) in inputs {
            let (id, label, hint) = (input.id(), input.label(), input.hint());
            let line = |lang| {
                let possible = || match input {
                    InputId::Context(field) if !field.choices().is_empty() => field.choices().join("|"),
                    _ => id.to_uppercase(),
                };
                let value = if suggestion.is_empty() { possible() } else { suggestion.clone() };
                let option = remedies::shell_line(&["--set".to_string(), format!("{id}={value}")]);
                let colon = if lang == Lang::Zh { "：" } else { ": " };
                format!("  {option}   {}{colon}{}", label.get(lang), hint.get(lang))
            };
            self.settings.complain(&Text::filled(line(Lang::En), line(Lang::Zh)));
        }
    }

    /// The exact changes. A file may hold secrets; they are not shown.
    fn preview(&self, plan: &Plan, out: &mut impl Write) -> io::Result<()> {
        let mut redactor = Redactor::new();
        for line in remedies::preview(plan, true, self.settings.lang) {
            let text = redactor.text(&line.text);
            // What must not be overlooked is marked without colour, too.
            let text = if line.mark == PreviewMark::Caution { format!("! {text}") } else { text };
            let code = match line.mark {
                PreviewMark::Added => "32",
                PreviewMark::Removed => "31",
                PreviewMark::Heading => "1",
                PreviewMark::Caution => "33",
                PreviewMark::Plain | PreviewMark::Command => "",
            };
            match self.settings.style.colour && !code.is_empty() {
                true => writeln!(out, "\u{1b}[{code}m{text}\u{1b}[0m")?,
                false => writeln!(out, "{text}")?,
            }
        }
        out.flush()
    }

    /// Carries the order out and shows what happens. Once begun it is finished, whether or not anybody still reads.
    async fn apply(
        &self,
        order: &Order,
        helper: Option<Box<Connection>>,
        signals: &mut Signals,
        out: &mut impl Write,
    ) -> Applied {
        let (sender, mut progress) = unbounded_channel();
        let work = async move {
            match helper {
                None => self.applier.carry_out(order, sender).await,
                Some(helper) => helper::send(*helper, order.clone(), sender).await,
            }
        };
        let mut redactor = Redactor::new();
        let show = async {
            while let Some(progress) = progress.recv().await {
                if let Progress::State(number, state) = &progress {
                    self.noted().step(*number, state);
                }
                if let Some(line) = self.progress_line(&progress) {
                    let line = redactor.text(&line);
                    let _ = writeln!(out, "{}", printable(&line)).and_then(|()| out.flush());
                }
            }
        };
        let hold_on = async {
            loop {
                signals.next().await;
                self.settings.complain(&Text::fixed(
                    "A change is under way; it is finished first. Each of its steps has a time limit.",
                    "有更改正在进行，将先执行完毕；每一步都有时间限制。",
                ));
            }
        };
        tokio::select! {
            (applied, ()) = futures_util::future::join(work, show) => applied,
            () = hold_on => Applied::broken(),
        }
    }

    fn progress_line(&self, progress: &Progress) -> Option<String> {
        let lang = self.settings.lang;
        let (number, word) = match progress {
            Progress::Line(line) => return Some(format!("   | {}", line.text)),
            Progress::State(_, ChangeState::Waiting | ChangeState::Running) => return None,
            Progress::State(number, ChangeState::Done) => (number, Text::fixed("done", "完成")),
            Progress::State(number, ChangeState::Already) => (number, Text::fixed("was so already", "已是如此")),
            Progress::State(number, ChangeState::RolledBack) => (number, Text::fixed("rolled back", "已回退")),
            Progress::State(number, ChangeState::Failed(reason)) => {
                let (en, zh) = reason.both();
                (number, say!("failed: {en}", "失败：{zh}"))
            }
        };
        Some(format!("{}. {}", number + 1, word.get(lang)))
    }

    /// Checks the step again until it holds, as long as the plan says that it may take.
    async fn prove(
        &self,
        looking: &mut Looking,
        goal: &Goal,
        patience: Duration,
        signals: &mut Signals,
        out: &mut impl Write,
    ) -> io::Result<Ended> {
        looking.await_proof(goal).await;
        let limit = patience.as_secs();
        let proving =
            say!("checking whether it holds now, for {limit} s at most", "正在验证是否已修复，最多 {limit} 秒");
        let proof = tokio::select! {
            proof = while_waiting(self.settings, &proving, looking.verify(goal, patience)) => proof,
            () = signals.next() => {
                self.settings.complain(&Text::fixed(
                    "Applied, but not checked: interrupted.",
                    "已执行，但检查被中断。",
                ));
                return Ok(Ended::new(Outcome::NotProven, STILL_FAILS));
            }
        };
        let proved_by = goal.proved_by(looking.found());
        let finding = looking.found().finding(proved_by).map(|checked| &checked.finding);
        if proof.is_cured() {
            self.settings.say_or_complain(out, &checked_again(proved_by, proof == Proof::CauseGone));
            let code = if proof == Proof::CauseGone { STILL_FAILS } else { CURED };
            return Ok(Ended::new(Outcome::Applied, code));
        }
        if let Proof::NotYet(missing) = proof {
            let text = missing.text();
            let (en, zh) = text.both();
            self.settings
                .complain(&Text::filled(format!("Applied, not proven yet: {en}"), format!("已执行，尚未验证：{zh}")));
            return Ok(Ended::new(Outcome::NotProven, STILL_FAILS));
        }
        if proof == Proof::Unproven {
            let summary = finding.map(|finding| finding.summary.clone()).unwrap_or_else(|| Text::same(""));
            let (en, zh) = summary.both();
            self.settings.complain(&Text::filled(
                format!("Applied, not proven yet: the step could not be judged. {en}"),
                format!("已执行，尚未验证：该步骤未能得出结论。{zh}"),
            ));
            return Ok(Ended::new(Outcome::NotProven, STILL_FAILS));
        }
        let left: Vec<CauseId> = finding.into_iter().flat_map(|f| &f.causes).map(|cause| cause.id).collect();
        let left = left.iter().map(|cause| cause.id()).collect::<Vec<_>>().join(", ");
        let (number, title) = (proved_by.index() + 1, proved_by.title());
        let (en, zh) = title.both();
        self.settings.complain(&say!(
            "Applied, but step {number} ({en}) still does not hold: {left}",
            "已执行，但第 {number} 步（{zh}）仍未通过：{left}"
        ));
        Ok(Ended::new(Outcome::NotProven, STILL_FAILS))
    }
}

/// The sentence that ends a cure: of the step that proves it, and whether that still fails for another reason.
fn checked_again(step: StepId, fails: bool) -> Text {
    let title = step.title();
    let (en, zh) = title.both();
    match fails {
        true => Text::filled(
            format!("Checked again: what this remedy was for is gone; {en} still fails for another reason."),
            format!("重新检查：该修复针对的问题已消除；{zh}因其他原因仍未通过。"),
        ),
        false => Text::filled(format!("Checked again: cured ({en})."), format!("重新检查：已修复（{zh}）。")),
    }
}

/// The sentence that ends an undo. Of files only where there were any: an undo may concern the service alone.
fn taken_back(plan: &Plan) -> Text {
    if plan.changes.iter().any(|change| change.path().is_some()) {
        Text::fixed(
            "Taken back: every file has its old content; owner, mode, attributes and links were kept throughout.",
            "已撤销：所有文件均已恢复原内容；属主、权限、扩展属性和硬链接始终保持不变。",
        )
    } else {
        Text::fixed("Taken back.", "已撤销。")
    }
}

/// The signals that would end the program. While they are held, a change under way is finished first.
struct Signals {
    all: Vec<Signal>,
}

impl Signals {
    fn hold() -> io::Result<Signals> {
        let kinds = [SignalKind::hangup(), SignalKind::terminate(), SignalKind::interrupt()];
        Ok(Signals { all: kinds.into_iter().map(signal).collect::<io::Result<_>>()? })
    }

    /// Ends when one of them has come.
    async fn next(&mut self) {
        let each = self.all.iter_mut().map(|signal| Box::pin(signal.recv()));
        futures_util::future::select_all(each).await;
    }
}

#[cfg(test)]
mod tests;
