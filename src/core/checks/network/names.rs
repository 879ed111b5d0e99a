//! How this host turns names into addresses: its nameservers, its nsswitch.conf, its hosts file; and what each
//! nameserver says of a name when the resolver fails.

use crate::core::agent::reach::{Wanted, is_shared_address};
use crate::core::agent::routes::{RESOLV, nameservers};
use crate::core::finding::{Evidence, Mark};
use crate::core::observe::{NameserverSaid, NameserverSeen, Observations, Together, Unanswered, Unavailable};
use crate::core::text::Text;
use crate::say;
use std::net::{IpAddr, Ipv4Addr};

const NSSWITCH: &str = "/etc/nsswitch.conf";
const HOSTS: &str = "/etc/hosts";
/// Alibaba Cloud's own nameserver, which knows the private endpoints (document, "服务入口").
const ALIBABA: IpAddr = IpAddr::V4(Ipv4Addr::new(100, 100, 2, 136));
/// An answer that takes longer is slow, in milliseconds: the agent asks again for every connection.
const SLOW_MS: u64 = 1000;
/// So many names are asked of the nameservers directly.
const NAMES: usize = 3;

/// A line of the hosts file that binds one of the names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    pub name: String,
    pub to: IpAddr,
    /// The line's number, from 1.
    pub line: usize,
}

impl Bound {
    /// What the line does, as the beginning of a sentence.
    pub fn text(&self) -> Text {
        let Bound { to, line, .. } = self;
        say!("{HOSTS} line {line} binds the name to {to}", "{HOSTS} 第 {line} 行将域名绑定到 {to}")
    }
}

/// What the files say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    nameservers: Vec<IpAddr>,
    /// The sources of the line `hosts:`; None when there is no such line, which means that DNS is asked.
    sources: Option<String>,
    hosts: Vec<Bound>,
    /// Whether resolv.conf could be read.
    is_known: bool,
    /// Whether there is no resolv.conf, or it is a link that leads nowhere.
    is_absent: bool,
}

impl Names {
    /// Reads the three files.
    ///
    /// # Errors
    /// Something has not been looked at yet.
    pub fn read(see: &Observations) -> Result<Names, Unanswered> {
        let (resolv, nsswitch, hosts) = (see.file(RESOLV), see.file(NSSWITCH), see.file(HOSTS)).together()?;
        let text = |file: &crate::core::observe::Observed<crate::core::observe::FileSeen>| {
            file.as_ref().map(|file| file.text().into_owned()).unwrap_or_default()
        };
        Ok(Names {
            nameservers: nameservers(&text(resolv)),
            sources: sources(&text(nsswitch)),
            hosts: bound(&text(hosts)),
            is_known: resolv.is_ok(),
            is_absent: matches!(resolv, Err(Unavailable::Absent)),
        })
    }

    /// Why there is no name server to ask; None where there is one, or where it is not known.
    pub fn missing(&self) -> Option<Text> {
        if self.is_absent {
            return Some(say!(
                "{RESOLV} is not there, or is a link that leads nowhere, so no name server is asked.",
                "{RESOLV} 不存在或是悬空的链接，因此没有可查询的 DNS 服务器。"
            ));
        }
        (self.is_known && self.nameservers.is_empty())
            .then(|| say!("{RESOLV} names no name server.", "{RESOLV} 中没有配置 DNS 服务器。"))
    }

    /// The name servers of this host.
    pub fn servers(&self) -> &[IpAddr] {
        &self.nameservers
    }

    /// That no name server of this host answers anything.
    pub fn down(&self, answers: &[Answered]) -> Option<Text> {
        let mut own = answers.iter().filter(|answer| answer.is_configured).peekable();
        own.peek()?;
        if self.sources.as_deref().is_some_and(|sources| !asks_dns(sources)) || !own.all(Answered::is_dead) {
            return None;
        }
        let list = unique(answers.iter().filter(|answer| answer.is_configured)).join(", ");
        Some(say!("No answer from name server {list}.", "DNS 服务器 {list} 无应答。"))
    }

    /// The first line of the hosts file for a name.
    pub fn bound(&self, name: &str) -> Option<&Bound> {
        self.hosts.iter().find(|bound| bound.name.eq_ignore_ascii_case(name))
    }

    /// Asks each nameserver for the names that may matter: the config server's, and those in the hosts file.
    pub fn ask<'a>(&self, see: &'a Observations, wanted: &[Wanted]) -> Vec<Asked<'a>> {
        let direct = wanted.iter().filter(|wanted| wanted.target.proxy.is_none());
        let mut names: Vec<(&str, bool)> = Vec::new();
        for (at, wanted) in direct.enumerate() {
            let name = wanted.target.host.as_str();
            let matters = at == 0 || self.bound(name).is_some();
            let is_new = names.iter().all(|(known, _)| *known != name) && name.parse::<IpAddr>().is_err();
            if matters && is_new && names.len() < NAMES {
                names.push((name, wanted.is_private()));
            }
        }
        let mut asked = Vec::new();
        for (name, is_private) in names {
            let mut servers = self.nameservers.clone();
            if is_private && !servers.contains(&ALIBABA) {
                servers.push(ALIBABA);
            }
            for server in servers {
                let is_configured = self.nameservers.contains(&server);
                let said = see.nameserver(server, name);
                asked.push(Asked { server, is_configured, name: name.to_string(), is_private, said });
            }
        }
        asked
    }

    /// The row that says which nameservers are used.
    pub fn row(&self) -> Evidence {
        let label = Text::fixed("Name servers", "DNS 服务器");
        let list: Vec<_> = self.nameservers.iter().map(IpAddr::to_string).collect();
        let value = match (list.is_empty(), self.is_known) {
            (true, true) => Text::fixed("none named", "未配置"),
            (true, false) => Text::fixed("not known", "未知"),
            (false, _) => Text::same(list.join(", ")),
        };
        Evidence::new(label, value, RESOLV)
    }

    /// The rows of the lines that bind one of these names.
    pub fn bound_rows(&self, wanted: &[Wanted]) -> Vec<Evidence> {
        let is_wanted = |bound: &&Bound| wanted.iter().any(|wanted| wanted.target.host == bound.name);
        let row = |bound: &Bound| {
            let Bound { name, to, line } = bound;
            let label = say!("Bound to an address: {name}", "{name} 被绑定到地址");
            Evidence::new(label, say!("{to} (line {line})", "{to}（第 {line} 行）"), HOSTS).marked(Mark::Doubtful)
        };
        self.hosts.iter().filter(is_wanted).map(row).collect()
    }

    /// Sentences that explain why names do not resolve.
    pub fn reasons(&self, answers: &[Answered]) -> Vec<Text> {
        let mut out = Vec::new();
        if let Some(sources) = self.sources.as_deref().filter(|sources| !asks_dns(sources)) {
            out.push(say!(
                "{NSSWITCH} does not ask DNS for hosts (hosts: {sources}).",
                "{NSSWITCH} 中的 hosts 未配置 DNS（hosts: {sources}）。"
            ));
        }
        out.extend(self.missing());
        let silent: Vec<_> = unique(answers.iter().filter(|asked| asked.is_configured && asked.is_dead()));
        if !silent.is_empty() {
            let list = silent.join(", ");
            out.push(say!("No answer from name server {list}.", "DNS 服务器 {list} 无应答。"));
        }
        let denies = |asked: &&Answered| asked.is_configured && asked.said == NameserverSaid::NoSuchName;
        let denying = unique(answers.iter().filter(denies));
        if let Some(knowing) = answers.iter().find(|asked| asked.is_right())
            && !denying.is_empty()
        {
            let (server, name, list) = (knowing.server, &knowing.name, denying.join(", "));
            out.push(say!(
                "{list} knows no such name, but {server} knows {name}.",
                "{list} 查不到该域名，而 {server} 能解析 {name}。"
            ));
        }
        out
    }
}

/// One question to one nameserver.
pub struct Asked<'a> {
    server: IpAddr,
    is_configured: bool,
    name: String,
    is_private: bool,
    said: Result<&'a NameserverSeen, Unanswered>,
}

/// Its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    pub server: IpAddr,
    /// Whether this host uses the nameserver; the others are asked for comparison.
    pub is_configured: bool,
    pub name: String,
    is_private: bool,
    pub said: NameserverSaid,
    elapsed_ms: u64,
}

impl Asked<'_> {
    /// Whether it must be waited for although nothing fails: a name server of this host tells of its slowness, and one
    /// that is asked for a name of the hosts file, what the name leads to elsewhere.
    pub fn is_of_use(&self) -> bool {
        self.is_configured
    }

    /// The answer.
    ///
    /// # Errors
    /// It is not there yet.
    pub fn answered(self) -> Result<Answered, Unanswered> {
        let Asked { server, is_configured, name, is_private, said } = self;
        let seen = said?;
        let (said, elapsed_ms) = (seen.said.clone(), seen.elapsed_ms);
        Ok(Answered { server, is_configured, name, is_private, said, elapsed_ms })
    }
}

impl Answered {
    /// How long an answer took that came, and was slow.
    pub fn slow_ms(&self) -> Option<u64> {
        let is_answer = !self.is_dead() && self.is_configured;
        (is_answer && self.elapsed_ms >= SLOW_MS).then_some(self.elapsed_ms)
    }

    /// Whether it gave no answer at all.
    pub fn is_dead(&self) -> bool {
        matches!(self.said, NameserverSaid::Silent | NameserverSaid::Unreachable)
    }

    /// Whether it gave addresses, and for a private name those of the private network.
    fn is_right(&self) -> bool {
        let fits = |ip: &Ipv4Addr| !self.is_private || is_shared_address(&IpAddr::V4(*ip));
        matches!(&self.said, NameserverSaid::Addresses(all) if !all.is_empty() && all.iter().all(fits))
    }

    /// Whether it gives addresses for this name.
    pub fn gives_addresses(&self, name: &str) -> bool {
        self.name == name && matches!(&self.said, NameserverSaid::Addresses(all) if !all.is_empty())
    }

    /// Whether this address is among those that it gives.
    pub fn confirms(&self, ip: &IpAddr) -> bool {
        matches!(&self.said, NameserverSaid::Addresses(all) if all.iter().any(|known| IpAddr::V4(*known) == *ip))
    }

    /// The row of evidence.
    pub fn row(&self) -> Evidence {
        let (server, name, ms) = (self.server, &self.name, self.elapsed_ms);
        let label = say!("{server} on {name}", "{server} 解析 {name}");
        let value = match &self.said {
            NameserverSaid::Addresses(all) if all.is_empty() => Text::fixed("no IPv4 address", "没有 IPv4 地址"),
            NameserverSaid::Addresses(all) => {
                let list: Vec<_> = all.iter().take(4).map(Ipv4Addr::to_string).collect();
                let list = list.join(", ");
                say!("{list} in {ms} ms", "{list}，{ms} 毫秒")
            }
            NameserverSaid::NoSuchName => Text::fixed("no such name", "域名不存在"),
            NameserverSaid::Unable(2) => Text::fixed("failed (SERVFAIL)", "解析失败（SERVFAIL）"),
            NameserverSaid::Unable(5) => Text::fixed("refused (REFUSED)", "拒绝解析（REFUSED）"),
            NameserverSaid::Unable(code) => say!("cannot say (code {code})", "无法解析（错误码 {code}）"),
            NameserverSaid::Unreachable => Text::fixed("nothing listens there", "该地址没有 DNS 服务"),
            NameserverSaid::Silent => Text::fixed("no answer", "无应答"),
        };
        let mark = match (self.is_right(), self.is_configured) {
            (true, _) => Mark::Good,
            (false, true) => Mark::Bad,
            // Outside Alibaba Cloud its nameservers are silent, which is no fault.
            (false, false) => Mark::Note,
        };
        Evidence::new(label, value, "dns").marked(mark)
    }
}

fn unique<'a>(answers: impl Iterator<Item = &'a Answered>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for server in answers.map(|asked| asked.server.to_string()) {
        if !out.contains(&server) {
            out.push(server);
        }
    }
    out
}

pub(in crate::core::checks) fn sources(text: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("hosts:"))?;
    let line = line.split('#').next().unwrap_or_default();
    Some(line.split_ascii_whitespace().collect::<Vec<_>>().join(" ").chars().take(120).collect())
}

fn asks_dns(sources: &str) -> bool {
    sources.split_ascii_whitespace().any(|word| matches!(word, "dns" | "resolve" | "nis" | "sss" | "ldap"))
}

pub(in crate::core::checks) fn bound(text: &str) -> Vec<Bound> {
    let lines = text.lines().enumerate().filter_map(|(at, line)| {
        let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
        let to: IpAddr = words.next()?.parse().ok()?;
        Some(words.map(move |name| Bound { name: name.to_ascii_lowercase(), to, line: at + 1 }))
    });
    lines.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::text::Lang;
    use proptest::prelude::*;

    fn answered(server: &str, is_configured: bool, said: NameserverSaid) -> Answered {
        let name = "logtail.cn-hangzhou-intranet.log.aliyuncs.com".to_string();
        Answered { server: server.parse().unwrap(), is_configured, name, is_private: true, said, elapsed_ms: 1 }
    }

    fn reasons(names: &Names, answers: &[Answered]) -> String {
        names.reasons(answers).iter().map(|text| text.get(Lang::En)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_files_are_read() {
        let hosts = bound("127.0.0.1 localhost\n# 1.2.3.4 x\n10.9.9.9 a.example LogTail.example # old\nbad line\n");
        assert_eq!(hosts.len(), 3);
        let names = Names { hosts, ..Names::default() };
        assert_eq!(
            names.bound("logtail.example").map(|bound| (bound.to.to_string(), bound.line)),
            Some(("10.9.9.9".into(), 3))
        );
        assert_eq!(names.bound("x"), None);
        assert_eq!(
            sources("passwd: files\n hosts:  files [!UNAVAIL=return]  dns # x"),
            Some("files [!UNAVAIL=return] dns".into())
        );
        assert!(!asks_dns("files myhostname") && asks_dns("files dns") && asks_dns("resolve files"));
        assert_eq!(nameservers("nameserver 8.8.8.8\nnameserver x\n").len(), 1);
    }

    #[test]
    fn the_reason_is_the_one_that_the_nameservers_show() {
        let known = Names { is_known: true, nameservers: vec!["8.8.8.8".parse().unwrap()], ..Names::default() };
        let right = NameserverSaid::Addresses(vec![Ipv4Addr::new(100, 100, 1, 1)]);
        let silent = answered("8.8.8.8", true, NameserverSaid::Silent);
        assert!(reasons(&known, &[silent]).contains("No answer from name server 8.8.8.8"));
        let no = answered("8.8.8.8", true, NameserverSaid::NoSuchName);
        let text = reasons(&known, &[no.clone(), answered("100.100.2.136", false, right.clone())]);
        assert!(text.contains("100.100.2.136 knows logtail"), "{text}");
        assert_eq!(reasons(&known, &[no, answered("100.100.2.136", false, NameserverSaid::Silent)]), "");
        assert!(reasons(&Names { is_known: true, ..Names::default() }, &[]).contains("names no name server"));
        let files = Names { sources: Some("files".into()), ..known };
        assert!(reasons(&files, &[]).contains("does not ask DNS"));
        assert!(answered("1.1.1.1", true, right).is_right());
    }

    proptest! {
        #[test]
        fn no_file_breaks_the_readers(text in "(\\PC|\\n|\\t|#){0,80}") {
            bound(&text);
            sources(&text);
            nameservers(&text);
        }
    }
}
