//! What the plain walk says of a state, as lines. Pure; every line goes through the filter of [`printable`] where it is
//! written. Signs are ASCII, and each is explained by a word beside it or in the help.

use super::service;
use super::words::{self, Ask};
use crate::core::finding::{Evidence, Finding, Mark, Severity, StepId};
use crate::core::flow::{Action, Button, Layer, Mending, Place, Session, Stage, Way, recorded_word};
use crate::core::remedies::{self, PreviewMark, preview};
use crate::core::text::{Lang, Text, printable, printable_block};
use crate::say;
use crate::ui::view;

/// More choices than this are listed only when asked for.
const FEW_CHOICES: usize = 5;

/// A sentence without values.
pub(super) fn word(lang: Lang, en: &'static str, zh: &'static str) -> &'static str {
    match lang {
        Lang::En => en,
        Lang::Zh => zh,
    }
}

/// What is to be read before the question; the same lines are not said twice in a row.
pub(super) fn lines(session: &Session, ask: Ask) -> Vec<String> {
    let lang = session.lang;
    match ask {
        Ask::Nothing | Ask::Submit => Vec::new(),
        Ask::Page => page(session),
        Ask::Map => {
            let mut out = vec![heading(word(lang, "Steps", "步骤列表"))];
            out.extend(StepId::ALL.iter().map(|&step| step_line(session, step)));
            out
        }
        Ask::Field => {
            let mut out = Vec::new();
            if let Some(form) = words::form(session) {
                out.push(heading(form.title.get(lang)));
            }
            let text = word(
                lang,
                "One question a value: Enter keeps what is in brackets, - forgets it, ? says more, < goes back without saving.",
                "逐项填写：直接回车保留方括号中的值，- 清除，? 查看说明，< 不保存并返回。",
            );
            out.push(text.to_string());
            out
        }
        Ask::Consent => plan(session),
        Ask::Outcome => outcome(session),
        Ask::Journal => journal(session),
        Ask::Groups => service::groups(session),
        Ask::Key { .. } => service::key(session),
        Ask::Console => service::console(session),
        Ask::Watched => service::watched(session),
        Ask::Resume => {
            let mut out = vec![heading(word(lang, "An earlier session was broken off", "上次会话意外中断"))];
            if let Some(Layer::Resume(offer)) = session.layers.last() {
                out.extend(offer.told().iter().map(|text| format!("- {}", text.get(lang))));
            }
            out
        }
        Ask::BrokenOff => {
            let mut out = vec![heading(word(lang, "A change was broken off", "有一项更改被中断"))];
            if let Some(Layer::BrokenOff(broken)) = session.layers.last() {
                out.extend(broken.told().iter().map(|text| format!("- {}", text.get(lang))));
            }
            let choices = Mending::ALL.into_iter().enumerate();
            out.extend(choices.map(|(number, mending)| format!("  {} {}", number + 1, mending.label().get(lang))));
            out
        }
        Ask::Quit => {
            let mut out = vec![heading(word(lang, "Quit?", "退出？"))];
            out.extend(owed(session));
            out
        }
    }
}

/// The line in which the answer is typed, with what stands right above it.
pub(super) fn question(session: &Session, ask: Ask) -> Vec<String> {
    let lang = session.lang;
    let buttons = session.buttons();
    let has = |button: Button| buttons.contains(&button);
    let one = |en, zh| vec![word(lang, en, zh).to_string()];
    match ask {
        Ask::Nothing | Ask::Submit => Vec::new(),
        Ask::Page => one("Number or letter> ", "编号或字母> "),
        Ask::Map => one("Number of a step, Enter goes back> ", "步骤编号，回车返回> "),
        Ask::Field => field(session),
        Ask::Journal => one(
            "Number of an entry to take back (preview first), Enter goes back> ",
            "要撤销的条目编号（先预览），回车返回> ",
        ),
        Ask::Groups => one(
            "Number of the group, /text filters, + and - turn the page, n creates a new one, Enter goes back> ",
            "机器组编号，/文字 筛选，+ 和 - 翻页，n 新建，回车返回> ",
        ),
        Ask::Key { .. } => service::key_field(session),
        Ask::Console => one("1 OK, 2 FAIL, Enter leaves it open> ", "1 表示 OK，2 表示 FAIL，回车暂不填写> "),
        Ask::Watched => one("Enter continues> ", "回车继续> "),
        Ask::Resume => one("Type yes to resume, Enter starts over> ", "输入 yes 继续上次会话，回车重新开始> "),
        Ask::BrokenOff => one("1 or 2, Enter leaves it as it is> ", "输入 1 或 2，回车保持现状> "),
        Ask::Consent if has(Button::ApplyOnly) => one(
            "Apply? Type yes to apply and restart the agent, later to apply and restart later, anything else goes back> ",
            "是否执行？输入 yes 执行并重启 Agent，输入 later 执行但稍后重启，其他输入则返回> ",
        ),
        Ask::Consent if has(Button::Apply) => {
            one("Apply? Type yes to apply, anything else goes back> ", "是否执行？输入 yes 执行，其他输入则返回> ")
        }
        Ask::Consent if has(Button::DoneByHand) => one(
            "To be done by hand. Type done when it is done, to check again; anything else goes back> ",
            "需手动完成。完成后输入 done 重新检查，其他输入则返回> ",
        ),
        Ask::Consent => one("Enter goes back> ", "回车返回> "),
        Ask::Outcome if has(Button::Undo) && has(Button::Watch) => {
            one("Enter continues, u takes it back, w watches the heartbeat> ", "回车继续，u 撤销，w 观察心跳> ")
        }
        Ask::Outcome if has(Button::Undo) => one("Enter continues, u takes it back> ", "回车继续，u 撤销> "),
        Ask::Outcome if has(Button::Watch) => {
            one("Enter continues, w watches the heartbeat> ", "回车继续，w 观察心跳> ")
        }
        Ask::Outcome if has(Button::Force) => {
            one("Enter continues, f plans to force it to stop (previewed first)> ", "回车继续，f 强制停止（先预览）> ")
        }
        Ask::Outcome => one("Enter continues> ", "回车继续> "),
        Ask::Quit => one("Type yes to quit, anything else stays> ", "输入 yes 退出，其他输入则留下> "),
    }
}

/// What `?` says.
pub(super) fn help(session: &Session, ask: Ask) -> Vec<String> {
    let lang = session.lang;
    if ask == Ask::Field {
        return field_help(session);
    }
    let line = |en, zh| word(lang, en, zh).to_string();
    vec![
        String::new(),
        heading(word(lang, "Help", "帮助")),
        line(
            "A number does the action with that number; nothing is changed before you read the plan and type yes.",
            "输入编号执行对应操作；只有在您阅读方案并输入 yes 之后才会进行更改。",
        ),
        line("b  step before", "b  上一步"),
        line("n  next step", "n  下一步"),
        line("r  check this step again", "r  重新检查这一步"),
        line("R  check everything again", "R  全部重新检查"),
        line("m  list of steps", "m  步骤列表"),
        line("f  facts that only you know, field by field", "f  逐项填写只有您知道的信息"),
        line("t  support ticket", "t  工单"),
        line("j  journal: what was changed on this host", "j  操作日志：本机上的更改"),
        line("u  undo the newest change (preview first)", "u  撤销最近一次更改（先预览）"),
        line("l  Chinese", "l  切换为英文"),
        line("q  quit", "q  退出"),
        line(
            "Evidence: + as expected, x not as expected, ! doubtful, ? could not be read, - a fact.",
            "证据：+ 符合期望，x 不符合期望，! 可疑，? 无法读取，- 仅供参考。",
        ),
    ]
}

pub(super) fn heading(text: &str) -> String {
    format!("== {text} ==")
}

fn page(session: &Session) -> Vec<String> {
    let lang = session.lang;
    let mut out = Vec::new();
    match session.place {
        Place::Step(step) => self::step(session, step, &mut out),
        Place::Ticket => ticket(session, &mut out),
        Place::Finish => {
            out.push(heading(word(lang, "Result", "结果")));
            out.extend(view::summary_lines(session));
            out.extend(StepId::ALL.iter().map(|&step| step_line(session, step)));
        }
    }
    out.push(String::new());
    out.push(word(lang, "What next:", "接下来：").to_string());
    for (number, action) in session.actions().into_iter().enumerate() {
        let label = match action {
            // Without a clipboard the text is shown, to be copied by hand.
            Action::CopyTicket => Text::fixed("Show the ticket text", "显示工单文本"),
            other => other.label(),
        };
        out.push(format!("  {} {}", number + 1, label.get(lang)));
    }
    let letters = word(
        lang,
        "  b back, n next, r check again, m steps, f facts, t ticket, q quit, ? help, l Chinese",
        "  b 上一步，n 下一步，r 重新检查，m 步骤列表，f 填写信息，t 工单，q 退出，? 帮助，l English",
    );
    out.push(letters.to_string());
    out
}

/// A step in one line, its word first.
pub(super) fn step_line(session: &Session, step: StepId) -> String {
    let lang = session.lang;
    let (number, title) = (step.index() + 1, step.title());
    match session.finding(step) {
        Some(finding) => verdict_line(finding, lang),
        None => {
            let looking = word(lang, "LOOKING", "检查中");
            format!("{looking} {number} {}", title.get(lang))
        }
    }
}

/// `FAIL 2 Running: …`.
pub(super) fn verdict_line(finding: &Finding, lang: Lang) -> String {
    let (verdict, number, title) = (finding.verdict.word(), finding.step.index() + 1, finding.step.title());
    let colon = word(lang, ": ", "\u{ff1a}");
    format!("{} {number} {}{colon}{}", verdict.get(lang), title.get(lang), finding.summary.get(lang))
}

fn step(session: &Session, step: StepId, out: &mut Vec<String>) {
    let lang = session.lang;
    let number = step.index() + 1;
    let title = step.title();
    let name = format!("{number}. {}", title.get(lang));
    let section = step.seed_section().map(|section| say!(" (document, section {section})", "（文档第 {section} 节）"));
    let section = section.as_ref().map(|text| text.get(lang)).unwrap_or_default();
    out.push(heading(&format!("{name}{section}")));
    out.push(step.question().get(lang).to_string());
    let Some(finding) = session.finding(step) else {
        out.push(step_line(session, step));
        return;
    };
    out.push(verdict_line(finding, lang));
    if let (StepId::Heartbeat, Some(demo)) = (step, &session.demo) {
        out.push(demo.console().get(lang).to_string());
    }
    for cause in &finding.causes {
        let sign = match cause.severity {
            Severity::Fail => "x",
            Severity::Warn => "!",
            Severity::Unknown => "?",
        };
        out.push(format!("  {sign} {} [{}]", cause.detail.get(lang), cause.id.id()));
        if !cause.why.is_empty() {
            out.push(format!("    {}", cause.why.get(lang)));
        }
    }
    if !finding.evidence.is_empty() {
        out.push(word(lang, "Evidence:", "证据：").to_string());
        finding.evidence.iter().for_each(|row| evidence(row, lang, out));
    }
    if !finding.wants.is_empty() {
        let intro = word(lang, "Only you can know (f asks for it):", "需要您提供的信息（输入 f 填写）：");
        out.push(intro.to_string());
        let colon = word(lang, ": ", "\u{ff1a}");
        out.extend(finding.wants.iter().map(|field| {
            let (label, hint) = (field.label(), field.hint());
            format!("  - {}{colon}{}", label.get(lang), hint.get(lang))
        }));
    }
}

/// One row, and below it what was expected and where it was read.
fn evidence(row: &Evidence, lang: Lang, out: &mut Vec<String>) {
    let sign = match row.mark {
        Mark::Good => "+",
        Mark::Bad => "x",
        Mark::Doubtful => "!",
        Mark::Unknown => "?",
        Mark::Note => "-",
    };
    let colon = word(lang, ": ", "\u{ff1a}");
    let mut value = printable_block(row.value.get(lang)).into_iter();
    let first = value.next().unwrap_or_else(|| word(lang, "(empty)", "（空）").to_string());
    out.push(format!("  {sign} {}{colon}{first}", row.label.get(lang)));
    out.extend(value.map(|line| format!("      {line}")));
    if let Some(expected) = row.expected.as_ref().filter(|expected| **expected != row.value) {
        out.push(format!("      {}{}", word(lang, "expected: ", "期望："), expected.get(lang)));
    }
    if let Some(place) = row.place() {
        out.push(format!("      {}{}", word(lang, "from: ", "来源："), place.get(lang)));
    }
}

fn ticket(session: &Session, out: &mut Vec<String>) {
    let lang = session.lang;
    out.push(heading(word(lang, "Support ticket", "工单")));
    let text = word(
        lang,
        "When no remedy is left, the vendor's support needs the bundle and these facts.",
        "没有可用的修复方法时，请将诊断包和以下信息提供给技术支持。",
    );
    out.push(text.to_string());
    let colon = word(lang, ": ", "\u{ff1a}");
    for field in view::ticket::FACTS {
        let (label, value) = (field.label(), session.context.get(field));
        let (sign, shown) = match value.as_str() {
            "" => ("?", word(lang, "not told yet", "尚未填写")),
            told => ("+", told),
        };
        out.push(format!("  {sign} {}{colon}{shown}", label.get(lang)));
    }
    if let Some(path) = &session.bundle {
        out.push(format!("  + {}{}", word(lang, "bundle: ", "诊断包："), path.display()));
    }
    out.push(word(lang, "Where to open it:", "提交地址：").to_string());
    out.push(format!("  aliyun.com{colon}{}", view::ticket::ADDRESS_CHINA));
    out.push(format!("  alibabacloud.com{colon}{}", view::ticket::ADDRESS_INTERNATIONAL));
}

/// The remedies whose edits wait for a restart.
fn owed(session: &Session) -> Vec<String> {
    let lang = session.lang;
    let intro =
        word(lang, "These changes take effect only when the agent is restarted:", "以下更改在 Agent 重启后才会生效：");
    let owed = session.owed_restart.iter().map(|remedy| format!("  ! {}", remedies::title(*remedy).get(lang)));
    if session.owed_restart.is_empty() { Vec::new() } else { std::iter::once(intro.to_string()).chain(owed).collect() }
}

/// The name of the remedy on top.
pub(super) fn remedy_title(session: &Session) -> String {
    let lang = session.lang;
    let Some(layer) = words::remedy(session) else { return String::new() };
    let title = remedies::title(layer.remedy);
    let title = title.get(lang);
    if layer.is_undo { say!("Undo: {title}", "撤销：{title}").get(lang).to_string() } else { title.to_string() }
}

/// The preview, wholly.
fn plan(session: &Session) -> Vec<String> {
    let lang = session.lang;
    let Some(Stage::Preview { plan }) = words::remedy(session).map(|layer| &layer.stage) else { return Vec::new() };
    let mut out = vec![heading(&remedy_title(session))];
    for line in preview(plan, true, lang) {
        out.push(match line.mark {
            PreviewMark::Caution => format!("{} {}", word(lang, "CAUTION", "注意"), line.text),
            PreviewMark::Plain
            | PreviewMark::Heading
            | PreviewMark::Added
            | PreviewMark::Removed
            | PreviewMark::Command => line.text,
        });
    }
    if plan.is_automatic() {
        match session.way_for(plan) {
            Way::Direct => {}
            Way::Sudo(_) => out.push(
                word(
                    lang,
                    "You are not root: this runs through sudo, which may ask for your password.",
                    "当前不是 root：将通过 sudo 执行，可能需要输入密码。",
                )
                .to_string(),
            ),
            Way::Never => {
                let why = match session.read_only {
                    true => word(
                        lang,
                        "This session is read-only. This command carries it out:",
                        "当前为只读模式。可使用以下命令执行：",
                    ),
                    false => word(
                        lang,
                        "This needs root, and you are not root here. This command carries it out:",
                        "此更改需要 root 权限，当前用户不是 root。可使用以下命令执行：",
                    ),
                };
                out.extend([why.to_string(), format!("   {}", session.command_of_plan(plan))]);
            }
        }
    }
    out
}

/// What was changed on this host, newest first.
fn journal(session: &Session) -> Vec<String> {
    let lang = session.lang;
    let mut out = vec![heading(word(lang, "Journal: what was changed on this host", "操作日志：本机上的更改"))];
    for (number, done) in session.journal_rows().iter().enumerate() {
        let (title, result) = (remedies::title(done.remedy), recorded_word(done.result));
        let number = number + 1;
        out.push(format!("{number}. {}  {}  {}", done.id, result.get(lang), title.get(lang)));
    }
    if out.len() == 1 {
        out.push(word(lang, "Nothing was changed on this host.", "本机上没有任何更改记录。").to_string());
    }
    out
}

fn outcome(session: &Session) -> Vec<String> {
    let lang = session.lang;
    let Some(Stage::Outcome { applied, cured, said, .. }) = words::remedy(session).map(|layer| &layer.stage) else {
        return Vec::new();
    };
    let is_applied =
        applied.as_ref().is_none_or(|applied| applied.result == crate::core::journal::AppliedResult::Applied);
    let head = match (cured, is_applied) {
        (true, _) => word(lang, "OK", "成功"),
        (false, true) => word(lang, "NOT PROVED", "效果未确认"),
        (false, false) => word(lang, "FAILED", "失败"),
    };
    let mut out = vec![heading(&remedy_title(session)), format!("{head} {}", said.get(lang))];
    if let Some(applied) = applied {
        let backups = applied.backups.iter();
        out.extend(backups.map(|path| format!("  {}{}", word(lang, "backup: ", "备份："), path.display())));
        let undo = session.undo_later();
        out.extend(undo.map(|command| format!("  {}{command}", word(lang, "undo later: ", "以后撤销："))));
    }
    out
}

/// The question for the row in focus: what is wrong with its value, what it is, what it is now.
fn field(session: &Session) -> Vec<String> {
    let lang = session.lang;
    let Some(row) = words::form(session).and_then(|form| form.rows.get(form.focus)) else { return Vec::new() };
    let (label, value) = (row.input.label(), printable(row.edit.value()).into_owned());
    let mut out: Vec<String> = row.error.iter().map(|error| refusal(error, lang)).collect();
    let choices = row.choices();
    let choices = if (1..=FEW_CHOICES).contains(&choices.len()) {
        format!(" ({})", choices.iter().map(|choice| choice.value.as_str()).collect::<Vec<_>>().join(", "))
    } else {
        String::new()
    };
    let now = if value.is_empty() { "-".to_string() } else { value };
    out.push(format!("{}{choices} [{now}]> ", label.get(lang)));
    out
}

/// The sentence that says what is wrong with a value.
pub(super) fn refusal(why: &Text, lang: Lang) -> String {
    format!("{} {}", word(lang, "ERROR", "错误"), why.get(lang))
}

/// Where the value is found, and all values to choose from.
fn field_help(session: &Session) -> Vec<String> {
    let lang = session.lang;
    let Some(row) = words::form(session).and_then(|form| form.rows.get(form.focus)) else { return Vec::new() };
    let mut out = vec![row.input.hint().get(lang).to_string()];
    out.extend(row.choices().iter().map(|choice| format!("  {} {}", choice.value, choice.label.get(lang))));
    out
}
