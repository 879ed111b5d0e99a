//! set-name-server: puts a name server that answers in front of the others in `/etc/resolv.conf`. Where another program
//! writes that file, or it is a link, the exact steps are told instead.

use super::common::{Drafted, already, edit, whole_file};
use super::{ActsOn, Descriptor, Durability, Inputs, Plan, Restart};
use crate::core::agent::layout;
use crate::core::agent::reach;
use crate::core::agent::routes::{RESOLV, nameservers};
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::{EntryKind, NameserverSaid, Observations};
use crate::core::text::Text;
use crate::say;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

/// Alibaba Cloud's own name server.
const ALIBABA: IpAddr = IpAddr::V4(Ipv4Addr::new(100, 100, 2, 136));

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::SetNameServer,
    step: StepId::Network,
    title: Text::fixed("Set a name server", "设置 DNS 服务器"),
    inputs: &[],
    acts_on: ActsOn::ThisHost,
    restart: Restart::AsPlanned,
    can_be_forced: false,
    loses: None,
    durability: Durability::Lasts,
    plan,
};

/// Plans the line.
fn plan(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    let agents = layout::find(see)?;
    let way = reach::way(see, agents.first(), &inputs.context)?;
    let host =
        way.targets(None).into_iter().map(|wanted| wanted.target.host).find(|host| host.parse::<IpAddr>().is_err());
    let host = host.unwrap_or_else(|| "log.aliyuncs.com".to_string());
    let (answer, resolv, names) = (see.nameserver(ALIBABA, &host), see.file(RESOLV), see.dir("/etc"));
    let (answer, resolv, names) = (answer?, resolv?, names?);
    let answers = matches!(&answer.said, NameserverSaid::Addresses(all) if !all.is_empty());
    let is_dangling = names.as_ref().is_ok_and(|dir| {
        dir.entries.iter().any(|entry| entry.name == "resolv.conf" && entry.kind == EntryKind::Dangling)
    });
    let why = say!(
        "{RESOLV} must name a name server that answers for {host}.",
        "{RESOLV} 中必须有能解析 {host} 的 DNS 服务器。"
    );
    let mut plan = Plan::new(RemedyId::SetNameServer, StepId::Network, why);
    plan.patience = Duration::from_secs(30);
    let is_link = is_dangling || resolv.as_ref().is_ok_and(|file| file.link_to.is_some());
    let text = resolv.as_ref().map(|file| file.text().into_owned()).unwrap_or_default();
    let is_managed = text.lines().take_while(|line| line.starts_with('#')).any(|line| {
        let line = line.to_ascii_lowercase();
        ["generated", "do not edit", "managed by", "networkmanager", "systemd-resolved", "resolvconf"]
            .iter()
            .any(|word| line.contains(word))
    });
    if answers && nameservers(&text).first() == Some(&ALIBABA) {
        return Err(already(say!(
            "{RESOLV} names {ALIBABA} first already, and it answers.",
            "{RESOLV} 已将 {ALIBABA} 放在首位，且它能正常应答。"
        )));
    }
    if !answers {
        plan.manual.push(say!(
            "{ALIBABA}, Alibaba Cloud's name server, does not answer for {host} from here. Put the name server of this network into the first line of {RESOLV}: nameserver ADDRESS",
            "从本机无法通过阿里云 DNS {ALIBABA} 解析 {host}。请将本网络的 DNS 服务器写入 {RESOLV} 第一行：nameserver 地址"
        ));
        return Ok(plan);
    }
    if is_dangling {
        plan.manual.push(say!(
            "{RESOLV} is a link that leads nowhere. Start the program that writes its target (systemd-resolved, NetworkManager), or replace it: rm {RESOLV} && echo nameserver {ALIBABA} > {RESOLV}",
            "{RESOLV} 是悬空的链接。请启动生成其目标文件的程序（systemd-resolved、NetworkManager），或将其替换：rm {RESOLV} && echo nameserver {ALIBABA} > {RESOLV}"
        ));
        return Ok(plan);
    }
    if is_link || is_managed {
        plan.manual.push(say!(
            "{RESOLV} is written by another program, which would take a line away again. Set {ALIBABA} there: `nmcli connection modify NAME ipv4.dns {ALIBABA}` with NetworkManager, or the line DNS={ALIBABA} in /etc/systemd/resolved.conf with systemd-resolved.",
            "{RESOLV} 由其他程序生成，手动添加的行会被覆盖。请在该程序中设置 {ALIBABA}：NetworkManager 使用 `nmcli connection modify 名称 ipv4.dns {ALIBABA}`；systemd-resolved 在 /etc/systemd/resolved.conf 中设置 DNS={ALIBABA}。"
        ));
        return Ok(plan);
    }
    let before = whole_file(see, Path::new(RESOLV))?;
    let mut after = format!("nameserver {ALIBABA}\n").into_bytes();
    after.extend(before.iter().flatten());
    plan.changes.push(edit(Path::new(RESOLV), before, after));
    plan.cautions.push(Text::fixed(
        "Every program on this host then asks this name server first. A DHCP client may write the file anew.",
        "本机所有程序都会优先查询该 DNS 服务器。DHCP 客户端可能会重写该文件。",
    ));
    Ok(plan)
}
