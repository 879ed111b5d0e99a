//! The hosts of these tests, the probes that they answer with, and what is asked of a finding.

use super::super::*;
use crate::core::finding::RemedyId;
pub use crate::core::observe::ConnectError;
use crate::core::observe::{
    Answer, CloudAnswer, CloudError, CommandSeen, DirSeen, EntryKind, EntrySeen, FileSeen, HttpSeen, InterfaceSeen,
    MetadataSeen, NameError, NameserverSaid, NameserverSeen, Observed, ProcessSeen, Question, ReadCommand, TlsError,
    TlsSeen, Unavailable,
};
pub use crate::core::text::Lang;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
pub use std::net::IpAddr;

/// The agent's configuration file.
pub const CONFIG: &str = "/usr/local/ilogtail/ilogtail_config.json";

/// A host with a Logtail that runs.
pub struct World {
    pub files: BTreeMap<&'static str, String>,
    pub environment: Observed<Vec<(String, String)>>,
    pub metadata: Observed<MetadataSeen>,
    pub nft: Observed<CommandSeen>,
    pub reach: Box<dyn Fn(&Target) -> ReachSeen>,
    pub nameserver: Box<dyn Fn(IpAddr) -> NameserverSaid>,
    /// How long every name server takes.
    pub nameserver_ms: u64,
}

/// A config server in the private network of Hangzhou, or in the Internet.
pub fn world(network: NetworkType, reach: impl Fn(&Target) -> ReachSeen + 'static) -> World {
    let hosts = crate::core::agent::endpoint::hosts_for("cn-hangzhou", network);
    let (server, data) = (hosts.config_server_host, hosts.data_endpoint);
    let config = format!(
        r#"{{"config_server_address":"http://{server}","data_server_list":[{{"cluster":"x","endpoint":"{data}"}}]}}"#
    );
    World {
        files: BTreeMap::from([
            (CONFIG, config),
            ("/etc/resolv.conf", "nameserver 8.8.8.8\n".to_string()),
            ("/proc/net/route", "Iface\neth0 00000000 010011AC 0003 0 0 0 00000000\n".to_string()),
        ]),
        environment: Ok(vec![]),
        metadata: Err(Unavailable::TimedOut),
        nft: Err(Unavailable::Absent),
        reach: Box::new(reach),
        nameserver: Box::new(|_| NameserverSaid::Silent),
        nameserver_ms: 1,
    }
}

impl World {
    pub fn with(mut self, path: &'static str, text: &str) -> World {
        self.files.insert(path, text.to_string());
        self
    }

    fn answer(&self, question: &Question) -> Answer {
        match question {
            Question::File(path) | Question::Tail(path) => {
                let text = path.to_str().and_then(|path| self.files.get(path)).ok_or(Unavailable::Absent);
                Answer::File(text.map(|text| FileSeen {
                    bytes: text.clone().into_bytes(),
                    size: 0,
                    modified: 0,
                    mode: 0o644,
                    uid: 0,
                    gid: 0,
                    link_to: None,
                }))
            }
            Question::Place(_) => Answer::Place(Err(Unavailable::Absent)),
            Question::Program(_) => Answer::Program(Err(Unavailable::Absent)),
            Question::Dir(path) => {
                let entry = |name: &str, kind| EntrySeen { name: name.into(), kind, size: 0, modified: 0 };
                let entries = match path.to_str() {
                    Some("/usr/local") => vec![entry("ilogtail", EntryKind::Dir)],
                    Some("/etc/init.d") => vec![entry("ilogtaild", EntryKind::File)],
                    Some("/etc/profile.d") => vec![entry("proxy.sh", EntryKind::File)],
                    _ => return Answer::Dir(Err(Unavailable::Absent)),
                };
                Answer::Dir(Ok(DirSeen { entries, cut: false }))
            }
            Question::Processes => Answer::Processes(Ok(vec![ProcessSeen {
                pid: 7,
                ppid: 1,
                name: "ilogtail".into(),
                exe: Ok("/usr/local/ilogtail/ilogtail_1.8.8".into()),
                command: "/usr/local/ilogtail/ilogtail".into(),
                started: 1,
                uid: 0,
                state: 'S',
                contained: Some(false),
            }])),
            Question::Environment { .. } => Answer::Environment(self.environment.clone()),
            Question::Reach(target) => Answer::Reach((self.reach)(target)),
            Question::ReadCommand(ReadCommand::NftRules) => Answer::ReadCommand(self.nft.clone()),
            Question::ReadCommand(_) => Answer::ReadCommand(Err(Unavailable::Absent)),
            Question::AskNameserver { server, .. } => Answer::AskNameserver(NameserverSeen {
                said: (self.nameserver)(*server),
                elapsed_ms: self.nameserver_ms,
            }),
            Question::Interfaces => Answer::Interfaces(Ok(vec![InterfaceSeen {
                name: "eth0".into(),
                up: true,
                ipv4: vec![std::net::Ipv4Addr::new(172, 17, 0, 9)],
            }])),
            Question::Metadata => Answer::Metadata(self.metadata.clone()),
            Question::Cloud(asked) => Answer::Cloud(CloudAnswer::missing(asked, CloudError::not_asked())),
            other => panic!("step 4 has no business with {other:?}"),
        }
    }

    /// The finding, and the questions of each round.
    pub fn settle(&self, told: &Context) -> (Finding, Vec<BTreeSet<Question>>) {
        let (mut see, mut rounds) = (Observations::default(), Vec::new());
        loop {
            see.take_open();
            match check(&see, told) {
                Ok(finding) => return (finding, rounds),
                Err(Unanswered) => {
                    let open = see.take_open();
                    assert!(!open.is_empty() && rounds.len() < 20, "it waits for nothing");
                    for question in &open {
                        see.keep(question.clone(), self.answer(question));
                    }
                    rounds.push(open);
                }
            }
        }
    }

    pub fn finding(&self) -> Finding {
        self.settle(&Context { project: Some("web".into()), ..Context::default() }).0
    }
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Where names of the private network and of the Internet lead in these tests.
pub fn address(target: &Target) -> IpAddr {
    if target.proxy.is_some() {
        ip("10.0.0.9")
    } else if target.host.contains("-intranet") {
        ip("100.100.96.7")
    } else {
        ip("203.0.113.7")
    }
}

pub fn answered(target: &Target, server: &str, status: u16) -> ReachSeen {
    let headers = vec![("server".to_string(), server.to_string())];
    let http = HttpSeen { status, headers, body: "<html><Title>Log\n in</title>".into(), received_ms: 0 };
    ReachSeen {
        resolved: Some(Ok(vec![address(target)])),
        connected: Some(Ok((address(target), 4))),
        tls: target.tls.then(|| Ok(TlsSeen { version: "TLSv1_3".into() })),
        http: Some(Ok(http)),
        elapsed_ms: 12,
        ..ReachSeen::default()
    }
}

pub fn service(target: &Target) -> ReachSeen {
    answered(target, "AliyunSLS", 405)
}

pub fn unconnected(target: &Target, trouble: fn(IpAddr) -> ConnectError) -> ReachSeen {
    let resolved = Some(Ok(vec![address(target)]));
    ReachSeen { resolved, connected: Some(Err(trouble(address(target)))), elapsed_ms: 2900, ..ReachSeen::default() }
}

pub fn nameless(trouble: NameError) -> ReachSeen {
    ReachSeen { resolved: Some(Err(trouble)), elapsed_ms: 5, ..ReachSeen::default() }
}

pub fn is_private(target: &Target) -> bool {
    target.host.contains("-intranet")
}

/// The worst cause: its id, how bad it is, its words and its remedies.
pub fn worst(finding: &Finding) -> (CauseId, Severity, String, Vec<RemedyId>) {
    let cause = finding.causes.first().unwrap_or_else(|| panic!("no cause: {finding:?}"));
    (cause.id, cause.severity, cause.detail.get(Lang::En).to_string(), cause.remedies.clone())
}

/// Checks the one cause of a world, its severity, and words of its detail or of the summary that stands above it.
pub fn expect(world: &World, id: CauseId, severity: Severity, words: &[&str]) -> Vec<RemedyId> {
    let finding = world.finding();
    let (found, how_bad, detail, remedies) = worst(&finding);
    assert_eq!((found, how_bad), (id, severity), "{detail}");
    assert_eq!(finding.causes.len(), 1, "{:?}", finding.causes);
    let read = [finding.summary.get(Lang::En), &detail].join(" ");
    for word in words {
        assert!(read.contains(word), "{word} is not in: {read}");
    }
    remedies
}

/// Any probe, also such as no host would report.
pub fn any_reach() -> impl Strategy<Value = ReachSeen> {
    let ip = prop::sample::select(vec!["100.100.96.7", "203.0.113.7", "::1"]).prop_map(|text| text.parse().unwrap());
    let name = prop_oneof![
        prop::collection::vec(ip.clone(), 0..3).prop_map(Ok),
        Just(Err(NameError::NoSuchName)),
        Just(Err(NameError::NoAnswer)),
    ];
    let connected = (ip, ".{0,9}", 0usize..6).prop_map(|(ip, text, which): (IpAddr, String, usize)| match which {
        0 => Ok((ip, u64::MAX)),
        1 => Err(ConnectError::Refused(ip)),
        2 => Err(ConnectError::Silent(ip)),
        3 => Err(ConnectError::NoRoute(ip)),
        4 => Err(ConnectError::Forbidden(ip)),
        _ => Err(ConnectError::Other(ip, text)),
    });
    let tls = prop_oneof![
        Just(Ok(TlsSeen { version: String::new() })),
        Just(Err(TlsError::UnknownIssuer)),
        Just(Err(TlsError::WrongName)),
        Just(Err(TlsError::Expired)),
        ".{0,9}".prop_map(|text| Err(TlsError::Broken(text))),
    ];
    let http = prop_oneof![
        (any::<u16>(), "(<title>|</title|İ|.){0,9}", ".{0,9}").prop_map(|(status, body, server)| {
            let headers = vec![("server".to_string(), server)];
            Ok(HttpSeen { status, headers, body, received_ms: i64::MIN })
        }),
        Just(Err(Unavailable::TimedOut)),
        Just(Err(Unavailable::Absent)),
    ];
    let option = prop::option::of::<BoxedStrategy<String>>(".{0,9}".boxed());
    (
        prop::option::of(name),
        prop::option::of(connected),
        prop::option::of(tls),
        option,
        prop::option::of(http),
        any::<u64>(),
    )
        .prop_map(|(resolved, connected, tls, issuer, http, elapsed_ms)| ReachSeen {
            resolved,
            connected,
            tls,
            issuer: issuer.map(Into::into),
            http,
            elapsed_ms,
        })
}
