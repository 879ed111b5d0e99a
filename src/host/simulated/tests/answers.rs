//! The host's answers: files with their limits and oddities, names, connections, clock, people.

use super::*;
use std::net::Ipv4Addr;

#[test]
fn files_are_answered_within_limits_and_with_the_right_trouble() {
    let big = vec![b'x'; FILE_LIMIT + 5];
    let world = healthy()
        .write("/tmp/big", big)
        .place("/tmp/link", Kind::Link("big".into()))
        .place("/tmp/nowhere", Kind::Link("/gone".into()))
        .place("/tmp/loop", Kind::Link("loop".into()))
        .place("/tmp/pipe", Kind::Odd("fifo".into()))
        .place("/mnt/nfs", Kind::Dead)
        .place("/tmp/bad", Kind::Broken("Input/output error (os error 5)".into()));
    let seen = file(&world, "/tmp/link").unwrap();
    assert_eq!((seen.bytes.len(), seen.size), (FILE_LIMIT, FILE_LIMIT as u64 + 5));
    assert_eq!(seen.link_to, Some("/tmp/big".into()));
    let Answer::File(Ok(tail)) = world.clone().answer(&Question::Tail("/tmp/big".into())) else { panic!("no tail") };
    assert!(tail.is_partial() && tail.bytes.len() == TAIL_LIMIT);
    for (path, trouble) in [
        ("/tmp/nowhere", Unavailable::Absent),
        ("/tmp/pipe", Unavailable::NotAFile("fifo".into())),
        ("/tmp", Unavailable::NotAFile("directory".into())),
        ("/mnt/nfs/file", Unavailable::TimedOut),
        ("/tmp/bad", Unavailable::Other("Input/output error (os error 5)".into())),
        ("/etc/hosts/x", Unavailable::Absent),
    ] {
        assert_eq!(file(&world, path), Err(trouble), "{path}");
    }
    assert!(matches!(file(&world, "/tmp/loop"), Err(Unavailable::Other(_))));
    let Answer::Dir(Ok(dir)) = world.clone().answer(&Question::Dir("/tmp".into())) else { panic!("no /tmp") };
    let kinds: Vec<_> = dir.entries.iter().map(|entry| (entry.name.as_str(), entry.kind)).collect();
    assert!(kinds.contains(&("link", EntryKind::File)) && kinds.contains(&("pipe", EntryKind::Other)), "{kinds:?}");
    assert!(kinds.contains(&("nowhere", EntryKind::Dangling)), "{kinds:?}");
}

#[test]
fn a_directory_with_too_many_names_is_cut() {
    let mut world = healthy();
    for number in 0..=DIR_LIMIT {
        world = world.place(format!("/many/{number}"), Kind::File(Vec::new()));
    }
    let Answer::Dir(Ok(dir)) = world.answer(&Question::Dir("/many".into())) else { panic!("no directory") };
    assert!(dir.cut && dir.entries.len() == DIR_LIMIT);
}

#[test]
fn an_ordinary_user_sees_less() {
    let world = healthy().owned(CONFIG, 0o600, 0).as_user("ops", 1000, Sudo::NeedsPassword);
    assert_eq!(file(&world, CONFIG), Err(Unavailable::NotAllowed));
    let Answer::Processes(Ok(all)) = world.clone().answer(&Question::Processes) else { panic!("no processes") };
    assert!(all.iter().all(|process| process.exe == Err(Unavailable::NotAllowed) && process.contained.is_none()));
    let pid = all[0].pid;
    assert_eq!(world.clone().answer(&Question::Environment { pid }), Answer::Environment(Err(Unavailable::NotAllowed)));
    let Answer::Identity(identity) = world.clone().answer(&Question::Identity) else { panic!("nobody") };
    assert!(!identity.privileged && identity.sudo.is_some() && identity.user == "ops");
}

#[test]
fn names_are_looked_up_as_the_c_library_does() {
    let world = healthy().dns("izbp1demo0healthy00z", &[Ipv4Addr::new(9, 9, 9, 9)]);
    assert_eq!(lookup(&world, "IZBP1demo0healthy00Z"), ["10.1.1.5"], "files come before DNS");
    assert_eq!(lookup(&world.unbind_hostname(), "iZbp1demo0healthy00Z"), ["9.9.9.9"]);
    let hosts = "203.0.113.7 h # h\n10.1.1.5\tx h\n203.0.113.7 h\n#10.0.0.1 h\n::1 six\nnonsense h\n";
    let world = healthy().write("/etc/hosts", hosts);
    assert_eq!(lookup(&world, "h"), ["203.0.113.7", "10.1.1.5"]);
    assert_eq!(lookup(&world, "six"), ["127.0.0.1"]);
    for (name, address) in
        [("12345", "0.0.48.57"), ("1.2.3", "1.2.0.3"), ("0x7f.1", "127.0.0.1"), ("010.1.1.1", "8.1.1.1")]
    {
        assert_eq!(lookup(&world, name), [address], "{name}");
    }
    for name in ["", "-x", "a b", "256.1.1.1", "1.2.3.4.5", "unknown"] {
        assert!(lookup(&world, name).is_empty(), "{name:?}");
    }
    let private = lookup(&world, "logtail.cn-hangzhou-intranet.log.aliyuncs.com");
    assert_eq!(private, ["100.100.80.165"]);
    assert_eq!(lookup(&world.myhostname(), "iZbp1demo0healthy00Z"), ["10.1.1.5"]);
    let silent = healthy().dns_silent().answer(&Question::Lookup("x".into()));
    assert!(matches!(silent, Answer::Lookup(LookupSeen { addresses: Err(_), .. })));
}

#[test]
fn a_request_fails_at_the_stage_where_the_fault_is() {
    let name = "logtail.cn-hangzhou-intranet.log.aliyuncs.com";
    let with = |reaction: Reaction, tls| reach(&healthy().reaction(name, None, reaction), Target::root(name, tls));
    let address = std::net::IpAddr::from([100, 100, 80, 165]);
    for (reaction, trouble) in [
        (Reaction::Refuses, ConnectError::Refused(address)),
        (Reaction::Silent, ConnectError::Silent(address)),
        (Reaction::NoRoute, ConnectError::NoRoute(address)),
        (Reaction::Forbidden, ConnectError::Forbidden(address)),
    ] {
        let seen = with(reaction, true);
        assert_eq!((seen.connected, seen.tls, seen.http), (Some(Err(trouble)), None, None));
    }
    let seen = with(Reaction::Tls(TlsError::UnknownIssuer), true);
    assert_eq!((seen.tls, seen.http), (Some(Err(TlsError::UnknownIssuer)), None));
    assert!(matches!(with(Reaction::Tls(TlsError::WrongName), false).http, Some(Ok(_))));
    assert_eq!(with(Reaction::Mute, false).http, Some(Err(Unavailable::TimedOut)));
    let Some(Ok(page)) = with(Reaction::Foreign { status: 200, body: "<html>login".into() }, false).http else {
        panic!("no page")
    };
    assert!(page.header("x-log-requestid").is_none());
    let seen = reach(&healthy().dns(name, &[]), Target::root(name, false));
    assert_eq!((seen.resolved, seen.connected), (Some(Err(NameError::NoSuchName)), None));
}

#[test]
fn a_proxy_reaches_what_cannot_be_reached_directly() {
    let name = "logtail.cn-hangzhou-intranet.log.aliyuncs.com";
    let proxy = "http://proxy.corp:3128";
    let world = healthy().drop_packets(name).proxy("proxy.corp", 3128);
    let through = Target { proxy: Some(proxy.into()), ..Target::root(name, true) };
    assert!(matches!(reach(&world, through.clone()).http, Some(Ok(_))));
    assert!(world.heartbeat().is_err());
    let cured = world.clone().agent_environment_has("HTTP_PROXY", proxy).agent_environment_has("https_proxy", proxy);
    assert_eq!(cured.heartbeat(), Ok(()));
    let blocked = world.rule(name, None, Way::Proxied, Reaction::Silent);
    assert!(matches!(reach(&blocked, through).connected, Some(Err(ConnectError::Other(..)))));
}

#[test]
fn a_wrong_clock_shows_in_every_time_and_spoils_certificates() {
    let world = healthy().still().clock_offset(3600);
    let Answer::Clock(clock) = world.clone().answer(&Question::Clock) else { panic!("no clock") };
    assert_eq!((clock.now_ms, clock.offset_s), (1_795_326_000_000 + 3_600_000, 28_800));
    let Answer::Processes(Ok(all)) = world.clone().answer(&Question::Processes) else { panic!("no processes") };
    assert_eq!(all[0].started - clock.booted, 86_400);
    let name = "logtail.cn-hangzhou-intranet.log.aliyuncs.com";
    let Some(Ok(answer)) = reach(&world, Target::root(name, false)).http else { panic!("no answer") };
    assert_eq!(answer.header("date"), Some("Sun, 22 Nov 2026 05:40:00 GMT"));
    assert_eq!(answer.header("x-log-time"), Some("1795326000"));
    assert_eq!(answer.received_ms, clock.now_ms);
    let year = 365 * 86_400;
    let tls = |seconds| reach(&healthy().clock_offset(seconds), Target::root(name, true)).tls;
    assert_eq!((tls(year), tls(-year)), (Some(Err(TlsError::Expired)), Some(Err(TlsError::NotYetValid))));
}
