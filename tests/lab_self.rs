//! Tests of the laboratory itself: what it claims to be is so, each knob makes its fault, and nothing of it stays.
//! They say nothing about logtail-doctor.
#![cfg(target_os = "linux")]

use lab::{Behaviour, Fault, Flavour, Lab, Output, Pty, Sudo};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);
const INTRANET: &str = "logtail.cn-hangzhou-intranet.log.aliyuncs.com";

fn fetch(lab: &Lab, url: &str) -> Output {
    lab.sh(&format!("timeout 4 /run/lab/stand_in fetch {url}"))
}

fn app_info(lab: &Lab, key: &str) -> String {
    let info: serde_json::Value = serde_json::from_str(&lab.read("/usr/local/ilogtail/app_info.json")).expect("JSON");
    info[key].as_str().unwrap_or("(absent)").to_string()
}

/// Lines `pid ppid comm cmdline` of the agent's processes.
fn agent_processes(lab: &Lab) -> Vec<Vec<String>> {
    let all = lab.sh("ps -eo pid=,ppid=,comm=,args= | grep -E ' (ilogtail|loongcollector) '").stdout;
    all.lines().map(|line| line.split_whitespace().map(str::to_string).collect()).collect()
}

fn healthy(flavour: Flavour, version_key: &str) {
    let (name, version) = flavour.names().expect("an agent");
    let Some(lab) = Lab::new().agent(flavour).build_or_skip() else { return };
    assert_eq!(app_info(&lab, "ip"), "10.1.1.5");
    assert_eq!(app_info(&lab, version_key), version);
    assert_eq!(app_info(&lab, "hostname"), "iZbp1lab");
    assert!(lab.read("/usr/local/ilogtail/app_info.json").contains("\n\t\"ip\" : \"10.1.1.5\",\n"));
    let script = format!("/etc/init.d/{name}d");
    let status = lab.sh(&format!("{script} status"));
    assert_eq!((status.code, status.stdout.as_str()), (0, format!("{name} is running\n").as_str()), "{status:?}");
    let processes = agent_processes(&lab);
    assert_eq!(processes.len(), 2, "{processes:?}");
    assert_eq!(processes[0][1], "1", "the daemon's parent is the first process");
    assert_eq!(processes[1][1], processes[0][0], "the worker's parent is the daemon");
    assert!(processes.iter().all(|process| process[2..] == [name.to_string(), format!("/usr/local/ilogtail/{name}")]));
    let exe = lab.sh(&format!("readlink /proc/{}/exe", processes[0][0])).stdout;
    assert_eq!(exe.trim(), format!("/usr/local/ilogtail/{name}_{version}"));
    let log = lab.read(&format!("/usr/local/ilogtail/{name}.LOG"));
    assert!(log.contains("\t\tload logtail config file, detail:{\n"), "{log}");
    assert!(lab.heartbeat_ok(SOON), "{:?}", lab.heartbeats());

    let stop = lab.sh(&format!("{script} stop"));
    assert!(stop.code == 0 && stop.stdout.contains(&format!("kill process Name: {name} pid: ")), "{stop:?}");
    assert!(stop.stdout.ends_with("stop successfully\n"), "{stop:?}");
    let status = lab.sh(&format!("{script} status"));
    assert_eq!((status.code, status.stdout.as_str()), (3, format!("{name} is stopped\n").as_str()));
    let restart = lab.sh("/etc/init.d/ilogtaild restart");
    assert_eq!(restart.code, 0, "{restart:?}");
    assert!(lab.heartbeat_ok(SOON));
}

#[test]
fn logtail_1_8_8_is_healthy() {
    healthy(Flavour::Logtail188, "logtail_version");
}

#[test]
fn logtail_2_0_7_is_healthy() {
    healthy(Flavour::Logtail207, "logtail_version");
}

#[test]
fn loongcollector_is_healthy() {
    healthy(Flavour::Loong331, "loongcollector_version");
}

#[test]
fn the_service_answers_as_the_real_one() {
    let Some(lab) = Lab::new().agent(Flavour::None).build_or_skip() else { return };
    assert!(!lab.exists("/usr/local/ilogtail/ilogtail"));
    for url in
        [format!("http://{INTRANET}"), format!("https://{INTRANET}"), "https://p.log-global.aliyuncs.com/".into()]
    {
        let answer = fetch(&lab, &url);
        assert!(
            answer.stdout.contains("\"Code\":\"OLSInvalidMethod\",\"Message\":\"The script name is invalid : /\""),
            "{answer:?}"
        );
        assert!(
            answer.stdout.contains("x-log-requestid: ") && answer.stdout.contains("Server: AliyunSLS"),
            "{answer:?}"
        );
    }
    assert!(lab.sh(&format!("getent ahostsv4 {INTRANET}")).stdout.starts_with("100.100.80.80 "));
    assert!(lab.sh("getent ahostsv4 p.cn-hangzhou.log.aliyuncs.com").stdout.starts_with("203.0.113.81 "));
    assert_eq!(lab.sh("getent ahostsv4 example.com").code, 2);
    let document = fetch(&lab, "http://100.100.100.200/latest/dynamic/instance-identity/document").stdout;
    assert!(document.contains("\"owner-account-id\":\"1654218965343050\""), "{document}");
    let bash = lab.sh(&format!("timeout 2 bash -c 'exec 3<>/dev/tcp/{INTRANET}/80'"));
    assert_eq!(bash.code, 0, "{bash:?}");
    let out = lab.sh("timeout 1 bash -c 'exec 3<>/dev/tcp/192.0.2.1/80'");
    assert_ne!(out.code, 0, "nothing else is reachable");
}

#[test]
fn faults_on_the_way() {
    let Some(lab) = Lab::new().agent(Flavour::None).build_or_skip() else { return };
    let url = format!("http://{INTRANET}");
    let fails_with = |fault: Fault, url: &str, why: &str| {
        lab.mend_service();
        lab.break_service(fault.clone());
        let answer = fetch(&lab, url);
        assert!(answer.code != 0 && answer.stderr.contains(why), "{fault:?}: {answer:?}");
    };
    fails_with(Fault::Refuse("logtail.*".into(), None), &url, "Connection refused");
    fails_with(Fault::Drop("logtail.*".into(), Some(80)), &url, "timed out");
    fails_with(Fault::NoSuchName("*.log.aliyuncs.com".into()), &url, "Name or service not known");
    fails_with(Fault::DnsServFail, &url, "Temporary failure in name resolution");
    fails_with(Fault::WrongAddress("*".into(), "198.51.100.1".parse().expect("an address")), &url, "timed out");
    fails_with(Fault::NoMetadata, "http://100.100.100.200/latest/meta-data/region-id", "timed out");
    let https = url.replace("http:", "https:");
    fails_with(Fault::UntrustedTls(INTRANET.into()), &https, "invalid peer certificate");
    fails_with(Fault::Refuse(INTRANET.into(), Some(443)), &https, "Connection refused");
    assert_eq!(fetch(&lab, &url).code, 0, "only port 443 is refused");
    assert_eq!(fetch(&lab, "https://cn-hangzhou-intranet.log.aliyuncs.com").code, 0, "and only of that host");
    lab.break_service(Fault::DnsSilent);
    let silent = lab.sh(&format!("timeout 1 getent ahostsv4 {INTRANET}"));
    assert!(silent.code != 0 && silent.stdout.is_empty(), "{silent:?}");
    lab.mend_service();
    lab.break_service(Fault::ForeignPage("*".into()));
    let page = fetch(&lab, &url).stdout;
    assert!(page.contains("200 OK") && page.contains("sign in") && !page.contains("x-log-requestid"), "{page}");
    lab.mend_service();
    assert!(fetch(&lab, &url).stdout.contains("OLSInvalidMethod"));
}

#[test]
fn a_fault_from_the_start() {
    let lab = Lab::new().service(Fault::Drop("logtail.*".into(), Some(80)));
    let Some(lab) = lab.build_or_skip() else { return };
    lab.wait("a complaint", SOON, |lab| {
        lab.read("/usr/local/ilogtail/ilogtail.LOG").contains("SendFail:network error")
    });
    assert!(lab.heartbeats().is_empty());
    lab.mend_service();
    assert!(lab.heartbeat_ok(SOON));
}

#[test]
fn heartbeats_are_judged() {
    let lab = Lab::new().users(&["1111222233334444"]).user_defined_id("group-a\r\n group-b \n");
    let Some(lab) = lab.build_or_skip() else { return };
    assert!(lab.heartbeat_ok(SOON));
    let refusal = |lab: &Lab| {
        lab.next_heartbeat(SOON);
        lab.next_heartbeat(SOON).expect("a heartbeat").refused
    };
    lab.edit_group(|group| group.members = vec!["10.1.1.6".into()]);
    assert_eq!(refusal(&lab).as_deref(), Some("identity"));
    lab.edit_group(|group| (group.custom, group.members) = (true, vec!["group-a".into()]));
    assert_eq!(refusal(&lab).as_deref(), Some("identity"), "the agent keeps the carriage return");
    lab.edit_group(|group| group.members = vec!["group-b".into()]);
    assert_eq!(refusal(&lab), None);
    lab.edit_service(|service| service.ecs.owner = "9".into());
    assert_eq!(refusal(&lab).as_deref(), Some("account"));
    lab.write("/etc/ilogtail/users/1654218965343050", "");
    assert_eq!(refusal(&lab), None);
    lab.edit_group(|group| group.region = "cn-beijing".into());
    assert_eq!(refusal(&lab).as_deref(), Some("region"));
    lab.break_service(Fault::ClockOffset(-1200));
    assert_eq!(refusal(&lab).as_deref(), Some("clock"));
    let answer = fetch(&lab, &format!("http://{INTRANET}")).stdout;
    let time = answer.lines().find_map(|line| line.strip_prefix("x-log-time: ")).expect("the header");
    let now = lab.sh("date +%s").stdout.trim().parse::<i64>().expect("a number");
    assert!((now - 1200 - time.trim().parse::<i64>().expect("a number")).abs() < 5, "{answer}");
}

/// Rows of the golden table that was made with the real functions (agent, section 3.6), for 1.8.8, 2.0.7, 3.3.1.
#[test]
fn the_agent_takes_the_address_of_its_version() {
    let two: &[(&str, &[&str])] = &[("ens3", &["10.1.1.5"]), ("docker0", &["172.17.0.1/16"])];
    let reversed: &[(&str, &[&str])] = &[("docker0", &["172.17.0.1/16"]), ("ens3", &["10.1.1.5"])];
    let bond: &[(&str, &[&str])] = &[("ens3", &["10.9.9.9"]), ("bond0", &["10.1.1.7"])];
    let rows = [
        ("unbound", Lab::new().nics(two), ["10.1.1.5", "172.17.0.1"]),
        ("docker0 first", Lab::new().nics(reversed), ["172.17.0.1", "10.1.1.5"]),
        ("foreign binding", Lab::new().hosts_line("203.0.113.7 iZbp1lab"), ["203.0.113.7"; 2]),
        ("Debian's binding", Lab::new().hosts_line("127.0.1.1 iZbp1lab").nics(bond), ["10.1.1.7"; 2]),
        ("only lo", Lab::new().nics(&[]), [""; 2]),
        ("eth0 bare", Lab::new().nics(&[("eth0", &[]), ("ens4", &["10.4.4.4"])]), ["10.4.4.4"; 2]),
    ];
    for (what, lab, [old, new]) in rows {
        for (flavour, expected) in [(Flavour::Logtail188, old), (Flavour::Logtail207, new), (Flavour::Loong331, new)] {
            let Some(lab) = lab.clone().agent(flavour).build_or_skip() else { return };
            assert_eq!(app_info(&lab, "ip"), expected, "{what}, {flavour:?}");
        }
    }
}

#[test]
fn a_changed_address_restarts_the_worker() {
    let Some(lab) = Lab::new().build_or_skip() else { return };
    let before = agent_processes(&lab);
    lab.sh("echo '10.1.1.5 iZbp1lab' >> /etc/hosts; ip addr add 10.1.1.9/24 dev eth0");
    lab.sh("sed 's/10.1.1.5/10.1.1.9/' /etc/hosts > /tmp/hosts; cat /tmp/hosts > /etc/hosts");
    lab.wait("the new address", SOON, |lab| {
        lab.exists("/usr/local/ilogtail/app_info.json")
            && lab.read("/usr/local/ilogtail/app_info.json").contains("\"10.1.1.9\"")
    });
    let log = lab.read("/usr/local/ilogtail/ilogtail.LOG");
    assert!(log.contains(
        "host ip changed during running, prepare to restart Logtail\toriginal ip:10.1.1.5\tcurrent ip:10.1.1.9"
    ));
    let after = agent_processes(&lab);
    assert_eq!(before[0][0], after[0][0], "the daemon stays");
    assert_ne!(before[1][0], after[1][0], "the worker is another");
}

#[test]
fn configuration_files_count_as_the_agent_reads_them() {
    let ip_with = |flavour, content: &str| {
        let lab =
            Lab::new().agent(flavour).config(content).file("/etc/ilogtail/config.d/20.json", "{}").build_or_skip()?;
        if flavour == Flavour::Logtail207 || content.contains("7.7.7.7") {
            lab.wait("app_info.json", SOON, |lab| lab.exists("/usr/local/ilogtail/app_info.json"));
            return Some(app_info(&lab, "ip"));
        }
        Some(format!(
            "{} {}",
            lab.sh("/etc/init.d/ilogtaild status").code,
            lab.exists("/usr/local/ilogtail/app_info.json")
        ))
    };
    let commented = "{// one\n \"working_ip\": \"1.1.1.1\", /* two */ \"working_ip\": \"7.7.7.7\"} and more";
    let Some(ip) = ip_with(Flavour::Logtail188, commented) else { return };
    assert_eq!(ip, "7.7.7.7");
    assert_eq!(ip_with(Flavour::Logtail188, "{\"working_ip\": ").as_deref(), Some("1 false"), "1.x exits");
    assert_eq!(ip_with(Flavour::Logtail188, "{'working_ip': '1'}").as_deref(), Some("1 false"), "1.x crashes");
    assert_eq!(ip_with(Flavour::Logtail207, "\u{feff}{}").as_deref(), Some("10.1.1.5"), "2.x goes on without settings");
}

#[test]
fn agents_misbehave() {
    let Some(lab) = Lab::new().stopped().not_at_boot().old_script().build_or_skip() else { return };
    let script = |action: &str| lab.sh(&format!("/etc/init.d/ilogtaild {action}"));
    assert_eq!(script("status").code, 3);
    assert_eq!(script("restart").code, 1, "an old script knows no restart");
    assert!(!lab.exists("/etc/rc3.d/S90ilogtaild"));
    lab.behave(&Behaviour { daemon_only: true, ..Behaviour::default() });
    let start = script("start");
    assert!(start.code == 1 && start.stdout.ends_with("ilogtail running process is abnormal.\n"), "{start:?}");
    assert_eq!(agent_processes(&lab).len(), 1);
    assert!(script("stop").stdout.ends_with("stop success\n"));
    lab.behave(&Behaviour { illegal_instruction: true, ..Behaviour::default() });
    assert_eq!(script("start").code, 1);
    assert_eq!(script("stop").code, 0);
    lab.behave(&Behaviour { ignore_sigterm: true, ..Behaviour::default() });
    assert_eq!(script("start").code, 0);
    let stop = script("stop");
    assert!(stop.code == 1 && stop.stdout.contains("graceful stop failed"), "{stop:?}");
    assert_eq!(script("force-stop").stdout, "force stop successfully\n");
    lab.behave(&Behaviour { mute: true, ..Behaviour::default() });
    assert_eq!(script("start").code, 0);
    assert!(lab.heartbeats().iter().all(|heartbeat| heartbeat.beat.ip == "10.1.1.5"));
}

#[test]
fn ordinary_users() {
    let lab = Lab::new()
        .user("ops", Sudo::Password)
        .user("guest", Sudo::No)
        .user("robot", Sudo::Free)
        .user("porter", Sudo::ScriptOnly);
    let Some(lab) = lab.build_or_skip() else { return };
    let (ops, guest) = (lab.as_user("ops"), lab.as_user("guest"));
    assert_eq!(ops.sh("id -un; id -Gn; cd; pwd").stdout, "ops\nops\n/home/ops\n");
    assert!(guest.run(&["--version"]).code < 126 && lab.run(&["--version"]).code < 126, "everybody can start it");
    assert_ne!(guest.sh("touch /etc/hosts").code, 0);
    let status = guest.sh("/etc/init.d/ilogtaild status");
    assert_eq!(status.code, 3, "without root the script does not see the processes: {status:?}");
    assert_eq!(lab.as_user("robot").sh("sudo -n id -u").stdout, "0\n");
    assert_eq!(lab.as_user("porter").sh("sudo -n /etc/init.d/ilogtaild status").stdout, "ilogtail is running\n");
    assert_ne!(lab.as_user("porter").sh("sudo -n true").code, 0);
    assert!(ops.sh("sudo -n true").stderr.contains("a password is required"));
    let mut terminal = ops.terminal(&["sudo", "id", "-u"], 80, 24);
    terminal.wait_for_password("password for ops", SOON);
    terminal.send(lab::PASSWORD);
    terminal.send("Enter");
    terminal.wait_until("root's number", SOON, |screen| screen.trim_end().ends_with("\n0"));
    assert_eq!(terminal.exit_code(SOON), 0);
}

#[test]
fn a_terminal_is_driven_by_keys() {
    let environment =
        [("PATH", "/usr/bin:/bin"), ("TERM", "xterm")].map(|(key, value)| (key.to_string(), value.to_string()));
    let script = "stty -echo; trap 'echo sized' WINCH; echo ready; while read -r line; do echo \"got $line\"; [ \"$line\" = end ] && exit 7; done";
    let mut terminal = Pty::spawn(&["bash", "-c", script], &environment, 40, 10);
    terminal.wait_for("ready", SOON);
    terminal.send("héllo");
    terminal.send("Enter");
    assert!(terminal.wait_for("got héllo", SOON).contains("ready"));
    terminal.resize(60, 20);
    terminal.send("Enter");
    terminal.wait_for("sized", SOON);
    terminal.send("end");
    terminal.send("Enter");
    assert_eq!(terminal.exit_code(SOON), 7);
    let mut terminal = Pty::spawn(&["sleep", "1000"], &environment, 40, 10);
    terminal.send("C-c");
    assert_ne!(terminal.exit_code(SOON), 0);
}

#[test]
#[should_panic(expected = "waited for the text \"never\": the program ended. The screen:")]
fn a_wait_in_vain_shows_the_screen() {
    Pty::spawn(&["true"], &[("PATH".into(), "/usr/bin:/bin".into())], 40, 10).wait_for("never", SOON);
}

#[test]
fn control_c_is_for_the_program_on_the_host() {
    let Some(lab) = Lab::new().agent(Flavour::None).build_or_skip() else { return };
    let mut terminal =
        lab.terminal(&["sh", "-c", "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.1; done"], 80, 24);
    terminal.wait_for("ready", SOON);
    terminal.send("C-c");
    assert_eq!(terminal.exit_code(SOON), 9, "{}", terminal.screen());
}

/// The namespaces of a process, as the kernel names them.
fn namespaces(pid: i32) -> Vec<String> {
    let kinds = ["mnt", "net", "pid", "uts", "ipc"].iter();
    kinds
        .map(|kind| std::fs::read_link(format!("/proc/{pid}/ns/{kind}")).expect("it lives").display().to_string())
        .collect()
}

/// Processes of this machine that are in one of these namespaces.
fn inhabitants(spaces: &[String]) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    let links =
        processes.flat_map(|process| std::fs::read_dir(process.path().join("ns")).into_iter().flatten().flatten());
    links
        .map(|link| link.path())
        .filter(|link| std::fs::read_link(link).is_ok_and(|to| spaces.contains(&to.display().to_string())))
        .map(|link| link.display().to_string())
        .collect()
}

#[test]
fn nothing_is_left_behind() {
    let Some(lab) = Lab::new().build_or_skip() else { return };
    let outside = namespaces(i32::try_from(std::process::id()).expect("a pid"));
    let (keeper, init) = lab.pids();
    let mut own: Vec<String> = namespaces(init).into_iter().chain(namespaces(keeper)).collect();
    own.retain(|space| !outside.contains(space));
    own.sort();
    own.dedup();
    assert_eq!(own.len(), 9, "five of the host, four of the other side: {own:?}");
    assert!(inhabitants(&own).len() > 10);
    let directory = lab.directory().to_path_buf();
    lab.sh("sleep 1000 > /dev/null 2>&1 & setsid sleep 1000 > /dev/null 2>&1 &");
    let terminal = lab.terminal(&["sleep", "1000"], 80, 24);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _held = (lab, terminal);
        panic!("a test fails");
    }));
    assert!(panicked.is_err());
    assert_eq!(inhabitants(&own), Vec::<String>::new());
    assert!(!directory.exists());
    let mounts = std::fs::read_to_string("/proc/mounts").expect("mounts");
    assert!(!mounts.contains(&directory.display().to_string()), "{mounts}");
}
