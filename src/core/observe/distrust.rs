//! Why root does not act on a path: somebody else than root could change what is there. Data and its sentences only; who
//! finds it out is the host.

use crate::core::text::{Text, shell_line};
use crate::say;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The first place on the way to a path that somebody else could change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Distrust {
    pub at: PathBuf,
    pub kind: PlaceKind,
    pub by: DistrustBy,
}

/// What stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlaceKind {
    File,
    Directory,
    Link,
}

/// Who could change it, and by what right.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DistrustBy {
    /// It belongs to this user.
    Owner(String),
    /// The permission bits let everybody write.
    Everybody { mode: u32 },
    /// The permission bits let this group write, in which somebody else is.
    Group { group: String, mode: u32 },
    /// The access list lets somebody write, told in words.
    AccessList(String),
    /// The access list cannot be read, for this reason.
    UnreadableAccessList(String),
}

impl Distrust {
    /// What is wrong, in a sentence without its full stop.
    pub fn what(&self) -> Text {
        let at = self.at.display();
        let (verb, zh_verb) = match self.kind {
            PlaceKind::Directory => ("may write in", "可以在目录中写入："),
            PlaceKind::File | PlaceKind::Link => ("may write", "可以写入文件："),
        };
        match &self.by {
            DistrustBy::Owner(user) => match self.kind {
                PlaceKind::Link => say!("the symlink {at} belongs to {user}", "符号链接 {at} 属于 {user}"),
                PlaceKind::Directory => say!("the directory {at} belongs to {user}", "目录 {at} 属于 {user}"),
                PlaceKind::File => say!("{at} belongs to {user}", "{at} 属于 {user}"),
            },
            DistrustBy::Everybody { mode } => {
                say!("everybody {verb} {at} (mode {mode:04o})", "任何人都{zh_verb}{at}（权限 {mode:04o}）")
            }
            DistrustBy::Group { group, mode } => {
                say!("{group} {verb} {at} (mode {mode:04o})", "{group} {zh_verb}{at}（权限 {mode:04o}）")
            }
            DistrustBy::AccessList(who) => {
                say!("the access list lets {who} write: {at}", "访问控制列表（ACL）允许 {who} 写入：{at}")
            }
            DistrustBy::UnreadableAccessList(reason) => {
                say!(
                    "the access list of {at} cannot be read: {reason}",
                    "无法读取 {at} 的访问控制列表（ACL）：{reason}"
                )
            }
        }
    }

    /// The command that mends it, once somebody has looked at what is there.
    pub fn mend(&self) -> String {
        let words: &[&str] = match &self.by {
            DistrustBy::Owner(_) if self.kind == PlaceKind::Link => &["chown", "-h", "root"],
            DistrustBy::Owner(_) => &["chown", "root"],
            DistrustBy::Everybody { .. } | DistrustBy::Group { .. } => &["chmod", "go-w"],
            DistrustBy::AccessList(_) | DistrustBy::UnreadableAccessList(_) => &["setfacl", "-b"],
        };
        let at = self.at.display().to_string();
        let argv: Vec<String> = words.iter().map(|word| (*word).to_string()).chain([at]).collect();
        shell_line(&argv)
    }

    /// What is wrong and what to do: whole sentences.
    pub fn sentences(&self) -> Text {
        let (what, mend) = (self.what(), self.mend());
        let (en, zh) = what.both();
        let look = match self.kind {
            PlaceKind::Directory => Text::fixed("Look at what is in it, then run", "请先检查其中的内容，然后执行"),
            PlaceKind::Link => Text::fixed("Look at where it leads, then run", "请先检查其指向，然后执行"),
            PlaceKind::File => Text::fixed("Look at its content, then run", "请先检查其内容，然后执行"),
        };
        let (look_en, look_zh) = look.both();
        Text::filled(
            format!("Not trusted with root's rights: {en}. {look_en}: {mend}"),
            format!("不能以 root 权限使用：{zh}。{look_zh}：{mend}"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::text::Lang;

    #[test]
    fn each_reason_has_the_command_that_mends_it() {
        let told = |kind, by| Distrust { at: "/opt/a b".into(), kind, by };
        let group = DistrustBy::Group { group: "the group ops".into(), mode: 0o775 };
        for (distrust, what, mend) in [
            (
                told(PlaceKind::File, DistrustBy::Owner("ops".into())),
                "/opt/a b belongs to ops",
                "chown root '/opt/a b'",
            ),
            (
                told(PlaceKind::Link, DistrustBy::Owner("ops".into())),
                "the symlink /opt/a b belongs to ops",
                "chown -h root '/opt/a b'",
            ),
            (
                told(PlaceKind::Directory, group),
                "the group ops may write in /opt/a b (mode 0775)",
                "chmod go-w '/opt/a b'",
            ),
            (
                told(PlaceKind::Directory, DistrustBy::AccessList("the user ops".into())),
                "the access list lets the user ops write: /opt/a b",
                "setfacl -b '/opt/a b'",
            ),
        ] {
            assert_eq!(distrust.what().get(Lang::En), what);
            assert_eq!(distrust.mend(), mend);
            assert!(distrust.sentences().get(Lang::Zh).ends_with(mend));
        }
    }
}
