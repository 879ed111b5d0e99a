//! enable-time-adjust: the agent sends with the service's time where the clock cannot be corrected. One key of
//! `ilogtail_config.json`, edited where it is decided.

use super::common::{Drafted, already, config_of, deciding_file, edit, owe_restart, refused, the_agent};
use super::config_key::{note_overlay, uneditable};
use super::{ActsOn, Descriptor, Durability, Inputs, Plan, Restart};
use crate::core::agent::config_edit::set_bool;
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::Observations;
use crate::core::text::Text;
use crate::say;

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::EnableTimeAdjust,
    step: StepId::Clock,
    title: Text::fixed("Let the agent adjust its time", "允许 Agent 自动调整时间"),
    inputs: &[],
    acts_on: ActsOn::ThisHost,
    restart: Restart::Owed,
    can_be_forced: false,
    loses: None,
    durability: Durability::Lasts,
    plan,
};

/// Plans the edit.
fn plan(_: &Inputs, see: &Observations) -> Drafted<Plan> {
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
