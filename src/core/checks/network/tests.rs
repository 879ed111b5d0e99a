//! Step 4 against hosts made by hand (`world`): one a cause, the rounds in which it asks, and probes of any shape.

mod world;

use super::*;
use crate::core::finding::RemedyId;
use crate::core::observe::{CommandSeen, MetadataSeen, NameError, NameserverSaid, Question, TlsError, Unavailable};
use proptest::prelude::*;
use world::*;

#[test]
fn a_healthy_host_passes_whatever_else_is_silent() {
    for network in NetworkType::ALL {
        let world = world(network, service);
        assert_eq!(world.finding().verdict, Verdict::Pass, "{network:?}");
    }
    let lonely = world(NetworkType::Intranet, |target| match is_private(target) {
        true => service(target),
        false => unconnected(target, ConnectError::Silent),
    });
    let finding = lonely.finding();
    assert_eq!((finding.verdict, finding.causes.len()), (Verdict::Pass, 0));
    assert!(!finding.evidence.iter().any(|row| row.label.get(Lang::En).contains("over the Internet")));
}

#[test]
fn everything_is_asked_before_anything_has_answered() {
    for network in NetworkType::ALL {
        let world = world(network, |target| unconnected(target, ConnectError::Silent));
        let (_, rounds) = world.settle(&Context { project: Some("web".into()), ..Context::default() });
        let is_far = |question: &Question| matches!(question, Question::Reach(_) | Question::AskNameserver { .. });
        let with: Vec<_> = rounds.iter().filter(|round| round.iter().any(is_far)).collect();
        assert_eq!(with.len(), 1, "{network:?}: one round of the network: {rounds:?}");
        assert!(rounds[0].contains(&Question::Metadata), "the metadata has a second of its own");
    }
}

#[test]
fn a_blocked_private_endpoint_proposes_the_way_that_works() {
    let silent = world(NetworkType::Intranet, |target| match is_private(target) {
        true => unconnected(target, ConnectError::Silent),
        false => service(target),
    });
    let words = ["silence", "cn-hangzhou over the Internet answers in 12 ms"];
    let remedies = expect(&silent, CauseId::ConnectTimeout, Severity::Fail, &words);
    assert_eq!(remedies, [RemedyId::SetEndpoint, RemedyId::AllowEgress]);
    let all = world(NetworkType::Intranet, |target| unconnected(target, ConnectError::Refused));
    let remedies = expect(&all, CauseId::ConnectRefused, Severity::Fail, &["refused"]);
    assert_eq!(remedies, [RemedyId::AllowEgress, RemedyId::SetEndpoint]);
    let rows = all.finding().evidence;
    assert!(rows.iter().any(|row| row.value.get(Lang::En) == "not reached"));
}

#[test]
fn the_region_of_the_instance_is_proposed_when_none_was_told() {
    let mut world = world(NetworkType::Intranet, |target| match target.host.contains("cn-beijing") {
        true => service(target),
        false => unconnected(target, ConnectError::Silent),
    });
    world.metadata = Ok(MetadataSeen { instance_id: "i".into(), region: "cn-beijing".into(), ..Default::default() });
    expect(&world, CauseId::ConnectTimeout, Severity::Fail, &["cn-beijing over the private network answers"]);
    let told = Context { region: Some("cn-hangzhou".into()), ..Context::default() };
    assert!(!worst(&world.settle(&told).0).2.contains("cn-beijing"));
}

#[test]
fn one_port_blocked_is_named_alone() {
    let world = world(NetworkType::Internet, |target| match target.tls {
        true => unconnected(target, ConnectError::Silent),
        false => service(target),
    });
    let finding = world.finding();
    assert!(worst(&finding).2.starts_with("logtail.cn-hangzhou.log.aliyuncs.com:443: "));
    assert_eq!(finding.causes.len(), 1);
    assert_eq!(worst(&finding).3[0], RemedyId::AllowEgress, "the other ways have the same port blocked");
}

#[test]
fn data_alone_is_a_warning() {
    let world = world(NetworkType::Internet, |target| match target.host.starts_with("web.") {
        true => unconnected(target, ConnectError::Silent),
        false => service(target),
    });
    expect(&world, CauseId::ConnectTimeout, Severity::Warn, &["web.cn-hangzhou"]);
}

#[test]
fn names_that_do_not_resolve_say_whose_fault_it_is() {
    let nowhere = |network| world(network, |_| nameless(NameError::NoSuchName));
    let mut denied = nowhere(NetworkType::Intranet);
    denied.nameserver = Box::new(|server| match server == ip("8.8.8.8") {
        true => NameserverSaid::NoSuchName,
        false => NameserverSaid::Addresses(vec!["100.100.96.7".parse().unwrap()]),
    });
    expect(&denied, CauseId::DnsFailure, Severity::Fail, &["8.8.8.8 knows no such name, but 100.100.2.136 knows"]);
    let silent = nowhere(NetworkType::Internet);
    expect(&silent, CauseId::NameServerDown, Severity::Fail, &["No answer from name server 8.8.8.8"]);
    let files = nowhere(NetworkType::Internet).with("/etc/nsswitch.conf", "hosts: files\n");
    expect(&files, CauseId::DnsFailure, Severity::Fail, &["does not ask DNS"]);
    let none = nowhere(NetworkType::Internet).with("/etc/resolv.conf", "# empty\n");
    expect(&none, CauseId::NameServerMissing, Severity::Fail, &["names no name server"]);
}

#[test]
fn a_line_of_the_hosts_file_is_the_cause_only_when_it_is_shown_to_be_wrong() {
    let line = "127.0.0.1 localhost\n203.0.113.7 logtail.cn-hangzhou.log.aliyuncs.com\n";
    let stale = || {
        world(NetworkType::Internet, |target| match target.host.starts_with("logtail.") {
            true => unconnected(target, ConnectError::Refused),
            false => service(target),
        })
        .with("/etc/hosts", line)
    };
    let says = |address: &str| {
        let address = address.parse().unwrap();
        World { nameserver: Box::new(move |_| NameserverSaid::Addresses(vec![address])), ..stale() }
    };
    let words = ["/etc/hosts line 2 binds the name to 203.0.113.7"];
    expect(&says("203.0.113.99"), CauseId::DnsWrongAddress, Severity::Fail, &words);
    expect(&says("203.0.113.7"), CauseId::ConnectRefused, Severity::Fail, &["refused"]);
    expect(&stale(), CauseId::ConnectRefused, Severity::Fail, &["refused"]);
    let inner = world(NetworkType::Internet, |target| match target.host.starts_with("logtail.") {
        true => ReachSeen { resolved: Some(Ok(vec![ip("10.1.1.1")])), ..unconnected(target, ConnectError::Silent) },
        false => service(target),
    })
    .with("/etc/hosts", "10.1.1.1 logtail.cn-hangzhou.log.aliyuncs.com\n");
    expect(&inner, CauseId::DnsWrongAddress, Severity::Fail, &["binds the name to 10.1.1.1"]);
    let used = world(NetworkType::Internet, service).with("/etc/hosts", line);
    assert_eq!(used.finding().verdict, Verdict::Pass);
}

#[test]
fn a_private_name_outside_its_range_fails_or_warns() {
    let astray = |answers: bool| {
        world(NetworkType::Intranet, move |target| {
            let resolved = Some(Ok(vec![ip("198.51.100.1")]));
            let reach = if answers { service(target) } else { unconnected(target, ConnectError::Silent) };
            ReachSeen { resolved, ..reach }
        })
    };
    expect(&astray(false), CauseId::DnsWrongAddress, Severity::Fail, &["198.51.100.1, outside 100.64.0.0/10"]);
    expect(&astray(true), CauseId::DnsWrongAddress, Severity::Warn, &["yet the service answers"]);
}

#[test]
fn interception_names_the_issuer_and_foreign_pages_their_title() {
    let intercepted = world(NetworkType::Internet, |target| match target.tls {
        true => ReachSeen {
            tls: Some(Err(TlsError::UnknownIssuer)),
            issuer: Some("Example Proxy CA".into()),
            http: None,
            ..service(target)
        },
        false => service(target),
    });
    expect(&intercepted, CauseId::TlsFailure, Severity::Fail, &["signed by \"Example Proxy CA\""]);
    let portal = world(NetworkType::Internet, |target| answered(target, "nginx", 200));
    expect(&portal, CauseId::ForeignResponse, Severity::Fail, &["\"Log in\", server: nginx"]);
}

#[test]
fn proxies_that_do_not_work_are_told_apart() {
    let set = |pairs: &[(&str, &str)], reach: fn(&Target) -> ReachSeen| {
        let mut world = world(NetworkType::Internet, reach);
        world.environment = pairs.iter().map(|(name, value)| Ok((name.to_string(), value.to_string()))).collect();
        world
    };
    let both = [("HTTP_PROXY", "http://10.0.0.9:3128"), ("HTTPS_PROXY", "http://10.0.0.9:3128")];
    let dead = set(&both, |target| match target.proxy {
        Some(_) => unconnected(target, ConnectError::Refused),
        None => service(target),
    });
    let words = ["10.0.0.9 refused", "Without the proxy the service answers"];
    expect(&dead, CauseId::ProxyMismatch, Severity::Fail, &words);
    let unnamed = set(&both, |target| match target.proxy {
        Some(_) => nameless(NameError::NoSuchName),
        None => unconnected(target, ConnectError::Silent),
    });
    expect(&unnamed, CauseId::ProxyMismatch, Severity::Fail, &["the proxy's name does not resolve"]);
    let refusing = set(&both[..1], |target| match target.tls {
        true => service(target),
        false => answered(target, "squid", 407),
    });
    expect(&refusing, CauseId::ProxyMismatch, Severity::Fail, &["does not let it through (HTTP 407)"]);
    let half = set(&both[..1], |target| match target.proxy {
        Some(_) => service(target),
        None => unconnected(target, ConnectError::Silent),
    });
    expect(&half, CauseId::ProxyMismatch, Severity::Fail, &["covers http only"]);
    let secret = [("HTTP_PROXY", "http://***@10.0.0.9:3128"), ("HTTPS_PROXY", "http://***@10.0.0.9:3128")];
    let finding = set(&secret, |target| match target.tls {
        true => ReachSeen {
            connected: Some(Err(ConnectError::Other(address(target), "the proxy answered 407".into()))),
            http: None,
            tls: None,
            ..service(target)
        },
        false => answered(target, "squid", 407),
    })
    .finding();
    assert_eq!((finding.verdict, finding.causes.len()), (Verdict::Unknown, 0), "its password is not known here");
}

#[test]
fn a_way_that_may_not_be_the_agents_fails_never_and_passes_when_all_answer() {
    let silent = |target: &Target| unconnected(target, ConnectError::Silent);
    let socks = || Ok(vec![("ALL_PROXY".to_string(), "socks5://p:1080".to_string())]);
    type Answering = fn(&Target) -> ReachSeen;
    let cases: [(_, Answering, _, _); 4] = [
        (Err(Unavailable::NotAllowed), service, Verdict::Pass, ""),
        (Err(Unavailable::NotAllowed), silent, Verdict::Unknown, "Run as root"),
        (socks(), service, Verdict::Unknown, "ALL_PROXY"),
        (socks(), silent, Verdict::Unknown, "ALL_PROXY"),
    ];
    for (environment, reach, verdict, words) in cases {
        let mut world = world(NetworkType::Internet, reach);
        world.environment = environment;
        let finding = world.finding();
        assert_eq!(finding.verdict, verdict, "{finding:?}");
        assert!(finding.summary.get(Lang::En).contains(words), "{finding:?}");
        assert!(finding.causes.iter().all(|cause| cause.severity == Severity::Warn));
        let row = finding.evidence.iter().find(|row| row.mark == Mark::Unknown).expect("a row that says so");
        assert_eq!(row.label.get(Lang::En), "The agent's proxies");
    }
    let mut world = world(NetworkType::Internet, service);
    world.environment = Ok(vec![("HTTP_PROXY".to_string(), "ftp://p".to_string())]);
    let finding = world.finding();
    assert_eq!(finding.verdict, Verdict::Pass, "the agent switches such a proxy off");
    assert!(finding.evidence.iter().any(|row| row.label.get(Lang::En) == "HTTP_PROXY"));
}

#[test]
fn a_proxy_of_the_shells_alone_is_the_cause_when_it_works() {
    let script = "export http_proxy=http://10.0.0.9:3128\n";
    let needed = world(NetworkType::Internet, |target| match target.proxy {
        Some(_) => service(target),
        None => unconnected(target, ConnectError::Silent),
    })
    .with("/etc/profile.d/proxy.sh", script);
    let words = ["/etc/profile.d/proxy.sh sets http://10.0.0.9:3128"];
    expect(&needed, CauseId::ProxyMismatch, Severity::Fail, &words);
    let useless = world(NetworkType::Internet, |target| unconnected(target, ConnectError::Silent))
        .with("/etc/profile.d/proxy.sh", script);
    expect(&useless, CauseId::ConnectTimeout, Severity::Fail, &["silence"]);
}

#[test]
fn the_hosts_own_firewall_is_named() {
    let rules = "table inet f {\n chain out {\n type filter hook output priority 0; policy accept;\n \
                 ip daddr 203.0.113.7 tcp dport { 80, 443 } reject\n }\n}\n";
    let mut world = world(NetworkType::Internet, |target| unconnected(target, ConnectError::Refused));
    world.nft = Ok(CommandSeen { code: Some(0), out: rules.into(), err: String::new() });
    let words = ["own firewall stops 203.0.113.7:80", "in chain out of nft inet f", "reject"];
    assert_eq!(expect(&world, CauseId::LocalFirewall, Severity::Fail, &words), [RemedyId::AllowEgress]);
    assert_eq!(world.finding().causes.len(), 1, "what it stops is no cause of its own");
    world.nft = Ok(CommandSeen { code: Some(1), out: String::new(), err: "must be root".into() });
    let finding = world.finding();
    assert_eq!(finding.causes[0].id, CauseId::ConnectRefused);
    assert!(!worst(&finding).2.contains("own firewall"));
    assert!(finding.evidence.iter().any(|row| row.mark == Mark::Unknown));
}

#[test]
fn what_stops_the_name_server_is_the_cause_and_not_the_name() {
    let rules = "table inet f {\n chain out {\n type filter hook output priority 0; policy drop;\n oifname \"lo\" accept\n }\n}\n";
    let mut world = world(NetworkType::Internet, |_| nameless(NameError::NoAnswer));
    world.nft = Ok(CommandSeen { code: Some(0), out: rules.into(), err: String::new() });
    expect(&world, CauseId::LocalFirewall, Severity::Fail, &["policy drop"]);
    assert_eq!(world.finding().causes.len(), 1);
}

#[test]
fn a_rule_for_the_connection_does_not_explain_a_name_without_an_address() {
    let rules = "table inet f {\n chain out {\n type filter hook output priority 0; policy accept;\n \
                 tcp dport { 80, 443 } drop\n }\n}\n";
    let mut world = world(NetworkType::Internet, |_| nameless(NameError::NoSuchName));
    world.nameserver = Box::new(|_| NameserverSaid::NoSuchName);
    world.nft = Ok(CommandSeen { code: Some(0), out: rules.into(), err: String::new() });
    let ids: Vec<_> = world.finding().causes.iter().map(|cause| cause.id).collect();
    assert_eq!(ids, [CauseId::DnsFailure]);
}

#[test]
fn a_name_server_that_answers_late_is_told_beside_the_name() {
    let mut world = world(NetworkType::Internet, |_| nameless(NameError::NoAnswer));
    world.nameserver = Box::new(|_| NameserverSaid::Addresses(vec!["203.0.113.7".parse().unwrap()]));
    let ids =
        |world: &World| -> Vec<_> { world.finding().causes.iter().map(|cause| (cause.id, cause.severity)).collect() };
    assert_eq!(ids(&world), [(CauseId::DnsFailure, Severity::Fail)]);
    world.nameserver_ms = 3400;
    assert_eq!(ids(&world), [(CauseId::DnsFailure, Severity::Fail), (CauseId::NameServerSlow, Severity::Warn)]);
    let said = world.finding().causes[1].detail.get(Lang::En).to_string();
    assert!(said.contains("name server 8.8.8.8 took 3400 ms to answer"), "{said}");
}

#[test]
fn a_route_into_a_container_network_is_named() {
    let bridge = "Iface\neth0 00000000 010011AC 0003 0 0 0 00000000\nbr-k8s 00606464 00000000 0001 0 0 0 00FFFFFF\n";
    let captured = world(NetworkType::Intranet, |target| match is_private(target) {
        true => unconnected(target, ConnectError::Silent),
        false => service(target),
    })
    .with("/proc/net/route", bridge);
    let words = ["100.100.96.7", "100.100.96.0/24 of br-k8s"];
    expect(&captured, CauseId::RouteCaptured, Severity::Fail, &words);
    let none = world(NetworkType::Internet, |target| unconnected(target, ConnectError::NoRoute))
        .with("/proc/net/route", "Iface\n");
    expect(&none, CauseId::NoNetwork, Severity::Fail, &["no route to any other host"]);
}

#[test]
fn tls_that_stalls_where_http_answers_names_the_command_that_tells() {
    let stalls = world(NetworkType::Internet, |target| match target.tls {
        true => {
            ReachSeen { tls: Some(Err(TlsError::Broken("no answer in time".into()))), http: None, ..service(target) }
        }
        false => service(target),
    });
    let finding = stalls.finding();
    let ids: Vec<_> = finding.causes.iter().map(|cause| (cause.id, cause.severity)).collect();
    assert_eq!(ids, [(CauseId::TlsFailure, Severity::Fail), (CauseId::PathMtu, Severity::Warn)]);
    assert!(finding.causes[1].detail.get(Lang::En).contains("ping -M do -s 1372 203.0.113.7"));
}

#[test]
fn a_private_cloud_that_answers_otherwise_is_only_doubted() {
    let config = r#"{"config_server_address":"http://sls.example.com","data_server_list":[]}"#;
    let odd = world(NetworkType::Internet, |target| match target.tls {
        true => unconnected(target, ConnectError::Refused),
        false => answered(target, "tengine", 400),
    })
    .with(CONFIG, config);
    assert_eq!(odd.finding().verdict, Verdict::Warn);
    let dead = world(NetworkType::Internet, |target| unconnected(target, ConnectError::Silent)).with(CONFIG, config);
    assert_eq!(dead.finding().verdict, Verdict::Fail);
}

proptest! {
    #[test]
    fn any_probe_ends_in_a_finding(one in any_reach(), other in any_reach(), private in any::<bool>(), user in any::<bool>()) {
        let network = if private { NetworkType::Intranet } else { NetworkType::Internet };
        let is_service_at_both = [&one, &other].iter().all(|reach| matches!(&reach.http, Some(Ok(http)) if is_service(http)));
        let mut world = world(network, move |target| if target.tls { one.clone() } else { other.clone() });
        if user {
            world.environment = Ok(vec![("HTTP_PROXY".into(), "http://***@10.0.0.9:1".into())]);
        }
        let finding = world.finding();
        prop_assert!(is_service_at_both || finding.verdict != Verdict::Pass);
    }
}
