//! The other ways to the service: every network type of the region, and of the region of this ECS instance.
//!
//! They are asked for together with the configured ones, so that nobody waits longer; they count only when those fail.
//! A way counts as reached when the service itself answers over http and over https, because the agent needs both.

use super::{Way, is_service, way};
use crate::core::agent::endpoint::{self, EndpointKind};
use crate::core::agent::instance;
use crate::core::agent::layout::Agent;
use crate::core::context::{Context, NetworkType};
use crate::core::observe::{Observations, ReachSeen, Target, Unanswered};
use crate::core::service::placement;

/// A way that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    pub region: String,
    pub network: NetworkType,
    /// The host that takes the heartbeat; of transfer acceleration, the one that takes the data.
    pub host: String,
    /// Whether the region is that of the project, and not only that of this instance.
    pub is_projects_region: bool,
    /// Milliseconds from the question for the name to the answer over http; None when the service was not reached.
    pub ms: Option<u64>,
}

/// A way that works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked {
    pub region: String,
    pub network: NetworkType,
    /// Milliseconds from the question for the name to the answer over http.
    pub ms: u64,
}

/// The ways that work besides the configured one, the best first: the project's region before that of the instance,
/// then the faster before the slower.
///
/// # Errors
/// Something has not been looked at yet.
pub fn alternatives(see: &Observations, agent: Option<&Agent>, told: &Context) -> Result<Vec<Ranked>, Unanswered> {
    let works = |tried: Tried| Some(Ranked { region: tried.region, network: tried.network, ms: tried.ms? });
    Ok(tried(see, agent, told)?.into_iter().filter_map(works).collect())
}

/// All ways besides the configured one; those that work first, in the order of [`alternatives`].
///
/// # Errors
/// Something has not been looked at yet.
pub fn tried(see: &Observations, agent: Option<&Agent>, told: &Context) -> Result<Vec<Tried>, Unanswered> {
    // The metadata may take a second to say nothing; nothing else waits for it.
    let instance = instance::known(see, agent);
    let way = way(see, agent, told)?;
    let own = own_region(&way, told);
    let mut asked: Vec<_> = own.iter().flat_map(|region| candidates(region, &way, told, true)).collect();
    let mut answers: Vec<_> = asked.iter().map(|candidate| candidate.ask(see)).collect();
    let here = instance.as_ref().ok().and_then(|known| known.instance()).map(|instance| instance.region.clone());
    // Where the project's region was told, another one would be wrong, however fast it answers.
    let elsewhere = here.filter(|here| told.region.is_none() && !here.is_empty() && !placement::is_edge(here));
    let elsewhere = elsewhere.filter(|here| own.as_deref().is_none_or(|own| !endpoint::is_same_region(own, here)));
    let more: Vec<_> = elsewhere.iter().flat_map(|region| candidates(region, &way, told, false)).collect();
    answers.extend(more.iter().map(|candidate| candidate.ask(see)));
    asked.extend(more);
    instance?;
    let mut tried = Vec::new();
    for (candidate, answer) in asked.into_iter().zip(answers) {
        let Candidate { region, network, targets, is_projects_region } = candidate;
        let host = targets.last().map(|target| target.host.clone()).unwrap_or_default();
        tried.push(Tried { region, network, host, is_projects_region, ms: answer? });
    }
    tried.sort_by_key(|tried| (tried.ms.is_none(), !tried.is_projects_region, tried.ms));
    Ok(tried)
}

/// The config servers of the other ways of the project's region, and the configured one without the agent's proxy: where
/// the configured way is closed, they tell the service's time all the same. Asked along with everything else.
///
/// # Errors
/// Something has not been looked at yet.
pub fn elsewhere<'a>(
    see: &'a Observations,
    agent: Option<&Agent>,
    told: &Context,
) -> Result<Vec<(Target, &'a ReachSeen)>, Unanswered> {
    let way = way(see, agent, told)?;
    let own = way.targets(None).into_iter().map(|wanted| wanted.target).find(|target| target.proxy.is_some());
    let mut targets: Vec<Target> = own.map(|own| Target { proxy: None, ..own }).into_iter().collect();
    let others = own_region(&way, told).map(|region| candidates(&region, &way, told, true)).unwrap_or_default();
    targets.extend(others.into_iter().flat_map(|candidate| candidate.targets));
    let answers: Vec<_> = targets.iter().map(|target| see.reach(target)).collect();
    targets.into_iter().zip(answers).map(|(target, answer)| Ok((target, answer?))).collect()
}

/// The region whose other network types are worth a try.
fn own_region(way: &Way, told: &Context) -> Option<String> {
    way.region.clone().filter(|_| is_public(way) || told.region.is_some())
}

/// Whether the configured config server is one of the public cloud; only there other network types exist.
fn is_public(way: &Way) -> bool {
    let kind = way.config_servers.first().map(|address| endpoint::kind_of(address));
    kind.is_some_and(|kind| !matches!(kind, EndpointKind::Foreign | EndpointKind::Corp))
}

/// A way to try.
struct Candidate {
    region: String,
    network: NetworkType,
    /// All of them must answer; the last one gives the name.
    targets: Vec<Target>,
    is_projects_region: bool,
}

impl Candidate {
    /// The time of the first target if the service answers at all of them.
    fn ask(&self, see: &Observations) -> Result<Option<u64>, Unanswered> {
        // All are asked before the first answer is looked at.
        let answers: Vec<_> = self.targets.iter().map(|target| see.reach(target)).collect();
        let mut all = Vec::new();
        for answer in answers {
            all.push(answer?);
        }
        let reached = |reach: &&ReachSeen| matches!(&reach.http, Some(Ok(http)) if is_service(http));
        Ok(all.first().filter(|_| all.iter().all(reached)).map(|first| first.elapsed_ms))
    }
}

/// The ways of one region that are not the configured one.
fn candidates(region: &str, way: &Way, told: &Context, is_projects_region: bool) -> Vec<Candidate> {
    let configured: Vec<_> = way.config_servers.iter().map(|address| endpoint::host_of(address)).collect();
    let has_acceleration = endpoint::region(region).is_some_and(endpoint::Region::has_acceleration)
        && !way.data_hosts.iter().any(|host| endpoint::kind_of(host) == EndpointKind::Acceleration);
    let candidate = |network: NetworkType| {
        let hosts = endpoint::hosts_for(region, network);
        let mut targets = vec![Target::root(hosts.config_server_host.clone(), false)];
        targets.push(Target::root(hosts.config_server_host.clone(), true));
        match (network, &told.project) {
            (NetworkType::Acceleration, Some(project)) if has_acceleration && is_projects_region => {
                targets.push(Target::root(format!("{project}.{}", hosts.data_endpoint), false));
            }
            (NetworkType::Acceleration, _) => return None,
            _ if configured.contains(&hosts.config_server_host) => return None,
            _ => {}
        }
        for target in &mut targets {
            target.proxy = way.proxies.for_target(target).map(super::Proxy::place);
        }
        Some(Candidate { region: region.to_string(), network, targets, is_projects_region })
    };
    NetworkType::ALL.into_iter().filter_map(candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::observe::{Answer, HttpSeen, MetadataSeen, Question, Unavailable};

    fn answered(ms: u64) -> Answer {
        let http = HttpSeen {
            status: 405,
            headers: vec![("x-log-requestid".into(), "1".into())],
            body: String::new(),
            received_ms: 0,
        };
        Answer::Reach(ReachSeen { http: Some(Ok(http)), elapsed_ms: ms, ..ReachSeen::default() })
    }

    fn host(metadata: Result<MetadataSeen, Unavailable>) -> Observations {
        let note = Question::File("/etc/ilogtail/checkpoint/instance_identity".into());
        [(Question::Metadata, Answer::Metadata(metadata)), (note, Answer::File(Err(Unavailable::Absent)))]
            .into_iter()
            .collect()
    }

    fn told(network: NetworkType) -> Context {
        Context { region: Some("cn-hangzhou".into()), network: Some(network), ..Context::default() }
    }

    fn keep(see: &mut Observations, host: &str, tls: bool, answer: Answer) {
        see.keep(Question::Reach(Target::root(host, tls)), answer);
    }

    #[test]
    fn all_questions_are_asked_at_once_also_before_the_metadata_answers() {
        let see = Observations::default();
        assert_eq!(alternatives(&see, None, &told(NetworkType::Intranet)), Err(Unanswered));
        let open = see.take_open();
        for tls in [false, true] {
            let target = Target::root("logtail.cn-hangzhou.log.aliyuncs.com", tls);
            assert!(open.contains(&Question::Reach(target)));
        }
        assert!(open.contains(&Question::Metadata));
        assert_eq!(open.iter().filter(|question| matches!(question, Question::Reach(_))).count(), 2);
    }

    #[test]
    fn the_other_network_type_is_proposed_only_when_both_schemes_answer() {
        let name = "logtail.cn-hangzhou.log.aliyuncs.com";
        for (https, expected) in [(answered(9), vec![12]), (Answer::Reach(ReachSeen::default()), vec![])] {
            let mut see = host(Err(Unavailable::TimedOut));
            keep(&mut see, name, false, answered(12));
            keep(&mut see, name, true, https);
            let found = alternatives(&see, None, &told(NetworkType::Intranet)).unwrap();
            assert_eq!(found.iter().map(|ranked| ranked.ms).collect::<Vec<_>>(), expected);
            assert!(found.iter().all(|ranked| ranked.network == NetworkType::Internet));
        }
    }

    #[test]
    fn without_a_told_region_that_of_the_instance_is_tried_too() {
        let metadata = MetadataSeen { instance_id: "i".into(), region: "cn-beijing".into(), ..Default::default() };
        let see = host(Ok(metadata));
        assert_eq!(tried(&see, None, &Context::default()), Err(Unanswered));
        assert_eq!(see.take_open().len(), 4);
        assert_eq!(tried(&see, None, &told(NetworkType::Internet)), Err(Unanswered));
        assert_eq!(see.take_open().len(), 2, "the told region alone");
    }

    #[test]
    fn acceleration_needs_a_project() {
        let see = host(Err(Unavailable::TimedOut));
        let told = Context { project: Some("web".into()), ..told(NetworkType::Internet) };
        assert_eq!(tried(&see, None, &told), Err(Unanswered));
        let accelerated = Target::root("web.log-global.aliyuncs.com", false);
        assert!(see.take_open().contains(&Question::Reach(accelerated)));
    }
}
