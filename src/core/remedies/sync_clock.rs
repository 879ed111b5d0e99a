//! sync-clock: has the time service that this machine has step the clock. The agent counts on a steady clock, so it is
//! restarted afterwards (document "Logtail 启动参数").

use super::common::{Drafted, is_there, owe_restart, unit_property};
use super::{ActsOn, Change, Descriptor, Durability, Inputs, Plan, Restart};
use crate::core::agent::layout;
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::{Observations, Together};
use crate::core::text::Text;
use crate::say;
use std::time::Duration;

/// The public NTP service of Alibaba Cloud.
const NTP_SERVER: &str = "ntp.aliyun.com";

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
    plan: plan,
};

/// Plans the commands.
fn plan(_: &Inputs, see: &Observations) -> Drafted<Plan> {
    let agents = layout::find(see)?;
    let has_chronyc = is_there(see, &["/usr/bin/chronyc", "/bin/chronyc"]);
    let has_timedatectl = is_there(see, &["/usr/bin/timedatectl", "/bin/timedatectl"]);
    let has_ntpdate = is_there(see, &["/usr/sbin/ntpdate", "/sbin/ntpdate"]);
    let units: Vec<_> = ["chronyd", "chrony", "systemd-timesyncd", "ntpd", "ntp"]
        .into_iter()
        .map(|unit| (unit, unit_property(see, unit, "LoadState")))
        .collect();
    let (has_chronyc, has_timedatectl, has_ntpdate) = (has_chronyc, has_timedatectl, has_ntpdate).together()?;
    let mut loaded = Vec::new();
    for (unit, state) in units {
        if state? == "loaded" {
            loaded.push(unit);
        }
    }
    let find = |names: &[&str]| loaded.iter().find(|unit| names.contains(unit)).copied();
    let with_ntpdate;
    // Each of these daemons steps the clock when it starts with a large offset.
    let commands: Vec<Vec<&str>> = if let Some(unit) = find(&["chronyd", "chrony"]) {
        let mut commands = vec![vec!["systemctl", "restart", unit]];
        if has_chronyc {
            commands.push(vec!["chronyc", "waitsync", "10", "1", "0", "3"]);
            commands.push(vec!["chronyc", "makestep"]);
        }
        commands
    } else if let Some(unit) = find(&["systemd-timesyncd"]).filter(|_| has_timedatectl) {
        vec![vec!["timedatectl", "set-ntp", "true"], vec!["systemctl", "restart", unit]]
    } else if let Some(unit) = find(&["ntpd", "ntp"]) {
        // One command, so that the time service runs again whatever comes of ntpdate: outbound UDP 123 is often closed.
        with_ntpdate =
            format!("systemctl stop {unit}; ntpdate -u {NTP_SERVER}; code=$?; systemctl start {unit} && exit $code");
        if has_ntpdate { vec![vec!["sh", "-c", &with_ntpdate]] } else { vec![vec!["systemctl", "restart", unit]] }
    } else if has_ntpdate {
        vec![vec!["ntpdate", "-u", NTP_SERVER]]
    } else {
        Vec::new()
    };
    let why = Text::fixed(
        "The service refuses what is more than 15 minutes away from its own clock; the clock is set by a time server.",
        "服务端拒绝时间相差超过 15 分钟的请求；将通过时间服务器校准时钟。",
    );
    let mut plan = Plan::new(RemedyId::SyncClock, StepId::Clock, why);
    if commands.is_empty() {
        plan.manual.push(say!(
            "No time service was found here. Install one (chrony), let it use {NTP_SERVER} or, on ECS, ntp.cloud.aliyuncs.com, and restart the agent.",
            "未发现时间同步服务。请安装 chrony，使用 {NTP_SERVER}（ECS 内网可用 ntp.cloud.aliyuncs.com）校时，然后重启 Agent。"
        ));
        return Ok(plan);
    }
    plan.changes = commands
        .into_iter()
        .map(|words| {
            let shown =
                words.iter().filter(|word| !matches!(**word, "sh" | "-c")).copied().collect::<Vec<_>>().join(" ");
            // Waiting for an answer may end without one; whether the clock is right is what the check then tells.
            let accept = if words.contains(&"waitsync") { vec![0, 1] } else { vec![0] };
            Change::Run {
                argv: words.into_iter().map(str::to_string).collect(),
                limit: Duration::from_secs(60),
                accept,
                what: say!("set the clock: {shown}", "校准时钟：{shown}"),
                proxies: false,
            }
        })
        .collect();
    if let Some(agent) = agents.first() {
        owe_restart(&mut plan, see, agent)?;
    }
    plan.patience = Duration::from_secs(60);
    Ok(plan)
}
