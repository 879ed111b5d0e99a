//! What the plain walk says of the service: the machine groups to choose from, the key that is typed in, the heartbeat that
//! is watched for. Pure, as `page`.

use super::page::{heading, refusal, word};
use super::words::{GROUPS, first_group};
use crate::core::checks::age_text;
use crate::core::flow::{HeartbeatAge, Layer, Session};
use crate::core::text::{Lang, Text};
use crate::say;
use crate::ui::view::{groups as listed, watch};

/// The groups that the filter leaves, one page of them.
pub(super) fn groups(session: &Session) -> Vec<String> {
    let lang = session.lang;
    let mut out = vec![heading(word(lang, "Machine groups of the project", "Project 中的机器组"))];
    let Some(Layer::Groups(layer)) = session.layers.last() else { return out };
    if let Some(Err(why)) = &layer.groups {
        out.push(why.get(lang).to_string());
    }
    let rows = session.group_rows();
    let (first, count) = (first_group(session), rows.len());
    for (at, group) in rows.iter().enumerate().skip(first).take(GROUPS) {
        let (number, about) = (at + 1, listed::about(group));
        let here = match listed::has_this_host(group) {
            true => word(lang, ", contains this host", "\u{ff0c}包含本机"),
            false => "",
        };
        out.push(format!("{number}. {}  {}{here}", group.name, about.get(lang)));
    }
    let last = (first + GROUPS).min(count);
    let from = (first + 1).min(last);
    let text = say!("{from} to {last} of {count}", "第 {from} 到 {last} 个，共 {count} 个");
    out.push(text.get(lang).to_string());
    out
}

/// What is said before a key is typed in.
pub(super) fn key(session: &Session) -> Vec<String> {
    let lang = session.lang;
    vec![
        heading(word(lang, "A key to ask the service with", "用于访问服务端的 AccessKey")),
        word(
            lang,
            "It is kept in memory only and forgotten when this program ends. What is secret is not shown while you type. < goes back.",
            "仅保存在内存中，程序结束后即丢弃。输入机密内容时不会显示。输入 < 返回。",
        )
        .to_string(),
    ]
}

/// The question for the field of the key in focus.
pub(super) fn key_field(session: &Session) -> Vec<String> {
    let lang = session.lang;
    let Some(Layer::Key(form)) = session.layers.last() else { return Vec::new() };
    let mut out: Vec<String> = form.error.iter().map(|error| refusal(error, lang)).collect();
    if let Some(field) = form.field() {
        out.push(format!("{}> ", field.label().get(lang)));
    }
    out
}

/// Where the console shows the heartbeat.
pub(super) fn console(session: &Session) -> Vec<String> {
    let lang = session.lang;
    let mut out = vec![heading(word(lang, "Watching for the heartbeat", "等待并观察心跳"))];
    out.extend(watch::console_steps(session).iter().map(|text| text.get(lang).to_string()));
    out.extend(session.demo.iter().map(|demo| demo.console().get(lang).to_string()));
    out
}

/// How the watch ended.
pub(super) fn watched(session: &Session) -> Vec<String> {
    let lang = session.lang;
    let Some(Layer::Watch(layer)) = session.layers.last() else { return Vec::new() };
    let said = match layer.ended {
        Some(true) => word(
            lang,
            "OK Proven: a heartbeat newer than the last change has arrived.",
            "成功 已验证：已收到最近一次更改之后的心跳。",
        ),
        Some(false) | None => word(
            lang,
            "NOT PROVED No heartbeat newer than the last change has come in this time.",
            "效果未确认 在此期间没有收到最近一次更改之后的心跳。",
        ),
    };
    vec![said.to_string()]
}

/// The line that begins a watch.
pub(super) fn waiting(seconds_left: u64, lang: Lang) -> String {
    let text = say!(
        "WAIT The service is asked every few seconds for a heartbeat newer than the last change, at most {seconds_left} s. Ctrl-C stops waiting.",
        "等待 每隔几秒访问一次服务端，直到收到最近一次更改之后的心跳，最多 {seconds_left} 秒。按 Ctrl-C 不再等待。"
    );
    text.get(lang).to_string()
}

/// One look at the heartbeat.
pub(super) fn pulse(pulse: HeartbeatAge, lang: Lang) -> String {
    let text = match pulse {
        Some(age) => {
            let age = age_text(age);
            let (en, zh) = age.both();
            Text::filled(format!("HEARTBEAT the last one is {en} old"), format!("心跳 最近一次在 {zh}前"))
        }
        None => Text::fixed("HEARTBEAT none", "心跳 无"),
    };
    text.get(lang).to_string()
}
