//! The report as Markdown, for an issue, a chat or a wiki.

use super::Report;
use super::evidence::sign;
use crate::core::finding::{Finding, Verdict};
use crate::core::text::{Lang, Text, printable};

/// The report as Markdown.
pub fn markdown(report: &Report, lang: Lang) -> String {
    let get = |text: Text| text.get(lang).to_string();
    let mut out = format!("# logtail-doctor {}: {}\n\n", report.tool_version, report.verdict().word().get(lang));
    out.push_str(&format!("{}\n\n", escape(report.conclusion().get(lang))));
    out.push_str(&format!("- {}\n", escape(report.taken.started_at.raw())));
    if let Some(identity) = &report.identity {
        let parts = [&identity.hostname, &identity.distribution, &identity.arch, &identity.kernel];
        let parts: Vec<String> =
            parts.into_iter().filter(|part| !part.is_empty()).map(|part| escape(part.raw())).collect();
        out.push_str(&format!("- {}\n", parts.join(", ")));
    }
    match &report.agent {
        None => out.push_str(&format!("- {}\n", get(Text::fixed("Agent: none found", "Agent：未找到")))),
        Some(agent) => {
            let version = agent.version.as_deref().unwrap_or("?");
            out.push_str(&format!(
                "- {} {}, `{}`\n",
                escape(&agent.flavour),
                escape(version),
                code(&agent.install_dir)
            ));
        }
    }
    let columns = get(Text::fixed("| # | step | verdict | summary |", "| # | 步骤 | 结论 | 说明 |"));
    out.push_str(&format!("\n{columns}\n|---|---|---|---|\n"));
    for finding in report.findings() {
        out.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            finding.step.index() + 1,
            finding.step.id(),
            finding.verdict.word().get(lang),
            escape(finding.summary.get(lang))
        ));
    }
    for finding in report.findings().filter(|f| !matches!(f.verdict, Verdict::Pass | Verdict::Skipped)) {
        section(&mut out, report, finding, lang);
    }
    let next = report.next();
    if !next.is_empty() {
        out.push_str(&format!("\n## {}\n\n", get(Text::fixed("What next", "下一步"))));
        for line in next {
            out.push_str(&format!("- {}\n", escape(line.get(lang))));
        }
    }
    out
}

fn section(out: &mut String, report: &Report, finding: &Finding, lang: Lang) {
    let step = finding.step;
    out.push_str(&format!("\n## {}. {}: ", step.index() + 1, step.title().get(lang)));
    out.push_str(&format!("{}\n\n{}\n\n", finding.verdict.word().get(lang), escape(finding.summary.get(lang))));
    for cause in &finding.causes {
        let (detail, why) = (escape(cause.detail.get(lang)), escape(cause.why.get(lang)));
        let follows = cause.explained_by.map(|root| format!(", {} `{}`", get_follows(lang), root.id()));
        out.push_str(&format!("- **{detail}** {why} (`{}`{})\n", cause.id.id(), follows.unwrap_or_default()));
    }
    if !finding.evidence.is_empty() {
        let columns = Text::fixed("|  | what | value | expected | source |", "|  | 项目 | 值 | 应为 | 来源 |");
        let gap = if finding.causes.is_empty() { "" } else { "\n" };
        out.push_str(&format!("{gap}{}\n|---|---|---|---|---|\n", columns.get(lang)));
        for evidence in &finding.evidence {
            let expected = evidence.expected.as_ref().map_or("", |text| text.get(lang));
            let cells = [&evidence.label, &evidence.value].map(|text| escape(text.get(lang)));
            let [label, value] = cells;
            let (expected, source) = (escape(expected), escape(evidence.source.get(lang)));
            out.push_str(&format!("| {} | {label} | {value} | {expected} | {source} |\n", sign(evidence.mark, false)));
        }
    }
    let remedies = finding.remedies();
    if !remedies.is_empty() {
        out.push_str("\n```sh\n");
        for remedy in remedies {
            out.push_str(&format!("{}\n", printable(&report.fix_command(remedy)).replace("```", "'''")));
        }
        out.push_str("```\n");
    }
}

/// The words before the cause of which another one is a consequence.
fn get_follows(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "follows from",
        Lang::Zh => "起因",
    }
}

/// Text that Markdown shows as it is.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in printable(text).chars() {
        if matches!(c, '|' | '*' | '_' | '`' | '<' | '>' | '[' | ']' | '\\' | '#') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Text inside backticks.
fn code(text: &str) -> String {
    printable(text).replace('`', "'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::samples;

    #[test]
    fn tables_hold_whatever_a_log_says() {
        let out = markdown(&samples::report(), Lang::En);
        insta::assert_snapshot!("markdown_en", out);
        let rows = out.lines().filter(|line| line.contains("access\\_key\\_secret")).count();
        assert_eq!(rows, 1);
    }
}
