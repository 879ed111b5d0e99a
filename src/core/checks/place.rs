//! Where this host stands to the project: ECS or not, of which account, in which region. From that follow the network
//! type that works and whether an AliUid file is needed (the vendor's table "same account, same region").
//!
//! The metadata of ECS goes first, then the agent's own note of the instance, then what the operator told. Where none of
//! them tells, nothing is concluded: metadata can be switched off.

use super::subject;
use crate::core::agent::endpoint;
use crate::core::agent::instance::{self, Known};
use crate::core::agent::layout::Agent;
use crate::core::agent::reach::{is_service, target_of};
use crate::core::context::{Context, NetworkType};
use crate::core::finding::{Cause, CauseId, Evidence, Mark, RemedyId};
use crate::core::observe::{MetadataSeen, Observations, Unanswered};
use crate::core::service::placement::{Placement, placement};
use crate::core::text::Text;
use crate::say;

/// The evidence and what follows from it.
pub struct Place {
    pub known: Known,
    pub placement: Placement,
    pub rows: Vec<Evidence>,
}

/// Looks where this host is.
///
/// # Errors
/// Something has not been looked at yet.
pub fn place(see: &Observations, agent: Option<&Agent>, told: &Context) -> Result<Place, Unanswered> {
    let known = instance::known(see, agent)?;
    // Regions are compared by the table of their names.
    let instance = known.instance().map(|instance| {
        let region = endpoint::endpoint_region(&instance.region);
        MetadataSeen { region, ..instance.clone() }
    });
    let region = told.region.as_deref().map(endpoint::endpoint_region);
    let placement = placement(instance.as_ref(), region.as_deref(), told.aliuid.as_deref());
    let rows = rows(&known);
    Ok(Place { known, placement, rows })
}

fn rows(known: &Known) -> Vec<Evidence> {
    const METADATA: &str = "ECS metadata";
    let label = Text::fixed("ECS instance", "ECS 实例");
    let row = |instance: &MetadataSeen, source: &str| {
        let MetadataSeen { instance_id, region, owner_account_id, .. } = instance;
        let value = say!(
            "{instance_id} in {region}, owned by account {owner_account_id}",
            "{instance_id}，地域 {region}，所属账号 {owner_account_id}"
        );
        Evidence::new(label.clone(), value, source)
    };
    match (&known.metadata, &known.note) {
        (Ok(instance), note) => {
            let mut rows = vec![row(instance, METADATA)];
            let is_other =
                |note: &&MetadataSeen| !note.instance_id.is_empty() && note.instance_id != instance.instance_id;
            if let Some(note) = note.as_ref().filter(is_other) {
                let other = &note.instance_id;
                let value = say!("of another instance, {other}: a cloned disk", "来自另一实例 {other}：磁盘由镜像克隆");
                let label = Text::fixed("The agent's note", "Agent 的实例记录");
                rows.push(Evidence::new(label, value, known.note_path.clone()).marked(Mark::Doubtful));
            }
            rows
        }
        (Err(_), Some(note)) => vec![row(note, &known.note_path)],
        (Err(trouble), None) => {
            let what = subject::trouble(trouble);
            let (en, zh) = what.both();
            let value = Text::filled(
                format!("not known: {en} (no ECS instance, or its metadata is switched off)"),
                format!("未知：{zh}（不是 ECS，或元数据服务已关闭）"),
            );
            vec![Evidence::new(label, value, METADATA)]
        }
    }
}

/// What follows from where this host is for the network type.
#[derive(Debug, Default, PartialEq)]
pub struct Advice {
    pub rows: Vec<Evidence>,
    pub cause: Option<Cause>,
    /// Why it cannot be said whether the cause holds.
    pub unsure: Option<Text>,
}

/// Whether the private endpoint among these config servers can be reached from where this host is. Only a private one
/// needs that question. The cause is there only when the service does not answer either: networks can be joined. Where
/// the agent may have a proxy that is not known, nobody can tell.
///
/// # Errors
/// Something has not been looked at yet.
pub fn network_advice(
    see: &Observations,
    agent: &Agent,
    told: &Context,
    config_servers: &[String],
) -> Result<Advice, Unanswered> {
    let is_private = |address: &&String| endpoint::kind_of(address).network() == Some(NetworkType::Intranet);
    let Some(address) = config_servers.first().filter(is_private) else { return Ok(Advice::default()) };
    let Place { known, placement, mut rows } = place(see, Some(agent), told)?;
    let there = endpoint::region_of(address).unwrap_or_default();
    let here = known.instance().map(|instance| instance.region.clone()).unwrap_or_default();
    let is_inside = match placement.on_ecs {
        None => return Ok(Advice { rows, ..Advice::default() }),
        Some(on_ecs) => on_ecs && endpoint::is_same_region(&here, &there),
    };
    if is_inside {
        return Ok(Advice { rows, ..Advice::default() });
    }
    let way = crate::core::agent::reach::way(see, Some(agent), told)?;
    let targets = way.targets(told.project.as_deref());
    let target = targets.first().map_or_else(|| target_of(address), |wanted| wanted.target.clone());
    let is_reached = matches!(&see.reach(&target)?.http, Some(Ok(http)) if is_service(http));
    let socks = way.proxies.socks_for(targets.iter().map(|wanted| &wanted.target));
    let is_way_known = subject::is_environment_known(see, agent)? && socks.is_none();
    for row in rows.iter_mut().take(1) {
        row.mark = match (is_reached, is_way_known) {
            (true, _) => Mark::Note,
            (false, true) => Mark::Bad,
            (false, false) => Mark::Unknown,
        };
        row.expected = Some(say!("an ECS instance in {there}", "位于 {there} 的 ECS"));
    }
    let unsure = (!is_reached && !is_way_known).then(|| {
        say!(
            "The agent uses the private endpoint of {there}, this host is in {here}, and the service does not answer; but the agent may go through a proxy that is not known, see step 4.",
            "Agent 使用 {there} 的内网服务入口，而本机位于 {here}，且服务没有应答；但 Agent 可能经由未知的代理访问，见第 4 步。"
        )
    });
    let cause = (!is_reached && is_way_known).then(|| {
        Cause::fail(
            CauseId::NetworkTypeMismatch,
            say!(
                "The agent uses the private endpoint of {there}, but this host is in {here}, and the service does not answer.",
                "Agent 使用 {there} 的内网服务入口，而本机位于 {here}，且服务没有应答。"
            ),
            Text::fixed(
                "Private endpoints answer only inside the same region of Alibaba Cloud; the private networks of regions are not connected.",
                "内网服务入口仅限阿里云同地域访问，不同地域的内网互不相通。",
            ),
            &[RemedyId::SetEndpoint, RemedyId::ReinstallAgent],
        )
    });
    Ok(Advice { rows, cause, unsure })
}

/// Whether this host belongs to the project's account, and who says so.
pub struct Account {
    /// None when nobody tells.
    pub same: Option<bool>,
    pub source: String,
    pub rows: Vec<Evidence>,
}

impl Account {
    /// What the operator told, nothing looked at.
    pub fn told(told: &Context) -> Account {
        Account { same: told.same_account, source: "told by the operator".to_string(), rows: Vec::new() }
    }
}

/// Compares the owner of this instance with the project's owner. What the instance says outranks what was told; where it
/// says nothing, the operator's word counts.
///
/// # Errors
/// Something has not been looked at yet.
pub fn account(see: &Observations, agent: &Agent, told: &Context) -> Result<Account, Unanswered> {
    if told.same_account == Some(false) {
        return Ok(Account::told(told));
    }
    let Place { known, placement, mut rows } = place(see, Some(agent), told)?;
    let source = if known.metadata.is_ok() { "ECS metadata".to_string() } else { known.note_path };
    // An edge node is no ECS instance, whatever account it names.
    let fact = placement.same_account.or((placement.on_ecs == Some(false)).then_some(false));
    let Some(fact) = fact else { return Ok(Account { rows, ..Account::told(told) }) };
    if told.same_account == Some(true) && !fact {
        let value = Text::fixed(
            "yes was told, but this instance belongs to another account",
            "填写的是“是”，但本实例属于另一个账号",
        );
        let row = Evidence::new(Text::fixed("Same account", "同账号"), value, source.clone());
        rows.push(row.marked(Mark::Doubtful));
    }
    Ok(Account { same: Some(fact), source, rows })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::agent::layout::Flavour;
    use crate::core::observe::{
        Answer, DirSeen, FileSeen, HttpSeen, IdentitySeen, Observed, Question, ReachSeen, Target, Unavailable,
    };
    use std::path::PathBuf;

    const NOTE: &str = "/etc/ilogtail/checkpoint/instance_identity";
    const PRIVATE: &str = "http://logtail.cn-hangzhou-intranet.log.aliyuncs.com";

    fn agent() -> Agent {
        Agent {
            flavour: Flavour::Logtail,
            community: false,
            version: None,
            install_dir: "/usr/local/ilogtail".into(),
            conf_dir: "/etc/ilogtail".into(),
            unusable_conf_dir: None,
            init_script: None,
            unit: "ilogtaild".into(),
            config_path: "/usr/local/ilogtail/ilogtail_config.json".into(),
            app_info_path: PathBuf::new(),
            log_path: PathBuf::new(),
            processes: vec![],
            environment: vec![],
            program_replaced: false,
            supervisor: None,
            dangling: None,
            one_process: false,
            real_dir: None,
            missing: vec![],
            unlisted: None,
        }
    }

    fn file(text: &str) -> Observed<FileSeen> {
        let bytes = text.as_bytes().to_vec();
        Ok(FileSeen { size: 0, bytes, modified: 0, mode: 0o644, uid: 0, gid: 0, link_to: None })
    }

    fn ecs(region: &str) -> Result<MetadataSeen, Unavailable> {
        Ok(MetadataSeen {
            instance_id: "i-1".into(),
            region: region.into(),
            owner_account_id: "1654218965343050".into(),
            ..MetadataSeen::default()
        })
    }

    fn host(metadata: Result<MetadataSeen, Unavailable>, note: Observed<FileSeen>, reached: bool) -> Observations {
        let config = format!(r#"{{"config_server_address":"{PRIVATE}"}}"#);
        let target = Target::root("logtail.cn-hangzhou-intranet.log.aliyuncs.com", false);
        let headers = vec![("x-log-requestid".to_string(), "1".to_string())];
        let http = HttpSeen { status: 405, headers, body: String::new(), received_ms: 0 };
        let http = if reached { Some(Ok(http)) } else { None };
        Observations::from_iter([
            (Question::Metadata, Answer::Metadata(metadata)),
            (Question::Processes, Answer::Processes(Ok(vec![]))),
            (Question::Identity, Answer::Identity(IdentitySeen::default())),
            (Question::File(NOTE.into()), Answer::File(note)),
            (Question::File(agent().config_path), Answer::File(file(&config))),
            (Question::Dir("/etc/ilogtail/config.d".into()), Answer::Dir(Ok(DirSeen { entries: vec![], cut: false }))),
            (Question::Reach(target), Answer::Reach(ReachSeen { http, ..ReachSeen::default() })),
        ])
    }

    #[test]
    fn a_private_endpoint_is_accused_only_from_outside_and_without_an_answer() {
        let silent = || Err(Unavailable::TimedOut);
        let absent = || Err(Unavailable::Absent);
        let noted = || file(r#"{"instance-id":"i-1","region-id":"cn-beijing","owner-account-id":"1"}"#);
        for (metadata, note, reached, accused) in [
            (ecs("cn-hangzhou"), absent(), false, false),
            (ecs("cn-beijing"), absent(), false, true),
            (ecs("cn-beijing"), absent(), true, false),
            (ecs("cn-wuhan-telecom"), absent(), false, true),
            (silent(), absent(), false, false),
            (silent(), noted(), false, true),
        ] {
            let see = host(metadata, note, reached);
            let advice = network_advice(&see, &agent(), &Context::default(), &[PRIVATE.to_string()]).unwrap();
            assert_eq!((advice.cause.is_some(), advice.unsure.is_some()), (accused, false), "{advice:?}");
        }
        let mut hidden = host(ecs("cn-beijing"), absent(), false);
        hidden.keep(Question::Processes, Answer::Processes(Err(Unavailable::NotAllowed)));
        let advice = network_advice(&hidden, &agent(), &Context::default(), &[PRIVATE.to_string()]).unwrap();
        assert!(advice.cause.is_none() && advice.unsure.is_some(), "a proxy could lead there: {advice:?}");
        let internet = ["http://logtail.cn-hangzhou.log.aliyuncs.com".to_string()];
        let asked_nothing = network_advice(&Observations::default(), &agent(), &Context::default(), &internet);
        assert_eq!(asked_nothing, Ok(Advice::default()));
    }

    #[test]
    fn the_instance_outranks_what_was_told() {
        let see = host(ecs("cn-hangzhou"), Err(Unavailable::Absent), false);
        let same = |see: &Observations, aliuid: Option<&str>, same_account: Option<bool>| {
            let told = Context { aliuid: aliuid.map(str::to_string), same_account, ..Context::default() };
            account(see, &agent(), &told).map(|account| account.same).unwrap()
        };
        let (owner, other) = (Some("1654218965343050"), Some("1111111111111111"));
        assert_eq!(same(&see, owner, None), Some(true));
        assert_eq!(same(&see, other, None), Some(false));
        assert_eq!(same(&see, other, Some(true)), Some(false));
        assert_eq!(same(&see, None, None), None);
        assert_eq!(same(&see, None, Some(true)), Some(true));
        let unknown = host(Err(Unavailable::TimedOut), Err(Unavailable::Absent), false);
        assert_eq!(same(&unknown, owner, None), None);
        assert_eq!(same(&Observations::default(), None, Some(false)), Some(false), "asks nothing");
    }

    #[test]
    fn the_note_of_a_cloned_disk_is_doubted() {
        let see = host(ecs("cn-hangzhou"), file(r#"{"instance-id":"i-2","region-id":"cn-beijing"}"#), false);
        let place = place(&see, Some(&agent()), &Context::default()).unwrap();
        assert_eq!(place.known.instance().map(|instance| instance.region.as_str()), Some("cn-hangzhou"));
        assert!(place.rows.iter().any(|row| row.mark == Mark::Doubtful));
    }
}
