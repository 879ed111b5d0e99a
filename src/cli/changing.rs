//! `fix`, `undo`, `journal`: plan, show, carry out, prove.

use super::args::ConsentArgs;
use super::looking::{begin, looking_text};
use super::meanwhile::meanwhile;
use super::{COULD_NOT_RUN, Settings};
use crate::carry_out::{
    self, Applied, AppliedResult, ChangeState, Consent, ConsentBy, JOURNAL, JournalDone, Progress, Record, RecordKind,
    Recorded, errand,
};
use crate::checks::Judge;
use crate::engine::{Looking, Wish};
use crate::finding::{CauseId, RemedyId, StepId};
use crate::flow::recorded_word;
use crate::host::{Answer, Host, IdentitySeen, Question, Trouble};
use crate::remedies::{self, InputId, Inputs, Plan, Planned, PreviewMark};
use crate::report::Redactor;
use crate::say;
use crate::text::{Lang, Text, printable};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::unbounded_channel;

/// Applied, and the step holds; or nothing had to be done.
const CURED: u8 = 0;
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
    host: Arc<dyn Host>,
    judge: Judge,
    settings: &Settings,
    remedy: RemedyId,
    set: &[String],
    consent: ConsentArgs,
    out: &mut impl Write,
) -> io::Result<u8> {
    let mut inputs = Inputs::from_context(&settings.context);
    for pair in set {
        if let Err(reason) = put(&mut inputs, pair) {
            settings.complain(&reason);
            return Ok(COULD_NOT_RUN);
        }
    }
    if let Some(notice) = broken_off(&host, settings).await {
        settings.complain(&notice);
    }
    let mut told = settings.clone();
    told.context = inputs.context.clone();
    let mut looking = begin(&host, judge, &told);
    let wish = Wish::Remedy(remedy, Box::new(inputs));
    let planned = meanwhile(settings, &looking_text(), looking.plan(wish)).await;
    let changing = Changing { host, settings, consent, remedy, undoes: None };
    changing.go(&mut looking, planned, out).await
}

/// Carries out the errand of a wizard that is not root, which sudo started. What the terminal sends to its processes
/// meanwhile does not cut a change in half.
///
/// # Errors
/// The signals cannot be held; nothing was changed then.
pub async fn run_errand(host: Arc<dyn Host>, settings: &Settings) -> io::Result<u8> {
    let _signals = Signals::hold()?;
    let has_come = errand::receive(host.as_ref(), &settings.store, io::stdin().lock()).await;
    if !has_come {
        settings.complain(&Text::fixed(
            "This command is for the wizard alone; use fix REMEDY instead.",
            "该命令仅供向导内部使用，请改用 fix REMEDY。",
        ));
    }
    Ok(if has_come { CURED } else { COULD_NOT_RUN })
}

/// Puts one `KEY=VALUE` into the inputs.
fn put(inputs: &mut Inputs, pair: &str) -> Result<(), Text> {
    let Some((key, value)) = pair.split_once('=') else {
        return Err(say!("--set {pair}: write it as KEY=VALUE", "--set {pair}：请写成 KEY=VALUE"));
    };
    let Some(input) = InputId::of_id(key.trim()) else {
        let known = ["ip", "old-ip", "create-group", "force"]
            .into_iter()
            .chain(crate::context::Field::ALL.iter().map(|field| field.id()));
        let known = known.collect::<Vec<_>>().join(", ");
        return Err(say!("--set {key}: unknown; known are {known}", "--set {key}：未知；可用：{known}"));
    };
    inputs.set(input, value).map_err(|refusal| {
        let (en, zh) = (refusal.get(Lang::En), refusal.get(Lang::Zh));
        Text::filled(format!("--set {key}: {en}"), format!("--set {key}：{zh}"))
    })
}

/// Takes back an entry of the journal: the named one, or the newest that still stands.
///
/// # Errors
/// The preview cannot be written; nothing was changed then.
pub async fn undo(
    host: Arc<dyn Host>,
    judge: Judge,
    settings: &Settings,
    id: Option<&str>,
    consent: ConsentArgs,
    out: &mut impl Write,
) -> io::Result<u8> {
    let Some((entries, _)) = read(&host, settings).await else { return Ok(COULD_NOT_RUN) };
    let entry = match remedies::choose_entry(&entries, id.unwrap_or("last")) {
        Ok(entry) => entry,
        Err(reason) => {
            settings.complain(&reason);
            return Ok(REFUSED);
        }
    };
    let mut looking = begin(&host, judge, settings);
    let wish =
        Wish::Undo { entry: entry.id.clone(), verify: remedies::step_of(entry.remedy), store: settings.store.clone() };
    let planned = meanwhile(settings, &looking_text(), looking.plan(wish)).await;
    let changing = Changing { host, settings, consent, remedy: entry.remedy, undoes: Some(entry.id.clone()) };
    changing.go(&mut looking, planned, out).await
}

/// Lists what was changed, oldest first.
///
/// # Errors
/// The list cannot be written.
pub async fn journal(host: Arc<dyn Host>, settings: &Settings, out: &mut impl Write) -> io::Result<u8> {
    let Some((entries, unread)) = read(&host, settings).await else { return Ok(COULD_NOT_RUN) };
    if entries.is_empty() {
        let dir = settings.store.dir.display();
        settings.say(out, &say!("No changes are recorded in {dir}.", "{dir} 中没有更改记录。"))?;
    }
    let under_way = carry_out::under_way(host.as_ref(), &settings.store).await;
    let newest = entries.last().map(|done| &done.id);
    for done in &entries {
        let is_under_way = done.result == Recorded::Open && under_way.is_some() && Some(&done.id) == newest;
        let result = if is_under_way { Text::fixed("under way", "进行中") } else { recorded_word(done.result) };
        let result = result.get(settings.lang);
        writeln!(out, "{}  {}  {result}  {}", printable(&done.id), done.remedy.id(), printable(&done.actor))?;
        for record in &done.records {
            let pruned = Text::fixed("backup pruned", "备份已清理");
            let pruned = done.pruned.then(|| pruned.get(settings.lang));
            writeln!(out, "    {}", printable(&record_line(record, pruned)))?;
        }
    }
    if unread > 0 {
        settings.complain(&say!("{unread} lines could not be read.", "有 {unread} 行无法读取。"));
    }
    Ok(CURED)
}

/// One recorded change in one line.
fn record_line(record: &Record, pruned: Option<&str>) -> String {
    let path = record.path.display();
    let shown = |backup: &PathBuf| pruned.map_or_else(|| backup.display().to_string(), str::to_string);
    let backup = record.backup.as_ref().map(|backup| format!("  ({})", shown(backup))).unwrap_or_default();
    match &record.kind {
        RecordKind::Write => format!("write {path}{backup}"),
        RecordKind::Remove => format!("remove {path}{backup}"),
        RecordKind::RenameTo(to) => format!("rename {path} -> {}", to.display()),
        RecordKind::MakeDir => format!("mkdir {path}"),
        RecordKind::RemoveDir => format!("rmdir {path}"),
        RecordKind::PutGroup { .. } => format!("edit {path}"),
        RecordKind::MakeGroup { .. } => format!("create {path}"),
        RecordKind::RemoveGroup { .. } => format!("remove {path}"),
        RecordKind::Run(argv) => format!("run {}", remedies::shell_line(argv)),
    }
}

/// The journal's entries; None when it cannot be read, which has been said then.
async fn read(host: &Arc<dyn Host>, settings: &Settings) -> Option<(Vec<JournalDone>, usize)> {
    let path = settings.store.dir.join(JOURNAL);
    match host.observe(Question::Tail(path.clone())).await {
        Answer::File(Ok(file)) => {
            if file.is_partial() {
                let path = path.display();
                settings.complain(&say!("{path} is long: only its end was read.", "{path} 较长：仅读取了末尾部分。"));
            }
            Some(carry_out::entries(carry_out::whole_lines(&file)))
        }
        Answer::File(Err(Trouble::Absent)) => Some((Vec::new(), 0)),
        _ => {
            let path = path.display();
            settings.complain(&say!("{path} could not be read.", "无法读取 {path}。"));
            None
        }
    }
}

/// The sentence about a change that has no end, if the newest one has none.
pub async fn broken_off(host: &Arc<dyn Host>, settings: &Settings) -> Option<Text> {
    let Answer::File(Ok(file)) = host.observe(Question::Tail(settings.store.dir.join(JOURNAL))).await else {
        // No journal, or one that this user may not read: then it is not this user's to finish.
        return None;
    };
    let (entries, _) = carry_out::entries(carry_out::whole_lines(&file));
    let done = carry_out::broken_off(&entries)?;
    let (id, remedy) = (&done.id, done.remedy.id());
    if let Some(holder) = carry_out::under_way(host.as_ref(), &settings.store).await {
        return Some(say!(
            "{remedy} {id} is under way: {holder}. Wait until it is over before you change anything.",
            "{remedy} {id} 正在执行：{holder}。请待其结束后再做更改。"
        ));
    }
    Some(say!(
        "{remedy} {id} was broken off. Take it back: logtail-doctor undo {id}; or finish it: logtail-doctor fix {remedy}",
        "{remedy} {id} 曾被中断。撤销：logtail-doctor undo {id}；或继续完成：logtail-doctor fix {remedy}"
    ))
}

/// How a plan may be carried out.
enum Leave {
    Direct,
    Sudo(PathBuf),
    No(Text),
}

/// One change on its way from plan to proof.
struct Changing<'a> {
    host: Arc<dyn Host>,
    settings: &'a Settings,
    consent: ConsentArgs,
    remedy: RemedyId,
    undoes: Option<String>,
}

impl Changing<'_> {
    async fn go(&self, looking: &mut Looking, planned: Planned, out: &mut impl Write) -> io::Result<u8> {
        let settings = self.settings;
        let plan = match planned {
            Planned::Already(text) => {
                settings.say(out, &text)?;
                return Ok(CURED);
            }
            Planned::Refused(text) => {
                settings.complain(&text);
                return Ok(REFUSED);
            }
            Planned::Needs(inputs) => {
                self.ask_for(&inputs);
                return Ok(REFUSED);
            }
            Planned::Ready(plan) => plan,
        };
        self.preview(&plan, out)?;
        if self.consent.dry_run {
            return Ok(CURED);
        }
        let sudo = match self.leave(&plan).await {
            Leave::Direct => None,
            Leave::Sudo(sudo) => Some(sudo),
            Leave::No(refusal) => {
                settings.complain(&refusal);
                return Ok(REFUSED);
            }
        };
        let mut signals = Signals::hold()?;
        let is_errand = sudo.is_some();
        let applied = self.apply(&plan, sudo, &mut signals, out).await;
        match applied.result {
            AppliedResult::Applied => {}
            AppliedResult::Stale(path) => {
                let path = path.display();
                settings.complain(&say!(
                    "{path} changed after the preview was made. Nothing was done; run the command again.",
                    "{path} 在生成预览之后发生了变化。未做任何更改，请重新运行该命令。"
                ));
                return Ok(REFUSED);
            }
            AppliedResult::Refused(reason) if is_errand => {
                settings.complain(&reason);
                settings.complain(&self.as_root(&plan));
                return Ok(REFUSED);
            }
            AppliedResult::Refused(reason) => {
                settings.complain(&reason);
                return Ok(COULD_NOT_RUN);
            }
            AppliedResult::Busy(reason) => {
                settings.complain(&reason);
                return Ok(REFUSED);
            }
            AppliedResult::RolledBack(reason) => {
                settings.complain(&reason);
                return Ok(if applied.entry.is_some() { ROLLED_BACK } else { COULD_NOT_RUN });
            }
            AppliedResult::LeftOver(reason) => {
                settings.complain(&reason);
                return Ok(COULD_NOT_RUN);
            }
        }
        if self.undoes.is_some() {
            // Whoever stopped reading the result does not make it untrue.
            let _ = settings
                .say(out, &Text::fixed("Taken back: every file is as it was.", "已撤销：所有文件均已恢复原状。"));
            return Ok(CURED);
        }
        if let Some(entry) = &applied.entry {
            settings.complain(&say!(
                "Applied. To take it back: logtail-doctor undo {entry}",
                "已应用。撤销命令：logtail-doctor undo {entry}"
            ));
        }
        self.prove(looking, &plan, &mut signals, out).await
    }

    /// Says what is missing, each with the option that tells it.
    fn ask_for(&self, inputs: &[(InputId, String)]) {
        self.settings.complain(&Text::fixed("This remedy needs:", "该修复需要："));
        for (input, suggestion) in inputs {
            let (id, label, hint) = (input.id(), input.label(), input.hint());
            let line = |lang| {
                let value = if suggestion.is_empty() { id.to_uppercase() } else { suggestion.clone() };
                let option = remedies::shell_line(&["--set".to_string(), format!("{id}={value}")]);
                format!("  {option}   {}: {}", label.get(lang), hint.get(lang))
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

    /// Whether and how the plan is carried out.
    async fn leave(&self, plan: &Plan) -> Leave {
        if !plan.is_automatic() {
            return Leave::No(Text::fixed("These steps are to be done by hand.", "以上步骤需要手动完成。"));
        }
        if self.settings.read_only {
            return Leave::No(Text::fixed("Nothing was changed: --read-only.", "未做任何更改：--read-only。"));
        }
        if !self.consent.yes {
            return Leave::No(Text::fixed(
                "Nothing was changed. Add --yes to carry this out.",
                "未做任何更改。加上 --yes 以执行。",
            ));
        }
        if !plan.needs_root() {
            return Leave::Direct;
        }
        match self.host.observe(Question::Identity).await {
            Answer::Identity(IdentitySeen { privileged: true, .. }) => Leave::Direct,
            Answer::Identity(IdentitySeen { sudo: Some(sudo), user, .. }) => match errand::argv() {
                Ok(argv) if errand::may_without_password(&sudo, &argv).await => Leave::Sudo(sudo),
                argv => Leave::No(self.without_leave(plan, &sudo, &user, argv.ok()).await),
            },
            _ => Leave::No(self.as_root(plan)),
        }
    }

    /// What can be done where sudo does not start this program without a password: as root; by the plan's own commands,
    /// where sudo permits those; or with the line of sudoers that is missing.
    async fn without_leave(&self, plan: &Plan, sudo: &Path, user: &str, argv: Option<Vec<String>>) -> Text {
        let mut texts = vec![self.as_root(plan)];
        if let Some(commands) = errand::permitted(sudo, plan).await {
            texts.push(say!(
                "sudo permits the commands of this remedy by themselves: {commands}",
                "sudo 允许直接执行该修复的命令：{commands}"
            ));
        } else if let Some(argv) = argv {
            let line = errand::sudoers_line(user, &argv);
            texts.push(say!(
                "The line of sudoers that is missing for it (it gives {user} root): {line}",
                "缺少的 sudoers 配置行（会授予 {user} root 权限）：{line}"
            ));
        }
        let all = |lang| texts.iter().map(|text| text.get(lang)).collect::<Vec<_>>().join("\n");
        Text::filled(all(Lang::En), all(Lang::Zh))
    }

    /// The command that does the same as root.
    fn as_root(&self, plan: &Plan) -> Text {
        let mut argv = vec!["sudo".to_string(), "logtail-doctor".into()];
        match &self.undoes {
            Some(entry) => argv.extend(["undo".into(), entry.clone()]),
            None => {
                argv.extend(["fix".into(), self.remedy.id().into()]);
                for (input, value) in &plan.inputs {
                    argv.extend(["--set".into(), format!("{}={value}", input.id())]);
                }
            }
        }
        argv.push("--yes".into());
        let command = remedies::shell_line(&argv);
        say!(
            "Nothing was changed: this needs root, and sudo does not give it without a password. Run: {command}",
            "未做任何更改：需要 root 权限，且 sudo 需要密码。请运行：{command}"
        )
    }

    /// Carries the plan out and shows what happens. Once begun it is finished, whether or not anybody still reads.
    async fn apply(&self, plan: &Plan, sudo: Option<PathBuf>, signals: &mut Signals, out: &mut impl Write) -> Applied {
        let (sender, mut progress) = unbounded_channel();
        let consent = Consent::given(ConsentBy::YesOption);
        let (host, store, undoes) = (self.host.as_ref(), &self.settings.store, self.undoes.clone());
        let work = async move {
            match sudo {
                None => carry_out::carry_out_or_undo(host, store, plan, consent, true, undoes, sender).await,
                Some(sudo) => errand::send(&sudo, plan.clone(), true, undoes, consent, sender).await,
            }
        };
        let mut redactor = Redactor::new();
        let show = async {
            while let Some(progress) = progress.recv().await {
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
            Progress::State(number, ChangeState::Failed(reason)) => (number, reason.clone()),
        };
        Some(format!("{}. {}", number + 1, word.get(lang)))
    }

    /// Checks the step again until it holds, as long as the plan says that it may take.
    async fn prove(
        &self,
        looking: &mut Looking,
        plan: &Plan,
        signals: &mut Signals,
        out: &mut impl Write,
    ) -> io::Result<u8> {
        looking.await_proof(plan.verify).await;
        let limit = plan.patience.as_secs();
        let proving =
            say!("checking whether it holds now, for {limit} s at most", "正在验证是否已修复，最多 {limit} 秒");
        let cured = tokio::select! {
            cured = meanwhile(self.settings, &proving, looking.verify(plan.verify, self.remedy, plan.patience)) => cured,
            () = signals.next() => {
                self.settings.complain(&Text::fixed(
                    "Applied, but not checked: interrupted.",
                    "已应用，但检查被中断。",
                ));
                return Ok(STILL_FAILS);
            }
        };
        // The change stands; that nobody reads the result any more does not undo it.
        if cured {
            let _ = self.settings.say(out, &checked_again(plan.verify));
            return Ok(CURED);
        }
        let finding = looking.found().finding(plan.verify).map(|checked| &checked.finding);
        let left: Vec<CauseId> = finding.into_iter().flat_map(|f| &f.causes).map(|cause| cause.id).collect();
        let left = left.iter().map(|cause| cause.id()).collect::<Vec<_>>().join(", ");
        self.settings
            .complain(&say!("Applied, but the step still does not hold: {left}", "已应用，但该步骤仍未通过：{left}"));
        Ok(STILL_FAILS)
    }
}

/// The sentence that ends a cure.
fn checked_again(step: StepId) -> Text {
    let title = step.title();
    let (en, zh) = (title.get(Lang::En), title.get(Lang::Zh));
    Text::filled(format!("Checked again: cured ({en})."), format!("重新检查：已修复（{zh}）。"))
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
