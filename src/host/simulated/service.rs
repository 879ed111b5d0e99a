//! The service's side of a simulated world: the project, its machine group, and whether a heartbeat would be seen.
//!
//! [`World::heartbeat`] knows nothing of checks and remedies: it asks only whether everything that a heartbeat needs
//! agrees. So it proves that a cure is a cure.

use super::parts::{Cloud, Group, Memory};
use super::world::World;
use crate::core::observe::Target;
use serde_json::Value;

/// The service rejects requests whose time is off by more than this, in milliseconds.
const CLOCK_LIMIT_MS: i64 = 15 * 60 * 1000;

impl World {
    /// What is true at the service.
    pub fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    /// Whether the service sees this machine's heartbeat.
    ///
    /// # Errors
    /// The first agreement that does not hold.
    pub fn heartbeat(&self) -> Result<(), String> {
        let (daemon, worker) = self.pair();
        if daemon.is_none() || worker.is_none() {
            return Err("the agent does not run as a daemon and a worker".into());
        }
        let Some(memory) = &self.agent.memory else {
            return Err("the worker has read nothing".into());
        };
        if self.agent.community {
            return Err("the community edition sends no heartbeat to the service".into());
        }
        self.contact(memory)?;
        if self.time.offset_ms.abs() > CLOCK_LIMIT_MS {
            return Err(format!("the clock is off by {} s", self.time.offset_ms / 1000));
        }
        let is_own = self.cloud.ecs.as_ref().is_some_and(|ecs| ecs.account == self.cloud.owner);
        if !is_own && !memory.aliuids.contains(&self.cloud.owner) {
            return Err(format!("the AliUid {} is not among {:?}", self.cloud.owner, memory.aliuids));
        }
        if let Some(is_listed) = self.is_in_a_group(&memory.ip, |id| memory.custom_ids.contains(id.as_bytes())) {
            return if is_listed { Ok(()) } else { Err(format!("no machine group names the ip {:?}", memory.ip)) };
        }
        match &self.cloud.group {
            Group::Ips(ips) if ips.iter().any(|ip| ip.to_string() == memory.ip) => Ok(()),
            Group::Ips(ips) => Err(format!("the ip {:?} is not in the machine group {ips:?}", memory.ip)),
            Group::Custom(id) if memory.custom_ids.contains(id.as_bytes()) => Ok(()),
            Group::Custom(id) => {
                let known: Vec<_> = memory.custom_ids.iter().map(|id| String::from_utf8_lossy(id)).collect();
                Err(format!("the custom identifier {id:?} is not among {known:?}"))
            }
        }
    }

    /// Whether the configuration in force leads to the project's region, over a way that is open.
    fn contact(&self, memory: &Memory) -> Result<(), String> {
        let host = config_server(memory).ok_or("no config server in the configuration in force")?;
        let place = host.strip_prefix("logtail.").and_then(|rest| rest.strip_suffix(".log.aliyuncs.com"));
        let place = place.ok_or_else(|| format!("{host} is no config server of the service"))?;
        let inner = ["-intranet", "-internal", "-share"].iter().find_map(|end| place.strip_suffix(end));
        let region = inner.unwrap_or(place);
        if region != self.cloud.region {
            return Err(format!("the agent reports to {region}, the project is in {}", self.cloud.region));
        }
        if inner.is_some() && self.cloud.ecs.as_ref().is_none_or(|ecs| ecs.region != region) {
            return Err(format!("the private network of {region} cannot be reached from this machine"));
        }
        for tls in [false, true] {
            let target = Target { proxy: self.agent_proxy(tls), ..Target::root(host.clone(), tls) };
            let seen = self.reach(&target);
            let answered = seen.http.as_ref().and_then(|http| http.as_ref().ok());
            if answered.and_then(|http| http.header("x-log-requestid")).is_none() {
                return Err(format!("{} does not answer as the service: {seen:?}", target.place()));
            }
        }
        Ok(())
    }

    /// The proxy that the agent's own environment names; upper case wins.
    fn agent_proxy(&self, tls: bool) -> Option<String> {
        let names = if tls { ["HTTPS_PROXY", "https_proxy"] } else { ["HTTP_PROXY", "http_proxy"] };
        let all = names.into_iter().chain(["ALL_PROXY", "all_proxy"]);
        let of = |name: &str| self.agent.environment.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        all.filter_map(of).find(|value| !value.is_empty()).cloned()
    }
}

/// The host of the first config server, from the old keys or the new ones.
fn config_server(memory: &Memory) -> Option<String> {
    let old = memory.config.get("config_server_address").and_then(Value::as_str);
    let list = ["config_servers", "config_server_address_list"].iter().find_map(|key| memory.config.get(*key));
    let new = list.and_then(Value::as_array).and_then(|list| list.first()).and_then(Value::as_str);
    let address = old.or(new)?;
    let place = address.split_once("://").map_or(address, |(_, place)| place);
    Some(place.split(['/', ':']).next().unwrap_or_default().to_string())
}
