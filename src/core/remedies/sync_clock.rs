//! sync-clock: has the time service that keeps this machine's clock step it: the one that runs, else the one that is
//! enabled; what ran before runs after. The agent counts on a steady clock, so it is restarted afterwards (document
//! "Logtail 启动参数").

use super::common::{Drafted, is_there, owe_restart};
use super::{ActsOn, Change, Descriptor, Durability, Inputs, Plan, Restart};
use crate::core::agent::layout;
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::{Observations, ReadCommand, Unanswered, Unavailable};
use crate::core::text::Text;
use crate::say;
use std::time::Duration;

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::SyncClock,
    step: StepId::Clock,
    title: Text::fixed("Correct the clock", "校准系统时钟"),
    inputs: &[],
    acts_on: ActsOn::ThisHost,
    restart: Restart::AsPlanned,
    can_be_forced: false,
    loses: Some(Text::fixed(
        "The clock may jump. Databases and schedulers on this host notice that; choose a quiet moment. It cannot be undone.",
        "时钟可能发生跳变，会影响本机的数据库和定时任务；请选择合适的时间。此操作无法撤销。",
    )),
    durability: Durability::Lasts,
    plan,
};

/// The public NTP service of Alibaba Cloud.
const NTP_SERVER: &str = "ntp.aliyun.com";

/// How a time service is made to step the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Chrony,
    Timesyncd,
    /// ntpd of whichever make: it steps a large offset only when it starts.
    Ntp,
    /// Steps whenever it likes, and at its start.
    Simple,
}

/// A time service: its unit or init script, how it steps, and where it notes its process where no systemd runs.
struct Service {
    name: &'static str,
    kind: Kind,
    pid_files: &'static [&'static str],
}

const SERVICES: [Service; 8] = [
    Service { name: "chronyd", kind: Kind::Chrony, pid_files: &["/run/chrony/chronyd.pid", "/run/chronyd.pid"] },
    Service { name: "chrony", kind: Kind::Chrony, pid_files: &["/run/chrony/chronyd.pid", "/run/chronyd.pid"] },
    Service { name: "systemd-timesyncd", kind: Kind::Timesyncd, pid_files: &[] },
    Service { name: "ntpsec", kind: Kind::Ntp, pid_files: &["/run/ntpd.pid", "/var/run/ntpd.pid"] },
    Service { name: "ntpd", kind: Kind::Ntp, pid_files: &["/run/ntpd.pid", "/var/run/ntpd.pid"] },
    Service { name: "ntp", kind: Kind::Ntp, pid_files: &["/run/ntpd.pid", "/var/run/ntpd.pid"] },
    Service { name: "openntpd", kind: Kind::Simple, pid_files: &["/run/openntpd.pid", "/var/run/openntpd.pid"] },
    Service { name: "busybox-ntpd", kind: Kind::Simple, pid_files: &["/run/busybox-ntpd.pid"] },
];

/// How near a service is to keeping the clock; the smallest is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Runs,
    Enabled,
    Installed,
}

/// The service to use, how it stands, and whether systemd runs it.
struct Chosen {
    service: &'static Service,
    standing: Standing,
    by_systemd: bool,
}

/// Plans the commands.
fn plan(_: &Inputs, see: &Observations) -> Drafted<Plan> {
    let agents = layout::find(see)?;
    let has_chronyc = is_there(see, &["/usr/bin/chronyc", "/bin/chronyc"]);
    let has_timedatectl = is_there(see, &["/usr/bin/timedatectl", "/bin/timedatectl"]);
    let has_ntpdate = is_there(see, &["/usr/sbin/ntpdate", "/sbin/ntpdate", "/usr/bin/ntpdate"]);
    let has_busybox = is_busybox_ntpd(see);
    let (chosen, identity) = (choose(see), see.identity());
    let (has_chronyc, has_timedatectl, has_ntpdate) = (has_chronyc?, has_timedatectl?, has_ntpdate?);
    let (has_busybox, chosen, identity) = (has_busybox?, chosen?, identity?);
    let why = Text::fixed(
        "The service refuses what is more than 15 minutes away from its own clock; the clock is set by a time server.",
        "服务端拒绝时间相差超过 15 分钟的请求；将通过时间服务器校准时钟。",
    );
    let mut plan = Plan::new(RemedyId::SyncClock, StepId::Clock, why);
    if let Some(evidence) = &identity.container {
        plan.manual.push(say!(
            "This is a container ({evidence}): its clock is that of its host. Correct the clock there, then restart the agent here.",
            "这里是容器（{evidence}），时钟与宿主机相同。请在宿主机上校准时钟，然后重启这里的 Agent。"
        ));
        return Ok(plan);
    }
    let with_ntpdate;
    let commands: Vec<Vec<String>> = match &chosen {
        Some(chosen) => {
            let restart = chosen.control("restart");
            match chosen.service.kind {
                Kind::Chrony => {
                    let mut commands = vec![restart];
                    if has_chronyc {
                        commands.push(words("chronyc waitsync 10 1 0 3"));
                        commands.push(words("chronyc makestep"));
                    }
                    commands
                }
                // It also enables and starts; another service that would be stopped by it does not run.
                Kind::Timesyncd if has_timedatectl && chosen.standing != Standing::Runs => {
                    vec![words("timedatectl set-ntp true"), restart]
                }
                Kind::Ntp if has_ntpdate => {
                    // One command, so that the time service runs again whatever comes of ntpdate: outbound UDP 123 is
                    // often closed.
                    let (stop, start) = (chosen.control("stop").join(" "), chosen.control("start").join(" "));
                    with_ntpdate = format!("{stop}; ntpdate -u {NTP_SERVER}; code=$?; {start} && exit $code");
                    vec![["sh", "-c", &with_ntpdate].map(str::to_string).to_vec()]
                }
                Kind::Timesyncd | Kind::Ntp | Kind::Simple => vec![restart],
            }
        }
        None if has_ntpdate => vec![words(&format!("ntpdate -u {NTP_SERVER}"))],
        None if has_busybox => vec![words(&format!("ntpd -n -q -p {NTP_SERVER}"))],
        None => Vec::new(),
    };
    if commands.is_empty() {
        plan.manual.push(say!(
            "No time service was found here. Install one (chrony), let it use {NTP_SERVER} or, on ECS, ntp.cloud.aliyuncs.com, and restart the agent.",
            "未发现时间同步服务。请安装 chrony，使用 {NTP_SERVER}（ECS 内网可用 ntp.cloud.aliyuncs.com）校时，然后重启 Agent。"
        ));
        return Ok(plan);
    }
    note_durability(&mut plan, chosen.as_ref());
    plan.changes = commands.into_iter().map(set_clock).collect();
    if let Some(agent) = agents.first() {
        owe_restart(&mut plan, see, agent)?;
    }
    plan.patience = Duration::from_secs(60);
    Ok(plan)
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_string).collect()
}

/// One command of the plan.
fn set_clock(argv: Vec<String>) -> Change {
    let shown: Vec<&str> = argv.iter().map(String::as_str).filter(|word| !matches!(*word, "sh" | "-c")).collect();
    let shown = shown.join(" ");
    // Waiting for an answer may end without one; whether the clock is right is what the check then tells.
    let accept = if shown.contains("waitsync") { vec![0, 1] } else { vec![0] };
    Change::Run {
        what: say!("set the clock: {shown}", "校准时钟：{shown}"),
        argv,
        limit: Duration::from_secs(60),
        accept,
        proxies: false,
    }
}

/// A clock that no service keeps goes astray again; one that nothing starts at boot, after the next boot.
fn note_durability(plan: &mut Plan, chosen: Option<&Chosen>) {
    let (durability, until) = match chosen {
        None => (
            Durability::UntilReboot,
            Text::fixed(
                "No time service keeps the clock of this host; install one (chrony), or it goes astray again.",
                "本机没有时间同步服务，时钟还会再次偏移；请安装 chrony。",
            ),
        ),
        Some(Chosen { service, standing: Standing::Installed, .. }) if service.kind != Kind::Timesyncd => {
            let name = service.name;
            (
                Durability::UntilReboot,
                say!(
                    "{name} is not enabled at boot; enable it, or it does not run after the next boot.",
                    "{name} 未设置为开机启动，下次开机后不会运行；请将其启用。"
                ),
            )
        }
        Some(_) => return,
    };
    (plan.durability, plan.until) = (Some(durability), Some(until));
}

impl Chosen {
    /// The command that starts, stops or restarts it.
    fn control(&self, verb: &str) -> Vec<String> {
        let name = self.service.name;
        if self.by_systemd {
            words(&format!("systemctl {verb} {name}"))
        } else {
            words(&format!("/etc/init.d/{name} {verb}"))
        }
    }
}

/// The time service that keeps the clock: the one that runs, else the one that is enabled, else one that is installed.
fn choose(see: &Observations) -> Result<Option<Chosen>, Unanswered> {
    let looked: Vec<_> = SERVICES
        .iter()
        .map(|service| {
            let unit = see.look(&ReadCommand::UnitState { unit: service.name.to_string() });
            let script = see.present(format!("/etc/init.d/{}", service.name));
            let pids: Vec<_> = service.pid_files.iter().map(|path| see.present(path)).collect();
            (service, unit, script, pids)
        })
        .collect();
    let mut found: Vec<Chosen> = Vec::new();
    for (service, unit, script, pids) in looked {
        let (unit, script) = (unit?, script?);
        let out = unit.as_ref().map(|said| said.out.as_str()).unwrap_or_default();
        let value = |name: &str| {
            out.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
        };
        if !value("LoadState").is_empty() {
            if value("LoadState") == "loaded" {
                let standing = match (value("ActiveState"), value("UnitFileState")) {
                    ("active" | "activating" | "reloading", _) => Standing::Runs,
                    (_, "enabled") => Standing::Enabled,
                    _ => Standing::Installed,
                };
                found.push(Chosen { service, standing, by_systemd: true });
            }
        } else if script.is_ok() {
            let mut runs = false;
            for pid in pids {
                runs |= !matches!(pid?, Err(Unavailable::Absent));
            }
            let standing = if runs { Standing::Runs } else { Standing::Installed };
            found.push(Chosen { service, standing, by_systemd: false });
        }
    }
    Ok(found.into_iter().min_by_key(|chosen| chosen.standing))
}

/// Whether `ntpd` is the one of busybox, which can set the clock once.
fn is_busybox_ntpd(see: &Observations) -> Result<bool, Unanswered> {
    let places: Vec<_> = ["/usr/sbin/ntpd", "/sbin/ntpd"].iter().map(|path| see.present(path)).collect();
    let mut found = false;
    for place in places {
        let target = place?.as_ref().ok().and_then(|file| file.link_to.clone());
        found |= target.is_some_and(|target| target.ends_with("busybox"));
    }
    Ok(found)
}
