//! Sessions for the tests of the screens: each as an operator would meet it, made with events and keys only.

pub(in crate::ui) mod service;

use crate::core::checks::Checked;
use crate::core::context::{Context, Field};
use crate::core::finding::{Cause, CauseId, Evidence, Finding, Mark, RemedyId, StepId};
use crate::core::flow::{Around, Choice, Event, Interrupted, Key, Offer, Place, Proof, Session, StepView};
use crate::core::journal::{Applied, AppliedResult, ChangeState, JournalEntry, Progress, Record, RecordKind, Recorded};
use crate::core::observe::{Fingerprint, IdentitySeen, LiveLine};
use crate::core::remedies::{Change, InputId, Plan, Planned};
use crate::core::text::{Lang, Text};
use std::time::Duration;

fn identity(privileged: bool) -> Event {
    Event::Identity(Box::new(IdentitySeen {
        hostname: "web-01".into(),
        os: "linux".into(),
        arch: "x86_64".into(),
        kernel: "5.10.134".into(),
        distribution: "Alibaba Cloud Linux 3".into(),
        user: if privileged { "root" } else { "alice" }.into(),
        uid: if privileged { 0 } else { 1000 },
        privileged,
        sudo: Some("/usr/bin/sudo".into()),
        container: None,
    }))
}

pub(in crate::ui) fn finished(finding: Finding) -> Event {
    let step = finding.step;
    let view = StepView { checked: Some(Checked { finding, elapsed_ms: 12 }), is_open: false };
    Event::Step { step, view: Box::new(view) }
}

fn row(label: Text, value: &str, source: &str, mark: Mark) -> Evidence {
    Evidence::new(label, Text::same(value), source).marked(mark)
}

/// The address that the agent took is not one of this host: the usual failure, with much evidence.
pub(super) fn failing_address() -> Finding {
    let not_local = Cause::fail(
        CauseId::IpNotLocal,
        Text::fixed(
            "The agent reports 192.168.99.7, which no interface of this host has.",
            "Agent 上报的 IP 为 192.168.99.7，但本机没有任何网卡使用该地址。",
        ),
        Text::fixed(
            "The machine group waits for a heartbeat from an address that this host really has.",
            "机器组等待的是本机真实地址发出的心跳。",
        ),
        &[RemedyId::BindHostname, RemedyId::SetWorkingIp, RemedyId::RestartAgent],
    );
    let stale = Cause::warn(
        CauseId::IpStale,
        Text::fixed("app_info.json is older than /etc/hosts.", "app_info.json 早于 /etc/hosts 的修改时间。"),
        Text::fixed("The agent reads /etc/hosts only when it starts.", "Agent 只在启动时读取 /etc/hosts。"),
        &[RemedyId::RestartAgent],
    );
    let evidence = vec![
        row(
            Text::fixed("IP in app_info.json", "app_info.json 中的 IP"),
            "192.168.99.7",
            "/usr/local/ilogtail/app_info.json",
            Mark::Bad,
        )
        .expecting(Text::fixed("10.0.3.17, the address of eth0", "10.0.3.17，即 eth0 的地址")),
        row(Text::fixed("Hostname", "主机名"), "web-01", "uname", Mark::Note),
        row(Text::fixed("Hostname resolves to", "主机名解析结果"), "192.168.99.7", "/etc/hosts:4", Mark::Bad)
            .expecting(Text::same("10.0.3.17")),
        row(
            Text::fixed("Interfaces", "网卡"),
            "eth0 10.0.3.17/20, docker0 172.17.0.1/16, veth5f2a fe80::42",
            "netlink",
            Mark::Good,
        ),
        row(Text::fixed("working_ip", "working_ip"), "", "/usr/local/ilogtail/ilogtail_config.json", Mark::Note),
        Evidence::new(
            Text::same("logtail.cn-hangzhou-intranet.log.aliyuncs.com:80"),
            Text::fixed("not asked: an address is needed first", "未访问：需要先确定 IP 地址"),
            "tcp",
        )
        .marked(Mark::Unknown),
        Evidence::new(
            Text::fixed("Agent started", "Agent 启动时间"),
            Text::fixed(
                "2026-11-20 08:15:02 +0800, before /etc/hosts changed",
                "2026-11-20 08:15:02 +0800，早于 /etc/hosts 的修改",
            ),
            "/proc/2211/stat",
        )
        .marked(Mark::Doubtful),
        row(Text::fixed("Instance id", "实例 ID"), "i-bp1f3xexample\u{1b}[31mred", "/etc/cloud", Mark::Note),
    ];
    let summary = Text::fixed("The agent uses an IP that this host does not have.", "Agent 使用的 IP 不是本机的地址。");
    Finding::judged(StepId::Address, summary, vec![not_local, stale], evidence)
}

pub(in crate::ui) fn passing(step: StepId) -> Finding {
    let (summary, evidence) = match step {
        StepId::Installed => (
            Text::fixed(
                "Logtail 1.8.7 is installed, completely and once.",
                "已安装 Logtail 1.8.7，安装完整且只有一份。",
            ),
            vec![
                row(Text::fixed("Version", "版本"), "1.8.7", "/usr/local/ilogtail/app_info.json", Mark::Good),
                row(Text::fixed("Directory", "目录"), "/usr/local/ilogtail", "", Mark::Note),
            ],
        ),
        _ => (Text::fixed("Nothing is wrong here.", "没有发现问题。"), Vec::new()),
    };
    Finding::judged(step, summary, Vec::new(), evidence)
}

fn unknown_account() -> Finding {
    let summary = Text::fixed(
        "Whether this host is authorised cannot be told without the AliUid of the project's owner.",
        "未提供 Project 所属主账号的 AliUid，无法确定本机是否已授权。",
    );
    let evidence =
        vec![row(Text::fixed("AliUid files", "AliUid 文件"), "1654218965343050", "/etc/ilogtail/users", Mark::Note)];
    Finding::unknown(StepId::Account, summary, evidence).wanting(&[Field::Aliuid, Field::SameAccount])
}

fn press(session: &mut Session, keys: &[Key]) {
    for key in keys {
        session.handle(Event::Key(key.clone()));
    }
}

fn type_in(session: &mut Session, text: &str) {
    for c in text.chars() {
        session.handle(Event::Key(Key::Char(c)));
    }
}

fn regions() -> Vec<Choice> {
    [
        ("cn-beijing", "China (Beijing)", "华北2（北京）"),
        ("cn-chengdu", "China (Chengdu)", "西南1（成都）"),
        ("cn-guangzhou", "China (Guangzhou)", "华南3（广州）"),
        ("cn-hangzhou", "China (Hangzhou)", "华东1（杭州）"),
        ("cn-hongkong", "China (Hong Kong)", "中国香港"),
        ("cn-huhehaote", "China (Hohhot)", "华北5（呼和浩特）"),
        ("cn-qingdao", "China (Qingdao)", "华北1（青岛）"),
        ("cn-shanghai", "China (Shanghai)", "华东2（上海）"),
        ("ap-southeast-1", "Singapore", "新加坡"),
    ]
    .map(|(value, en, zh)| Choice { value: value.into(), label: Text::fixed(en, zh) })
    .to_vec()
}

/// Nothing is observed yet.
pub(in crate::ui) fn first(lang: Lang) -> Session {
    Session::new(Context::default(), lang, false, regions())
}

/// Everything is looked at; the address fails, the account is unknown.
pub(in crate::ui) fn failing(lang: Lang, privileged: bool) -> Session {
    let mut session = first(lang);
    session.handle(identity(privileged));
    session.handle(Event::Agent(Some("Logtail 1.8.7".into())));
    for &step in StepId::ALL {
        let finding = match step {
            StepId::Address => failing_address(),
            StepId::Account => unknown_account(),
            StepId::Group => Finding::skipped(
                step,
                Text::fixed("Not looked at: the address comes first.", "未检查：需要先解决 IP 地址问题。"),
            ),
            StepId::Clock => Finding::judged(
                step,
                Text::fixed("The clock is 42 s behind.", "系统时钟慢 42 秒。"),
                vec![Cause::warn(
                    CauseId::ClockSkew,
                    Text::fixed("42 s behind the service.", "比服务端慢 42 秒。"),
                    Text::fixed("Beyond 15 minutes every request is refused.", "超过 15 分钟时所有请求都会被拒绝。"),
                    &[RemedyId::SyncClock],
                )],
                Vec::new(),
            ),
            StepId::Heartbeat => {
                Finding::unknown(step, Text::fixed("Nobody looked at the console yet.", "尚未查看控制台。"), Vec::new())
            }
            _ => passing(step),
        };
        session.handle(finished(finding));
    }
    session.handle(Event::Settled);
    session
}

/// Some steps have their finding, others are open.
pub(super) fn looking(lang: Lang) -> Session {
    let mut session = first(lang);
    session.handle(identity(true));
    session.handle(finished(passing(StepId::Installed)));
    session.handle(finished(passing(StepId::Running)));
    press(&mut session, &[Key::Right, Key::Right, Key::Right]);
    session
}

/// A step that passes.
pub(super) fn pass(lang: Lang) -> Session {
    let mut session = failing(lang, true);
    press(&mut session, &[Key::Home]);
    session
}

/// A step that only the operator can decide.
pub(super) fn unknown(lang: Lang) -> Session {
    let mut session = failing(lang, true);
    press(&mut session, &[Key::Right, Key::Right]);
    session
}

/// The form of that step, with an error in its first field.
pub(super) fn form_error(lang: Lang) -> Session {
    let mut session = unknown(lang);
    press(&mut session, &[Key::Enter]);
    type_in(&mut session, "alice@example");
    session
}

/// The form with the list of regions open.
pub(super) fn form_regions(lang: Lang) -> Session {
    let mut session = form_error(lang);
    press(&mut session, &[Key::Tab, Key::Tab, Key::Tab]);
    type_in(&mut session, "cn-");
    press(&mut session, &[Key::Down, Key::Down]);
    session
}

pub(super) fn map(lang: Lang) -> Session {
    let mut session = failing(lang, true);
    press(&mut session, &[Key::Right, Key::Char('m'), Key::Up]);
    session
}

pub(super) fn help(lang: Lang) -> Session {
    let mut session = failing(lang, true);
    press(&mut session, &[Key::Char('?')]);
    session
}

/// The map while a filter is typed.
pub(super) fn map_filtered(lang: Lang) -> Session {
    let mut session = map(lang);
    press(&mut session, &[Key::Char('/')]);
    type_in(&mut session, if lang == Lang::En { "group" } else { "机器组" });
    session
}

fn changed(remedy: RemedyId, id: &str, result: Recorded, path: &str) -> JournalEntry {
    let record = Record {
        path: path.into(),
        kind: RecordKind::Write,
        before: Fingerprint::Absent,
        after: Fingerprint::Absent,
        backup: Some(format!("{path}.logtail-doctor-{id}.bak").into()),
    };
    let argv = ["/etc/init.d/ilogtaild", "start"].map(str::to_string).to_vec();
    let ran = Record { path: argv[0].clone().into(), kind: RecordKind::Run(argv), backup: None, ..record.clone() };
    let records = vec![record, ran];
    JournalEntry {
        id: id.into(),
        at_ms: 0,
        remedy,
        actor: "alice".into(),
        result,
        records,
        pruned: false,
        torn: false,
        is_roots: false,
    }
}

/// The journal with three entries.
pub(super) fn journal(lang: Lang) -> Session {
    let mut session = failing(lang, true);
    press(&mut session, &[Key::Char('J')]);
    session.handle(Event::Journal(vec![
        changed(RemedyId::AddAliuid, "20261120T081500.101Z", Recorded::Undone, "/etc/ilogtail/users/1654218965343050"),
        changed(
            RemedyId::SetEndpoint,
            "20261121T173000.250Z",
            Recorded::Open,
            "/usr/local/ilogtail/ilogtail_config.json",
        ),
        changed(RemedyId::BindHostname, "20261122T054012.345Z", Recorded::Applied, "/etc/hosts"),
    ]));
    session
}

/// A session that was broken off, offered again.
pub(super) fn resume(lang: Lang) -> Session {
    let mut session = first(lang);
    session.handle(identity(true));
    session.offer(Offer {
        session: Interrupted {
            place: Place::Step(StepId::Group),
            owed_restart: vec![RemedyId::SetEndpoint],
            pending: Some(RemedyId::WriteCustomId),
            console_heartbeat: None,
        },
        stopped_at: "10:32".into(),
    });
    session
}

/// A change that was broken off, at the next start.
pub(super) fn broken_off(lang: Lang) -> Session {
    let mut session = first(lang);
    session.handle(identity(true));
    session.ask_about(changed(RemedyId::BindHostname, "20261122T054012.345Z", Recorded::Open, "/etc/hosts"));
    press(&mut session, &[Key::Down]);
    session
}

pub(in crate::ui) fn plan() -> Plan {
    let why = Text::fixed(
        "The hostname web-01 resolves to 192.168.99.7 in /etc/hosts; eth0 has 10.0.3.17.",
        "主机名 web-01 在 /etc/hosts 中解析为 192.168.99.7；eth0 的地址为 10.0.3.17。",
    );
    let mut plan = Plan::new(RemedyId::BindHostname, StepId::Address, why);
    plan.inputs = vec![(InputId::Ip, "10.0.3.17".into())];
    plan.changes.push(Change::WriteFile {
        path: "/etc/hosts".into(),
        before: Some(b"127.0.0.1\tlocalhost\n::1 localhost\n# made by the image\n192.168.99.7 web-01\n".to_vec()),
        after: b"127.0.0.1\tlocalhost\n::1 localhost\n# made by the image\n10.0.3.17 web-01\n".to_vec(),
        mode: 0o644,
    });
    plan.restart.push(Change::Run {
        argv: vec!["/etc/init.d/ilogtaild".into(), "stop".into()],
        limit: Duration::from_secs(40),
        accept: vec![0],
        what: Text::fixed("stop the agent", "停止 Agent"),
        proxies: false,
    });
    plan.restart.push(Change::AwaitAgent {
        running: false,
        install_dir: "/usr/local/ilogtail".into(),
        limit: Duration::from_secs(30),
        app_info: None,
        harder: None,
    });
    plan.restart.push(Change::Run {
        argv: vec!["/etc/init.d/ilogtaild".into(), "start".into()],
        limit: Duration::from_secs(40),
        accept: vec![0],
        what: Text::fixed("start the agent", "启动 Agent"),
        proxies: false,
    });
    plan.cautions.push(Text::fixed(
        "Other programs on this host resolve web-01 through the same file.",
        "本机的其他程序也通过该文件解析 web-01。",
    ));
    plan.patience = Duration::from_secs(60);
    plan
}

pub(super) fn planning(lang: Lang) -> Session {
    let mut session = failing(lang, true);
    press(&mut session, &[Key::Char('1')]);
    session
}

pub(super) fn preview(lang: Lang, privileged: bool) -> Session {
    preview_of(plan(), lang, privileged)
}

/// The preview of an edit whose file holds a secret, on a changed and on an unchanged line, and a private key.
pub(super) fn preview_with_secret(lang: Lang, secret: &str) -> Session {
    let mut plan = plan();
    let key = format!("-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----");
    let file = |region: &str| {
        format!("\"access_key_secret\": \"{secret}\",\n\"cluster\": \"{region}\",\n{key}\n").into_bytes()
    };
    plan.changes.push(Change::WriteFile {
        path: "/usr/local/ilogtail/ilogtail_config.json".into(),
        before: Some(file("cn-beijing")),
        after: [file("cn-hangzhou"), format!("password = {secret}\n").into_bytes()].concat(),
        mode: 0o644,
    });
    preview_of(plan, lang, true)
}

fn preview_of(plan: Plan, lang: Lang, privileged: bool) -> Session {
    let mut session = failing(lang, privileged);
    press(&mut session, &[Key::Char('1')]);
    session.handle(Event::Planned(Box::new(Planned::Ready(Box::new(plan)))));
    session
}

/// A remedy that asks for an address first.
pub(super) fn asking(lang: Lang) -> Session {
    let mut session = planning(lang);
    let addresses =
        [("10.0.3.17", Text::same("eth0")), ("172.17.0.1", Text::fixed("docker0, virtual", "docker0，虚拟网卡"))]
            .map(|(ip, label)| Choice { value: ip.into(), label });
    session.handle(Event::Around(Box::new(Around { addresses: addresses.to_vec(), ..Around::default() })));
    session.handle(Event::Planned(Box::new(Planned::Needs(vec![(InputId::Ip, "10.0.3.17".into())]))));
    session
}

pub(super) fn applying(lang: Lang) -> Session {
    let mut session = preview(lang, true);
    press(&mut session, &[Key::Right, Key::Enter]);
    session.handle(Event::Progress(Progress::State(0, ChangeState::Done)));
    session.handle(Event::Progress(Progress::State(1, ChangeState::Running)));
    for (is_error, text) in [(false, "stop ilogtail ..."), (true, "kill: \u{1b}[2Jno such process")] {
        session.handle(Event::Progress(Progress::Line(LiveLine { is_error, text: text.into() })));
    }
    session
}

pub(in crate::ui) fn applied(result: AppliedResult) -> Event {
    Event::Applied(Box::new(Applied {
        result,
        entry: Some("20261122-054012.345".into()),
        backups: vec!["/etc/hosts.logtail-doctor-20261122-054012".into()],
    }))
}

pub(super) fn verifying(lang: Lang) -> Session {
    let mut session = applying(lang);
    session.handle(applied(AppliedResult::Applied));
    session.handle(Event::Waiting { seconds_left: 42 });
    session
}

pub(in crate::ui) fn outcome(lang: Lang) -> Session {
    let mut session = verifying(lang);
    session.handle(finished(passing(StepId::Address)));
    session.handle(Event::Verified { proof: Proof::Holds });
    session
}

pub(super) fn rolled_back(lang: Lang) -> Session {
    let mut session = applying(lang);
    session.handle(applied(AppliedResult::RolledBack(Text::fixed("The agent did not stop.", "Agent 未能停止。"))));
    session
}

/// The edit is made, the restart is owed.
fn owing(lang: Lang) -> Session {
    let mut session = preview(lang, true);
    press(&mut session, &[Key::Right, Key::Right, Key::Enter]);
    session.handle(applied(AppliedResult::Applied));
    session.handle(Event::Verified { proof: Proof::StillThere });
    press(&mut session, &[Key::Esc]);
    session
}

pub(super) fn ticket(lang: Lang) -> Session {
    let mut session = failing(lang, false);
    session.context.project = Some("web-logs".into());
    press(&mut session, &[Key::Char('t')]);
    session.handle(Event::BundleWritten(Ok("/root/logtail-doctor-web-01-20261122.tar.gz".into())));
    session
}

pub(super) fn result(lang: Lang) -> Session {
    let mut session = owing(lang);
    press(&mut session, &[Key::End]);
    session
}

pub(super) fn confirm_quit(lang: Lang) -> Session {
    let mut session = owing(lang);
    press(&mut session, &[Key::Char('q')]);
    session
}

/// Every sample with its name.
pub(in crate::ui) fn all(lang: Lang) -> Vec<(&'static str, Session)> {
    vec![
        ("first", first(lang)),
        ("looking", looking(lang)),
        ("failing", failing(lang, true)),
        ("pass", pass(lang)),
        ("unknown", unknown(lang)),
        ("form_error", form_error(lang)),
        ("form_regions", form_regions(lang)),
        ("map", map(lang)),
        ("map_filtered", map_filtered(lang)),
        ("help", help(lang)),
        ("journal", journal(lang)),
        ("resume", resume(lang)),
        ("broken_off", broken_off(lang)),
        ("planning", planning(lang)),
        ("asking", asking(lang)),
        ("preview", preview(lang, true)),
        ("preview_not_root", preview(lang, false)),
        ("applying", applying(lang)),
        ("verifying", verifying(lang)),
        ("outcome", outcome(lang)),
        ("rolled_back", rolled_back(lang)),
        ("ticket", ticket(lang)),
        ("result", result(lang)),
        ("confirm_quit", confirm_quit(lang)),
        ("which_group", service::which_group(lang)),
        ("groups", service::groups(lang)),
        ("key", service::key(lang)),
        ("watch", service::watch(lang)),
        ("watch_over", service::watch_over(lang)),
        ("watch_console", service::watch_console(lang)),
    ]
}
