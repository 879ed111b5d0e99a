//! The evidence of one step as plain text: for the clipboard, a chat, an e-mail.

use crate::core::finding::{Evidence, Finding, Mark};
use crate::core::text::{Lang, printable};

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
    let is_zh = lang == Lang::Zh;
    let mut row = if is_zh { format!("{label}：{value}") } else { format!("{label}: {value}") };
    if let Some(expected) = &evidence.expected {
        let expected = printable(expected.get(lang));
        row += &if is_zh { format!("（应为：{expected}）") } else { format!(" (expected: {expected})") };
    }
    if let Some(place) = evidence.place() {
        // A full-width bracket brings its own space.
        let gap = if row.ends_with('）') { "" } else { " " };
        row += &format!("{gap}[{}]", printable(place.get(lang)));
    }
    row
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
    use crate::core::finding::StepId;
    use crate::core::text::Text;
    use crate::report::model::samples;

    #[test]
    fn a_row_names_its_place_unless_its_value_does() {
        let path = "/etc/init.d/ilogtaild";
        let found = |value: &str| Evidence::new(Text::fixed("Init script", "启动脚本"), Text::same(value), path);
        assert_eq!(row(&found(path), Lang::En), format!("Init script: {path}"));
        assert_eq!(row(&found("none"), Lang::Zh), format!("启动脚本：none [{path}]"));
        let compared = found("none").expecting(Text::same("one"));
        assert_eq!(row(&compared, Lang::En), format!("Init script: none (expected: one) [{path}]"));
        assert_eq!(row(&compared, Lang::Zh), format!("启动脚本：none（应为：one）[{path}]"));
    }

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
