//! JSON exactly as tolerantly as the agent reads it, and what the agent does with a file that it cannot read.
//!
//! The agent first counts braces (`IsValidJson` in its `JsonUtil.cpp`), then parses with jsoncpp's default settings.
//! So comments, text after the end, duplicate names and a comma after the last item are accepted although they are not
//! JSON (an [`Oddity`]), while a byte order mark or a leading carriage return is a [`JsonFault`]. jsoncpp before 1.9.3
//! refuses that comma; no release of the agent is known to be built with it. This file must not know keys.

use super::json_tree::{self, Node};
use super::version::Version;
use crate::core::text::Text;
use crate::say;
use serde_json::Value;

/// What came of reading: the value or why there is none, and what other programs would not accept.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    pub value: Result<Value, JsonFault>,
    pub oddities: Vec<Oddity>,
}

/// Something that the agent accepts and strict JSON does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Oddity {
    Comment,
    /// Text after the closing brace; the agent ignores it.
    TrailingText,
    /// A name that occurs twice in one object; the last one counts.
    DuplicateKey(String),
    /// A raw line end, tab or other control character within a string.
    ControlInString,
    /// Bytes that are not UTF-8 within a string.
    NotUtf8,
    /// A number such as `01`, `1.` or `+1`.
    LooseNumber,
    /// A comma before a closing bracket, at this line.
    TrailingComma(usize),
}

impl Oddity {
    /// One sentence for the operator.
    pub fn text(&self) -> Text {
        match self {
            Oddity::Comment => Text::fixed("It contains comments.", "文件中包含注释。"),
            Oddity::TrailingText => Text::fixed("There is text after the closing brace.", "右大括号之后还有多余内容。"),
            Oddity::DuplicateKey(name) => say!(
                "The key \"{name}\" occurs more than once; the agent uses the last one.",
                "键 \"{name}\" 重复出现，Agent 以最后一个为准。"
            ),
            Oddity::ControlInString => {
                Text::fixed("A string contains a raw control character.", "字符串中包含未转义的控制字符。")
            }
            Oddity::NotUtf8 => Text::fixed("A string is not valid UTF-8.", "字符串不是合法的 UTF-8 编码。"),
            Oddity::TrailingComma(line) => {
                say!("There is a comma after the last item (line {line}).", "最后一项之后多了逗号（第 {line} 行）。")
            }
            Oddity::LooseNumber => {
                Text::fixed("A number is not written as JSON wants it.", "数字的写法不符合 JSON 规范。")
            }
        }
    }
}

/// Why the agent cannot read the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// No byte at all. The agent tolerates this and runs without any configuration.
    Empty,
    /// Only white space.
    Blank,
    /// A UTF-8 byte order mark at the beginning.
    Bom,
    /// UTF-16, as some Windows editors write.
    Utf16,
    /// A carriage return before the first brace.
    LeadingCr,
    /// It begins with something else than `{` or `[`.
    NotJson,
    /// The braces do not balance, or a quote is not closed.
    Unbalanced,
    SingleQuotes,
    UnquotedKey,
    NoKey,
    NoColon,
    NoComma,
    NoValue,
    BadNumber,
    BadEscape,
    TooDeep,
    /// The text ends within a value.
    EndsEarly,
    /// The agent itself said so; what it stumbled over is not known.
    Refused,
    /// Valid JSON, but a list where an object is needed.
    NotAnObject,
}

impl FaultKind {
    /// Whether the agent's brace counter finds this, before its parser sees the text.
    pub const fn is_found_by_pre_check(self) -> bool {
        use FaultKind::*;
        matches!(self, Empty | Blank | Bom | Utf16 | LeadingCr | NotJson | Unbalanced)
    }

    fn sentence(self) -> Text {
        use FaultKind::*;
        match self {
            Empty => Text::fixed("The file is empty", "文件为空"),
            Blank => Text::fixed("The file contains only blanks", "文件只包含空白字符"),
            Bom => Text::fixed("The file begins with a byte order mark (BOM)", "文件以字节顺序标记（BOM）开头"),
            Utf16 => Text::fixed("The file is UTF-16, not UTF-8", "文件是 UTF-16 编码，而不是 UTF-8"),
            LeadingCr => Text::fixed("There is a carriage return before the first brace", "首个大括号之前有回车符"),
            NotJson => Text::fixed("The file does not begin with {", "文件不是以 { 开头"),
            Unbalanced => Text::fixed(
                "The braces do not balance, or a quote is not closed; the file may be cut off",
                "大括号不配对或引号未闭合，文件可能不完整",
            ),
            SingleQuotes => {
                Text::fixed("Single quotes stand where double quotes belong", "应使用双引号，却使用了单引号")
            }
            UnquotedKey => Text::fixed("A key is not in double quotes", "键没有加双引号"),
            NoKey => Text::fixed("A key is missing", "缺少键"),
            NoColon => Text::fixed("A colon is missing after a key", "键之后缺少冒号"),
            NoComma => Text::fixed("A comma or closing bracket is missing", "缺少逗号或右括号"),
            NoValue => Text::fixed("A value is missing or not in double quotes", "缺少值，或值没有加双引号"),
            BadNumber => Text::fixed("A number is malformed", "数字格式不正确"),
            BadEscape => Text::fixed("A backslash sequence in a string is invalid", "字符串中的反斜杠转义不正确"),
            TooDeep => Text::fixed("The values are nested too deep", "嵌套层次过深"),
            EndsEarly => Text::fixed("The text ends too early", "内容提前结束"),
            Refused => Text::fixed(
                "The agent's log says that the file is not valid JSON",
                "Agent 的日志显示该文件不是合法的 JSON",
            ),
            NotAnObject => Text::fixed("The file holds a list, not an object", "文件内容是列表，而不是对象"),
        }
    }
}

/// Why and where a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonFault {
    pub kind: FaultKind,
    /// Offset in bytes.
    pub at: usize,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// One sentence with the place.
    pub text: Text,
}

impl JsonFault {
    /// The fault of a file that the agent refused although these rules accept it.
    pub fn refused(bytes: &[u8]) -> JsonFault {
        JsonFault::at(bytes, 0, FaultKind::Refused)
    }

    /// The fault at a byte offset.
    pub(super) fn at(bytes: &[u8], at: usize, kind: FaultKind) -> JsonFault {
        let before = bytes.get(..at).unwrap_or(bytes);
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let column = 1 + String::from_utf8_lossy(before.get(start..).unwrap_or_default()).chars().count();
        let what = kind.sentence();
        let (en, zh) = what.both();
        let text = if matches!(
            kind,
            FaultKind::Empty | FaultKind::Blank | FaultKind::Utf16 | FaultKind::NotAnObject | FaultKind::Refused
        ) {
            say!("{en}.", "{zh}。")
        } else {
            say!("{en} (line {line}, column {column}).", "{zh}（第 {line} 行，第 {column} 列）。")
        };
        JsonFault { kind, at, line, column, text }
    }
}

/// Reads bytes as the agent does, in time linear in their number.
pub fn read(bytes: &[u8]) -> Reading {
    let mut oddities = Vec::new();
    let value = read_tree(bytes, &mut oddities).map(|node| node.value());
    Reading { value, oddities }
}

/// As [`read`], with the places of the values.
pub(super) fn read_tree(bytes: &[u8], oddities: &mut Vec<Oddity>) -> Result<Node, JsonFault> {
    let pre_check = pre_check(bytes);
    if let Err((at, kind)) = pre_check
        && kind != FaultKind::Unbalanced
    {
        return Err(JsonFault::at(bytes, at, kind));
    }
    let parsed = json_tree::parse(bytes, oddities);
    match (pre_check, parsed) {
        (Ok(()), Ok(root)) => Ok(root),
        (Ok(()), Err(stop)) => Err(JsonFault::at(bytes, stop.at, stop.kind)),
        // The parser knows the place better: it stops where the text first stops making sense.
        (Err((_, kind)), Err(stop)) => Err(JsonFault::at(bytes, stop.at, kind)),
        (Err((at, kind)), Ok(_)) => Err(JsonFault::at(bytes, at, kind)),
    }
}

/// The agent's `IsValidJson`: counts curly braces outside quotes over the whole text, comments included.
fn pre_check(bytes: &[u8]) -> Result<(), (usize, FaultKind)> {
    let start = bytes.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\t'));
    let Some(start) = start else {
        return Err((0, if bytes.is_empty() { FaultKind::Empty } else { FaultKind::Blank }));
    };
    let rest = bytes.get(start..).unwrap_or_default();
    if !matches!(rest.first(), Some(b'{' | b'[')) {
        let kind = match rest {
            [0xef, 0xbb, 0xbf, ..] => FaultKind::Bom,
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => FaultKind::Utf16,
            _ if rest.iter().all(u8::is_ascii_whitespace) => FaultKind::Blank,
            [b'\r', ..] => FaultKind::LeadingCr,
            _ => FaultKind::NotJson,
        };
        return Err((start, kind));
    }
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for (at, byte) in bytes.iter().enumerate().skip(start) {
        if escaped {
            escaped = false;
            continue;
        }
        match byte {
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'{' if !quoted => depth += 1,
            b'}' if !quoted => depth = depth.checked_sub(1).ok_or((at, FaultKind::Unbalanced))?,
            _ => {}
        }
    }
    if depth == 0 { Ok(()) } else { Err((bytes.len(), FaultKind::Unbalanced)) }
}

/// What an agent of this version does when its `ilogtail_config.json` has this fault: one sentence.
/// Measured on 1.8.8; from 2.0 on read from the source of `LoadAppConfig`.
pub fn agent_outcome(fault: &JsonFault, version: Option<&Version>) -> Text {
    let old = if fault.kind.is_found_by_pre_check() {
        Text::fixed(
            "Logtail 1.x exits at once with code 4 and writes nothing to its log.",
            "Logtail 1.x 会立即以退出码 4 退出，且不写入任何日志。",
        )
    } else {
        Text::fixed(
            "The worker of Logtail 1.x ends at once and writes nothing to its log.",
            "Logtail 1.x 的工作进程会立即结束，且不写入任何日志。",
        )
    };
    let new = Text::fixed(
        "From version 2.0 on the agent runs with an empty configuration: it knows no server and sends no heartbeat.",
        "2.0 及以上版本的 Agent 会以空配置运行：不知道任何服务端地址，不会发送心跳。",
    );
    if fault.kind == FaultKind::Empty {
        return Text::fixed(
            "The agent runs without any configuration: it knows no server and sends no heartbeat.",
            "Agent 会以空配置运行：不知道任何服务端地址，不会发送心跳。",
        );
    }
    match version {
        Some(version) if version.at_least(2, 0, 0) => new,
        Some(_) => old,
        None => {
            use crate::core::text::Lang::{En, Zh};
            Text::filled(format!("{} {}", old.get(En), new.get(En)), format!("{}{}", old.get(Zh), new.get(Zh)))
        }
    }
}

#[cfg(test)]
mod tests;
