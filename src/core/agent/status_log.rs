//! `snapshot/ilogtail_status.LOG`: what a running 1.x or 2.x agent says of itself every minute. The best local proof of
//! which address, accounts and custom identifiers it really uses, and of whether the config server ever answered.
//! Later agents write no such file. This file must not judge.

/// The last complete block.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Local time of the host when the block was written, `YYYY-MM-DD HH:MM:SS`.
    pub time: String,
    pub version: String,
    pub ip: String,
    pub hostname: String,
    /// As the agent prints them, separated by one space, nothing trimmed: a carriage return is still there.
    pub user_defined_ids: Vec<String>,
    pub aliuids: Vec<String>,
    pub region: Option<String>,
    /// Local time of the config server's last answer; None when it never answered since the start, which the agent
    /// prints as the year 1970 (or 1969, west of Greenwich).
    pub config_got: Option<String>,
    /// Local time of the worker's start.
    pub started: Option<String>,
}

impl Status {
    /// Whether the running agent holds this account's id.
    pub fn has_aliuid(&self, id: &str) -> bool {
        self.aliuids.iter().any(|known| known == id)
    }
}

const BEGIN: &str = "####logtail status####";
const END: &str = "####status     end####";

/// Reads the last complete block of the file, or of its end; None when there is none.
pub fn last_status(bytes: &[u8]) -> Option<Status> {
    let text = String::from_utf8_lossy(bytes);
    let (before, _) = text.rsplit_once(END)?;
    let (head, block) = before.rsplit_once(BEGIN)?;
    let field = |name: &str| {
        block.split('\n').find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default().to_string()
    };
    let list = |name: &str| field(name).split(' ').filter(|id| !id.is_empty()).map(str::to_string).collect();
    let metric = |name: &str| {
        let line = block.split('\n').find_map(|line| line.trim().strip_prefix(&format!("\"{name}\" : \"")))?;
        line.split('"').next().map(str::to_string)
    };
    let is_real = |time: &String| !time.starts_with("1970") && !time.starts_with("1969") && !time.is_empty();
    let time = super::log::entries(head).last().map(|entry| entry.time.to_string()).unwrap_or_default();
    Some(Status {
        time,
        version: field("version"),
        ip: field("ip"),
        hostname: field("hostname"),
        user_defined_ids: list("user_defined_id"),
        aliuids: list("aliuids"),
        region: metric("region").filter(|region| region != "__default_region__"),
        config_got: metric("config_get_last_time").filter(is_real),
        started: metric("start_time").filter(is_real),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_real_file_is_read() {
        let real = std::fs::read("tests/data/real-agent/base/ilogtail_status.LOG").unwrap();
        let status = last_status(&real).unwrap();
        assert_eq!((status.ip.as_str(), status.version.as_str()), ("10.1.1.5", "1.8.8"));
        assert_eq!(status.aliuids, ["1654218965343050"]);
        assert_eq!(status.user_defined_ids, ["group-a\r", "group-b", "group-c"]);
        assert_eq!((status.config_got, status.region), (None, None));
        assert_eq!(status.started.as_deref(), Some("2026-11-22 07:21:55"));
        assert_eq!(status.time, "2026-11-22 07:22:55");
        let answered = String::from_utf8(real).unwrap().replace("1970-01-01 00:00:00", "2026-11-22 07:22:50");
        assert_eq!(last_status(answered.as_bytes()).unwrap().config_got.as_deref(), Some("2026-11-22 07:22:50"));
    }

    proptest! {
        #[test]
        fn any_text_ends_in_an_answer(text in ".{0,40}", more in ".{0,40}") {
            last_status(format!("{text}{BEGIN}{more}{END}").as_bytes());
            last_status(format!("{END}{BEGIN}{more}").as_bytes());
        }
    }
}
