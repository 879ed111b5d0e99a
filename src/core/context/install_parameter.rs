//! The parameter of the agent's installer: a region with the network type behind it, as `cn-hangzhou-internet` or, in
//! old documents, `cn_hangzhou_vpc`. It is no region; who gives it where a region is asked for has told two things.

use super::NetworkType;
use crate::core::text::Text;
use crate::say;

/// The ends that tell the network type; nothing behind the region means the private network (installer's own table).
const ENDS: [(&str, NetworkType); 7] = [
    ("-internet", NetworkType::Internet),
    ("-public", NetworkType::Internet),
    ("-acceleration", NetworkType::Acceleration),
    ("-vpc", NetworkType::Intranet),
    ("-intranet", NetworkType::Intranet),
    ("-internal", NetworkType::Intranet),
    ("-inner", NetworkType::Intranet),
];

/// A parameter of the installer, split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallParameter {
    pub typed: String,
    pub region: String,
    pub network: NetworkType,
}

impl InstallParameter {
    /// Splits a typed text; None when it is none: a bare region, or something else.
    pub fn of(typed: &str) -> Option<InstallParameter> {
        let typed = typed.trim();
        let plain = typed.to_ascii_lowercase().replace('_', "-");
        let (region, network) = ENDS.iter().find_map(|(end, network)| Some((plain.strip_suffix(end)?, *network)))?;
        // A region has a country and a place: `internet` alone, or `cn-internet`, is a slip of the pen.
        let parts: Vec<&str> = region.split('-').collect();
        let is_region = parts.len() >= 2
            && parts
                .iter()
                .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()));
        is_region.then(|| InstallParameter { typed: typed.to_string(), region: region.to_string(), network })
    }

    /// What it is, and what was made of it.
    pub fn text(&self) -> Text {
        let InstallParameter { typed, region, network } = self;
        let network = network.id();
        say!(
            "{typed} is the parameter of the agent's installer, not a region. It is taken as region {region} and network type {network}.",
            "{typed} 是 Agent 安装参数，不是地域。已按地域 {region}、网络类型 {network} 处理。"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_split_into_region_and_network() {
        for (typed, region, network) in [
            ("cn-hangzhou-internet", "cn-hangzhou", NetworkType::Internet),
            ("cn_hangzhou_vpc", "cn-hangzhou", NetworkType::Intranet),
            (" cn_shanghai_internet ", "cn-shanghai", NetworkType::Internet),
            ("ap-southeast-1-acceleration", "ap-southeast-1", NetworkType::Acceleration),
            ("cn-hangzhou-internal", "cn-hangzhou", NetworkType::Intranet),
            ("cn-hangzhou-intranet", "cn-hangzhou", NetworkType::Intranet),
            ("cn_hangzhou_finance_internet", "cn-hangzhou-finance", NetworkType::Internet),
        ] {
            let split = InstallParameter::of(typed).unwrap();
            assert_eq!((split.region.as_str(), split.network), (region, network), "{typed}");
        }
        for other in
            ["cn-hangzhou", "cn-hangzhou-finance", "internet", "-internet", "cn-internet", "", "cn--vpc", "杭州-vpc"]
        {
            assert_eq!(InstallParameter::of(other), None, "{other}");
        }
    }
}
