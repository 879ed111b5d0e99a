//! set-endpoint: points `ilogtail_config.json` to a region over a network type, in the names that the file and the
//! version use. Where files of `config.d` decide a server key, they are brought in line with it.

use super::common::{
    Drafted, already, config_of, edit, endpoints_in, not_on_disk, noted_instance, owe_restart, refused,
    region_and_network, region_inputs, the_agent, told, whole_file,
};
use super::config_key::{note_overlay, uneditable};
use super::{ActsOn, Descriptor, Durability, Inputs, Plan, Restart};
use crate::core::agent::config::{Config, SERVER_KEYS};
use crate::core::agent::config_edit::set_endpoints;
use crate::core::agent::endpoint::{self, EndpointKind, hosts_for};
use crate::core::agent::layout::Agent;
use crate::core::agent::service;
use crate::core::context::{Field, NetworkType};
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::{Observations, Unanswered};
use crate::core::text::Text;
use crate::say;
use std::time::Duration;

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::SetEndpoint,
    step: StepId::Parameters,
    title: Text::fixed("Set the endpoint (region, network type)", "设置服务入口（地域、网络类型）"),
    inputs: &[told(Field::Region), told(Field::Network)],
    acts_on: ActsOn::ThisHost,
    restart: Restart::Owed,
    can_be_forced: false,
    loses: None,
    durability: Durability::Lasts,
    plan,
};

/// Plans the edit.
fn plan(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    let agent = the_agent(see)?;
    let config = config_of(see, &agent)?;
    let servers = config.config_addresses(agent.version.as_ref());
    let is_foreign = |server: &String| endpoint::kind_of(server) == EndpointKind::Foreign && !endpoint::is_slip(server);
    if !servers.is_empty() && servers.iter().all(is_foreign) {
        let (path, list) = (agent.config_path.display(), servers.join(", "));
        return Err(refused(say!(
            "{list} is no endpoint of the public cloud; this remedy only knows those. Correct {path} by hand, with the endpoint that your private cloud names.",
            "{list} 不是公共云的服务入口，而该修复方式只适用于公共云。请按专有云提供的服务入口手动修改 {path}。"
        )));
    }
    // The project is where the service says, whatever was told.
    let mut inputs = inputs.clone();
    if let Some(region) = service::true_region(see, &inputs.context)? {
        inputs.context.region = Some(region);
    }
    let (region, network) = region_and_network(&inputs, in_force(&config, &agent))?;
    let hosts = hosts_for(&region, network);
    let mut paths = vec![(agent.config_path.clone(), "")];
    for key in SERVER_KEYS {
        if let Some(name) = config.overlay_of(key) {
            let path = agent.conf_dir.join("config.d").join(name);
            if !paths.iter().any(|(known, _)| *known == path) {
                paths.push((path, key));
            }
        }
    }
    let (host, data) = (&hosts.config_server_host, &hosts.data_endpoint);
    let was = config.config_addresses(agent.version.as_ref()).join(", ");
    let way = network.id();
    let why = if was.is_empty() {
        say!(
            "Region {region} with network type {way} means {host} and {data}; the agent is set to none.",
            "地域 {region}、网络类型 {way} 对应 {host} 和 {data}；Agent 目前没有配置地址。"
        )
    } else {
        say!(
            "Region {region} with network type {way} means {host} and {data}; the agent is set to {was}.",
            "地域 {region}、网络类型 {way} 对应 {host} 和 {data}；Agent 目前的配置是 {was}。"
        )
    };
    let mut plan = Plan::new(RemedyId::SetEndpoint, StepId::Parameters, why);
    for (path, key) in paths {
        let Some(before) = whole_file(see, &path)? else { return Err(not_on_disk(&agent)) };
        let after = set_endpoints(&before, agent.version.as_ref(), &region, network)
            .map_err(|fault| uneditable(&path, &fault))?;
        if after != before {
            note_overlay(&mut plan, &agent, &path, key);
            plan.changes.push(edit(&path, Some(before), after));
        }
    }
    if plan.changes.is_empty() {
        return Err(already(say!(
            "The configuration names {host} and {data} already. For another way to the service tell another region or network type; if the agent still uses an old one, restart-agent is what is missing.",
            "配置中已经是 {host} 和 {data}。如需更换，请填写其他地域或网络类型；如果 Agent 仍在使用旧配置，请使用 restart-agent。"
        )));
    }
    plan.inputs = region_inputs(&region, network);
    plan.cautions.extend(cautions(see, &agent, &region, network)?);
    owe_restart(&mut plan, see, &agent)?;
    plan.patience = Duration::from_secs(30);
    Ok(plan)
}

/// Region and network type that the configuration has now.
fn in_force(config: &Config, agent: &Agent) -> (Option<String>, Option<NetworkType>) {
    let version = agent.version.as_ref();
    let mut hosts = config.config_addresses(version);
    hosts.extend(config.data_endpoints(version).iter().map(|server| server.endpoint.clone()));
    let (region, network) = endpoints_in(&hosts.join(" "));
    (config.region(version).or(region), network)
}

/// What can be wrong with this choice.
pub fn cautions(
    see: &Observations,
    agent: &Agent,
    region: &str,
    network: NetworkType,
) -> Result<Vec<Text>, Unanswered> {
    let mut out = Vec::new();
    if !endpoint::is_known(region) {
        out.push(say!(
            "{region} is not a region that this program knows; check the spelling.",
            "{region} 不是本程序已知的地域，请检查拼写。"
        ));
    }
    let instance = noted_instance(see, agent)?.and_then(|instance| instance.region_id);
    match (network, instance) {
        (NetworkType::Intranet, Some(own)) if !endpoint::is_same_region(&own, region) => out.push(say!(
            "This ECS instance is in {own}: the private endpoints of {region} cannot be reached from it. Use internet.",
            "本 ECS 位于 {own}，无法访问 {region} 的内网服务入口。请使用 internet。"
        )),
        (NetworkType::Intranet, None) => out.push(Text::fixed(
            "Private endpoints answer only ECS instances of the same region; any other host needs internet or acceleration.",
            "内网服务入口仅限同地域的 ECS 访问；其他主机需要使用 internet 或 acceleration。",
        )),
        (NetworkType::Intranet | NetworkType::Internet, _) => {}
        (NetworkType::Acceleration, _) => out.push(Text::fixed(
            "Transfer acceleration must be enabled for the project in the console.",
            "需要先在控制台为该 Project 开启传输加速。",
        )),
    }
    Ok(out)
}
