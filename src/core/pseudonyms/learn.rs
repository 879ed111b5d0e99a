//! Which words tell whose host this is: they are read off the places that name them. Pure.

use super::Pseudonyms;
use crate::core::context::Context;
use crate::core::observe::{Answer, CloudAnswer, CloudErrorKind, CloudQuestion, Observations, Question, Target};
use std::path::Path;

/// Words that mean something to whoever reads files and judges them; a host that is called so keeps its name.
const COMMON: [&str; 48] = [
    "absent",
    "address",
    "agent",
    "alibaba",
    "aliyun",
    "aliyuncs",
    "allnodes",
    "allrouters",
    "default",
    "dir",
    "disabled",
    "dns",
    "domain",
    "enabled",
    "error",
    "file",
    "files",
    "host",
    "hostname",
    "http",
    "https",
    "info",
    "internal",
    "intranet",
    "linux",
    "local",
    "localdomain",
    "localhost",
    "localnet",
    "log",
    "logs",
    "mcastprefix",
    "name",
    "none",
    "null",
    "root",
    "server",
    "service",
    "share",
    "status",
    "tcp",
    "text",
    "true",
    "false",
    "udp",
    "user",
    "users",
    "warning",
];

/// And so does one whose name begins like those of regions, of the agent, and of addresses that every host has.
const COMMON_BEGINNINGS: [&str; 9] =
    ["ip6-", "cn-", "ap-", "us-", "eu-", "me-", "logtail", "ilogtail", "loongcollector"];
/// The ends of everybody's domains, the first network cards, and short words of every text.
const COMMON_SHORT: [&str; 19] = [
    "com", "net", "org", "eth0", "cn", "en", "in", "io", "ip", "is", "lo", "no", "of", "ok", "on", "sh", "to", "up",
    "zh",
];

fn is_common(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    word.len() < 2
        || COMMON.contains(&word.as_str())
        || COMMON_SHORT.contains(&word.as_str())
        || COMMON_BEGINNINGS.iter().any(|begin| word.starts_with(begin))
        || word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Names of the vendor's own hosts are everybody's.
fn is_vendors(name: &str) -> bool {
    [".aliyuncs.com", ".aliyun.com", ".aliyun-inc.com", ".alibabacloud.com", ".alibaba-inc.com"]
        .iter()
        .any(|end| name.to_ascii_lowercase().trim_end_matches('.').ends_with(end))
}

impl Pseudonyms {
    /// Learns what is to be replaced: from what was seen, and from what the operator told.
    pub fn learn(&mut self, seen: &Observations, context: &Context) {
        for (name, kind) in [(&context.project, "project"), (&context.logstore, "logstore")] {
            self.named(name.as_deref().unwrap_or_default(), kind);
        }
        self.account(context.aliuid.as_deref().unwrap_or_default());
        for (question, answer) in seen.answers() {
            self.question(question);
            self.answer(question, answer);
        }
    }

    fn question(&mut self, question: &Question) {
        match question {
            Question::Lookup(name) | Question::AskNameserver { name, .. } => self.host(name),
            Question::Reach(Target { host, proxy, .. }) => {
                self.host(host);
                self.proxy(proxy.as_deref().unwrap_or_default());
            }
            Question::Cloud(
                CloudQuestion::Caller(site)
                | CloudQuestion::Project(site)
                | CloudQuestion::Groups(site)
                | CloudQuestion::Group { site, .. }
                | CloudQuestion::Machines { site, .. }
                | CloudQuestion::AppliedConfigs { site, .. },
            ) => self.named(&site.project, "project"),
            _ => {}
        }
    }

    fn answer(&mut self, question: &Question, answer: &Answer) {
        match answer {
            Answer::Identity(identity) => self.host(identity.hostname.raw()),
            Answer::Metadata(Ok(instance)) => {
                self.account(&instance.owner_account_id);
                if let Some(id) = instance.instance_id.strip_prefix("i-") {
                    let other = format!("i-{}", self.letters("instance", id, id.len()));
                    self.put(&instance.instance_id, other);
                }
            }
            Answer::Environment(Ok(pairs)) => {
                let is_proxy = |name: &str| name.ends_with("_proxy") && !name.starts_with("no_");
                for (_, value) in pairs.iter().filter(|(name, _)| is_proxy(&name.to_ascii_lowercase())) {
                    self.proxy(value);
                }
            }
            Answer::Cloud(CloudAnswer::Caller(Ok(caller))) => self.account(&caller.account_id),
            Answer::Cloud(CloudAnswer::Project(Ok(project))) => {
                self.account(project.owner.as_deref().unwrap_or_default())
            }
            Answer::Cloud(CloudAnswer::Caller(Err(error))) => {
                if let CloudErrorKind::Denied { owner: Some(owner) } = &error.kind {
                    self.account(owner);
                }
            }
            Answer::Dir(Ok(dir)) => {
                if matches!(question, Question::Dir(path) if path.ends_with("users")) {
                    dir.entries.iter().for_each(|entry| self.account(&entry.name));
                }
            }
            Answer::File(Ok(file)) => {
                if let Question::File(path) | Question::Tail(path) = question {
                    self.text_of(path, &file.text());
                }
            }
            _ => {}
        }
    }

    fn text_of(&mut self, path: &Path, text: &str) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let lines = || text.lines().map(|line| line.split('#').next().unwrap_or_default());
        match name.as_str() {
            "hostname" => self.host(text.trim()),
            "hosts" => lines().for_each(|line| line.split_whitespace().skip(1).for_each(|name| self.host(name))),
            "resolv.conf" => {
                for line in lines() {
                    let mut words = line.split_whitespace();
                    if matches!(words.next(), Some("search" | "domain")) {
                        words.for_each(|name| self.host(name));
                    }
                }
            }
            _ => {
                // The agent's log names a collection configuration with its project: `##1.0##project$config`.
                for part in text.split("##1.0##").skip(1) {
                    let project = part.split('$').next().unwrap_or_default();
                    if part.len() > project.len()
                        && project.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                    {
                        self.named(project, "project");
                    }
                }
            }
        }
    }

    /// `http://user@host:port`, with or without scheme and user.
    fn proxy(&mut self, proxy: &str) {
        let place = proxy.split("://").last().unwrap_or_default();
        let place = place.rsplit('@').next().unwrap_or_default();
        self.host(place.split([':', '/']).next().unwrap_or_default());
    }

    /// A host name: each part between dots has its own other name, so that short and long names still belong together.
    fn host(&mut self, name: &str) {
        if is_vendors(name) || name.len() > 253 || name.parse::<std::net::IpAddr>().is_ok() {
            return;
        }
        for label in name.split('.').filter(|label| !is_common(label)) {
            let is_label = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            if is_label && label.bytes().any(|byte| byte.is_ascii_alphabetic()) {
                let other = format!("h{}", self.letters("host", label, 9));
                self.put(label, other);
            }
        }
    }

    fn named(&mut self, name: &str, kind: &str) {
        if !is_common(name) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
            let other = format!("{kind}-{}", self.letters(kind, name, 8));
            self.put(name, other);
        }
    }

    fn account(&mut self, id: &str) {
        if id.len() >= 10 && id.bytes().all(|byte| byte.is_ascii_digit()) {
            let other = self.digits("account", id);
            self.put(id, other);
        }
    }

    fn put(&mut self, word: &str, other: String) {
        self.words.entry(word.to_ascii_lowercase()).or_insert(other);
    }
}
