//! The evidence of one step as plain text: for the clipboard, a chat, an e-mail.

use crate::finding::{Evidence, Finding, Mark};
use crate::text::{Lang, printable};

/// A finding with its evidence as lines of plain text, safe to print. Pass findings without secrets only.
pub fn evidence_text(finding: &Finding, lang: Lang) -> String {
    let step = finding.step;
    let mut out = format!(
        "[{}] {}. {}: {}\n",
        finding.verdict.word().get(lang),
        step.index() + 1,
        step.title().get(lang),
        printable(finding.summary.get(lang))
    );
    for cause in &finding.causes {
        out.push_str(&format!("- {} ({})\n", printable(cause.detail.get(lang)), cause.id.id()));
    }
    for evidence in &finding.evidence {
        out.push_str(&format!("  {} {}\n", sign(evidence.mark, true), row(evidence, lang)));
    }
    out
}

/// One row: what was read, what was expected, from where.
pub(super) fn row(evidence: &Evidence, lang: Lang) -> String {
    let (label, value) = (printable(evidence.label.get(lang)), printable(evidence.value.get(lang)));
    let source = printable(evidence.source.get(lang));
    match (&evidence.expected, lang) {
        (Some(expected), Lang::En) => {
            format!("{label}: {value} (expected: {}) [{source}]", printable(expected.get(lang)))
        }
        (Some(expected), Lang::Zh) => format!("{label}：{value}（应为：{}）[{source}]", printable(expected.get(lang))),
        (None, Lang::En) => format!("{label}: {value} [{source}]"),
        (None, Lang::Zh) => format!("{label}：{value} [{source}]"),
    }
}

/// The sign in front of a row. Each is one cell wide.
pub(super) fn sign(mark: Mark, ascii: bool) -> &'static str {
    match (mark, ascii) {
        (Mark::Good, false) => "✓",
        (Mark::Good, true) => "+",
        (Mark::Bad, false) => "✗",
        (Mark::Bad, true) => "x",
        (Mark::Doubtful, _) => "!",
        (Mark::Unknown, _) => "?",
        (Mark::Note, false) => "·",
        (Mark::Note, true) => "-",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::StepId;
    use crate::report::model::samples;

    #[test]
    fn it_reads_alone() {
        let report = samples::report();
        assert_eq!(
            evidence_text(report.finding(StepId::Network).unwrap(), Lang::En),
            "[FAIL] 4. Network: One endpoint does not answer.\n\
             - logtail.cn-hangzhou-intranet.log.aliyuncs.com:80 gives no answer. (connect-timeout)\n  \
             x logtail.cn-hangzhou-intranet.log.aliyuncs.com:80: no answer in 3 s (expected: connected) [tcp]\n"
        );
    }
}
