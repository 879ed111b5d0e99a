//! Plans that go wrong in ways that a disk, a kernel or an agent can think of: what happened is found out, everything
//! that can be taken back is, and an agent that ran before runs again.

use super::*;
use crate::core::observe::Pending;
use crate::core::observe::{Done, ProcessId, ProcessSeen, ProcessSignal};
use crate::core::text::Lang;
use crate::host::simulated::StartManner;
use crate::host::{Held, LiveOutput};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

const CONFIG: &str = "/usr/local/ilogtail/ilogtail_config.json";
const SCRIPT: &str = "/etc/init.d/ilogtaild";

/// How a change goes wrong.
#[derive(Clone)]
enum Fault {
    /// It is not made.
    Before,
    /// It is made, and an error told all the same: the fsync of the directory failed.
    After,
    /// The file is left like this.
    Torn(&'static str),
    /// The file system does not answer.
    Hung,
}

/// A host on which some changes go wrong, by what is asked of it and how often it was asked before.
struct Faulty<F> {
    inner: SimulatedHost,
    fault: F,
    asked: std::sync::Mutex<usize>,
}

impl<F: Fn(&Operation, usize) -> Option<Fault> + Send + Sync> Faulty<F> {
    fn new(inner: &SimulatedHost, fault: F) -> Faulty<F> {
        Faulty { inner: inner.clone(), fault, asked: std::sync::Mutex::new(0) }
    }
}

impl<F: Fn(&Operation, usize) -> Option<Fault> + Send + Sync> Host for Faulty<F> {
    fn observe(&self, question: Question) -> Pending<Answer> {
        self.inner.observe(question)
    }
}

impl<F: Fn(&Operation, usize) -> Option<Fault> + Send + Sync> MutableHost for Faulty<F> {
    fn perform(&self, act: Operation, live: LiveOutput) -> Pending<Result<Done, OperationError>> {
        let place = match &act {
            Operation::Write { path, .. } | Operation::Remove { path, .. } => path.clone(),
            Operation::Rename { from, .. } => from.clone(),
            _ => return self.inner.perform(act, live),
        };
        let mut asked = self.asked.lock().unwrap();
        let fault = (self.fault)(&act, *asked);
        *asked += usize::from(fault.is_some());
        let error = OperationError::io(place.clone(), "Input/output error");
        let inner = self.inner.clone();
        match fault {
            None => self.inner.perform(act, live),
            Some(Fault::Before) => Box::pin(async move { Err(error) }),
            Some(Fault::Hung) => Box::pin(async move { Err(OperationError::Hung { path: place, limit_s: 60 }) }),
            Some(Fault::Torn(left)) => {
                inner.change(|world| world.write(&place, left));
                Box::pin(async move { Err(error) })
            }
            Some(Fault::After) => Box::pin(async move { inner.perform(act, live).await.and(Err(error)) }),
        }
    }

    fn hold(&self, path: PathBuf, note: String) -> Pending<Result<Held, OperationError>> {
        self.inner.hold(path, note)
    }
}

async fn apply_on(host: &dyn MutableHost, plan: &Plan) -> Applied {
    carry_out(host, &store(), &order(plan), unbounded_channel().0).await
}

/// What is left of this program in a directory.
fn beside(host: &SimulatedHost, dir: &str) -> Vec<String> {
    let world = host.world();
    let Ok(seen) = world.listing(dir) else { return Vec::new() };
    seen.entries.into_iter().map(|entry| entry.name).filter(|name| name.contains("logtail-doctor")).collect()
}

#[track_caller]
fn sentence(applied: &Applied) -> String {
    match &applied.result {
        AppliedResult::RolledBack(text) | AppliedResult::LeftOver(text) | AppliedResult::Refused(text) => {
            text.get(Lang::En).to_string()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_happened_although_it_failed_is_taken_back() {
    for fault in [Fault::Before, Fault::After, Fault::Torn("10.1.1.5 newe one localhost\n")] {
        let host =
            SimulatedHost::new(World::healthy(Flavour::Logtail188).write(HOSTS, "127.0.0.1 one one localhost\n"));
        let before = host.world().content(HOSTS);
        let cure = plan(vec![write(&host, HOSTS, "10.1.1.5 new")]);
        let is_first = |act: &Operation, asked: usize| {
            matches!(act, Operation::Write { path, .. } if path == Path::new(HOSTS)) && asked == 0
        };
        let fault = Faulty::new(&host, move |act, asked| is_first(act, asked).then(|| fault.clone()));
        let applied = apply_on(&fault, &cure).await;
        assert!(matches!(applied.result, AppliedResult::RolledBack(_)), "{applied:?}");
        assert_eq!(host.world().content(HOSTS), before);
        assert_eq!(beside(&host, "/etc"), Vec::<String>::new());
        assert_eq!(journal(&host)[0].result, Recorded::RolledBack);
    }
    // The same for a removal and a new name.
    for change in ["remove", "rename"] {
        let host = SimulatedHost::new(World::healthy(Flavour::Logtail188).write("/etc/ilogtail/x", "x"));
        let cure = plan(vec![match change {
            "remove" => Change::RemoveFile { path: "/etc/ilogtail/x".into(), before: b"x".to_vec() },
            _ => Change::RenameFile { from: "/etc/ilogtail/x".into(), to: "/etc/ilogtail/y".into() },
        }]);
        let fault = Faulty::new(&host, |_, asked| (asked == 0).then_some(Fault::After));
        let applied = apply_on(&fault, &cure).await;
        assert!(matches!(applied.result, AppliedResult::RolledBack(_)), "{change}: {applied:?}");
        assert_eq!(host.world().content("/etc/ilogtail/x"), Some(b"x".to_vec()), "{change}");
        assert_eq!(host.world().content("/etc/ilogtail/y"), None, "{change}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_taken_back_now_can_be_later() {
    for (fault, left) in
        [(Fault::Torn("10.1.1.5 \nlocalhost\n"), "10.1.1.5 \nlocalhost\n"), (Fault::Hung, "10.1.1.5 x\n")]
    {
        let host = SimulatedHost::new(World::healthy(Flavour::Logtail188).write(HOSTS, "127.0.0.1\nlocalhost\n"));
        let before = host.world().content(HOSTS);
        let cure = plan(vec![write(&host, HOSTS, "10.1.1.5 x\n")]);
        let first = fault.clone();
        // Nothing can be written until the disk is mended.
        let broken = Faulty::new(&host, move |act, asked| match (act, asked) {
            (Operation::Write { .. }, 0) => Some(first.clone()),
            (Operation::Write { .. }, _) => Some(Fault::Before),
            _ => None,
        });
        let applied = apply_on(&broken, &cure).await;
        assert!(matches!(applied.result, AppliedResult::LeftOver(_)), "{applied:?}");
        if matches!(fault, Fault::Hung) {
            assert!(sentence(&applied).contains("may still happen"), "{applied:?}");
            assert_eq!(host.world().content(HOSTS), before);
            // Nobody waits for it any more; and now it happens.
            host.change(|world| world.write(HOSTS, left));
        } else {
            assert!(sentence(&applied).contains("The old file is kept in /etc/hosts.logtail-doctor-"), "{applied:?}");
        }
        assert_eq!(host.world().content(HOSTS), Some(left.into()));
        let done = journal(&host).remove(0);
        assert_eq!(done.result, Recorded::LeftOver);
        assert_eq!(undone(&host, &done).await.result, AppliedResult::Applied);
        assert_eq!(host.world().content(HOSTS), before);
        assert_eq!(beside(&host, "/etc"), Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn one_step_that_cannot_be_taken_back_does_not_keep_the_others() {
    let host = host();
    let (hosts, config) = (host.world().content(HOSTS), host.world().content(CONFIG));
    let cure = plan(vec![
        write(&host, HOSTS, "1\n"),
        write(&host, "/etc/ilogtail/user_defined_id", "web\n"),
        write(&host, CONFIG, "{}\n"),
        run(&["false"]),
    ]);
    let id = Path::new("/etc/ilogtail/user_defined_id");
    let fault = Faulty::new(&host, move |act, _| {
        matches!(act, Operation::Remove { path, .. } if path == id).then_some(Fault::Before)
    });
    let applied = apply_on(&fault, &cure).await;
    assert!(matches!(applied.result, AppliedResult::LeftOver(_)), "{applied:?}");
    let said = sentence(&applied);
    assert!(
        said.contains("Taking back /etc/ilogtail/user_defined_id failed") && !said.contains("Taking back /etc/hosts")
    );
    assert_eq!((host.world().content(HOSTS), host.world().content(CONFIG)), (hosts, config));
}

#[tokio::test(start_paused = true)]
async fn what_a_command_did_is_taken_back_by_another_one_or_said_to_stay() {
    let host = SimulatedHost::new(World::healthy(Flavour::Logtail207).enabled_at_boot(false));
    let cure = plan(vec![
        run(&["systemctl", "enable", "ilogtaild"]),
        run(&["timedatectl", "set-ntp", "true"]),
        run(&["false"]),
    ]);
    let (applied, _) = apply(&host, &cure).await;
    let AppliedResult::RolledBack(said) = &applied.result else { panic!("{applied:?}") };
    let said = said.get(Lang::En);
    assert!(said.contains("cannot be taken back by this program: timedatectl set-ntp true; false"), "{said}");
    assert!(!said.contains("systemctl"), "{said}");
    let (live, _) = unbounded_channel();
    let argv = ["systemctl", "is-enabled", "ilogtaild"].map(str::to_string).to_vec();
    let asked = host.perform(Operation::Run { argv, limit: Duration::from_secs(1), proxies: false }, live).await;
    assert_eq!(asked, Ok(Done::Exited(Some(1))), "it is disabled, as before");
    // What only stops and starts is no change that stays.
    let (applied, _) =
        apply(&host, &plan(vec![run(&[SCRIPT, "stop"]), run(&[SCRIPT, "start"]), run(&["systemctl", "bad"])])).await;
    assert!(!sentence(&applied).contains(SCRIPT), "{applied:?}");
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_fails_starts_the_agent_that_ran_before() {
    let start = vec![run(&[SCRIPT, "start"]), await_agent(true)];
    let way = |cure: &mut Plan| cure.revive = start.clone();
    // A command that stops the agent and fails before anybody has seen it gone.
    let host = host();
    let mut cure = plan(vec![write(&host, HOSTS, "1\n"), run(&[SCRIPT, "stop"]), run(&["false"])]);
    way(&mut cure);
    let (applied, _) = apply(&host, &cure).await;
    assert!(matches!(applied.result, AppliedResult::RolledBack(_)), "{applied:?}");
    assert!(sentence(&applied).contains("it was started again and runs"), "{applied:?}");
    assert_eq!(host.heartbeat(), Ok(()));
    // An agent that did not run before is not started by a failure.
    let host = SimulatedHost::new(World::healthy(Flavour::Logtail188).stop_agent());
    let mut cure = plan(vec![run(&["false"])]);
    way(&mut cure);
    cure.restart = start.clone();
    let (applied, _) = apply(&host, &cure).await;
    assert!(!sentence(&applied).contains("started again"), "{applied:?}");
    assert!(host.world().processes().is_empty());
    // One that does not come back is said to be gone.
    let host = SimulatedHost::new(World::healthy(Flavour::Logtail188).start_manner(StartManner::IllegalInstruction));
    let mut cure = plan(vec![run(&[SCRIPT, "stop"]), await_agent(false), run(&["false"])]);
    cure.restart = start.clone();
    way(&mut cure);
    let (applied, _) = apply(&host, &cure).await;
    assert!(matches!(applied.result, AppliedResult::LeftOver(_)), "{applied:?}");
    assert!(sentence(&applied).contains("did not start again"), "{applied:?}");
}

/// A process of the agent's program, as the kernel shows it.
fn process(pid: u32, exe: &str, contained: bool) -> ProcessSeen {
    ProcessSeen {
        pid,
        ppid: 1,
        name: "ilogtail".into(),
        exe: Ok(exe.into()),
        command: exe.into(),
        started: 1,
        uid: 0,
        state: 'S',
        contained: Some(contained),
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_agents_own_processes_on_this_host_are_waited_for() {
    for other in [
        process(9001, "/usr/local/ilogtail/ilogtail", true),
        process(9002, "/usr/local/ilogtail/old/ilogtail", false),
        process(9003, "/usr/local/ilogtail/LogtailInsight", false),
    ] {
        // The simulated init script ends what lies in its directory; this one stays.
        let stopped = World::healthy(Flavour::Logtail188).stop_agent().process(other.clone());
        let host = SimulatedHost::new(stopped);
        let (applied, _) = apply(&host, &plan(vec![await_agent(false)])).await;
        assert_eq!(applied.result, AppliedResult::Applied, "{other:?}");
        let (applied, _) = apply(&host, &plan(vec![await_agent(true)])).await;
        assert!(matches!(applied.result, AppliedResult::RolledBack(_)), "{other:?}: it is not the agent");
    }
}

#[tokio::test(start_paused = true)]
async fn force_is_used_only_where_it_was_chosen_and_only_after_the_graceful_stop() {
    let deaf = || SimulatedHost::new(World::healthy(Flavour::Logtail188).stop_manner(StopManner::Never));
    let stop = || {
        let mut stop = run(&[SCRIPT, "stop"]);
        if let Change::Run { accept, .. } = &mut stop {
            accept.push(1);
        }
        stop
    };
    let host = deaf();
    let (applied, _) = apply(&host, &plan(vec![stop(), await_agent(false)])).await;
    assert!(sentence(&applied).contains("--set force=yes"), "{applied:?}");
    assert_eq!(host.world().processes().len(), 2);
    let seen = host.world().processes().to_vec();
    let ids = seen.iter().map(|one| ProcessId { pid: one.pid, started: one.started, exe: one.exe.clone().ok() });
    let kill =
        Change::Signal { processes: ids.collect(), signal: ProcessSignal::Kill, what: Text::fixed("kill", "终止") };
    for harder in [run(&[SCRIPT, "force-stop"]), kill] {
        let host = deaf();
        let begun = tokio::time::Instant::now();
        let mut wait = await_agent(false);
        if let Change::AwaitAgent { harder: chosen, .. } = &mut wait {
            *chosen = Some(Box::new(harder.clone()));
        }
        let (applied, _) = apply(&host, &plan(vec![stop(), wait])).await;
        assert_eq!(applied.result, AppliedResult::Applied, "{harder:?}");
        assert!(host.world().processes().is_empty());
        assert!(begun.elapsed() >= Duration::from_secs(30), "it had its 30 s");
        let ran: Vec<_> = journal(&host)[0].records.iter().map(|record| record.kind.clone()).collect();
        assert_eq!(ran.len(), 2, "what was done by force is in the journal: {ran:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_signal_goes_to_no_other_process() {
    let host = host();
    let seen = host.world().processes().to_vec();
    let ids = seen.iter().map(|one| ProcessId { pid: one.pid, started: one.started - 100, exe: one.exe.clone().ok() });
    let kill =
        Change::Signal { processes: ids.collect(), signal: ProcessSignal::Kill, what: Text::fixed("kill", "终止") };
    let (applied, _) = apply(&host, &plan(vec![kill])).await;
    assert_eq!(applied.result, AppliedResult::Applied);
    assert_eq!(host.world().processes(), seen.as_slice());
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_not_recorded_is_told() {
    // The record of another start is there, and nobody writes it anew.
    let host = host();
    let app_info = "/usr/local/ilogtail/app_info.json";
    let told = |told: &mut UnboundedReceiver<Progress>| {
        let mut lines = Vec::new();
        while let Ok(progress) = told.try_recv() {
            if let Progress::Line(line) = progress {
                lines.push(line.text);
            }
        }
        lines
    };
    let restart = || plan(vec![run(&[SCRIPT, "stop"]), await_agent(false), run(&[SCRIPT, "start"]), await_agent(true)]);
    let (applied, mut news) = apply(&host, &restart()).await;
    assert_eq!(applied.result, AppliedResult::Applied);
    assert!(!told(&mut news).iter().any(|line| line.contains("update_time")));
    let mut elsewhere = restart();
    if let Some(Change::AwaitAgent { app_info, .. }) = elsewhere.changes.last_mut() {
        *app_info = Some("/usr/local/ilogtail/not_written.json".into());
    }
    let (applied, mut news) = apply(&host, &elsewhere).await;
    assert_eq!(applied.result, AppliedResult::Applied, "the processes are there: {app_info}");
    assert!(told(&mut news).iter().any(|line| line.contains("update_time")));
}

#[tokio::test(start_paused = true)]
async fn what_the_journal_cannot_tell_is_not_begun() {
    let host = host();
    let hosts = host.world().content(HOSTS);
    let odd = Path::new(OsStr::from_bytes(b"/etc/ilogtail/users/\xff"));
    let odd = Change::WriteFile { path: odd.to_path_buf(), before: None, after: Vec::new(), mode: 0o644 };
    let (applied, _) = apply(&host, &plan(vec![write(&host, HOSTS, "1\n"), odd])).await;
    assert!(matches!(applied.result, AppliedResult::Refused(_)), "{applied:?}");
    assert_eq!(host.world().content(HOSTS), hosts);
    assert!(journal(&host).is_empty());
}
