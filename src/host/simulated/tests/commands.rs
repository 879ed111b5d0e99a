//! The commands that a simulated host understands: texts, exit codes, and what they do.

use super::*;
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;

/// What a command came to, and the lines that it printed.
async fn run(host: &SimulatedHost, line: &str) -> (Result<Done, OperationError>, Vec<String>) {
    let (live, mut lines) = unbounded_channel();
    let argv = line.split(' ').map(str::to_string).collect();
    let done = host.perform(Operation::Run { argv, limit: Duration::from_secs(60), proxies: false }, live).await;
    let mut printed = Vec::new();
    while let Ok(line) = lines.try_recv() {
        printed.push(line.text);
    }
    (done, printed)
}

/// Runs a command that must succeed.
async fn ran(host: &SimulatedHost, line: &str) {
    assert_eq!(run(host, line).await.0, Ok(Done::Exited(Some(0))), "{line}");
}

async fn status(host: &SimulatedHost, script: &str) -> (Option<i32>, String) {
    let look = ReadCommand::InitStatus { script: format!("/etc/init.d/{script}").into() };
    match host.observe(Question::ReadCommand(look)).await {
        Answer::ReadCommand(Ok(seen)) => (seen.code, seen.out),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_init_script_speaks_as_the_real_one() {
    for (flavour, script, program, stopped) in [
        (Flavour::Logtail188, "ilogtaild", "ilogtail", "stop success"),
        (Flavour::Loong331, "loongcollectord", "loongcollector", "stop successfully"),
    ] {
        let host = host(World::healthy(flavour));
        assert_eq!(status(&host, script).await, (Some(0), format!("{program} is running\n")));
        let before = host.world().processes().to_vec();
        let (done, lines) = run(&host, &format!("/etc/init.d/{script} stop")).await;
        assert_eq!((done, lines.last().map(String::as_str)), (Ok(Done::Exited(Some(0))), Some(stopped)));
        assert_eq!(status(&host, script).await, (Some(3), format!("{program} is stopped\n")));
        ran(&host, &format!("/etc/init.d/{script} start")).await;
        let after = host.world().processes().to_vec();
        assert_eq!((after.len(), after[1].ppid), (2, after[0].pid));
        assert!(after[0].pid > before[1].pid && after[0].started >= before[0].started);
        assert_eq!(host.heartbeat(), Ok(()));
    }
    let (done, lines) = run(&host(healthy()), "/etc/init.d/ilogtaild restart").await;
    assert!(done == Ok(Done::Exited(Some(1))) && lines[0].starts_with("Usage"), "1.x scripts know no restart");
    let abnormal = host(World::healthy(Flavour::Loong331).lose_worker());
    let (code, out) = status(&abnormal, "loongcollectord").await;
    assert!(code == Some(1) && out.contains("loongcollector running process is abnormal."), "{out}");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_will_not_stop_is_stopped_by_force() {
    let host = host(World::healthy(Flavour::Loong331).stop_manner(StopManner::Never));
    let (done, lines) = run(&host, "/etc/init.d/loongcollectord stop").await;
    assert_eq!(done, Ok(Done::Exited(Some(1))));
    assert!(lines[0].starts_with("graceful stop failed"), "{lines:?}");
    assert_eq!(host.world().processes().len(), 2);
    let (_, lines) = run(&host, "/etc/init.d/loongcollectord force-stop").await;
    assert_eq!((lines[0].as_str(), host.world().processes().len()), ("force stop successfully", 0));
}

#[tokio::test(start_paused = true)]
async fn systemd_believes_that_a_oneshot_unit_runs_whatever_became_of_it() {
    let host = host(healthy().stop_agent());
    let show = Question::ReadCommand(ReadCommand::UnitState { unit: "ilogtaild.service".into() });
    let Answer::ReadCommand(Ok(seen)) = host.observe(show).await else { panic!("no systemctl") };
    assert!(seen.out.contains("ActiveState=active\nSubState=exited"), "{}", seen.out);
    assert_eq!(run(&host, "systemctl start ilogtaild").await.0, Ok(Done::Exited(Some(0))));
    assert!(host.world().processes().is_empty(), "start does nothing");
    ran(&host, "systemctl restart ilogtaild").await;
    assert_eq!(host.heartbeat(), Ok(()));
    let loong = SimulatedHost::new(World::healthy(Flavour::Loong331).stop_agent());
    ran(&loong, "systemctl start loongcollectord").await;
    assert_eq!(loong.heartbeat(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_unit_is_enabled_or_not_or_unknown() {
    let host = host(healthy().enabled_at_boot(false));
    let ask = |unit: &str| Question::ReadCommand(ReadCommand::UnitEnabled { unit: unit.into() });
    let Answer::ReadCommand(Ok(seen)) = host.observe(ask("ilogtaild")).await else { panic!("no systemctl") };
    assert_eq!((seen.code, seen.out.as_str()), (Some(1), "disabled\n"));
    ran(&host, "systemctl enable ilogtaild").await;
    let Answer::ReadCommand(Ok(seen)) = host.observe(ask("ilogtaild")).await else { panic!("no systemctl") };
    assert_eq!((seen.code, seen.out.as_str()), (Some(0), "enabled\n"));
    let Answer::ReadCommand(Ok(seen)) = host.observe(ask("nothing")).await else { panic!("no systemctl") };
    assert!(seen.code == Some(1) && seen.err.contains("No such file"));
    host.change(World::without_systemd);
    assert_eq!(host.observe(ask("ilogtaild")).await, Answer::ReadCommand(Err(Unavailable::Absent)));
}

#[tokio::test(start_paused = true)]
async fn the_clock_is_corrected_by_the_time_service() {
    let host = host(healthy().clock_offset(7200));
    assert!(host.heartbeat().is_err());
    let Answer::ReadCommand(Ok(seen)) = host.observe(Question::ReadCommand(ReadCommand::TimeSync)).await else {
        panic!("no timedatectl")
    };
    assert!(seen.out.contains("NTPSynchronized=no"), "{}", seen.out);
    assert_eq!(run(&host, "timedatectl set-ntp true").await.0, Ok(Done::Exited(Some(0))));
    assert_eq!(host.heartbeat(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn only_root_changes_the_machine_and_sudo_asks() {
    let host = host(healthy().as_user("ops", 1000, Sudo::NeedsPassword));
    assert_eq!(run(&host, "/etc/init.d/ilogtaild stop").await.0, Ok(Done::Exited(Some(1))));
    let (done, lines) = run(&host, "sudo -n -l -- /etc/init.d/ilogtaild stop").await;
    assert_eq!((done, lines[0].as_str()), (Ok(Done::Exited(Some(1))), "sudo: a password is required"));
    assert_eq!(host.world().processes().len(), 2);
    let (live, _lines) = unbounded_channel();
    let write = Operation::Write {
        path: "/etc/hosts".into(),
        expect: Fingerprint::of(host.world().content("/etc/hosts").as_deref()),
        content: vec![],
        mode: 0o644,
    };
    assert!(matches!(host.perform(write, live.clone()).await, Err(OperationError::Io { .. })));
    let home = Operation::MakeDir { path: "/home/ops/.local/state".into(), mode: 0o700 };
    assert_eq!(host.perform(home, live).await, Ok(Done::Changed));
    host.change(|world| world.as_user("ops", 1000, Sudo::WithoutPassword));
    ran(&host, "sudo -n /etc/init.d/ilogtaild stop").await;
    assert!(host.world().processes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_unknown_program_is_not_there_and_a_told_one_prints_what_was_told() {
    let host = host(healthy().prints("nft list ruleset", 0, "table inet filter {\n}\n"));
    assert!(matches!(run(&host, "/opt/nothing now").await.0, Err(OperationError::NotStarted { .. })));
    let Answer::ReadCommand(Ok(seen)) = host.observe(Question::ReadCommand(ReadCommand::NftRules)).await else {
        panic!("no nft")
    };
    assert_eq!(seen.out, "table inet filter {\n}\n");
    assert_eq!(
        host.observe(Question::ReadCommand(ReadCommand::IptablesRules)).await,
        Answer::ReadCommand(Err(Unavailable::Absent))
    );
}

#[tokio::test(start_paused = true)]
async fn a_paced_world_takes_its_time() {
    let host = host(healthy().paced(Duration::from_millis(200), Duration::from_millis(50)));
    let begun = tokio::time::Instant::now();
    host.observe(Question::Interfaces).await;
    assert_eq!(begun.elapsed().as_millis(), 200);
    ran(&host, "/etc/init.d/ilogtaild stop").await;
    assert_eq!(begun.elapsed().as_millis(), 350);
}
