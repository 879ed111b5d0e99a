//! install-agent: the vendor's installer on a host without an agent. Its `install` first uninstalls and deletes the
//! install directory, configuration included; so it is never planned over an agent that is there.

use super::common::{Drafted, refused, region_and_network, region_inputs, told};
use super::installer::{INSTALL_DIR, installer, installer_cautions, no_download, run};
use super::{ActsOn, Change, Descriptor, Durability, Inputs, Plan, Restart, control};
use crate::core::agent::endpoint;
use crate::core::agent::identity_files::instance_identity;
use crate::core::agent::layout::{self, Agent, Flavour};
use crate::core::context::Field;
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::Observations;
use crate::core::text::Text;
use crate::say;
use std::path::Path;
use std::time::Duration;

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::InstallAgent,
    step: StepId::Installed,
    title: Text::fixed("Install the agent", "安装 Agent"),
    inputs: &[told(Field::Region), told(Field::Network)],
    acts_on: ActsOn::ThisHost,
    restart: Restart::IsOne,
    can_be_forced: false,
    loses: Some(Text::fixed(
        "The installer first deletes /usr/local/ilogtail, with any configuration that is still there.",
        "安装脚本会先删除 /usr/local/ilogtail，包括其中残留的配置。",
    )),
    durability: Durability::Lasts,
    plan,
};

/// Whether an agent is there that `install` would destroy.
fn is_installed(agent: &Agent) -> bool {
    let program_missing = agent.missing.iter().any(|path| {
        path.parent() == Some(agent.install_dir.as_path())
            && path.file_name().is_some_and(|name| name == "ilogtail" || name == "loongcollector")
    });
    !agent.community && (!agent.processes.is_empty() || !program_missing)
}

/// Plans the installation.
fn plan(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    let agents = layout::find(see)?;
    if let Some(agent) = agents.iter().find(|agent| is_installed(agent)) {
        let dir = agent.install_dir.display();
        return Err(refused(say!(
            "An agent is installed in {dir}. The installer's install would delete it with its configuration; use upgrade-agent, which keeps both.",
            "{dir} 中已安装 Agent。安装脚本的 install 会将其连同配置一起删除；请使用 upgrade-agent，它会保留配置。"
        )));
    }
    let note = see.file("/etc/ilogtail/checkpoint/instance_identity")?;
    let own = layout::whole(note).ok().and_then(|file| instance_identity(&file.bytes));
    let (region, network) = region_and_network(inputs, (own.and_then(|own| own.region_id), None))?;
    let installer = installer(Flavour::LoongCollector, &region, network).ok_or_else(|| no_download(&region))?;
    let parameter = endpoint::install_parameter(&region, network);
    let why = say!(
        "No agent sends a heartbeat from this host; the install parameter for the project's region and this network is {parameter}.",
        "本机没有 Agent 发送心跳；与 Project 地域和网络类型对应的安装参数是 {parameter}。"
    );
    let mut plan = Plan::new(RemedyId::InstallAgent, StepId::Installed, why);
    plan.inputs = region_inputs(&region, network);
    let what = say!("install the agent with parameter {parameter}", "以参数 {parameter} 安装 Agent");
    plan.changes.push(run(see, &installer, &format!("install {parameter}"), what)?);
    let there = Change::AwaitAgent {
        running: true,
        install_dir: INSTALL_DIR.into(),
        limit: Duration::from_secs(30),
        app_info: Some(Path::new(INSTALL_DIR).join("app_info.json")),
        harder: None,
    };
    plan.changes.extend(control::afresh(&installer.init_script(), installer.program(), Path::new(INSTALL_DIR), there));
    plan.cautions = installer_cautions(&installer);
    if !endpoint::is_known(&region) {
        plan.cautions.push(say!(
            "{region} is not a region that this program knows; check the spelling.",
            "{region} 不是本程序已知的地域，请检查拼写。"
        ));
    }
    for agent in agents.iter().filter(|agent| agent.community) {
        let dir = agent.install_dir.display();
        plan.cautions.push(if agent.install_dir == Path::new(INSTALL_DIR) {
            say!(
                "The open-source agent in {dir} is deleted by the installer, with its configuration and pipelines.",
                "{dir} 中的开源 Agent 及其配置会被安装脚本删除。"
            )
        } else {
            say!(
                "The open-source agent in {dir} stays; stop it if nobody needs it.",
                "{dir} 中的开源 Agent 会保留；如无人使用请停止。"
            )
        });
    }
    plan.cautions.push(Text::fixed(
        "The console shows the heartbeat about two minutes later, once the machine group names this host.",
        "机器组包含本机后，约两分钟控制台显示心跳正常。",
    ));
    plan.patience = Duration::from_secs(30);
    Ok(plan)
}
