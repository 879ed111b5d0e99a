//! The page of the support ticket: what is still missing, where it is opened, what goes into it.

use super::Display;
use super::page::{self, Page};
use super::sheet::{Sheet, run};
use crate::core::context::Field;
use crate::core::flow::Session;
use ratatui::Frame;
use ratatui::layout::Rect;

/// Where a ticket is opened on the Chinese site, as the vendor's troubleshooting document says.
pub(in crate::ui) const ADDRESS_CHINA: &str = "https://selfservice.console.aliyun.com/ticket/category/sls/today";
/// Where a ticket is opened on the international site.
pub(in crate::ui) const ADDRESS_INTERNATIONAL: &str =
    "https://smartservice.console.alibabacloud.com/console.htm#/ticket/add/?productId=1210";

/// What the vendor asks for in a ticket and this host cannot know.
pub(in crate::ui) const FACTS: [Field; 3] = [Field::Project, Field::Logstore, Field::MachineGroup];

pub(super) fn draw(frame: &mut Frame, area: Rect, session: &Session, look: Display) -> (usize, usize) {
    let theme = look.theme;
    let title = page::title(area.width, look.word("Support ticket", "工单"), "", look);
    let mut question = Sheet::new(area.width);
    let text = look.word(
        "When no remedy is left, the vendor's support needs this.",
        "没有可用的修复方法时，请将以下内容提供给技术支持。",
    );
    question.say(text, theme.dim);
    let mut body = Sheet::new(area.width);
    if let Some(path) = &session.bundle {
        body.hung(
            &[run(look.glyphs.pass(), theme.pass)],
            2,
            &[run(look.word("The bundle is written: ", "诊断包已生成："), theme.text)],
        );
        body.hung(&[], 2, &[run(path.display().to_string(), theme.heading)]);
    }

    body.heading(look.word("What the vendor asks for", "技术支持需要的信息"), theme);
    for field in FACTS {
        let value = session.context.get(field);
        let label = look.read(&field.label()).to_string();
        let separator = look.word(": ", "\u{ff1a}");
        if value.is_empty() {
            let missing = look.word("not told yet", "尚未填写");
            let runs = [run(label, theme.text), run(separator, theme.text), run(missing, theme.unknown)];
            body.hung(&[run(look.glyphs.unknown(), theme.unknown)], 2, &runs);
        } else {
            let runs = [run(label, theme.text), run(separator, theme.text), run(value, theme.heading)];
            body.hung(&[run(look.glyphs.pass(), theme.pass)], 2, &runs);
        }
    }

    body.heading(look.word("Where to open it", "提交地址"), theme);
    for (en, zh, address) in [
        ("China site (aliyun.com)", "中国站（aliyun.com）", ADDRESS_CHINA),
        ("International site (alibabacloud.com)", "国际站（alibabacloud.com）", ADDRESS_INTERNATIONAL),
    ] {
        body.hung(&[run(look.glyphs.bullet(), theme.dim)], 2, &[run(look.word(en, zh), theme.text)]);
        body.hung(&[], 2, &[run(address, theme.accent)]);
    }
    body.heading(look.word("What is in the bundle", "诊断包的内容"), theme);
    let contents = [
        ("the verdict of every step, with its evidence", "每一步的结论和证据"),
        (
            "what was read on this host: the agent's files, processes, network tests",
            "从本机读取的信息：Agent 文件、进程、网络测试",
        ),
        ("keys, tokens and account ids are masked", "密钥、令牌和账号 ID 已脱敏"),
    ];
    for (en, zh) in contents {
        body.hung(&[run(look.glyphs.bullet(), theme.dim)], 2, &[run(look.word(en, zh), theme.text)]);
    }
    let page = Page { title, question: question.lines, verdict: Vec::new(), body: body.lines };
    page::draw(frame, area, session, page, look)
}
