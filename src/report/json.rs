//! The JSON of `check` (design, section 4). Other programs rely on its names and their order; what is added later is
//! added beside them, and what changes its meaning raises the schema version.

use super::{AgentInfo, Report};
use crate::core::finding::{Cause, CauseId, Evidence, Mark, RemedyId, Severity, StepId, Verdict};
use crate::core::text::{Lang, Text, printable};
use serde::Serialize;

/// Raised when a field changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 2;

#[derive(Serialize)]
struct Whole<'a> {
    schema_version: u32,
    tool: Tool<'a>,
    started_at: &'a str,
    elapsed_ms: u64,
    host: Host<'a>,
    agent: Option<&'a AgentInfo>,
    context: ContextJson<'a>,
    verdict: Verdict,
    stopped_at: Option<StepId>,
    /// The cause that explains the others.
    root_cause: Option<CauseId>,
    steps: Vec<Step<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'static str,
    version: &'a str,
}

/// Null where the host could not say.
#[derive(Serialize)]
struct Host<'a> {
    hostname: Option<&'a str>,
    os: Option<&'a str>,
    arch: Option<&'a str>,
    privileged: Option<bool>,
}

#[derive(Serialize)]
struct ContextJson<'a> {
    project: Option<&'a str>,
    region: Option<&'a str>,
    machine_group: Option<&'a str>,
    identity: Option<&'static str>,
    aliuid: Option<&'a str>,
}

#[derive(Serialize)]
struct Step<'a> {
    id: StepId,
    seed_section: Option<&'static str>,
    verdict: Verdict,
    summary: &'a str,
    elapsed_ms: u64,
    causes: Vec<OneCause<'a>>,
    evidence: Vec<OneEvidence<'a>>,
}

#[derive(Serialize)]
struct OneCause<'a> {
    id: &'static str,
    severity: Severity,
    detail: &'a str,
    why: &'a str,
    remedies: &'a [RemedyId],
    /// The cause of which this one is a consequence.
    explained_by: Option<CauseId>,
}

#[derive(Serialize)]
struct OneEvidence<'a> {
    label: &'a str,
    value: &'a str,
    expected: Option<&'a str>,
    source: &'a str,
    mark: Mark,
}

/// The report as JSON, indented, with a line end.
pub fn json(report: &Report, lang: Lang) -> String {
    let identity = report.identity.as_ref();
    let context = &report.context;
    let whole = Whole {
        schema_version: SCHEMA_VERSION,
        tool: Tool { name: env!("CARGO_PKG_NAME"), version: &report.tool_version },
        started_at: report.taken.started_at.raw(),
        elapsed_ms: report.taken.elapsed_ms,
        host: Host {
            hostname: identity.map(|identity| identity.hostname.raw()),
            os: identity.map(|identity| identity.os.raw()),
            arch: identity.map(|identity| identity.arch.raw()),
            privileged: identity.map(|identity| identity.privileged),
        },
        agent: report.agent.as_ref(),
        context: ContextJson {
            project: context.project.as_deref(),
            region: context.region.as_deref(),
            machine_group: context.machine_group.as_deref(),
            identity: context.identity.map(|kind| kind.id()),
            aliuid: context.aliuid.as_deref(),
        },
        verdict: report.verdict(),
        stopped_at: report.stopped_at(),
        root_cause: report.root().map(|(_, cause)| cause.id),
        steps: report.steps.iter().map(|checked| step(checked, lang)).collect(),
    };
    // Strings and numbers only: there is nothing here that JSON cannot say.
    let mut out = harmless(&serde_json::to_string_pretty(&whole).unwrap_or_default());
    out.push('\n');
    out
}

/// JSON leaves some characters as they are that drive or disguise a terminal; as escapes they mean the same.
fn harmless(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\n' => out.push(c),
            _ if *printable(c.encode_utf8(&mut [0; 4])) == *c.encode_utf8(&mut [0; 4]) => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out
}

fn step(checked: &crate::core::checks::Checked, lang: Lang) -> Step<'_> {
    let finding = &checked.finding;
    Step {
        id: finding.step,
        seed_section: finding.step.seed_section(),
        verdict: finding.verdict,
        summary: finding.summary.get(lang),
        elapsed_ms: checked.elapsed_ms,
        causes: finding.causes.iter().map(|cause| one_cause(cause, lang)).collect(),
        evidence: finding.evidence.iter().map(|evidence| one_evidence(evidence, lang)).collect(),
    }
}

fn one_cause(cause: &Cause, lang: Lang) -> OneCause<'_> {
    OneCause {
        id: cause.id.id(),
        severity: cause.severity,
        detail: cause.detail.get(lang),
        why: cause.why.get(lang),
        remedies: &cause.remedies,
        explained_by: cause.explained_by,
    }
}

fn one_evidence(evidence: &Evidence, lang: Lang) -> OneEvidence<'_> {
    OneEvidence {
        label: evidence.label.get(lang),
        value: evidence.value.get(lang),
        expected: evidence.expected.as_ref().map(|text: &Text| text.get(lang)),
        source: evidence.source.get(lang),
        mark: evidence.mark,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::samples;

    #[test]
    fn the_shape_is_the_promised_one() {
        let golden = include_str!("golden/check.json").replace("@VERSION@", env!("CARGO_PKG_VERSION"));
        assert_eq!(json(&samples::report(), Lang::En), golden);
    }

    #[test]
    fn nothing_in_it_drives_a_terminal() {
        assert_eq!(harmless("\"a\u{9b}2J\u{202e}中\""), "\"a\\u009b2J\\u202e中\"");
    }

    #[test]
    fn chinese_changes_sentences_and_nothing_else() {
        let value = |lang| serde_json::from_str::<serde_json::Value>(&json(&samples::report(), lang)).unwrap();
        let (en, zh) = (value(Lang::En), value(Lang::Zh));
        assert_eq!(zh["steps"][3]["summary"], "一个服务入口没有应答。");
        assert_eq!(en["steps"][3]["causes"][0]["id"], zh["steps"][3]["causes"][0]["id"]);
    }
}
