//! `user_defined_id` and `users/`: who the host says it is. Read by the agent's rules, which are looser than what the
//! service can match. This file must not know what the machine group or the project expects.

use crate::core::observe::{DirSeen, EntryKind};
use crate::core::text::Text;

/// What makes an identifier unlikely to match what somebody typed in the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdFlaw {
    /// A carriage return; a file written on Windows. The agent keeps it.
    CarriageReturn,
    Tab,
    /// A byte order mark at the beginning.
    ByteOrderMark,
    /// Quotes, as of JSON or a shell.
    Quotes,
    /// Brackets, as of a list such as `["id"]`.
    Brackets,
    NotUtf8,
    /// Zero bytes: the file is UTF-16.
    ZeroByte,
    OtherControl,
}

impl IdFlaw {
    /// What it is, in a few words.
    pub fn text(self) -> Text {
        match self {
            IdFlaw::CarriageReturn => Text::fixed("a carriage return (Windows line end)", "回车符（Windows 换行）"),
            IdFlaw::Tab => Text::fixed("a tab", "制表符"),
            IdFlaw::ByteOrderMark => Text::fixed("a byte order mark (BOM)", "字节顺序标记（BOM）"),
            IdFlaw::Quotes => Text::fixed("quotes", "引号"),
            IdFlaw::Brackets => Text::fixed("brackets", "括号"),
            IdFlaw::NotUtf8 => Text::fixed("bytes that are not UTF-8", "非 UTF-8 字节"),
            IdFlaw::ZeroByte => Text::fixed("zero bytes (a UTF-16 file)", "零字节（UTF-16 编码文件）"),
            IdFlaw::OtherControl => Text::fixed("a control character", "控制字符"),
        }
    }
}

/// One custom identifier as the agent reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomId {
    /// The bytes as text, nothing cleaned: compare this with the group's identifier.
    pub value: String,
    /// The same without the flaws: what was probably meant.
    pub meant: String,
    pub flaws: Vec<IdFlaw>,
    /// The bytes in lower-case hex with spaces, at most 64 of them.
    pub hex: String,
    /// Whether it comes from the environment and not from the file.
    pub from_environment: bool,
}

/// The identifiers of the file and of the variables `ALIYUN_LOGTAIL_USER_DEFINED_ID` and `LOONG_USER_DEFINED_ID`
/// (the values, if set), as the agent merges them: lines of the file, items between commas of the variables, each
/// trimmed of spaces and then of line feeds, and of nothing else; empty ones dropped, doubles kept once.
pub fn custom_ids(file: &[u8], variables: &[&str]) -> Vec<CustomId> {
    let lines = file.split(|byte| *byte == b'\n').map(|item| (item, false));
    let items = variables.iter().flat_map(|text| text.as_bytes().split(|byte| *byte == b',')).map(|item| (item, true));
    let mut out: Vec<CustomId> = Vec::new();
    let mut known = std::collections::HashSet::new();
    for (item, from_environment) in lines.chain(items) {
        let item = trim(trim(item, b' '), b'\n');
        if !item.is_empty() && known.insert(item.to_vec()) {
            out.push(custom_id(item, from_environment));
        }
    }
    out
}

/// The bytes without this one at both ends.
fn trim(mut bytes: &[u8], unwanted: u8) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && *first == unwanted
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && *last == unwanted
    {
        bytes = rest;
    }
    bytes
}

fn custom_id(bytes: &[u8], from_environment: bool) -> CustomId {
    let value = String::from_utf8_lossy(bytes).into_owned();
    let flaw_of = |c: char| match c {
        '\r' => Some(IdFlaw::CarriageReturn),
        '\t' => Some(IdFlaw::Tab),
        '\u{feff}' => Some(IdFlaw::ByteOrderMark),
        '"' | '\'' | '`' | '\u{201c}' | '\u{201d}' => Some(IdFlaw::Quotes),
        '[' | ']' | '{' | '}' => Some(IdFlaw::Brackets),
        '\u{fffd}' => Some(IdFlaw::NotUtf8),
        '\0' => Some(IdFlaw::ZeroByte),
        c if c.is_control() => Some(IdFlaw::OtherControl),
        _ => None,
    };
    let mut flaws = Vec::new();
    for flaw in value.chars().filter_map(flaw_of) {
        if !flaws.contains(&flaw) {
            flaws.push(flaw);
        }
    }
    let meant: String = value.chars().filter(|c| flaw_of(*c).is_none()).collect();
    let hex: Vec<_> = bytes.iter().take(64).map(|byte| format!("{byte:02x}")).collect();
    CustomId { meant: meant.trim().to_string(), value, flaws, hex: hex.join(" "), from_environment }
}

/// What a name in `users/` looks like. The agent reports them all; only a main account id can authorise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserNameKind {
    /// Sixteen digits, as every documented account id has.
    Proper,
    /// Digits, but another number of them; never stated as a rule, so only odd.
    OtherLength,
    /// An id with an extension, such as `.txt`.
    Extension,
    /// Spaces or tabs in the name.
    Spaces,
    /// A carriage return in the name, from a script with Windows line ends.
    CarriageReturn,
    /// Letters or signs: an alias, an e-mail address, an ARN, a RAM user's name.
    Letters,
    /// A directory; the agent counts it all the same.
    Directory,
}

impl UserNameKind {
    /// What is to be said of it, in a few words.
    pub fn text(self) -> Text {
        match self {
            UserNameKind::Proper => Text::fixed("an account ID", "账号 ID"),
            UserNameKind::OtherLength => Text::fixed("digits, but not 16 of them", "全为数字，但不是 16 位"),
            UserNameKind::Extension => Text::fixed("an account ID with an extension", "账号 ID 带有扩展名"),
            UserNameKind::Spaces => Text::fixed("a name with blanks", "名称中有空白字符"),
            UserNameKind::CarriageReturn => Text::fixed("a name with a carriage return", "名称中有回车符"),
            UserNameKind::Letters => Text::fixed(
                "not a number: a RAM user, an alias or an ARN is of no use here",
                "不是数字：RAM 用户、别名或 ARN 均无效",
            ),
            UserNameKind::Directory => Text::fixed("a directory instead of a file", "是目录而不是文件"),
        }
    }
}

/// One account that the host reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserId {
    /// The name as it is.
    pub name: String,
    pub kind: UserNameKind,
    /// The account id that was probably meant, where the name is a flawed one.
    pub meant: Option<String>,
    /// Whether it comes from the environment and not from the directory.
    pub from_environment: bool,
}

impl UserId {
    /// Eighteen digits that begin with 2: most RAM users' ids look so, and no documented main account's.
    pub fn is_ram_like(&self) -> bool {
        self.kind == UserNameKind::OtherLength && self.name.len() == 18 && self.name.starts_with('2')
    }
}

/// The accounts of the directory and of `ALIYUN_LOGTAIL_USER_ID` (the value, if set): every name that does not begin
/// with a dot, whatever it is and whatever is in it; the variable adds items between commas, untrimmed.
pub fn user_ids(users: Option<&DirSeen>, variable: Option<&str>) -> Vec<UserId> {
    let entries = users.map(|dir| dir.entries.as_slice()).unwrap_or_default();
    let files = entries.iter().filter(|entry| !entry.name.starts_with('.')).map(|entry| {
        let is_directory = entry.kind == EntryKind::Dir;
        user_id(&entry.name, is_directory, false)
    });
    let items = variable.unwrap_or_default().split(',').filter(|item| !item.is_empty());
    let mut out: Vec<UserId> = Vec::new();
    for user in files.chain(items.map(|item| user_id(item, false, true))) {
        if !out.iter().any(|known| known.name == user.name) {
            out.push(user);
        }
    }
    out
}

fn user_id(name: &str, is_directory: bool, from_environment: bool) -> UserId {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let stem = name.trim().trim_start_matches('+').split(|c: char| c == '.' || c.is_whitespace()).next();
    let stem = stem.filter(|stem| is_digits(stem)).map(str::to_string);
    let kind = if is_directory {
        UserNameKind::Directory
    } else if is_digits(name) {
        if name.len() == 16 { UserNameKind::Proper } else { UserNameKind::OtherLength }
    } else if name.contains('\r') {
        UserNameKind::CarriageReturn
    } else if name.contains(char::is_whitespace) {
        UserNameKind::Spaces
    } else if name.contains('.') && stem.is_some() {
        UserNameKind::Extension
    } else {
        UserNameKind::Letters
    };
    let meant = stem.filter(|stem| stem != name);
    UserId { name: name.to_string(), kind, meant, from_environment }
}

/// What an agent from 3.0 on has noted of the ECS instance that it runs on, in `checkpoint/instance_identity` below the
/// system configuration directory: a source that needs no network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InstanceIdentity {
    pub instance_id: Option<String>,
    /// The account that owns the instance: not necessarily the project's owner.
    pub owner_account_id: Option<String>,
    pub region_id: Option<String>,
}

/// Reads the note; None when it is not JSON or tells nothing, as on hosts that are not ECS instances.
pub fn instance_identity(bytes: &[u8]) -> Option<InstanceIdentity> {
    let value = super::json::read(bytes).value.ok()?;
    let text = |key: &str| value.get(key)?.as_str().filter(|text| !text.is_empty()).map(str::to_string);
    let identity = InstanceIdentity {
        instance_id: text("instance-id"),
        owner_account_id: text("owner-account-id"),
        region_id: text("region-id"),
    };
    (identity != InstanceIdentity::default()).then_some(identity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::observe::EntrySeen;
    use proptest::prelude::*;

    #[test]
    fn ids_are_trimmed_as_the_agent_trims_and_no_further() {
        let ids = custom_ids(b"  group-a\r\ngroup-b  \n\n\tgroup-c\ngroup-b\n", &["group-d , group-b,,"]);
        let values: Vec<_> = ids.iter().map(|id| id.value.as_str()).collect();
        assert_eq!(values, ["group-a\r", "group-b", "\tgroup-c", "group-d"]);
        assert_eq!(ids[0].flaws, [IdFlaw::CarriageReturn]);
        assert_eq!(ids[0].meant, "group-a");
        assert_eq!(ids[0].hex, "67 72 6f 75 70 2d 61 0d");
        assert!(ids[1].flaws.is_empty() && !ids[1].from_environment && ids[3].from_environment);
        assert_eq!(ids[2].flaws, [IdFlaw::Tab]);
    }

    #[test]
    fn flaws_are_told_apart() {
        let flaws = |bytes: &[u8]| custom_ids(bytes, &[]).remove(0).flaws;
        assert_eq!(flaws("\u{feff}a".as_bytes()), [IdFlaw::ByteOrderMark]);
        assert_eq!(flaws(br#"["a"]"#), [IdFlaw::Brackets, IdFlaw::Quotes]);
        assert_eq!(flaws(b"\xff\xfea\0"), [IdFlaw::NotUtf8, IdFlaw::ZeroByte]);
        assert_eq!(custom_ids(br#"["a"]"#, &[])[0].meant, "a");
        assert!(custom_ids(b" \n \n", &[]).is_empty());
    }

    #[test]
    fn every_name_in_users_counts_and_is_classified() {
        let file = |name: &str| EntrySeen { name: name.into(), kind: EntryKind::File, size: 0, modified: 0 };
        let mut entries: Vec<_> = [
            "1654218965343050",
            "165421896534305",
            "1654218965343050.txt",
            "1654218965343050 ",
            "1654218965343050\r",
            "acs:ram::1654218965343050:user/a",
            "alice@example.com",
            "+1654218965343050",
            ".hidden",
            "１６５４２１８９６５３４３０５０",
        ]
        .into_iter()
        .map(file)
        .collect();
        entries.push(EntrySeen { kind: EntryKind::Dir, ..file("1234567890123456") });
        let ids = user_ids(Some(&DirSeen { entries, cut: false }), Some("1654218965343050,222"));
        let kinds: Vec<_> = ids.iter().map(|id| id.kind).collect();
        use UserNameKind::*;
        assert_eq!(
            kinds,
            [
                Proper,
                OtherLength,
                Extension,
                Spaces,
                CarriageReturn,
                Letters,
                Letters,
                Letters,
                Letters,
                Directory,
                OtherLength
            ]
        );
        let meant = Some("1654218965343050".to_string());
        assert_eq!((&ids[2].meant, &ids[3].meant, &ids[4].meant, &ids[7].meant), (&meant, &meant, &meant, &meant));
        assert!(ids[10].from_environment && ids[0].meant.is_none());
    }

    #[test]
    fn the_note_of_the_instance_is_read() {
        let note = br#"{"instance-id": "i-bp1", "owner-account-id": "1654218965343050", "region-id": "cn-hangzhou"}"#;
        let identity = instance_identity(note).unwrap();
        assert_eq!(identity.owner_account_id.as_deref(), Some("1654218965343050"));
        assert_eq!(instance_identity(br#"{"random-hostid": "x"}"#), None);
        assert_eq!(instance_identity(b""), None);
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_ids_without_line_feeds(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            for id in custom_ids(&bytes, &[]) {
                prop_assert!(!id.value.contains('\n') && !id.value.is_empty());
                prop_assert!(!id.meant.contains(char::is_control));
            }
        }
    }
}
