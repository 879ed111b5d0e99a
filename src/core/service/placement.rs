//! Where this host stands to the project, from the ECS metadata: the table "same account, same region" of the vendor's
//! guide. Pure and exhaustive.

use crate::core::context::NetworkType;
use crate::core::observe::MetadataSeen;

/// What the table says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// Whether this is an ECS instance in a region that the service knows; None when the metadata does not answer: it
    /// may be switched off or blocked, so ask.
    pub on_ecs: Option<bool>,
    /// None when not known: no metadata, or the owner was not told.
    pub same_account: Option<bool>,
    pub same_region: Option<bool>,
    pub advice: NetworkAdvice,
    /// Whether a file `/etc/ilogtail/users/<AliUid>` is needed; None when not known. Without metadata it is, unless the
    /// operator says that this is an ECS instance of the owner's account.
    pub aliuid_needed: Option<bool>,
}

/// Which network type the agent should be installed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkAdvice {
    Intranet,
    /// Over the Internet; acceleration where the way is long.
    InternetOrAcceleration,
    /// The project's region was not told.
    Unknown,
}

impl NetworkAdvice {
    /// Whether a network type follows the advice. An intranet address across regions works only where the operator has
    /// joined the networks; over the Internet it works from anywhere.
    pub fn fits(self, network: NetworkType) -> bool {
        match self {
            NetworkAdvice::Intranet | NetworkAdvice::Unknown => true,
            NetworkAdvice::InternetOrAcceleration => network != NetworkType::Intranet,
        }
    }
}

/// Whether a region id is that of an edge node (ENS), whose metadata looks like that of ECS but whose region is none of
/// the service's: it ends in the carrier, as in `cn-wuhan-telecom`.
pub fn is_edge(region: &str) -> bool {
    let last = region.split('-').find(|part| matches!(*part, "telecom" | "unicom" | "cmcc" | "mobile" | "edge"));
    last.is_some()
}

/// Reads the table. An empty region counts as not told, and so does an owner that is no number: the service's own
/// samples mask it.
pub fn placement(
    instance: Option<&MetadataSeen>,
    project_region: Option<&str>,
    project_owner: Option<&str>,
) -> Placement {
    let told = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_string);
    let owner = told(project_owner).filter(|owner| owner.bytes().all(|byte| byte.is_ascii_digit()));
    let ecs = instance.filter(|instance| !instance.region.is_empty() && !is_edge(&instance.region));
    let Some(instance) = ecs else {
        return Placement {
            on_ecs: instance.map(|_| false),
            same_account: None,
            same_region: None,
            advice: NetworkAdvice::InternetOrAcceleration,
            aliuid_needed: Some(true),
        };
    };
    let same = |ours: &str, theirs: Option<String>| theirs.filter(|_| !ours.is_empty()).map(|theirs| theirs == ours);
    let same_account = same(&instance.owner_account_id, owner);
    let same_region = same(&instance.region, told(project_region));
    let advice = match same_region {
        Some(true) => NetworkAdvice::Intranet,
        Some(false) => NetworkAdvice::InternetOrAcceleration,
        None => NetworkAdvice::Unknown,
    };
    Placement { on_ecs: Some(true), same_account, same_region, advice, aliuid_needed: same_account.map(|same| !same) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table() {
        let ecs =
            MetadataSeen { region: "cn-hangzhou".into(), owner_account_id: "1".into(), ..MetadataSeen::default() };
        use NetworkAdvice::{InternetOrAcceleration, Intranet, Unknown};
        for (region, owner, same_account, same_region, advice, needed) in [
            (Some("cn-hangzhou"), Some("1"), Some(true), Some(true), Intranet, Some(false)),
            (Some("cn-beijing"), Some("1"), Some(true), Some(false), InternetOrAcceleration, Some(false)),
            (Some("cn-hangzhou"), Some("2"), Some(false), Some(true), Intranet, Some(true)),
            (Some("cn-beijing"), Some("2"), Some(false), Some(false), InternetOrAcceleration, Some(true)),
            (None, Some("2"), Some(false), None, Unknown, Some(true)),
            (Some("cn-beijing"), None, None, Some(false), InternetOrAcceleration, None),
            (Some(" "), Some(""), None, None, Unknown, None),
            (None, Some("165****050"), None, None, Unknown, None),
        ] {
            let expected = Placement { on_ecs: Some(true), same_account, same_region, advice, aliuid_needed: needed };
            assert_eq!(placement(Some(&ecs), region, owner), expected);
        }
    }

    #[test]
    fn no_metadata_and_edge_nodes_are_not_ecs() {
        let edge =
            MetadataSeen { region: "cn-wuhan-telecom".into(), owner_account_id: "1".into(), ..MetadataSeen::default() };
        for instance in [None, Some(&edge), Some(&MetadataSeen::default())] {
            let found = placement(instance, Some("cn-hangzhou"), Some("1"));
            let on_ecs = instance.map(|_| false);
            assert_eq!((found.on_ecs, found.same_account, found.aliuid_needed), (on_ecs, None, Some(true)));
            assert_eq!(found.advice, NetworkAdvice::InternetOrAcceleration);
        }
    }

    #[test]
    fn the_advice_accepts_what_works() {
        for network in NetworkType::ALL {
            assert!(NetworkAdvice::Intranet.fits(network));
            assert_eq!(NetworkAdvice::InternetOrAcceleration.fits(network), network != NetworkType::Intranet);
        }
    }
}
