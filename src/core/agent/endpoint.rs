//! Regions and endpoint hosts of the service: which hosts a region and a network type mean, and what a host reveals.
//!
//! Rules: the installers' mapping from install parameter to hosts, and its reverse as their `upgrade` applies it.
//! Regions are the data of `assets/regions.json`. This file must not look at configuration keys or the network.

use crate::core::context::NetworkType;
use crate::core::text::Text;
use serde::Deserialize;
use std::sync::LazyLock;

/// What kind of cloud a region belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegionKind {
    #[default]
    Public,
    /// Finance cloud; it has no transfer acceleration.
    Finance,
    Government,
}

/// One region of the service, under the name that its endpoints carry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Region {
    pub id: String,
    en: String,
    zh: String,
    /// Closed or closing, still found on hosts.
    #[serde(default)]
    pub legacy: bool,
    #[serde(default)]
    pub kind: RegionKind,
    /// Other names of the same region: install parameters, older endpoints.
    #[serde(default)]
    aliases: Vec<String>,
    /// The install parameter where it differs from the id.
    #[serde(default)]
    install: Option<String>,
}

impl Region {
    /// The name as the console shows it.
    pub fn label(&self) -> Text {
        Text::filled(self.en.clone(), self.zh.clone())
    }

    /// Whether transfer acceleration is offered: not in the finance and government clouds.
    pub fn has_acceleration(&self) -> bool {
        self.kind == RegionKind::Public
    }
}

/// All regions that are known, in the order of the console.
pub fn regions() -> &'static [Region] {
    /// A test reads the data once, so the fallback is never taken.
    static REGIONS: LazyLock<Vec<Region>> =
        LazyLock::new(|| serde_json::from_str(include_str!("../../../assets/regions.json")).unwrap_or_default());
    &REGIONS
}

/// The region of this name, also by an alias such as the finance cloud's install parameters.
pub fn region(id: &str) -> Option<&'static Region> {
    regions().iter().find(|region| region.id == id || region.aliases.iter().any(|alias| alias == id))
}

/// Whether the name is a known region. An unknown one may be newer than this program: warn, do not fail.
pub fn is_known(id: &str) -> bool {
    region(id).is_some()
}

/// Names of regions that somebody may have meant who wrote one that is not known: at most three, the nearest first.
pub fn nearest(name: &str) -> Vec<&'static str> {
    let name = name.trim().to_ascii_lowercase().replace('_', "-");
    if name.len() > 32 {
        return Vec::new();
    }
    // A third of the letters may be wrong, or the area before the dash is missing: `hangzhou`.
    let allowed = name.len().div_ceil(3).min(4);
    let distance = |id: &str| {
        let is_part = name.len() >= 4 && id.split_once('-').is_some_and(|(_, rest)| rest == name);
        if is_part { 0 } else { edits(&name, id) }
    };
    let mut near: Vec<_> = regions().iter().map(|region| (distance(&region.id), region.id.as_str())).collect();
    near.retain(|(distance, _)| *distance <= allowed);
    near.sort_by_key(|(distance, _)| *distance);
    near.into_iter().take(3).map(|(_, id)| id).collect()
}

/// How many letters have to be changed, added or left out to make one name of the other.
fn edits(one: &str, other: &str) -> usize {
    // Row by row of the usual table: how far the letters so far are from each beginning of the other name.
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.bytes().enumerate() {
        let mut left = at + 1;
        let mut next = vec![left];
        for (theirs, above) in other.bytes().zip(row.windows(2)) {
            let [diagonal, above] = above else { continue };
            left = (diagonal + usize::from(letter != theirs)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// The name that the region's endpoints carry: `cn-shanghai-finance` becomes `cn-shanghai-finance-1`; an unknown name
/// stays as it is. Old spellings of install parameters (`cn_hangzhou`, `cn-hangzhou-vpc`) are understood.
pub fn endpoint_region(name: &str) -> String {
    let name = name.trim().to_ascii_lowercase().replace('_', "-");
    let name = name.strip_suffix("-vpc").unwrap_or(&name);
    region(name).map_or_else(|| name.to_string(), |region| region.id.clone())
}

/// Whether both names mean the same region, by the table of aliases and not by their letters.
pub fn is_same_region(one: &str, other: &str) -> bool {
    endpoint_region(one) == endpoint_region(other)
}

/// The parameter for the installers: `cn-hangzhou`, `cn-hangzhou-internet`, `cn-hangzhou-acceleration`.
pub fn install_parameter(region_id: &str, network: NetworkType) -> String {
    let id = endpoint_region(region_id);
    let base = region(&id).and_then(|region| region.install.clone()).unwrap_or(id);
    match network {
        NetworkType::Intranet => base,
        NetworkType::Internet => format!("{base}-internet"),
        NetworkType::Acceleration => format!("{base}-acceleration"),
    }
}

/// The hosts that an agent uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    /// Takes heartbeats and serves configurations; the config names it as `http://HOST`.
    pub config_server_host: String,
    /// Takes data, below the project's name.
    pub data_endpoint: String,
}

/// The data host of transfer acceleration, the same for every region.
pub const ACCELERATION_HOST: &str = "log-global.aliyuncs.com";

/// The hosts for a region and a network type, as the installers write them.
pub fn hosts_for(region: &str, network: NetworkType) -> Hosts {
    let region = endpoint_region(region);
    let plain = format!("{region}.log.aliyuncs.com");
    match network {
        NetworkType::Intranet => Hosts {
            config_server_host: format!("logtail.{region}-intranet.log.aliyuncs.com"),
            data_endpoint: format!("{region}-intranet.log.aliyuncs.com"),
        },
        NetworkType::Internet => Hosts { config_server_host: format!("logtail.{plain}"), data_endpoint: plain },
        NetworkType::Acceleration => {
            Hosts { config_server_host: format!("logtail.{plain}"), data_endpoint: ACCELERATION_HOST.to_string() }
        }
    }
}

/// An install parameter in two: the region's name and the suffix that names the network, empty for private ones.
pub fn split_parameter(parameter: &str) -> (&str, &str) {
    let ends = ["internet", "acceleration", "inner"];
    let split = ends.into_iter().find_map(|end| {
        let base = parameter.strip_suffix(end)?.strip_suffix(['-', '_'])?;
        Some((base, end))
    });
    split.unwrap_or((parameter, ""))
}

/// The hosts that an install parameter means, as the agent itself derives them (`GenerateLogtailConfigByInstallParam`).
pub fn hosts_of_parameter(parameter: &str) -> Hosts {
    match split_parameter(parameter) {
        (base, "internet") => hosts_for(base, NetworkType::Internet),
        (base, "acceleration") => hosts_for(base, NetworkType::Acceleration),
        (base, "inner") => {
            let data_endpoint = format!("{}-share.log.aliyuncs.com", endpoint_region(base));
            Hosts { config_server_host: format!("logtail.{data_endpoint}"), data_endpoint }
        }
        (base, _) => hosts_for(base, NetworkType::Intranet),
    }
}

/// What an endpoint host says of the way to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndpointKind {
    /// `-intranet`, `-vpc`: Alibaba Cloud private network, same region only.
    Private,
    /// `-internal`: the newer private network.
    Internal,
    /// `-share`: Alibaba's cross-domain network.
    Inner,
    Internet,
    /// `.dualstack`: Internet with IPv6.
    Dualstack,
    /// `log-global`.
    Acceleration,
    /// Alibaba Group's own network.
    Corp,
    /// Not a host of the public cloud: a private cloud, a proxy, or a mistake.
    Foreign,
}

impl EndpointKind {
    /// What the kind is called.
    pub fn label(self) -> Text {
        match self {
            EndpointKind::Private => Text::fixed("Alibaba Cloud private network", "阿里云内网"),
            EndpointKind::Internal => Text::fixed("Alibaba Cloud private network (internal)", "阿里云内网（internal）"),
            EndpointKind::Inner => Text::fixed("Alibaba cross-domain network", "阿里云跨域网络（share）"),
            EndpointKind::Internet => Text::fixed("Internet", "公网"),
            EndpointKind::Dualstack => Text::fixed("Internet (IPv4 and IPv6)", "公网（IPv4/IPv6 双栈）"),
            EndpointKind::Acceleration => Text::fixed("transfer acceleration", "传输加速"),
            EndpointKind::Corp => Text::fixed("Alibaba Group network", "阿里巴巴集团网络"),
            EndpointKind::Foreign => Text::fixed("not a host of the public cloud", "不是阿里云公共云的服务入口"),
        }
    }

    /// The network type that an operator would name for it; None where there is none.
    pub const fn network(self) -> Option<NetworkType> {
        match self {
            EndpointKind::Private | EndpointKind::Internal => Some(NetworkType::Intranet),
            EndpointKind::Internet | EndpointKind::Dualstack => Some(NetworkType::Internet),
            EndpointKind::Acceleration => Some(NetworkType::Acceleration),
            EndpointKind::Inner | EndpointKind::Corp | EndpointKind::Foreign => None,
        }
    }
}

/// The host of a URL or bare host, in lower case: no scheme, no user, no port, no path, no final dot.
pub fn host_of(address: &str) -> String {
    let rest = address.trim();
    let rest = rest.split_once("://").map_or(rest, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let host = match rest.rsplit_once(':') {
        Some((host, port)) if port.chars().all(|c| c.is_ascii_digit()) && !host.contains(':') => host,
        _ => rest,
    };
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// The part of a host that names region and network: `cn-hangzhou-intranet` of
/// `logtail.cn-hangzhou-intranet.log.aliyuncs.com`.
fn label_of(host: &str) -> Option<&str> {
    let stem = [".log.aliyuncs.com", ".sls.aliyuncs.com"].iter().find_map(|end| host.strip_suffix(end))?;
    let stem = stem.strip_suffix(".dualstack").unwrap_or(stem);
    stem.rsplit('.').next().filter(|label| !label.is_empty())
}

/// What stands before the region's label in a host of the public cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostForm {
    /// `logtail` alone: takes heartbeats.
    ConfigServer,
    /// Nothing: the agent puts a project there.
    Data,
    /// Something else, which is a project's name.
    Project(String),
}

/// The form of a host, without what stands before the region's label. None where there is no such label.
fn split_form(host: &str) -> Option<(HostForm, &str)> {
    let base = match label_of(host) {
        Some(label) => host.get(host.rfind(&format!("{label}."))?..)?,
        None => host.ends_with(ACCELERATION_HOST).then_some(ACCELERATION_HOST)?,
    };
    let front = host.strip_suffix(base)?;
    let form = match front.strip_suffix('.') {
        None if front.is_empty() => HostForm::Data,
        None => return None,
        Some("logtail") => HostForm::ConfigServer,
        Some(front) => HostForm::Project(front.strip_prefix("logtail.").unwrap_or(front).to_string()),
    };
    Some((form, base))
}

/// The form of a host; None outside the public cloud.
pub fn form_of(address: &str) -> Option<HostForm> {
    split_form(&host_of(address)).map(|(form, _)| form)
}

/// The config server that belongs to a host of whatever form.
pub fn as_config_server(address: &str) -> Option<String> {
    split_form(&host_of(address)).map(|(_, base)| format!("logtail.{base}"))
}

/// The data endpoint that belongs to a host of whatever form.
pub fn as_data_endpoint(address: &str) -> Option<String> {
    split_form(&host_of(address)).map(|(_, base)| base.to_string())
}

/// What kind of endpoint a host or URL is.
pub fn kind_of(address: &str) -> EndpointKind {
    let host = host_of(address);
    if host.contains("log-global") {
        return EndpointKind::Acceleration;
    }
    if host.ends_with("aliyun-inc.com") || label_of(&host).is_some_and(|label| label.ends_with("-corp")) {
        return EndpointKind::Corp;
    }
    let Some(label) = label_of(&host) else { return EndpointKind::Foreign };
    if host.contains(".dualstack.") {
        return EndpointKind::Dualstack;
    }
    let ends = [
        ("-intranet", EndpointKind::Private),
        ("-vpc", EndpointKind::Private),
        ("-share", EndpointKind::Inner),
        ("-internal", EndpointKind::Internal),
    ];
    ends.into_iter().find(|(end, _)| label.ends_with(end)).map_or(EndpointKind::Internet, |(_, kind)| kind)
}

/// Whether a host that is none of the public service was most likely meant to be one, as `logtail.cn-hangzhou.log.aliyun.com`.
pub fn is_slip(address: &str) -> bool {
    let host = host_of(address);
    kind_of(&host) == EndpointKind::Foreign && (host.contains("aliyun") || host.is_empty())
}

/// The region that a host or URL names; None for transfer acceleration and hosts outside the public cloud.
pub fn region_of(address: &str) -> Option<String> {
    let host = host_of(address);
    let label = label_of(&host)?;
    let ends = ["-intranet", "-vpc", "-share", "-internal"];
    let region = ends.iter().find_map(|end| label.strip_suffix(end)).unwrap_or(label);
    (region != "log-global").then(|| endpoint_region(region))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_table_of_regions_is_sound() {
        assert_eq!(regions().len(), 35);
        for region in regions() {
            assert_eq!(endpoint_region(&region.id), region.id);
            assert!(!region.label().is_empty());
        }
        assert!(is_known("cn-hangzhou") && !is_known("cn-atlantis-1"));
        assert!(region("ap-south-1").unwrap().legacy);
    }

    #[test]
    fn what_stands_before_the_region_tells_the_form() {
        let project = |name: &str| Some(HostForm::Project(name.into()));
        for (host, form, server, data) in [
            ("http://logtail.cn-hangzhou-intranet.log.aliyuncs.com", Some(HostForm::ConfigServer), 1, 1),
            ("cn-hangzhou-intranet.log.aliyuncs.com:80", Some(HostForm::Data), 1, 1),
            ("my-project.cn-hangzhou-intranet.log.aliyuncs.com", project("my-project"), 1, 1),
            ("logtail.my-project.cn-hangzhou-intranet.log.aliyuncs.com", project("my-project"), 1, 1),
            ("cn-hangzhou-intranet.cn-hangzhou-intranet.log.aliyuncs.com", project("cn-hangzhou-intranet"), 1, 1),
            ("log-global.aliyuncs.com", Some(HostForm::Data), 2, 2),
            ("my-project.log-global.aliyuncs.com", project("my-project"), 2, 2),
            ("logtail.cn-hangzhou.dualstack.log.aliyuncs.com", Some(HostForm::ConfigServer), 3, 3),
            ("config.sls.aliyun-inc.com", None, 0, 0),
            ("sls.example.com", None, 0, 0),
            ("xlog-global.aliyuncs.com", None, 0, 0),
            ("", None, 0, 0),
        ] {
            let bases = [
                None,
                Some("cn-hangzhou-intranet.log.aliyuncs.com"),
                Some("log-global.aliyuncs.com"),
                Some("cn-hangzhou.dualstack.log.aliyuncs.com"),
            ];
            assert_eq!(form_of(host), form, "{host}");
            assert_eq!(as_config_server(host), bases[server].map(|base| format!("logtail.{base}")), "{host}");
            assert_eq!(as_data_endpoint(host).as_deref(), bases[data], "{host}");
        }
    }

    #[test]
    fn finance_names_meet_in_the_table() {
        assert!(is_same_region("cn-shanghai-finance", "cn-shanghai-finance-1"));
        assert!(is_same_region("cn_hangzhou", "cn-hangzhou-vpc"));
        assert!(!is_same_region("cn-shanghai-finance", "cn-shanghai"));
        assert_eq!(install_parameter("cn-shanghai-finance-1", NetworkType::Internet), "cn-shanghai-finance-internet");
        assert_eq!(install_parameter("cn-beijing", NetworkType::Intranet), "cn-beijing");
        assert!(!region("cn-hangzhou-finance").unwrap().has_acceleration());
    }

    #[test]
    fn a_host_reveals_region_and_network() {
        use EndpointKind::*;
        let hangzhou = Some("cn-hangzhou");
        let cases = [
            ("http://logtail.cn-hangzhou-intranet.log.aliyuncs.com", Private, hangzhou),
            ("cn-hangzhou-vpc.log.aliyuncs.com", Private, hangzhou),
            ("CN-Hangzhou.log.aliyuncs.com:443", Internet, hangzhou),
            ("logtail.cn-hangzhou-share.log.aliyuncs.com", Inner, hangzhou),
            ("https://logtail.cn-hangzhou-internal.log.aliyuncs.com/x", Internal, hangzhou),
            ("cn-hangzhou.dualstack.log.aliyuncs.com", Dualstack, hangzhou),
            ("my-project.cn-hangzhou.log.aliyuncs.com.", Internet, hangzhou),
            ("log-global.aliyuncs.com", Acceleration, None),
            ("http://config.sls.aliyun-inc.com", Corp, None),
            ("logtail.cn-hangzhou-corp.sls.aliyuncs.com", Corp, Some("cn-hangzhou-corp")),
            ("cn-shanghai-finance-1-intranet.log.aliyuncs.com", Private, Some("cn-shanghai-finance-1")),
            ("cn-shenzhen-finance.log.aliyuncs.com", Internet, Some("cn-shenzhen-finance-1")),
            ("sls.example.com", Foreign, None),
            ("", Foreign, None),
        ];
        for (address, kind, region) in cases {
            assert_eq!((kind_of(address), region_of(address).as_deref()), (kind, region), "{address}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(index in 0usize..35, network in 0usize..3) {
            let (region, network) = (&regions()[index].id, NetworkType::ALL[network]);
            let hosts = hosts_for(region, network);
            prop_assert_eq!(kind_of(&hosts.data_endpoint).network(), Some(network));
            prop_assert_eq!(region_of(&format!("http://{}", hosts.config_server_host)), Some(region.clone()));
        }

        #[test]
        fn any_text_ends_in_an_answer(text in ".*") {
            kind_of(&text);
            region_of(&text);
        }
    }

    #[test]
    fn a_misspelt_region_has_names_that_are_near() {
        assert_eq!(nearest("cn-hangzou").first(), Some(&"cn-hangzhou"));
        assert_eq!(nearest("CN_Shanghai").first(), Some(&"cn-shanghai"));
        assert_eq!(nearest("beijing").first(), Some(&"cn-beijing"));
        assert_eq!(nearest("mars"), Vec::<&str>::new());
        assert_eq!(nearest(&"x".repeat(10_000)), Vec::<&str>::new());
        assert_eq!((edits("", "abc"), edits("abc", ""), edits("kitten", "sitting")), (3, 3, 3));
    }
}
