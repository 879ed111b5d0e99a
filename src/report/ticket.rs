//! The text to paste into a support ticket: what the vendor's troubleshooting document asks for at its end (Project,
//! Logstore, machine group, app_info.json, ilogtail_config.json, and the output of a diagnostic tool).

use super::{Case, Style, text};
use crate::core::context::Field;
use crate::core::text::{Lang, Text, printable, printable_block};

/// Where a ticket is opened (the vendor's document, last section).
pub const TICKET_PAGE: &str = "https://selfservice.console.aliyun.com/ticket/category/sls/today";
/// The same on the international site.
pub const TICKET_PAGE_INTERNATIONAL: &str =
    "https://smartservice.console.alibabacloud.com/console.htm#/ticket/add/?productId=1210";

/// The files that the vendor asks for.
pub(super) const WANTED_FILES: [&str; 2] = ["app_info.json", "ilogtail_config.json"];

/// At most this many lines of a file are pasted; the bundle holds all of it.
const FILE_LINES: usize = 60;

/// What the vendor asks for first, then what helps to find the machine.
const FACTS: [Field; 9] = [
    Field::Project,
    Field::Logstore,
    Field::MachineGroup,
    Field::Region,
    Field::Network,
    Field::Identity,
    Field::GroupIp,
    Field::CustomId,
    Field::Aliuid,
];

/// The ticket text, safe to print and without secrets.
pub fn ticket(case: &Case, lang: Lang) -> String {
    let get = |text: &Text| text.get(lang).to_string();
    let colon = match lang {
        Lang::En => ": ",
        Lang::Zh => "：",
    };
    let mut out = get(&Text::fixed(
        "Subject: machine in an SLS machine group shows no heartbeat",
        "标题：日志服务机器组中的机器心跳异常",
    ));
    out.push_str("\n\n");
    out.push_str(&get(&Text::fixed("Open the ticket at", "提交工单")));
    out.push_str(&format!("{colon}{TICKET_PAGE}\n"));
    out.push_str(&get(&Text::fixed("International site", "国际站")));
    out.push_str(&format!("{colon}{TICKET_PAGE_INTERNATIONAL}\n\n"));
    for field in FACTS {
        let told = case.report.context.get(field);
        let value = if told.is_empty() { get(&Text::fixed("(not told)", "（未填写）")) } else { told };
        out.push_str(&format!("{}{colon}{}\n", field.label().get(lang), printable(&value)));
    }
    for name in WANTED_FILES {
        file(&mut out, case, name, lang);
    }
    out.push_str(&format!("\n--- {} ---\n", get(&Text::fixed("Diagnostic tool output", "自助诊断工具的输出内容"))));
    out.push_str(&text(&case.report, lang, Style { ascii: true, ..Style::default() }));
    out
}

/// The observed files of this name; when there is none, that is said.
fn file(out: &mut String, case: &Case, name: &str, lang: Lang) {
    let files = case.files(name);
    if files.is_empty() {
        let missing = Text::fixed("(not found on this machine)", "（本机未找到）");
        out.push_str(&format!("\n--- {name} ---\n{}\n", missing.get(lang)));
    }
    for (path, file) in files {
        out.push_str(&format!("\n--- {} ---\n", printable(&path.display().to_string())));
        let lines = printable_block(&file.text());
        for line in lines.iter().take(FILE_LINES) {
            out.push_str(&format!("{line}\n"));
        }
        if lines.len() > FILE_LINES {
            let more = Text::fixed("(more in the bundle)", "（其余见诊断包）");
            out.push_str(&format!("{}\n", more.get(lang)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::observe::{Answer, FileSeen, Observations, Question};
    use crate::report::Taken;
    use crate::report::model::samples;

    #[test]
    fn the_ticket_says_what_is_told_and_what_is_not() {
        let found = samples::investigation();
        let mut seen: Observations = found.seen().answers().map(|(q, a)| (q.clone(), a.clone())).collect();
        let bytes = br#"{"ip":"10.0.0.1","access_key_secret":"plantedSecretValue0123"}"#.to_vec();
        let size = bytes.len() as u64;
        let file = FileSeen { bytes, size, modified: 0, mode: 0o644, uid: 0, gid: 0, link_to: None };
        seen.keep(Question::File("/usr/local/ilogtail/app_info.json".into()), Answer::File(Ok(file)));
        let case = Case::new(&found, &seen, Taken::default(), None);
        for lang in [Lang::En, Lang::Zh] {
            let text = ticket(&case, lang);
            assert!(text.contains(TICKET_PAGE) && text.contains(TICKET_PAGE_INTERNATIONAL));
            assert!(text.contains("\"ip\":\"10.0.0.1\"") && text.contains("cn-hangzhou"));
            assert!(!text.contains("plantedSecretValue0123"), "{text}");
        }
        let text = ticket(&case, Lang::En);
        assert!(text.contains("Logstore: (not told)"));
        assert!(text.contains("--- ilogtail_config.json ---\n(not found on this machine)"));
    }
}
