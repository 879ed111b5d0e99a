//! enable-at-boot: has the agent started when the machine boots, by what the init system in force reads. Its own word
//! proves it afterwards, and every change is one that undo takes back exactly.

use super::common::{Drafted, already, is_there, refused, the_agent, unit_property};
use super::{ActsOn, Change, Descriptor, Durability, Inputs, Plan, Restart};
use crate::core::agent::boot::{self, InitSystem, Starts};
use crate::core::agent::layout::Agent;
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::{Observations, ReadCommand, Unanswered};
use crate::core::text::Text;
use crate::say;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::EnableAtBoot,
    step: StepId::Running,
    title: Text::fixed("Start the agent at boot", "设置开机自动启动"),
    inputs: &[],
    acts_on: ActsOn::ThisHost,
    restart: Restart::AsPlanned,
    can_be_forced: false,
    loses: None,
    durability: Durability::Lasts,
    plan,
};

/// Where an administrator's own units belong.
const UNITS: &str = "/etc/systemd/system";
/// The part of systemd that makes units of init scripts; gone from 260 on.
const SYSV_GENERATORS: [&str; 2] = [
    "/usr/lib/systemd/system-generators/systemd-sysv-generator",
    "/lib/systemd/system-generators/systemd-sysv-generator",
];

/// Plans the changes.
fn plan(_: &Inputs, see: &Observations) -> Drafted<Plan> {
    let agent = the_agent(see)?;
    let unit = agent.unit.as_str();
    let found = boot::look(see, &agent)?;
    if found.starts == Starts::Yes {
        return Err(already(say!("{unit} is enabled at boot already.", "{unit} 已设置为开机启动。")));
    }
    let (en, zh) = found.said.both();
    let why = Text::filled(
        format!("{unit} is not started at boot ({en}), so after the next boot no heartbeat would be sent."),
        format!("{unit} 未设置开机启动（{zh}），下次开机后将没有心跳。"),
    );
    let mut plan = Plan::new(RemedyId::EnableAtBoot, StepId::Running, why);
    match found.init {
        InitSystem::Systemd => systemd(&mut plan, see, &agent)?,
        InitSystem::SysV => sysv(&mut plan, see, &agent)?,
        InitSystem::OpenRc => openrc(&mut plan, see, &agent)?,
        InitSystem::ServiceDirs => by_hand(&mut plan, &agent),
    }
    Ok(plan)
}

/// One command of the plan.
fn run(words: &[&str], what: Text) -> Change {
    let argv = words.iter().map(|word| word.to_string()).collect();
    Change::Run { argv, limit: Duration::from_secs(30), accept: vec![0], what, proxies: false }
}

fn enable(unit: &str) -> Text {
    say!("enable {unit} at boot", "设置 {unit} 开机启动")
}

/// The init script, which every way without a unit needs; made executable first, where nobody may run it.
fn script_of(plan: &mut Plan, see: &Observations, agent: &Agent) -> Drafted<Option<PathBuf>> {
    let Some(path) = &agent.init_script else { return Ok(None) };
    if see.present(path)?.as_ref().is_ok_and(|file| !boot::is_executable(file)) {
        let shown = path.display().to_string();
        let what = say!("make {shown} executable", "为 {shown} 添加执行权限");
        plan.changes.push(run(&["chmod", "a+x", &shown], what));
    }
    Ok(Some(path.clone()))
}

/// There is nothing that could be enabled.
fn nothing_to_enable(agent: &Agent) -> super::common::Stop {
    let (unit, dir) = (&agent.unit, agent.install_dir.display());
    refused(say!(
        "The agent in {dir} has neither a unit {unit} nor an init script that could be enabled; upgrade-agent puts the script back.",
        "{dir} 中的 Agent 既没有 {unit} 单元，也没有可启用的启动脚本；upgrade-agent 可以恢复启动脚本。"
    ))
}

fn systemd(plan: &mut Plan, see: &Observations, agent: &Agent) -> Drafted<()> {
    let unit = agent.unit.as_str();
    let look = ReadCommand::UnitEnabled { unit: unit.to_string() };
    let (state, said) = (unit_property(see, unit, "LoadState"), see.look(&look));
    let generators = is_there(see, &SYSV_GENERATORS);
    let chkconfig = is_there(see, &["/sbin/chkconfig", "/usr/sbin/chkconfig"]);
    let update_rc = is_there(see, &["/usr/sbin/update-rc.d"]);
    let (state, said, reads_scripts, has_chkconfig, has_update_rc) =
        (state?, said?, generators?, chkconfig?, update_rc?);
    let word = said.as_ref().ok().and_then(|said| said.out.lines().map(str::trim).find(|line| !line.is_empty()));
    let word = word.unwrap_or_default();
    let is_script = said.as_ref().is_ok_and(|said| said.err.contains("not a native service")) || word == "generated";
    let is_own = matches!(state.as_str(), "loaded" | "masked") && !is_script;
    match word {
        "masked" | "masked-runtime" => {
            plan.changes.push(run(&["systemctl", "unmask", unit], say!("unmask {unit}", "取消屏蔽 {unit}")));
            plan.cautions.push(say!(
                "Somebody masked {unit}, so that nothing starts it. Make sure that this was not meant to stay.",
                "有人屏蔽了 {unit} 以禁止其启动。请确认这并非有意保留。"
            ));
            plan.changes.push(run(&["systemctl", "enable", unit], enable(unit)));
        }
        // Its own word says that it is enabled, or that it cannot be; only that nothing reached wants it.
        "enabled" | "static" | "indirect" | "alias" if is_own => {
            let words = ["systemctl", "add-wants", "multi-user.target", unit];
            plan.changes
                .push(run(&words, say!("have multi-user.target start {unit}", "由 multi-user.target 启动 {unit}")));
        }
        _ if is_own => plan.changes.push(run(&["systemctl", "enable", unit], enable(unit))),
        _ => {
            let Some(script) = script_of(plan, see, agent)? else { return Err(nothing_to_enable(agent)) };
            match () {
                // What the generator makes of a script that was enabled already needs no more than to be executable.
                () if is_script && word != "disabled" && !plan.changes.is_empty() => {}
                () if reads_scripts && has_chkconfig => chkconfig_on(plan, unit, None),
                () if reads_scripts && has_update_rc => {
                    plan.changes.push(run(&["update-rc.d", unit, "defaults"], enable(unit)));
                }
                () => own_unit(plan, see, agent, &script)?,
            }
        }
    }
    Ok(())
}

/// A unit around the vendor's script, where systemd does not read scripts. The first reload changes nothing; taken back in
/// the reverse order it makes systemd forget the unit that is gone by then.
fn own_unit(plan: &mut Plan, see: &Observations, agent: &Agent, script: &Path) -> Drafted<()> {
    let (unit, shown) = (agent.unit.as_str(), script.display().to_string());
    let path = Path::new(UNITS).join(format!("{unit}.service"));
    let is_plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-@".contains(c));
    if !is_plain(&shown) || !is_plain(unit) {
        return Err(refused(say!(
            "{shown} has a name that cannot stand in a unit; write one by hand.",
            "{shown} 的名称无法写入单元文件；请手动编写。"
        )));
    }
    let before = super::common::whole_file(see, &path)?;
    let after = unit_text(agent, &shown).into_bytes();
    let reload = say!("have systemd read its units anew", "让 systemd 重新读取单元");
    plan.changes.push(run(&["systemctl", "daemon-reload"], reload));
    if before.as_deref() != Some(after.as_slice()) {
        plan.changes.push(super::common::edit(&path, before, after));
    }
    plan.changes.push(run(&["systemctl", "enable", unit], enable(unit)));
    plan.cautions.push(say!(
        "This systemd does not read init scripts, so a unit is written that starts {shown}. The agent that runs now is not touched.",
        "该版本的 systemd 不读取启动脚本，因此会写入一个调用 {shown} 的单元。正在运行的 Agent 不受影响。"
    ));
    Ok(())
}

fn unit_text(agent: &Agent, script: &str) -> String {
    let name = agent.flavour.label();
    let name = name.get(crate::core::text::Lang::En);
    format!(
        "# Written by logtail-doctor (enable-at-boot): this systemd does not read {script} by itself.\n\
         [Unit]\nDescription={name}, by {script}\nWants=network-online.target\nAfter=network-online.target\n\n\
         [Service]\nType=forking\nExecStart={script} start\nExecStop={script} stop\n\
         TimeoutStartSec=90\nTimeoutStopSec=90\n\n\
         [Install]\nWantedBy=multi-user.target\n"
    )
}

fn chkconfig_on(plan: &mut Plan, unit: &str, level: Option<char>) {
    plan.changes.push(run(&["chkconfig", "--add", unit], enable(unit)));
    match level.map(String::from) {
        Some(level) => plan.changes.push(run(&["chkconfig", "--level", &level, unit, "on"], enable(unit))),
        None => plan.changes.push(run(&["chkconfig", unit, "on"], enable(unit))),
    }
}

fn sysv(plan: &mut Plan, see: &Observations, agent: &Agent) -> Drafted<()> {
    let unit = agent.unit.as_str();
    let chkconfig = is_there(see, &["/sbin/chkconfig", "/usr/sbin/chkconfig"]);
    let update_rc = is_there(see, &["/usr/sbin/update-rc.d"]);
    let inittab = see.file("/etc/inittab");
    let (has_chkconfig, has_update_rc, inittab) = (chkconfig?, update_rc?, inittab?);
    let level = inittab.as_ref().ok().and_then(|file| boot::run_level(&file.text()));
    let Some(script) = script_of(plan, see, agent)? else { return Err(nothing_to_enable(agent)) };
    if has_update_rc {
        return update_rc_d(plan, see, unit, &script, level);
    }
    if has_chkconfig {
        chkconfig_on(plan, unit, level);
    } else if plan.changes.is_empty() || boot_links(see, unit, level)?.0 == 0 {
        plan.changes.clear();
        by_hand(plan, agent);
    }
    Ok(())
}

/// How many links of run levels name the agent at all, and whether one starts it in this level.
fn boot_links(see: &Observations, unit: &str, level: Option<char>) -> Result<(usize, bool), Unanswered> {
    let listings: Vec<_> = "0123456S".chars().map(|level| (level, see.dir(format!("/etc/rc{level}.d")))).collect();
    let (mut links, mut starts) = (0, false);
    for (own, listing) in listings {
        let Ok(listing) = listing? else { continue };
        for entry in &listing.entries {
            let is_start = boot::is_start_link(&entry.name, unit);
            let as_start = entry.name.strip_prefix('K').map(|rest| format!("S{rest}"));
            let is_stop = as_start.is_some_and(|name| boot::is_start_link(&name, unit));
            links += usize::from(is_start || is_stop);
            starts |= is_start && level == Some(own);
        }
    }
    Ok((links, starts))
}

/// Debian's way. It goes by the script's header, which may leave out the level that this machine boots into.
fn update_rc_d(plan: &mut Plan, see: &Observations, unit: &str, script: &Path, level: Option<char>) -> Drafted<()> {
    let (header, links) = (see.file(script), boot_links(see, unit, level));
    let (header, (links, starts)) = (header?, links?);
    if links == 0 {
        plan.changes.push(run(&["update-rc.d", unit, "defaults"], enable(unit)));
    }
    let Some(level) = level else { return Ok(()) };
    let named = |key| header.as_ref().is_ok_and(|file| boot::header_levels(file, key).contains(&level));
    if starts || (links == 0 && named("Default-Start")) {
        return Ok(());
    }
    let what = say!("have run level {level} start {unit}", "由运行级别 {level} 启动 {unit}");
    // A link that stops it there is turned round; where there is none, one is made for the tool to order.
    if !named("Default-Stop") {
        let link = format!("/etc/rc{level}.d/S99{unit}");
        plan.changes.push(run(&["ln", "-s", &format!("../init.d/{unit}"), &link], what.clone()));
    }
    plan.changes.push(run(&["update-rc.d", unit, "enable", &level.to_string()], what));
    Ok(())
}

fn openrc(plan: &mut Plan, see: &Observations, agent: &Agent) -> Drafted<()> {
    let unit = agent.unit.as_str();
    let tool = is_there(see, &["/sbin/rc-update", "/usr/sbin/rc-update", "/usr/bin/rc-update", "/bin/rc-update"])?;
    if script_of(plan, see, agent)?.is_none() {
        return Err(nothing_to_enable(agent));
    }
    if tool {
        plan.changes.push(run(&["rc-update", "add", unit, "default"], enable(unit)));
    } else {
        plan.changes.clear();
        by_hand(plan, agent);
    }
    Ok(())
}

/// What a person does where this program knows no change that it could take back exactly.
fn by_hand(plan: &mut Plan, agent: &Agent) {
    let start = match &agent.init_script {
        Some(script) => format!("{} start", script.display()),
        None => agent.install_dir.join(agent.flavour.program()).display().to_string(),
    };
    plan.manual.push(say!(
        "Have this system's own boot scripts run this, once the network is up: {start}",
        "请让本系统的开机脚本在网络就绪后执行：{start}"
    ));
    plan.manual.push(Text::fixed(
        "Then check again: step 2 shows whether it is started at boot.",
        "然后重新检查：第 2 步会显示是否开机启动。",
    ));
}
