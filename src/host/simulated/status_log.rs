//! What agents up to 2.x dump of themselves every minute: `snapshot/ilogtail_status.LOG` (agent.md, section 6.2).

use super::agent_config::styled;
use super::world::World;
use serde_json::{Map, Value};
use std::path::PathBuf;

/// Between two dumps, in milliseconds; the first comes that long after the start.
pub(super) const PERIOD_MS: i64 = 60_000;

impl World {
    /// Dumps when it is time. The moment of the last contact with the service moves on while the heartbeat arrives.
    pub(super) fn dump_status(&mut self) {
        let now = self.time.true_ms();
        let heard = self.heartbeat().is_ok();
        let (major, ..) = self.agent.flavour.version();
        let Some(memory) = &mut self.agent.memory else { return };
        if heard {
            memory.contact_ms = Some(now);
        }
        if major >= 3 || now - memory.dumped_ms < PERIOD_MS {
            return;
        }
        memory.dumped_ms = now;
        let text = self.status_text();
        let path = self.status_path();
        if self.files.node(&self.agent.install_dir).is_some() {
            self.put(&path, text);
        }
    }

    pub(super) fn status_path(&self) -> PathBuf {
        self.agent.install_dir.join("snapshot/ilogtail_status.LOG")
    }

    fn status_text(&self) -> String {
        let Some(memory) = &self.agent.memory else { return String::new() };
        let (major, minor, patch) = self.agent.flavour.version();
        let format = "%Y-%m-%d %H:%M:%S";
        let stamp = self.time.local(format);
        // The agent writes the epoch in local time when it never heard of the service.
        let contact = memory.contact_ms.map_or(0, |at| at + self.time.offset_ms);
        let contact = self.time.local_of(contact, format);
        let started = self.time.local_of(memory.started_ms + self.time.offset_ms, format);
        let ids: Vec<_> = memory.custom_ids.iter().map(|id| String::from_utf8_lossy(id).into_owned()).collect();
        let aliuids: String = memory.aliuids.iter().map(|id| format!("{id} ")).collect();
        let metrics: Map<String, Value> = [
            ("config_get_last_time", contact.clone()),
            ("config_update_last_time", contact),
            ("config_update_count", "1".into()),
            ("env_config", "false".into()),
            ("region", self.cloud.region.clone()),
            ("start_time", started),
        ]
        .into_iter()
        .map(|(key, value)| (key.into(), value.into()))
        .collect();
        let micros = self.time.host_ms().rem_euclid(1000) * 1000;
        format!(
            "[{stamp}.{micros:06}]\t[info]\t[21]\tcore/monitor/Monitor.cpp:450\t\t\n:\n####logtail status####\n\
             cpu:0.003333\nos_cpu:0.927924\nmem:25\nversion:{major}.{minor}.{patch}\n\
             uuid:A3412556-C126-4D38-8959-AC8BB628F00D\nuser_defined_id:{}\naliuids:{aliuids}\nprojects:{}\n\
             ip:{}\nhostname:{}\nos:Linux\nload:0.08 0.03 0.01 1/120 90\n\nmetric_json:{}\n\nstatus:ok\n\
             ecs_instance_id:\necs_user_id:\necs_regioon_id:\n####status     end####\n\n",
            ids.join(" "),
            self.cloud.project,
            memory.ip,
            self.hostname,
            styled(&metrics),
        )
    }
}
