//! Which endpoints the agent needs (document, "Logtail 机器组问题排查": three targets, the first over both schemes).

use crate::agent::endpoint;
use crate::agent::layout::{self, Agent};
use crate::context::{Context, NetworkType};
use crate::host::{Seen, Target, Unseen};
use crate::text::Text;

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
    /// Whether the host is one of the private network.
    pub is_private: bool,
}

/// The targets of the agent's configuration; without one, those of the region and network type that were told. None
/// when neither is known.
///
/// # Errors
/// Something has not been looked at yet.
pub fn of(see: &Seen, agent: Option<&Agent>, told: &Context) -> Result<Option<Vec<Wanted>>, Unseen> {
    let mut proxies = Proxies::default();
    let (mut config_hosts, mut data_hosts, mut region, mut data_tls) = (Vec::new(), Vec::new(), None, false);
    if let Some(agent) = agent {
        proxies = Proxies::of(&agent.environment);
        if let Ok(config) = layout::read_config(see, agent)? {
            let version = agent.version.as_ref();
            config_hosts = config.config_addresses(version).iter().map(|address| endpoint::host_of(address)).collect();
            data_hosts =
                config.data_endpoints(version).iter().map(|server| endpoint::host_of(&server.endpoint)).collect();
            region = config.region(version);
            data_tls = config.data_server_port == Some(443);
        }
    }
    if config_hosts.is_empty()
        && let Some(wanted) = &told.region
    {
        let hosts = endpoint::hosts_for(wanted, told.network.unwrap_or(NetworkType::Internet));
        config_hosts = vec![hosts.config_server_host];
        data_hosts = vec![hosts.data_endpoint];
        region = Some(endpoint::endpoint_region(wanted));
    }
    if config_hosts.is_empty() {
        return Ok(None);
    }
    let region = told.region.clone().or(region);
    Ok(Some(targets(&config_hosts, &data_hosts, region.as_deref(), told.project.as_deref(), data_tls, &proxies)))
}

/// The targets for these hosts, each once.
pub fn targets(
    config_hosts: &[String],
    data_hosts: &[String],
    region: Option<&str>,
    project: Option<&str>,
    data_tls: bool,
    proxies: &Proxies,
) -> Vec<Wanted> {
    let mut out: Vec<Wanted> = Vec::new();
    let mut add = |host: String, tls: bool, reason: Reason| {
        let is_private = endpoint::kind_of(&host).network() == Some(NetworkType::Intranet);
        let mut target = Target::root(host, tls);
        target.proxy = proxies.for_target(&target);
        if !out.iter().any(|known| known.target == target) {
            out.push(Wanted { target, reason, is_private });
        }
    };
    for host in config_hosts {
        add(host.clone(), false, Reason::ConfigServer);
        add(host.clone(), true, Reason::Keys);
    }
    for host in data_hosts {
        match project {
            Some(project) => add(format!("{project}.{host}"), data_tls, Reason::Data),
            None => add(host.clone(), data_tls, Reason::Data),
        }
        if let Some(region) = region {
            add(format!("ali-{region}-sls-admin.{host}"), data_tls, Reason::Status);
        }
    }
    out
}

/// The proxies of the agent's process (Logtail 1.5.0 and later honour them; upper case wins).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    http: Option<String>,
    https: Option<String>,
    except: Vec<String>,
}

impl Proxies {
    /// Reads them from an environment.
    pub fn of(environment: &[(String, String)]) -> Proxies {
        let get = |name: &str| {
            let of = |name: &str| environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
            of(name).or_else(|| of(&name.to_ascii_lowercase())).filter(|value| !value.is_empty())
        };
        let usable = |value: String| {
            let rest = value.strip_prefix("http://").or_else(|| value.strip_prefix("https://")).unwrap_or(&value);
            let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place).trim_end_matches('/');
            let is_other_scheme = place.contains("://");
            (!place.is_empty() && !is_other_scheme)
                .then(|| if place.contains(':') { format!("http://{place}") } else { format!("http://{place}:80") })
        };
        let all = get("ALL_PROXY");
        Proxies {
            http: get("HTTP_PROXY").or_else(|| all.clone()).and_then(usable),
            https: get("HTTPS_PROXY").or(all).and_then(usable),
            except: get("NO_PROXY")
                .unwrap_or_default()
                .split(',')
                .map(|part| part.trim().trim_start_matches('.').to_string())
                .filter(|part| !part.is_empty())
                .collect(),
        }
    }

    fn for_target(&self, target: &Target) -> Option<String> {
        let host = &target.host;
        let excepted =
            self.except.iter().any(|part| part == "*" || host == part || host.ends_with(&format!(".{part}")));
        if excepted {
            None
        } else if target.tls {
            self.https.clone()
        } else {
            self.http.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_targets_are_all_there_once() {
        let config = ["logtail.cn-hangzhou-intranet.log.aliyuncs.com".to_string()];
        let data = ["cn-hangzhou-intranet.log.aliyuncs.com".to_string()];
        let all = targets(&config, &data, Some("cn-hangzhou"), Some("web"), false, &Proxies::default());
        let places: Vec<_> = all.iter().map(|wanted| wanted.target.place()).collect();
        assert_eq!(
            places,
            [
                "logtail.cn-hangzhou-intranet.log.aliyuncs.com:80",
                "logtail.cn-hangzhou-intranet.log.aliyuncs.com:443",
                "web.cn-hangzhou-intranet.log.aliyuncs.com:80",
                "ali-cn-hangzhou-sls-admin.cn-hangzhou-intranet.log.aliyuncs.com:80",
            ]
        );
        assert!(all.iter().all(|wanted| wanted.is_private));
    }

    #[test]
    fn proxies_follow_the_agents_rules() {
        let set = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            Proxies::of(&pairs)
        };
        let http = Target::root("a.log.aliyuncs.com", false);
        let both = set(&[("http_proxy", "low:1"), ("HTTP_PROXY", "http://up:2"), ("NO_PROXY", ".b.com")]);
        assert_eq!(both.for_target(&http).as_deref(), Some("http://up:2"));
        assert_eq!(both.for_target(&Target::root("x.b.com", false)), None);
        assert_eq!(both.for_target(&Target::root("a.log.aliyuncs.com", true)), None);
        assert_eq!(set(&[("ALL_PROXY", "user:pw@p")]).for_target(&http).as_deref(), Some("http://p:80"));
        assert_eq!(set(&[("ALL_PROXY", "ftp://p")]).for_target(&http), None);
    }
}
