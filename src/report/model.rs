//! Everything that a report says, whatever its form.

use super::Redactor;
use crate::core::checks::{Checked, Investigation, root};
use crate::core::context::{Context, Field};
use crate::core::finding::{Cause, Finding, RemedyId, Severity, StepId, Verdict, worst};
use crate::core::observe::{IdentitySeen, Observations};
use crate::core::remedies::{InputId, Inputs, Planned, descriptor, plan, shell_line};
use crate::core::text::{Lang, Text, Untrusted};
use crate::say;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The agent that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentInfo {
    /// `logtail`, `loongcollector` or `community`.
    pub flavour: String,
    /// None when no file tells it.
    pub version: Option<String>,
    pub install_dir: String,
    pub conf_dir: String,
    /// What starts it and keeps it running: the kind, a colon, and which one; None where nothing is known to.
    #[serde(default)]
    pub supervisor: Option<String>,
}

/// When the observations were made, and how long that took.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Taken {
    /// RFC 3339, UTC, whole seconds.
    pub started_at: Untrusted,
    /// Milliseconds.
    pub elapsed_ms: u64,
}

impl Taken {
    /// From milliseconds since 1970.
    pub fn at(started_ms: i64, elapsed_ms: u64) -> Taken {
        let time = jiff::Timestamp::from_millisecond(started_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        Taken { started_at: time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into(), elapsed_ms }
    }
}

/// Everything that a report says. Made by [`Report::new`] only, so it carries no secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub tool_version: String,
    pub taken: Taken,
    pub identity: Option<IdentitySeen>,
    pub agent: Option<AgentInfo>,
    pub context: Context,
    /// In flowchart order.
    pub steps: Vec<Checked>,
    /// The values that each offered remedy still needs, with what planning suggests for them.
    needed: Vec<(RemedyId, Vec<(InputId, String)>)>,
}

impl Report {
    /// What an investigation came to. `seen` are its observations, completed by who and where we are; `redactor`
    /// learns their secrets first, and takes them out of every sentence.
    pub fn new(
        found: &Investigation,
        seen: &Observations,
        taken: Taken,
        agent: Option<AgentInfo>,
        redactor: &mut Redactor,
    ) -> Report {
        redactor.seen(seen);
        let steps = StepId::ALL.iter().map(|&step| match found.finding(step) {
            Some(checked) => redactor.through(checked).unwrap_or_else(|| absent(step)),
            None => absent(step),
        });
        let steps: Vec<Checked> = steps.collect();
        let mut needed = needed_by(&steps, &Inputs::from_context(found.context()), seen);
        // What is suggested was read off this host or the service.
        for (_, value) in needed.iter_mut().flat_map(|(_, needed)| needed) {
            *value = redactor.text(value);
        }
        Report {
            tool_version: env!("CARGO_PKG_VERSION").to_string(),
            taken,
            identity: seen.identity().ok().and_then(|identity| redactor.through(identity)),
            agent: agent.and_then(|agent| redactor.through(&agent)),
            context: redactor.through(found.context()).unwrap_or_default(),
            steps,
            needed,
        }
    }

    /// The worst of the steps.
    pub fn verdict(&self) -> Verdict {
        worst(self.findings())
    }

    /// The first step that fails.
    pub fn stopped_at(&self) -> Option<StepId> {
        self.findings().find(|finding| finding.verdict == Verdict::Fail).map(|finding| finding.step)
    }

    /// The cause that explains the others and that nothing explains, with its step; see [`root::root`].
    pub fn root(&self) -> Option<(StepId, &Cause)> {
        root::root(self.findings())
    }

    /// In flowchart order.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.steps.iter().map(|checked| &checked.finding)
    }

    /// What the whole came to, in a sentence or two.
    pub fn conclusion(&self) -> Text {
        let steps = |is_meant: &dyn Fn(&Finding) -> bool, lang| {
            let titles = self.findings().filter(|finding| is_meant(finding)).map(|finding| finding.step.title());
            titles.map(|title| title.get(lang).to_string()).collect::<Vec<_>>()
        };
        let titles = |is_meant: &dyn Fn(&Finding) -> bool| {
            (steps(is_meant, Lang::En).join(", "), steps(is_meant, Lang::Zh).join("、"))
        };
        let (doubtful_en, doubtful_zh) = titles(&Finding::is_doubtful);
        match self.verdict() {
            Verdict::Fail => match self.root() {
                Some((step, cause)) => {
                    let others = self.standing_beside(cause);
                    match others.is_empty() {
                        true => root::sentence(step, cause),
                        false => root::sentence(step, cause).followed_by(&others),
                    }
                }
                None => {
                    let (en, zh) = titles(&|finding| finding.verdict == Verdict::Fail);
                    say!("Something breaks the heartbeat: {en}.", "有步骤使心跳中断：{zh}。")
                }
            },
            Verdict::Unknown => {
                let (en, zh) = titles(&|finding| finding.verdict == Verdict::Unknown);
                // What is only a warning may be the very reason, as long as not everything is known.
                match doubtful_en.is_empty() {
                    true => say!(
                        "Nothing fails, but this could not be determined: {en}.",
                        "没有失败的步骤，但以下步骤未能确定：{zh}。"
                    ),
                    false => say!(
                        "Nothing fails for certain, but look at: {doubtful_en}. This could not be determined: {en}.",
                        "没有确定失败的步骤，但请留意：{doubtful_zh}。以下步骤未能确定：{zh}。"
                    ),
                }
            }
            Verdict::Warn => {
                let text =
                    say!("Nothing fails. Worth a look: {doubtful_en}.", "没有失败的步骤。值得留意：{doubtful_zh}。");
                match self.root() {
                    Some((_, cause)) => text.followed_by(&cause.detail),
                    None => text,
                }
            }
            Verdict::Pass | Verdict::Skipped => Text::fixed("Nothing fails.", "没有失败的步骤。"),
        }
    }

    /// What else fails beside the root and does not follow from anything; empty when there is no such thing.
    fn standing_beside(&self, root: &Cause) -> Text {
        let mut en = Vec::new();
        let mut zh = Vec::new();
        for finding in self.findings() {
            let stands = |cause: &&Cause| {
                cause.severity == Severity::Fail && cause.explained_by.is_none() && cause.id != root.id
            };
            for cause in finding.causes.iter().filter(stands) {
                let number = finding.step.index() + 1;
                en.push(format!("step {number}, {}", cause.id.id()));
                zh.push(format!("第 {number} 步 {}", cause.id.id()));
            }
        }
        match en.is_empty() {
            true => Text::same(""),
            false => Text::filled(
                format!("Wrong as well, whatever comes of it: {}.", en.join("; ")),
                format!("此外还有独立的问题：{}。", zh.join("；")),
            ),
        }
    }

    /// What to do next, one sentence a line; empty when there is nothing to do.
    pub fn next(&self) -> Vec<Text> {
        let mut out = Vec::new();
        let stopped = self.stopped_at();
        let first_doubt = || self.findings().find(|finding| finding.is_doubtful()).map(|finding| finding.step);
        let of_step = || {
            let step = stopped.or_else(first_doubt)?;
            self.finding(step).and_then(|finding| finding.remedies().first().copied())
        };
        // What cures the root comes before what eases a consequence.
        let of_root = self.root().and_then(|(_, cause)| cause.remedies.first().copied());
        let remedy = of_root.or_else(of_step).filter(|_| self.verdict() != Verdict::Pass);
        if let Some(remedy) = remedy {
            let command = self.fix_command(remedy);
            out.push(say!(
                "See what the first remedy would change: {command} --dry-run",
                "查看首选修复将做的更改：{command} --dry-run"
            ));
        }
        if stopped.is_some() {
            out.push(Text::fixed(
                "Still failing? Write a support bundle: logtail-doctor bundle",
                "仍未解决？生成工单诊断包：logtail-doctor bundle",
            ));
        }
        let wants = self.wants();
        if !wants.is_empty() {
            let options = wants.iter().map(|field| format!("--{}", field.id())).collect::<Vec<_>>().join(" ");
            out.push(say!(
                "Tell what only the console shows, to make the verdicts exact: {options}",
                "补充只有控制台才显示的信息，使结论更准确：{options}"
            ));
        }
        out
    }

    /// What the operator could tell, each once, and not told yet.
    pub fn wants(&self) -> Vec<Field> {
        let mut out = Vec::new();
        for &field in self.findings().filter(|f| f.verdict != Verdict::Pass).flat_map(|f| &f.wants) {
            if !out.contains(&field) && self.context.get(field).is_empty() {
                out.push(field);
            }
        }
        out
    }

    /// The step's finding.
    pub fn finding(&self, step: StepId) -> Option<&Finding> {
        self.findings().find(|finding| finding.step == step)
    }

    /// The command that carries a remedy out, with what was told and the address that planning suggests; what it needs
    /// beyond that stands in capitals, or as the values to choose from.
    pub fn fix_command(&self, remedy: RemedyId) -> String {
        let needed = self.needed.iter().filter(|(known, _)| *known == remedy).flat_map(|(_, needed)| needed);
        let suggestions: Vec<&(InputId, String)> = needed.collect();
        let mut inputs = descriptor(remedy).inputs.to_vec();
        // What the operator is to tell stands there already; a choice like a new group only planning knows of.
        let others = suggestions.iter().map(|(input, _)| *input).filter(|input| !matches!(input, InputId::Context(_)));
        for other in others {
            if !inputs.contains(&other) {
                inputs.push(other);
            }
        }
        let mut words = ["logtail-doctor", "fix", remedy.id()].map(str::to_string).to_vec();
        for input in inputs {
            words.extend(["--set".to_string(), format!("{}={}", input.id(), self.value_of(input, &suggestions))]);
        }
        shell_line(&words)
    }

    fn value_of(&self, input: InputId, suggestions: &[&(InputId, String)]) -> String {
        let (told, choices) = match input {
            InputId::Context(field) => (self.context.get(field), field.choices()),
            _ => {
                let suggested = suggestions.iter().find(|(known, _)| *known == input).map(|(_, value)| value.clone());
                (suggested.unwrap_or_default(), &[] as &[&str])
            }
        };
        match (told.is_empty(), choices) {
            (false, _) => told,
            (true, []) => input.id().to_uppercase(),
            (true, choices) => choices.join("|"),
        }
    }

    /// A name for files and headings.
    pub fn hostname(&self) -> &str {
        self.identity.as_ref().map_or("", |identity| identity.hostname.raw())
    }
}

/// What each remedy that the findings offer still needs. A remedy whose plan wants more than was looked at is left out.
fn needed_by(steps: &[Checked], inputs: &Inputs, seen: &Observations) -> Vec<(RemedyId, Vec<(InputId, String)>)> {
    let offered: BTreeSet<RemedyId> = steps.iter().flat_map(|checked| checked.finding.remedies()).collect();
    let needed = |remedy| match seen.at_a_glance(|seen| plan(remedy, inputs, seen)) {
        Ok(Planned::Needs(needed)) => Some((remedy, needed)),
        _ => None,
    };
    offered.into_iter().filter_map(needed).collect()
}

/// A step without a finding is unknown, never left out.
fn absent(step: StepId) -> Checked {
    let summary = Text::fixed("This step did not come to an end.", "这一步没有完成。");
    Checked { finding: Finding::unknown(step, summary, vec![]), elapsed_ms: 0 }
}

#[cfg(test)]
pub(super) mod samples {
    //! A report to draw in every form.
    use super::*;
    use crate::core::finding::{Cause, CauseId, Evidence, Mark};
    use crate::core::observe::{Answer, Question, Unanswered};
    use crate::report::Redactor;

    /// A judge that fails at the network, wants an account, and quotes a hostile and secret log line.
    pub fn judge(step: StepId, _: &Observations, _: &Context) -> Result<Finding, Unanswered> {
        let place = "logtail.cn-hangzhou-intranet.log.aliyuncs.com:80";
        Ok(match step {
            StepId::Network => Finding::judged(
                step,
                Text::fixed("One endpoint does not answer.", "一个服务入口没有应答。"),
                vec![Cause::fail(
                    CauseId::ConnectTimeout,
                    say!("{place} gives no answer.", "{place} 没有应答。"),
                    Text::fixed("The agent gets no configuration.", "Agent 无法获取配置。"),
                    &[RemedyId::SetEndpoint],
                )],
                vec![
                    Evidence::new(Text::same(place), say!("no answer in 3 s", "3 秒内没有应答"), "tcp")
                        .expecting(Text::fixed("connected", "已连接"))
                        .marked(Mark::Bad),
                ],
            ),
            StepId::Account => Finding::unknown(
                step,
                Text::fixed("The owner is not known.", "不知道所有者。"),
                vec![Evidence::new(
                    Text::fixed("Log", "日志"),
                    Text::same("a\u{1b}[2Jb | access_key_secret=plantedSecretValue0123"),
                    "/x/ilogtail.LOG",
                )],
            )
            .wanting(&[Field::Aliuid, Field::Region]),
            StepId::Heartbeat => Finding::skipped(step, Text::fixed("Not asked.", "未询问。")),
            _ => Finding::judged(step, Text::fixed("Fine.", "正常。"), vec![], vec![]),
        })
    }

    pub fn identity() -> IdentitySeen {
        IdentitySeen {
            hostname: "web-1".into(),
            os: "linux".into(),
            arch: "x86_64".into(),
            kernel: "6.1".into(),
            distribution: "Some Linux 12".into(),
            user: "root".into(),
            uid: 0,
            privileged: true,
            sudo: None,
            container: None,
        }
    }

    pub fn investigation() -> Investigation {
        let mut context = Context::default();
        for (field, typed) in [(Field::Region, "cn-hangzhou"), (Field::Identity, "ip")] {
            context.set(field, typed).unwrap();
        }
        let seen = Observations::from_iter([(Question::Identity, Answer::Identity(identity()))]);
        let mut found = Investigation::new(judge, context).with_seen(seen);
        found.advance(7);
        found
    }

    pub fn agent() -> AgentInfo {
        AgentInfo {
            flavour: "logtail".into(),
            version: Some("1.8.8".into()),
            install_dir: "/usr/local/ilogtail".into(),
            conf_dir: "/etc/ilogtail".into(),
            supervisor: Some("init-script:/etc/init.d/ilogtaild".into()),
        }
    }

    pub fn report() -> Report {
        let taken = Taken { started_at: "2026-11-22T05:40:00Z".into(), elapsed_ms: 312 };
        let found = investigation();
        Report::new(&found, found.seen(), taken, Some(agent()), &mut Redactor::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_knows_the_worst_and_the_first_failure() {
        let report = samples::report();
        assert_eq!(report.verdict(), Verdict::Fail);
        assert_eq!(report.stopped_at(), Some(StepId::Network));
        assert_eq!(report.wants(), vec![Field::Aliuid]);
        assert_eq!(
            report.fix_command(RemedyId::SetEndpoint),
            "logtail-doctor fix set-endpoint --set region=cn-hangzhou --set 'network=intranet|internet|acceleration'"
        );
        assert_eq!(Taken::at(0, 1).started_at, "1970-01-01T00:00:00Z");
    }

    #[test]
    fn a_report_asks_for_nothing() {
        let found = samples::investigation();
        let taken = Taken::default();
        Report::new(&found, found.seen(), taken, None, &mut Redactor::new());
        assert!(found.seen().take_open().is_empty());
    }
}
