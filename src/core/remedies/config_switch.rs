//! set-working-ip, enable-time-adjust: one key of `ilogtail_config.json`, edited where it is decided. Everything else
//! in the file stays byte for byte, and the agent reads it only when it starts.

use super::common::{
    Drafted, already, config_of, deciding_file, edit, identifying_ip, owe_restart, refused, the_agent,
};
use super::{InputId, Inputs, Plan};
use crate::core::agent::config_edit::{set_bool, set_string};
use crate::core::agent::json::JsonFault;
use crate::core::agent::layout::Agent;
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::Observations;
use crate::core::text::Text;
use crate::say;
use std::path::Path;
use std::time::Duration;

/// A key could not be edited after all.
pub fn uneditable(path: &Path, fault: &JsonFault) -> super::common::Stop {
    let (path, text) = (path.display(), &fault.text);
    let (en, zh) = text.both();
    refused(Text::filled(
        format!("{path} is broken and must be repaired first, see repair-config. {en}"),
        format!("{path} 已损坏，请先使用 repair-config 修复。{zh}"),
    ))
}

/// Says that another file than the main one is edited, and why.
pub fn note_overlay(plan: &mut Plan, agent: &Agent, path: &Path, key: &str) {
    if path != agent.config_path {
        let (path, main) = (path.display(), agent.config_path.display());
        plan.cautions.push(say!(
            "{path} decides {key}, over {main}; so it is edited there.",
            "{key} 由 {path} 决定，优先于 {main}，因此在该文件中修改。"
        ));
    }
}

/// set-working-ip: the address that the agent reports without asking anything.
pub fn set_working_ip(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    const KEY: &str = "working_ip";
    let agent = the_agent(see)?;
    let config = config_of(see, &agent)?;
    let (ip, cautions) = identifying_ip(inputs, see)?;
    let ip = ip.to_string();
    if config.working_ip.as_ref().is_some_and(|setting| setting.value == ip) {
        return Err(already(say!(
            "working_ip is {ip} already. If the agent reports another address, restart-agent is what is missing.",
            "working_ip 已经是 {ip}。如果 Agent 上报的是其他地址，请使用 restart-agent。"
        )));
    }
    let (path, before) = deciding_file(see, &agent, &config, KEY)?;
    let after = set_string(&before, KEY, &ip).map_err(|fault| uneditable(&path, &fault))?;
    let why = match &config.working_ip {
        Some(setting) => {
            let was = &setting.value;
            say!(
                "working_ip ({was} now) wins over hostname and interfaces in every version, so the agent will report {ip}.",
                "working_ip（目前为 {was}）在所有版本中都优先于主机名和网卡，Agent 将上报 {ip}。"
            )
        }
        None => say!(
            "working_ip (not set now) wins over hostname and interfaces in every version, so the agent will report {ip}.",
            "working_ip（目前未设置）在所有版本中都优先于主机名和网卡，Agent 将上报 {ip}。"
        ),
    };
    let mut plan = Plan::new(RemedyId::SetWorkingIp, StepId::Address, why);
    plan.inputs = vec![(InputId::Ip, ip.clone())];
    plan.changes.push(edit(&path, Some(before), after));
    plan.cautions = cautions;
    note_overlay(&mut plan, &agent, &path, KEY);
    plan.cautions.push(Text::fixed(
        "The address is fixed from then on: change it here too when the host's address changes, and take it out of images made of this host.",
        "此后地址固定不变：主机地址变化时需要同步修改；用本机制作镜像前请移除。",
    ));
    owe_restart(&mut plan, see, &agent)?;
    plan.patience = Duration::from_secs(40);
    Ok(plan)
}

/// enable-time-adjust: the agent sends with the service's time where the clock cannot be corrected.
pub fn enable_time_adjust(_: &Inputs, see: &Observations) -> Drafted<Plan> {
    const KEY: &str = "enable_log_time_auto_adjust";
    let agent = the_agent(see)?;
    if let Some(version) = agent.version.as_ref().filter(|version| version.before(1, 0, 19)) {
        return Err(refused(say!(
            "Version {version} cannot adjust its time; 1.0.19 and later can. Use sync-clock, or upgrade-agent.",
            "版本 {version} 不支持自动调整时间，1.0.19 及以上版本支持。请使用 sync-clock 或 upgrade-agent。"
        )));
    }
    let config = config_of(see, &agent)?;
    if config.enable_log_time_auto_adjust == Some(true) {
        return Err(already(say!("{KEY} is true already.", "{KEY} 已经是 true。")));
    }
    let (path, before) = deciding_file(see, &agent, &config, KEY)?;
    let after = set_bool(&before, KEY, true).map_err(|fault| uneditable(&path, &fault))?;
    let why = say!(
        "With {KEY} the agent sends with the service's time, so a clock that is off by more than 15 minutes no longer stops it.",
        "启用 {KEY} 后，Agent 按服务端时间发送，时钟相差超过 15 分钟也不会中断。"
    );
    let mut plan = Plan::new(RemedyId::EnableTimeAdjust, StepId::Clock, why);
    plan.changes.push(edit(&path, Some(before), after));
    note_overlay(&mut plan, &agent, &path, KEY);
    plan.cautions.push(Text::fixed(
        "This is a way round, not a cure: the times of log entries are shifted as well, and step 5 goes on reporting the clock. Correct the clock where you can.",
        "这只是规避而非根治：日志时间也会随之偏移，第 5 步仍会报告时钟问题。请尽可能校准时钟。",
    ));
    owe_restart(&mut plan, see, &agent)?;
    Ok(plan)
}
