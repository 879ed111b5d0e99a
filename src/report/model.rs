//! Everything that a report says, whatever its form.

use super::Redactor;
use crate::checks::{Checked, Investigation};
use crate::context::{Context, Field};
use crate::finding::{Finding, RemedyId, StepId, Verdict, worst};
use crate::host::{IdentitySeen, Seen};
use crate::remedies::shell_line;
use crate::say;
use crate::text::Text;
use serde::{Deserialize, Serialize};

/// The agent that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentInfo {
    /// `logtail`, `loongcollector` or `community`.
    pub flavour: String,
    /// None when no file tells it.
    pub version: Option<String>,
    pub install_dir: String,
    pub conf_dir: String,
}

/// When the observations were made, and how long that took.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Taken {
    /// RFC 3339, UTC, whole seconds.
    pub started_at: String,
    /// Milliseconds.
    pub elapsed_ms: u64,
}

impl Taken {
    /// From milliseconds since 1970.
    pub fn at(started_ms: i64, elapsed_ms: u64) -> Taken {
        let time = jiff::Timestamp::from_millisecond(started_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        Taken { started_at: time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), elapsed_ms }
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
}

impl Report {
    /// What an investigation came to. `seen` are its observations, completed by who and where we are; `redactor`
    /// learns their secrets first, and takes them out of every sentence.
    pub fn new(
        found: &Investigation,
        seen: &Seen,
        taken: Taken,
        agent: Option<AgentInfo>,
        redactor: &mut Redactor,
    ) -> Report {
        redactor.seen(seen);
        let steps = StepId::ALL.iter().map(|&step| match found.finding(step) {
            Some(checked) => redactor.through(checked).unwrap_or_else(|| absent(step)),
            None => absent(step),
        });
        let steps = steps.collect();
        Report {
            tool_version: env!("CARGO_PKG_VERSION").to_string(),
            taken,
            identity: seen.identity().ok().and_then(|identity| redactor.through(identity)),
            agent: agent.and_then(|agent| redactor.through(&agent)),
            context: redactor.through(found.context()).unwrap_or_default(),
            steps,
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

    /// In flowchart order.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.steps.iter().map(|checked| &checked.finding)
    }

    /// What the whole came to, in one sentence.
    pub fn conclusion(&self) -> Text {
        let steps = |wanted: Verdict, lang| {
            let titles =
                self.findings().filter(|finding| finding.verdict == wanted).map(|finding| finding.step.title());
            titles.map(|title| title.get(lang).to_string()).collect::<Vec<_>>()
        };
        let en = |wanted| steps(wanted, crate::text::Lang::En).join(", ");
        let zh = |wanted| steps(wanted, crate::text::Lang::Zh).join("、");
        match self.verdict() {
            Verdict::Fail => {
                let (en, zh) = (en(Verdict::Fail), zh(Verdict::Fail));
                say!("Something breaks the heartbeat: {en}.", "有步骤使心跳中断：{zh}。")
            }
            Verdict::Unknown => {
                let (en, zh) = (en(Verdict::Unknown), zh(Verdict::Unknown));
                say!(
                    "Nothing fails, but this could not be determined: {en}.",
                    "没有失败的步骤，但以下步骤未能确定：{zh}。"
                )
            }
            Verdict::Warn => {
                let (en, zh) = (en(Verdict::Warn), zh(Verdict::Warn));
                say!("Nothing fails. Worth a look: {en}.", "没有失败的步骤。值得留意：{zh}。")
            }
            Verdict::Pass | Verdict::Skipped => Text::fixed("Nothing fails.", "没有失败的步骤。"),
        }
    }

    /// What to do next, one sentence a line; empty when there is nothing to do.
    pub fn next(&self) -> Vec<Text> {
        let mut out = Vec::new();
        if let Some(stopped) = self.stopped_at() {
            let remedy = self.finding(stopped).and_then(|finding| finding.remedies().first().copied());
            if let Some(remedy) = remedy {
                let command = self.fix_command(remedy);
                out.push(say!(
                    "See what the first remedy would change: {command} --dry-run",
                    "查看首选修复将做的更改：{command} --dry-run"
                ));
            }
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

    /// The command that carries a remedy out, with what was told; what it needs beyond that stands in capitals, or as the
    /// values to choose from.
    pub fn fix_command(&self, remedy: RemedyId) -> String {
        let mut words = ["logtail-doctor", "fix", remedy.id()].map(str::to_string).to_vec();
        for &field in inputs_of(remedy) {
            let told = self.context.get(field);
            let value = match (told.is_empty(), field.choices()) {
                (false, _) => told,
                (true, []) => field.id().to_uppercase(),
                (true, choices) => choices.join("|"),
            };
            words.extend(["--set".to_string(), format!("{}={value}", field.id())]);
        }
        shell_line(&words)
    }

    /// A name for files and headings.
    pub fn hostname(&self) -> &str {
        self.identity.as_ref().map_or("", |identity| identity.hostname.as_str())
    }
}

/// The context values that a remedy needs. Addresses are not among them: planning suggests those.
fn inputs_of(remedy: RemedyId) -> &'static [Field] {
    match remedy {
        RemedyId::InstallAgent | RemedyId::ReinstallAgent | RemedyId::SetEndpoint => &[Field::Region, Field::Network],
        RemedyId::WriteCustomId => &[Field::CustomId],
        RemedyId::AddAliuid | RemedyId::RenameAliuid => &[Field::Aliuid],
        RemedyId::AddIpToGroup | RemedyId::ReplaceIpInGroup => &[Field::Project, Field::MachineGroup],
        RemedyId::UpgradeAgent
        | RemedyId::StartAgent
        | RemedyId::RestartAgent
        | RemedyId::StopExtraAgent
        | RemedyId::EnableAtBoot
        | RemedyId::RepairConfig
        | RemedyId::AllowEgress
        | RemedyId::SyncClock
        | RemedyId::EnableTimeAdjust
        | RemedyId::BindHostname
        | RemedyId::SetWorkingIp
        | RemedyId::CleanCustomId
        | RemedyId::RemoveCustomId => &[],
    }
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
    use crate::finding::{Cause, CauseId, Evidence, Mark};
    use crate::host::{Answer, Question, Unseen};
    use crate::report::Redactor;

    /// A judge that fails at the network, wants an account, and quotes a hostile and secret log line.
    pub fn judge(step: StepId, _: &Seen, _: &Context) -> Result<Finding, Unseen> {
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
        let seen = Seen::from_iter([(Question::Identity, Answer::Identity(identity()))]);
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
}
