//! Plans carried out on a simulated host: backups, journal, roll-back, staleness, undo, waiting for the agent.

use super::apply::carry_out;
use super::close::close;
use super::*;
use crate::core::finding::{RemedyId, StepId};
use crate::core::journal::{
    Applied, AppliedResult, Consent, ConsentBy, JOURNAL, JournalEntry, JournalLine, Order, Progress, Record,
    RecordKind, Recorded, choose_entry, entries, undo_plan,
};
use crate::core::observe::Observations;
use crate::core::observe::{Answer, Fingerprint, Operation, OperationError, Question};
use crate::core::remedies::Planned;
use crate::core::remedies::{Change, Plan};
use crate::core::text::Text;
use crate::host::simulated::{Flavour, Group, Kind, SimulatedHost, StopManner, World};
use crate::host::{Host, MutableHost};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::unbounded_channel;

mod cleanup;
mod failures;

const STATE: &str = "/var/lib/logtail-doctor";
const HOSTS: &str = "/etc/hosts";

fn store() -> Store {
    Store { dir: STATE.into(), actor: "ops".into() }
}

fn plan(changes: Vec<Change>) -> Plan {
    let mut plan = Plan::new(RemedyId::BindHostname, StepId::Address, Text::fixed("because", "因为"));
    plan.changes = changes;
    plan
}

/// Rewrites a file from what it is now.
fn write(host: &SimulatedHost, path: &str, after: &str) -> Change {
    Change::WriteFile { path: path.into(), before: host.world().content(path), after: after.into(), mode: 0o644 }
}

fn run(argv: &[&str]) -> Change {
    Change::Run {
        argv: argv.iter().map(|word| word.to_string()).collect(),
        limit: Duration::from_secs(40),
        accept: vec![0],
        what: Text::fixed("run", "执行"),
        proxies: false,
    }
}

fn await_agent(running: bool) -> Change {
    Change::AwaitAgent {
        running,
        install_dir: "/usr/local/ilogtail".into(),
        limit: Duration::from_secs(60),
        app_info: Some("/usr/local/ilogtail/app_info.json".into()),
        harder: None,
    }
}

async fn apply(host: &SimulatedHost, plan: &Plan) -> (Applied, UnboundedReceiver<Progress>) {
    let (progress, told) = unbounded_channel();
    (carry_out(host, &store(), &order(plan), progress).await, told)
}

/// The order for a plan as the button gives it.
fn order(plan: &Plan) -> Order {
    let consent = Consent::given(ConsentBy::Button);
    Order { plan: plan.clone(), with_restart: true, consent, undoes: None }
}

fn journal(host: &SimulatedHost) -> Vec<JournalEntry> {
    let (all, unread) = entries(&host.world().content(Path::new(STATE).join(JOURNAL)).unwrap_or_default());
    assert_eq!(unread, 0);
    all
}

/// The plan that takes an entry back, asking the host until it is complete.
async fn undo(host: &SimulatedHost, done: &JournalEntry) -> Planned {
    let mut seen = Observations::default();
    loop {
        match undo_plan(&seen, done, StepId::Address, &[]) {
            Ok(planned) => return planned,
            Err(_) => {
                for question in seen.take_open() {
                    let answer = host.observe(question.clone()).await;
                    seen.keep(question, answer);
                }
            }
        }
    }
}

async fn undone(host: &SimulatedHost, done: &JournalEntry) -> Applied {
    let Planned::Ready(plan) = undo(host, done).await else { panic!("nothing to undo in {done:?}") };
    let (progress, _told) = unbounded_channel();
    let order = Order { with_restart: false, undoes: Some(done.id.clone()), ..order(&plan) };
    carry_out(host, &store(), &order, progress).await
}

fn host() -> SimulatedHost {
    SimulatedHost::new(World::healthy(Flavour::Logtail188))
}

#[tokio::test(start_paused = true)]
async fn a_cure_is_applied_journaled_and_taken_back_byte_for_byte() {
    let world = World::healthy(Flavour::Logtail188).owned(HOSTS, 0o640, 7).bind_hostname("203.0.113.7");
    let host = SimulatedHost::new(world);
    let before = host.world().content(HOSTS);
    assert!(host.heartbeat().unwrap_err().contains("203.0.113.7"));
    let mut cure = plan(vec![write(&host, HOSTS, "10.1.1.5 iZbp1demo0healthy00Z\n")]);
    cure.restart = vec![
        run(&["/etc/init.d/ilogtaild", "stop"]),
        await_agent(false),
        run(&["/etc/init.d/ilogtaild", "start"]),
        await_agent(true),
    ];
    let (applied, mut told) = apply(&host, &cure).await;
    assert_eq!(applied.result, AppliedResult::Applied);
    assert_eq!(host.heartbeat(), Ok(()));
    assert_eq!(applied.backups.len(), 1);
    assert_eq!(host.world().content(&applied.backups[0]), before);
    let mut lines = Vec::new();
    while let Ok(progress) = told.try_recv() {
        if let Progress::Line(line) = progress {
            lines.push(line.text);
        }
    }
    assert!(lines.contains(&"stop success".to_string()), "{lines:?}");
    let all = journal(&host);
    assert_eq!((all.len(), all[0].result, all[0].records.len()), (1, Recorded::Applied, 3));

    assert_eq!(undone(&host, &all[0]).await.result, AppliedResult::Applied);
    assert_eq!(host.world().content(HOSTS), before);
    let all = journal(&host);
    assert!(all.iter().all(|done| done.result == Recorded::Undone), "{all:?}");
    assert!(matches!(undo(&host, &all[0]).await, Planned::Already(_)));
}

#[tokio::test(start_paused = true)]
async fn a_failing_command_takes_everything_back() {
    let host = host();
    let (hosts, users) = (host.world().content(HOSTS), "/etc/ilogtail/users/1654218965343050");
    let changes = vec![
        write(&host, HOSTS, "127.0.0.1 localhost\n"),
        Change::MakeDir { path: "/etc/new/dir".into(), mode: 0o755 },
        write(&host, "/etc/new/dir/file", "new\n"),
        Change::MakeDir { path: "/etc/ilogtail/users".into(), mode: 0o755 },
        Change::RemoveFile { path: users.into(), before: Vec::new() },
        run(&["false"]),
    ];
    let (applied, _) = apply(&host, &plan(changes)).await;
    assert!(matches!(applied.result, AppliedResult::RolledBack(_)), "{applied:?}");
    let world = host.world();
    assert_eq!(world.content(HOSTS), hosts);
    assert_eq!(world.content(users), Some(Vec::new()), "the directory that was there already stays, with its file");
    assert_eq!(world.content("/etc/new/dir/file"), None);
    for dir in ["/etc", "/etc/ilogtail/users"] {
        let Answer::Dir(Ok(seen)) = host.observe(Question::Dir(dir.into())).await else { panic!("{dir} is gone") };
        assert!(!seen.entries.iter().any(|entry| entry.name.contains("logtail-doctor")), "{dir}: {seen:?}");
    }
    assert_eq!(journal(&host)[0].result, Recorded::RolledBack);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_moved_since_the_plan_was_made_stops_everything() {
    let host = host();
    let cure = plan(vec![write(&host, "/etc/ilogtail/user_defined_id", "a\n"), write(&host, HOSTS, "new\n")]);
    host.change(|world| world.write(HOSTS, "somebody else\n"));
    let (applied, _) = apply(&host, &cure).await;
    assert_eq!(applied.result, AppliedResult::Stale(HOSTS.into()));
    assert_eq!(host.world().content("/etc/ilogtail/user_defined_id"), None);
    assert!(journal(&host).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_change_that_cannot_be_made_leaves_no_backup_behind() {
    let host = host();
    let cure = plan(vec![
        write(&host, "/etc/ilogtail/user_defined_id", "a\n"),
        Change::RenameFile { from: "/etc/absent".into(), to: "/etc/other".into() },
    ]);
    let (applied, _) = apply(&host, &cure).await;
    assert!(matches!(applied.result, AppliedResult::RolledBack(_)));
    assert_eq!(host.world().content("/etc/ilogtail/user_defined_id"), None);
    assert!(applied.backups.is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_a_journal_nothing_is_changed() {
    let host = SimulatedHost::new(World::healthy(Flavour::Loong331).unwritable("/var", "No space left on device"));
    let before = host.world().content(HOSTS);
    let (applied, _) = apply(&host, &plan(vec![write(&host, HOSTS, "new\n")])).await;
    assert!(matches!(applied.result, AppliedResult::Refused(_)));
    assert_eq!((applied.entry, host.world().content(HOSTS)), (None, before));
}

#[tokio::test(start_paused = true)]
async fn undoing_the_creation_of_a_file_removes_it_also_where_its_directory_is_in_use() {
    let host = SimulatedHost::new(World::healthy(Flavour::Logtail207).remove_users().ecs(None));
    assert!(host.heartbeat().is_err());
    let users = "/etc/ilogtail/users";
    let cure = plan(vec![
        Change::MakeDir { path: users.into(), mode: 0o755 },
        write(&host, "/etc/ilogtail/users/1654218965343050", ""),
    ]);
    apply(&host, &cure).await;
    // No private network outside of ECS, so the address is public.
    host.change(|world| world.config_network("cn-hangzhou", ""));
    assert_eq!(host.heartbeat(), Ok(()));
    let done = journal(&host).remove(0);
    assert_eq!(undone(&host, &done).await.result, AppliedResult::Applied);
    assert_eq!(host.world().content("/etc/ilogtail/users/1654218965343050"), None);
    host.change(World::restart_agent);
    assert!(host.heartbeat().unwrap_err().contains("AliUid"), "hidden backups are no AliUids");
}

#[tokio::test(start_paused = true)]
async fn undo_refuses_what_somebody_changed_or_nobody_can_read() {
    let host = host();
    apply(&host, &plan(vec![write(&host, HOSTS, "10.1.1.5 x\n")])).await;
    let done = journal(&host).remove(0);
    host.change(|world| world.place(HOSTS, Kind::Broken("Input/output error (os error 5)".into())));
    assert!(matches!(undo(&host, &done).await, Planned::Refused(_)));
    host.change(|world| world.write(HOSTS, "somebody else\n"));
    assert!(matches!(undo(&host, &done).await, Planned::Refused(_)));
}

#[tokio::test(start_paused = true)]
async fn an_entry_of_which_nothing_is_left_to_take_back_is_closed() {
    let host = host();
    let before = host.world().content(HOSTS).unwrap();
    let (applied, _) = apply(&host, &plan(vec![write(&host, HOSTS, "10.1.1.5 x\n")])).await;
    let done = journal(&host).remove(0);
    // Somebody gave the file its old content back by hand, and changed it once more after the undo was planned.
    host.change(|world| world.write(HOSTS, before.clone()));
    assert!(matches!(undo(&host, &done).await, Planned::Already(_)));
    host.change(|world| world.write(HOSTS, "somebody else\n"));
    close(&host, &store(), &done).await;
    assert_eq!(journal(&host)[0].result, Recorded::Applied);
    assert!(host.world().content(&applied.backups[0]).is_some());
    host.change(|world| world.write(HOSTS, before.clone()));
    close(&host, &store(), &done).await;
    assert_eq!(journal(&host)[0].result, Recorded::Undone);
    assert_eq!(host.world().content(&applied.backups[0]), None);
    assert!(choose_entry(&journal(&host), "last").is_err(), "an older change can be taken back now");
}

#[tokio::test(start_paused = true)]
async fn waiting_for_the_agent_ends_when_it_is_so_and_at_the_limit() {
    let slow = World::healthy(Flavour::Loong331).stop_manner(StopManner::After(Duration::from_secs(31)));
    let host = SimulatedHost::new(slow);
    let stop = Change::Run {
        argv: vec!["/etc/init.d/loongcollectord".into(), "stop".into()],
        limit: Duration::from_secs(40),
        accept: vec![0, 1],
        what: Text::fixed("stop", "停止"),
        proxies: false,
    };
    let begun = tokio::time::Instant::now();
    let (applied, _) = apply(&host, &plan(vec![stop.clone(), await_agent(false)])).await;
    assert_eq!(applied.result, AppliedResult::Applied);
    let seconds = begun.elapsed().as_secs();
    assert!((31..33).contains(&seconds), "{seconds}");

    let host = SimulatedHost::new(World::healthy(Flavour::Loong331).stop_manner(StopManner::Never));
    let (applied, _) = apply(&host, &plan(vec![stop, await_agent(false)])).await;
    let AppliedResult::RolledBack(reason) = applied.result else { panic!("{applied:?}") };
    assert!(reason.get(crate::core::text::Lang::En).contains("still runs after 60 s"));
}

#[tokio::test(start_paused = true)]
async fn a_command_that_hangs_is_cut_off_at_its_limit() {
    let host = SimulatedHost::new(World::healthy(Flavour::Logtail207).stop_manner(StopManner::Never));
    let (live, _lines) = unbounded_channel();
    let argv = vec!["/etc/init.d/ilogtaild".to_string(), "stop".into()];
    let done = host.perform(Operation::Run { argv, limit: Duration::from_secs(10), proxies: false }, live).await;
    assert!(matches!(done, Err(OperationError::TimedOut { limit_s: 10, .. })), "{done:?}");
}

#[tokio::test(start_paused = true)]
async fn the_group_can_be_cured_by_identifier_alone() {
    let world = World::healthy(Flavour::Logtail188).no_ip().group(Group::Custom("web".into()));
    let host = SimulatedHost::new(world);
    assert!(host.heartbeat().is_err());
    apply(&host, &plan(vec![write(&host, "/etc/ilogtail/user_defined_id", "web\n")])).await;
    assert_eq!(host.heartbeat(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_gives_the_old_agent_back() {
    let host = host();
    let config = "/usr/local/ilogtail/ilogtail_config.json";
    let before = host.world().content(config);
    // The agent is stopped, and then the plan fails: with the old file back, it is started again.
    let mut cure = plan(vec![write(&host, config, "{}")]);
    cure.restart = vec![
        run(&["/etc/init.d/ilogtaild", "stop"]),
        await_agent(false),
        Change::RenameFile { from: "/etc/absent".into(), to: "/etc/other".into() },
        run(&["/etc/init.d/ilogtaild", "start"]),
        await_agent(true),
    ];
    cure.revive = cure.restart[3..].to_vec();
    let (applied, _) = apply(&host, &cure).await;
    assert!(matches!(applied.result, AppliedResult::RolledBack(_)), "{applied:?}");
    assert_eq!(host.world().content(config), before);
    assert_eq!(host.heartbeat(), Ok(()), "the agent that ran before runs again");
}
