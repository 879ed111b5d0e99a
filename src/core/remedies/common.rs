//! What several remedies do alike: find the agent, read a file as a whole, suggest a value, owe a restart.
//! It plans nothing by itself.

use super::{Change, InputId, Inputs, Plan, Planned, control};
use crate::core::agent::config::Config;
use crate::core::agent::endpoint;
use crate::core::agent::identity_files::{InstanceIdentity, instance_identity};
use crate::core::agent::ip_rules::is_virtual;
use crate::core::agent::layout::{self, Agent, ConfigTrouble};
use crate::core::context::{Field, NetworkType};
use crate::core::observe::{InterfaceSeen, Observations, ReadCommand, Unanswered, Unavailable};
use crate::core::text::Text;
use crate::say;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why there is no plan: something has not been looked at yet, or it is decided without one.
pub enum Stop {
    Unanswered,
    Decided(Planned),
}

impl From<Unanswered> for Stop {
    fn from(_: Unanswered) -> Stop {
        Stop::Unanswered
    }
}

/// A plan, or a part of one.
pub type Drafted<T> = Result<T, Stop>;

/// It cannot be planned here.
pub fn refused(text: Text) -> Stop {
    Stop::Decided(Planned::Refused(text))
}

/// Everything is so already.
pub fn already(text: Text) -> Stop {
    Stop::Decided(Planned::Already(text))
}

/// Values are missing; each with a suggestion.
pub fn needs(missing: Vec<(InputId, String)>) -> Stop {
    Stop::Decided(Planned::Needs(missing))
}

/// A value of the context as an input.
pub const fn told(field: Field) -> InputId {
    InputId::Context(field)
}

/// The agent that the checks speak of: the running one, else the first that is installed.
pub fn the_agent(see: &Observations) -> Drafted<Agent> {
    layout::find(see)?.into_iter().next().ok_or_else(no_agent)
}

/// There is nothing to work on.
pub fn no_agent() -> Stop {
    refused(Text::fixed(
        "No agent is installed on this host; install-agent installs one.",
        "本机未安装 Agent；请先使用 install-agent 安装。",
    ))
}

/// A path that could not be looked at, so nothing can be planned on it.
pub fn unread(path: &Path, trouble: &Unavailable) -> Stop {
    let path = path.display();
    refused(match trouble {
        Unavailable::Absent => say!("{path} does not exist.", "{path} 不存在。"),
        Unavailable::NotAllowed => {
            say!("{path} may not be read by this user; run as root.", "当前用户无权读取 {path}；请以 root 运行。")
        }
        Unavailable::TimedOut => say!("{path} did not answer in time.", "读取 {path} 超时。"),
        Unavailable::NotAFile(kind) => say!(
            "{path} is a {kind}, not a regular file; move it away by hand first.",
            "{path} 不是普通文件，而是 {kind}；请先手动移走。"
        ),
        Unavailable::Untrusted(distrust) => distrust.sentences(),
        Unavailable::Other(reason) => say!("{path} cannot be read: {reason}", "无法读取 {path}：{reason}"),
    })
}

/// The bytes of a file; None when there is no file. Refuses what was read only in part: a plan replaces whole files.
pub fn whole_file(see: &Observations, path: &Path) -> Drafted<Option<Vec<u8>>> {
    match see.file(path)? {
        Ok(file) if file.is_partial() => {
            let path = path.display();
            Err(refused(say!("{path} is too large to be edited here.", "{path} 过大，无法在此修改。")))
        }
        Ok(file) => match file.link_to.as_deref().filter(|target| leads_elsewhere(path, target)) {
            Some(target) => {
                let (path, target) = (path.display(), target.display());
                Err(refused(say!(
                    "{path} is a symlink that leads to {target}, outside its directory; root would write there. Edit {target} by hand.",
                    "{path} 是指向其他目录的符号链接（{target}），root 会写到那里；请手动修改 {target}。"
                )))
            }
            None => Ok(Some(file.bytes.clone())),
        },
        Err(Unavailable::Absent) => Ok(None),
        Err(trouble) => Err(unread(path, trouble)),
    }
}

/// Whether a symlink's target lies outside the link's own directory.
fn leads_elsewhere(link: &Path, target: &Path) -> bool {
    let dir = link.parent().unwrap_or(Path::new("/"));
    dir.join(target).parent() != Some(dir)
}

/// States in a plan whose the files are that root is about to change, where that is not root alone: whoever may write
/// them may also change what root has written there.
///
/// # Errors
/// Something has not been looked at yet.
pub fn with_owners(mut plan: Plan, see: &Observations) -> Result<Plan, Unanswered> {
    for change in plan.changes.iter().chain(&plan.restart) {
        let (Change::WriteFile { path, .. } | Change::RemoveFile { path, .. }) = change else { continue };
        let Ok(file) = see.file(path)? else { continue };
        let (name, uid, mode) = (path.display(), file.uid, file.mode);
        if uid == 0 && mode & 0o022 == 0 {
            continue;
        }
        let caution = say!(
            "{name} can be written by others than root (owner uid {uid}, mode {mode:04o}): what is written there may be changed by them at any time.",
            "{name} 可被 root 以外的用户写入（属主 uid {uid}，权限 {mode:04o}）：写入的内容随时可能被其修改。"
        );
        if !plan.cautions.contains(&caution) {
            plan.cautions.push(caution);
        }
    }
    Ok(plan)
}

/// The change that makes a directory, if it is not there.
pub fn missing_dir(see: &Observations, path: &Path) -> Drafted<Option<Change>> {
    match see.dir(path)? {
        Ok(_) => Ok(None),
        Err(Unavailable::Absent) => Ok(Some(Change::MakeDir { path: path.to_path_buf(), mode: 0o755 })),
        Err(trouble) => Err(unread(path, trouble)),
    }
}

/// A file as it was and as it is to be; a new one is readable by everybody, an old one keeps its mode.
pub fn edit(path: &Path, before: Option<Vec<u8>>, after: Vec<u8>) -> Change {
    Change::WriteFile { path: path.to_path_buf(), before, after, mode: 0o644 }
}

/// The configuration as the agent would load it now; a broken one is for repair-config.
pub fn config_of(see: &Observations, agent: &Agent) -> Drafted<Arc<Config>> {
    let path = agent.config_path.display();
    layout::read_config(see, agent)?.map_err(|trouble| match trouble {
        ConfigTrouble::File(Unavailable::Absent) => refused(say!(
            "{path} does not exist; repair-config makes a new one.",
            "{path} 不存在；请先使用 repair-config 重建。"
        )),
        ConfigTrouble::File(trouble) => unread(&agent.config_path, &trouble),
        ConfigTrouble::Json(fault) => {
            let (en, zh) = fault.text.both();
            refused(Text::filled(
                format!("{path} is broken and must be repaired first, see repair-config. {en}"),
                format!("{path} 已损坏，请先使用 repair-config 修复。{zh}"),
            ))
        }
    })
}

/// The file in which a top-level key has to be edited, and its bytes: the file of `config.d` that decides the key, else
/// the main file.
pub fn deciding_file(see: &Observations, agent: &Agent, config: &Config, key: &str) -> Drafted<(PathBuf, Vec<u8>)> {
    let path = match config.overlay_of(key) {
        Some(name) => agent.conf_dir.join("config.d").join(name),
        None => agent.config_path.clone(),
    };
    match whole_file(see, &path)? {
        Some(bytes) => Ok((path, bytes)),
        None => Err(not_on_disk(agent)),
    }
}

/// The agent makes its configuration up from its environment, as in containers; there is no file to edit.
pub fn not_on_disk(agent: &Agent) -> Stop {
    let path = agent.config_path.display();
    refused(say!(
        "{path} is not on disk: this agent derives its configuration from ALIYUN_LOGTAIL_CONFIG. Change the environment of its container instead.",
        "{path} 不在磁盘上：该 Agent 的配置由 ALIYUN_LOGTAIL_CONFIG 推导。请修改其容器的环境变量。"
    ))
}

/// Owes a restart to a plan; where this program cannot restart the agent, the plan says so.
pub fn owe_restart(plan: &mut Plan, see: &Observations, agent: &Agent) -> Result<(), Unanswered> {
    plan.restart = control::restart_of(see, agent)?;
    if plan.restart.is_empty() {
        plan.manual.push(Text::fixed(
            "Restart the agent the way it was started: the change takes effect only then.",
            "请按原来的启动方式重启 Agent，更改才会生效。",
        ));
    }
    Ok(())
}

/// The address of this host that a machine group would most likely list: one that it does list, else the primary
/// address of `eth0` or `bond0`, else the first of an interface that is not virtual. Empty when there is none.
pub fn suggested_ip(inputs: &Inputs, interfaces: &[InterfaceSeen]) -> String {
    let real = || interfaces.iter().filter(|nic| !is_virtual(&nic.name));
    let usable = |nic: &&InterfaceSeen| nic.ipv4.iter().copied().find(|ip| !ip.is_loopback());
    let listed = real().flat_map(|nic| &nic.ipv4).find(|ip| inputs.context.group_ips.contains(ip)).copied();
    let usual =
        || ["eth0", "bond0"].iter().find_map(|name| real().find(|nic| nic.name == *name).as_ref().and_then(usable));
    let any = || real().find_map(|nic| usable(&nic));
    listed.or_else(usual).or_else(any).map(|ip| ip.to_string()).unwrap_or_default()
}

/// An address that can identify a machine; asked for with a suggestion when it is missing. With it come the cautions.
pub fn identifying_ip(inputs: &Inputs, see: &Observations) -> Drafted<(Ipv4Addr, Vec<Text>)> {
    let interfaces = see.interfaces()?.as_deref().unwrap_or_default();
    let Some(ip) = inputs.ip else {
        return Err(needs(vec![(InputId::Ip, suggested_ip(inputs, interfaces))]));
    };
    if ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast() {
        return Err(refused(say!(
            "{ip} cannot identify a machine; give an address of a network interface of this host.",
            "{ip} 不能用于标识机器；请填写本机网卡的地址。"
        )));
    }
    let mut cautions = Vec::new();
    match interfaces.iter().find(|nic| nic.ipv4.contains(&ip)) {
        None if !interfaces.is_empty() => cautions.push(say!(
            "No interface of this host has {ip}. That is right only where the machine group lists a translated address.",
            "本机没有网卡使用 {ip}。仅当机器组中填写的是转换后的地址时才正确。"
        )),
        Some(nic) if is_virtual(&nic.name) => {
            let name = &nic.name;
            cautions.push(say!(
                "{ip} belongs to {name}, a virtual interface; other hosts may have the same address.",
                "{ip} 属于虚拟网卡 {name}，其他主机可能使用相同的地址。"
            ));
        }
        _ => {}
    }
    let group = &inputs.context.group_ips;
    if !group.is_empty() && !group.contains(&ip) {
        let list = group.iter().map(Ipv4Addr::to_string).collect::<Vec<_>>().join(", ");
        cautions.push(say!(
            "The machine group lists {list}, not {ip}: it has to be edited as well.",
            "机器组中是 {list}，没有 {ip}：还需要修改机器组。"
        ));
    }
    Ok((ip, cautions))
}

/// What the agent has noted of the ECS instance that it runs on, if it has.
pub fn noted_instance(see: &Observations, agent: &Agent) -> Result<Option<InstanceIdentity>, Unanswered> {
    let note = see.file(agent.conf_dir.join("checkpoint/instance_identity"))?;
    Ok(layout::whole(note).ok().and_then(|file| instance_identity(&file.bytes)))
}

/// What endpoint hosts anywhere in a text say of region and network type; the text may be broken JSON.
pub fn endpoints_in(text: &str) -> (Option<String>, Option<NetworkType>) {
    let words =
        || text.split(|c: char| !c.is_ascii_alphanumeric() && !"-.".contains(c)).filter(|word| word.contains('.'));
    let known = || words().filter(|word| endpoint::kind_of(word) != endpoint::EndpointKind::Foreign);
    // The data host tells transfer acceleration, where the config server is that of the Internet.
    let kinds: Vec<_> = known().filter_map(|word| endpoint::kind_of(word).network()).collect();
    let is_accelerated = kinds.contains(&NetworkType::Acceleration);
    let network = if is_accelerated { Some(NetworkType::Acceleration) } else { kinds.first().copied() };
    (known().find_map(endpoint::region_of), network)
}

/// Region and network type, asked for with suggestions when they are missing. The region comes back under the name
/// that its endpoints carry, and is safe to be part of a host name or a command.
pub fn region_and_network(
    inputs: &Inputs,
    suggested: (Option<String>, Option<NetworkType>),
) -> Drafted<(String, NetworkType)> {
    let (Some(region), Some(network)) = (&inputs.context.region, inputs.context.network) else {
        let mut missing = Vec::new();
        if inputs.context.region.is_none() {
            missing.push((told(Field::Region), suggested.0.unwrap_or_default()));
        }
        if inputs.context.network.is_none() {
            missing.push((told(Field::Network), suggested.1.map(NetworkType::id).unwrap_or_default().to_string()));
        }
        return Err(needs(missing));
    };
    let region = endpoint::endpoint_region(region);
    if region.is_empty() || !region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
        return Err(refused(say!("{region} is not a region id.", "{region} 不是地域 ID。")));
    }
    let has_acceleration = endpoint::region(&region).is_none_or(endpoint::Region::has_acceleration);
    if network == NetworkType::Acceleration && !has_acceleration {
        return Err(refused(say!(
            "{region} has no transfer acceleration; choose intranet or internet.",
            "{region} 不支持传输加速；请选择 intranet 或 internet。"
        )));
    }
    Ok((region, network))
}

/// Region and network type as a plan repeats them.
pub fn region_inputs(region: &str, network: NetworkType) -> Vec<(InputId, String)> {
    vec![(told(Field::Region), region.to_string()), (told(Field::Network), network.id().to_string())]
}

/// Whether a program is at one of these places.
pub fn is_there(see: &Observations, places: &[&str]) -> Result<bool, Unanswered> {
    let looked: Vec<_> = places.iter().map(|place| see.present(place)).collect();
    let mut found = false;
    for answer in looked {
        found |= !matches!(answer?, Err(Unavailable::Absent));
    }
    Ok(found)
}

/// What systemd says of a unit: the value of one property, empty when there is no systemd.
pub fn unit_property(see: &Observations, unit: &str, property: &str) -> Result<String, Unanswered> {
    let state = see.look(&ReadCommand::UnitState { unit: unit.to_string() })?;
    let out = state.as_ref().map(|said| said.out.as_str()).unwrap_or_default();
    let value = out.lines().find_map(|line| line.strip_prefix(property)?.strip_prefix('='));
    Ok(value.unwrap_or_default().trim().to_string())
}
