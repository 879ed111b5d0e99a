//! Which endpoints the agent needs, and which others would do (document, "Logtail 机器组问题排查": three targets, the
//! first over both schemes). It names targets and reads answers; what they mean for the heartbeat is for the checks.

mod alternatives;
mod proxies;

pub use alternatives::{Ranked, Tried, alternatives, elsewhere, tried};
pub use proxies::{Proxies, Proxy};

use super::config::Config;
use super::endpoint::{self, EndpointKind};
use super::in_force;
use super::layout::{self, Agent};
use crate::core::context::{Context, NetworkType};
use crate::core::observe::{HttpSeen, Observations, Target, Unanswered};
use crate::core::text::Text;
use std::net::IpAddr;

/// What a target is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Heartbeat and configuration: without it no heartbeat.
    ConfigServer,
    /// Keys, over https.
    Keys,
    /// Data of the project.
    Data,
    /// The agent's reports about itself.
    Status,
}

impl Reason {
    /// Whether the heartbeat depends on it.
    pub fn is_vital(self) -> bool {
        matches!(self, Reason::ConfigServer | Reason::Keys)
    }

    pub fn label(self) -> Text {
        match self {
            Reason::ConfigServer => Text::fixed("heartbeat", "心跳"),
            Reason::Keys => Text::fixed("keys", "密钥"),
            Reason::Data => Text::fixed("data", "数据"),
            Reason::Status => Text::fixed("agent status", "Agent 状态"),
        }
    }
}

/// A target with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub target: Target,
    pub reason: Reason,
    pub kind: EndpointKind,
}

impl Wanted {
    /// Whether the host is one of the private network, whose names lead to 100.64.0.0/10.
    pub fn is_private(&self) -> bool {
        self.kind.network() == Some(NetworkType::Intranet)
    }

    /// Whether the heartbeat depends on it beyond doubt. Of a private cloud only the config server is certain: it may
    /// serve everything over http.
    pub fn is_vital(&self) -> bool {
        self.reason == Reason::ConfigServer || (self.reason.is_vital() && self.kind != EndpointKind::Foreign)
    }
}

/// What the agent's configuration, or else what was told, says of the way to the service.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Way {
    /// The addresses of the config servers as they are written.
    pub config_servers: Vec<String>,
    /// The data endpoints as they are written, with a scheme or without.
    pub data_hosts: Vec<String>,
    /// Whether the agent's configuration names a config server; else what was told does.
    pub is_configured: bool,
    /// The region of the project: told, else that of the hosts.
    pub region: Option<String>,
    /// Whether data go over https: `data_server_port` 443.
    pub data_tls: bool,
    pub proxies: Proxies,
}

/// The way that the agent goes now.
///
/// # Errors
/// Something has not been looked at yet.
pub fn way(see: &Observations, agent: Option<&Agent>, told: &Context) -> Result<Way, Unanswered> {
    let mut way = Way::default();
    if let Some(agent) = agent {
        way.proxies = Proxies::of(&agent.environment);
        match layout::read_config(see, agent)? {
            Ok(config) => way.read(&config, agent),
            // What cannot be read now, the running agent may have read when it could be.
            Err(_) => in_force::loaded_config(see, agent)?.iter().for_each(|config| way.read(config, agent)),
        }
    }
    way.is_configured = !way.config_servers.is_empty();
    if !way.is_configured
        && let Some(wanted) = &told.region
    {
        let hosts = endpoint::hosts_for(wanted, told.network.unwrap_or(NetworkType::Internet));
        way.config_servers = vec![hosts.config_server_host];
        way.data_hosts = vec![hosts.data_endpoint];
    }
    // A name that is no region may be a slip of the pen; hosts named after it would only fail.
    if let Some(told) = told.region.as_ref().filter(|told| way.region.is_none() || endpoint::is_known(told)) {
        way.region = Some(endpoint::endpoint_region(told));
    }
    Ok(way)
}

impl Way {
    fn read(&mut self, config: &Config, agent: &Agent) {
        let version = agent.version.as_ref();
        self.config_servers = config.config_addresses(version);
        let data = config.data_endpoints(version).iter();
        self.data_hosts = data.map(|server| server.endpoint.trim().to_string()).collect();
        self.region = config.region(version);
        self.data_tls = config.data_server_port == Some(443);
    }

    /// The targets for this way, each once.
    pub fn targets(&self, project: Option<&str>) -> Vec<Wanted> {
        let mut out: Vec<Wanted> = Vec::new();
        let mut add = |mut target: Target, reason: Reason, kind: EndpointKind| {
            if target.host.is_empty() {
                return;
            }
            target.proxy = self.proxies.for_target(&target).map(Proxy::place);
            if !out.iter().any(|known| known.target == target) {
                out.push(Wanted { target, reason, kind });
            }
        };
        for address in &self.config_servers {
            let (server, kind) = (target_of(address), endpoint::kind_of(address));
            let keys = Target::root(server.host.clone(), true);
            add(server, Reason::ConfigServer, kind);
            add(keys, Reason::Keys, kind);
        }
        for address in &self.data_hosts {
            let place = target_of(address);
            let (host, kind) = (&place.host, endpoint::kind_of(address));
            // A scheme or a port that stands in the address is the agent's; without one its switch for all decides.
            let data = |host: String| match address.contains("://") || place.port != 80 {
                true => Target { host, ..place.clone() },
                false => Target::root(host, self.data_tls),
            };
            let is_named = host.parse::<IpAddr>().is_err();
            match (project, kind) {
                (Some(project), _) if is_named => {
                    add(data(format!("{project}.{host}")), Reason::Data, kind);
                }
                // Transfer acceleration exists only below a project's name.
                (None, EndpointKind::Acceleration) => {}
                _ => add(data(host.clone()), Reason::Data, kind),
            }
            // The agents' own project is named after the host's own region, wherever the operator's project is; other
            // clouds have other regions.
            if let Some(region) = endpoint::region_of(host)
                && is_named
                && !matches!(kind, EndpointKind::Acceleration | EndpointKind::Foreign)
            {
                let host = format!("ali-{region}-sls-admin.{host}");
                add(data(host), Reason::Status, kind);
            }
        }
        out
    }
}

/// The target of a config server's address, with the scheme and the port that it names.
pub fn target_of(address: &str) -> Target {
    let address = address.trim();
    let mut target = Target::root(endpoint::host_of(address), address.to_ascii_lowercase().starts_with("https://"));
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if let Some((_, port)) = place.rsplit_once(':')
        && let Ok(port @ 1..) = port.parse()
    {
        target.port = port;
    }
    target
}

/// The targets of the agent's configuration; without one, those of the region and network type that were told. None
/// when neither is known.
///
/// # Errors
/// Something has not been looked at yet.
pub fn targets(see: &Observations, agent: Option<&Agent>, told: &Context) -> Result<Option<Vec<Wanted>>, Unanswered> {
    let targets = way(see, agent, told)?.targets(told.project.as_deref());
    Ok((!targets.is_empty()).then_some(targets))
}

/// Whether an HTTP answer comes from the service: its request id, its server name, or its error body.
pub fn is_service(http: &HttpSeen) -> bool {
    http.header("x-log-requestid").is_some()
        || http.header("server").is_some_and(|server| server.contains("AliyunSLS"))
        || http.body.contains("OLSInvalidMethod")
}

/// Whether an address is one of those that private endpoints have: 100.64.0.0/10.
pub fn is_shared_address(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64,
        IpAddr::V6(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(config: &str, data: &str) -> Way {
        Way {
            config_servers: vec![config.to_string()],
            data_hosts: vec![data.to_string()],
            region: endpoint::region_of(config),
            ..Way::default()
        }
    }

    fn places(way: &Way, project: Option<&str>) -> Vec<String> {
        way.targets(project).iter().map(|wanted| wanted.target.place()).collect()
    }

    #[test]
    fn the_documents_targets_are_all_there_once() {
        let way = way("http://logtail.cn-hangzhou-intranet.log.aliyuncs.com", "cn-hangzhou-intranet.log.aliyuncs.com");
        assert_eq!(
            places(&way, Some("web")),
            [
                "logtail.cn-hangzhou-intranet.log.aliyuncs.com:80",
                "logtail.cn-hangzhou-intranet.log.aliyuncs.com:443",
                "web.cn-hangzhou-intranet.log.aliyuncs.com:80",
                "ali-cn-hangzhou-sls-admin.cn-hangzhou-intranet.log.aliyuncs.com:80",
            ]
        );
        assert!(way.targets(Some("web")).iter().all(Wanted::is_private));
        let written = Way { data_hosts: vec!["https://cn-hangzhou-intranet.log.aliyuncs.com".into()], ..way.clone() };
        assert_eq!(places(&written, Some("web"))[2], "web.cn-hangzhou-intranet.log.aliyuncs.com:443");
        let secure = Way { data_tls: true, ..way };
        assert!(places(&secure, Some("web")).contains(&"web.cn-hangzhou-intranet.log.aliyuncs.com:443".to_string()));
    }

    #[test]
    fn acceleration_is_probed_only_below_a_projects_name() {
        let way = way("http://logtail.cn-hangzhou.log.aliyuncs.com", "log-global.aliyuncs.com");
        assert_eq!(places(&way, None).len(), 2);
        assert_eq!(places(&way, Some("web"))[2..], ["web.log-global.aliyuncs.com:80"]);
    }

    #[test]
    fn a_private_cloud_keeps_its_scheme_and_port() {
        let odd = way("http://10.1.1.1:8080/x", "10.1.1.1");
        assert_eq!(places(&odd, Some("web")), ["10.1.1.1:8080", "10.1.1.1:443", "10.1.1.1:80"]);
        let vital: Vec<_> = odd.targets(None).iter().map(Wanted::is_vital).collect();
        assert_eq!(vital, [true, false, false]);
        assert_eq!(
            places(&way("https://sls.example.com", "sls.example.com"), None),
            ["sls.example.com:443", "sls.example.com:80"]
        );
    }
}
