//! A machine group and its machines as the service returned them. A group is kept whole: an update replaces it entirely,
//! so every key that this program does not know must go back as it came. Data only.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a machine group lists, in the service's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownIdentity {
    Ip,
    UserDefined,
}

impl KnownIdentity {
    pub const fn id(self) -> &'static str {
        match self {
            KnownIdentity::Ip => "ip",
            KnownIdentity::UserDefined => "userdefined",
        }
    }

    pub fn of_id(id: &str) -> Option<KnownIdentity> {
        [KnownIdentity::Ip, KnownIdentity::UserDefined].into_iter().find(|kind| kind.id() == id)
    }
}

/// A machine group. It serialises as exactly the service's JSON, for the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MachineGroup {
    raw: Map<String, Value>,
}

impl MachineGroup {
    pub fn of_raw(raw: Map<String, Value>) -> MachineGroup {
        MachineGroup { raw }
    }

    /// A new group, for CreateMachineGroup.
    pub fn new(name: &str, identity: KnownIdentity, list: &[String]) -> MachineGroup {
        let mut raw = Map::new();
        raw.insert("groupName".into(), name.into());
        raw.insert("groupType".into(), "".into());
        raw.insert("groupAttribute".into(), Map::new().into());
        raw.insert("machineIdentifyType".into(), identity.id().into());
        raw.insert("machineList".into(), list.to_vec().into());
        MachineGroup { raw }
    }

    /// All keys as the service returned them.
    pub fn raw(&self) -> &Map<String, Value> {
        &self.raw
    }

    pub fn name(&self) -> &str {
        text_of(self.raw.get("groupName"))
    }

    /// `machineIdentifyType` as it is written.
    pub fn identify_type(&self) -> &str {
        text_of(self.raw.get("machineIdentifyType"))
    }

    /// What the group lists; None for a type that is not documented.
    pub fn identity(&self) -> Option<KnownIdentity> {
        KnownIdentity::of_id(self.identify_type())
    }

    /// `machineList`: addresses or custom identifiers. None when the key is missing or is not a list of texts, so that
    /// a list that was not understood is never replaced.
    pub fn list(&self) -> Option<Vec<String>> {
        let list = self.raw.get("machineList")?.as_array()?;
        list.iter().map(|item| item.as_str().map(str::to_string)).collect()
    }

    /// The topic of the group, or empty.
    pub fn topic(&self) -> &str {
        text_of(self.raw.get("groupAttribute").and_then(|attribute| attribute.get("groupTopic")))
    }

    /// Seconds since 1970.
    pub fn last_modified(&self) -> Option<i64> {
        self.raw.get("lastModifyTime").and_then(Value::as_i64)
    }

    /// The same group with another list and nothing else changed.
    pub fn with_list(&self, list: &[String]) -> MachineGroup {
        let mut raw = self.raw.clone();
        raw.insert("machineList".into(), list.to_vec().into());
        MachineGroup { raw }
    }
}

/// A machine whose heartbeat the service knows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Machine {
    /// What the agent reports, as in `app_info.json`.
    pub ip: String,
    /// `machine-uniqueid`, the DMI UUID; may be empty.
    pub uuid: String,
    /// `userdefined-id`; empty for groups of addresses.
    pub custom_id: String,
    /// Seconds since 1970.
    pub last_heartbeat: Option<i64>,
    /// `binary`: the agent's version; may be empty.
    pub version: String,
    /// `host-id`; newer, may be empty.
    pub host_id: String,
}

impl Machine {
    /// Whether its agent is Logtail for Windows. The service does not tell the system, but the versions of Logtail for
    /// Windows have four numbers (1.0.0.0 in the document of step 1), those for Linux three.
    pub fn is_windows(&self) -> bool {
        let numbers: Vec<&str> = self.version.split('.').collect();
        numbers.len() == 4 && numbers.iter().all(|part| part.parse::<u32>().is_ok())
    }
}

/// A text, or empty.
fn text_of(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_and_their_order_survive() {
        let json = r#"{"zeta":{"x":[1,null]},"groupName":"g","machineIdentifyType":"ip","machineList":["10.0.0.1"],"lastModifyTime":7}"#;
        let group: MachineGroup = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&group).unwrap(), json);
        let changed = serde_json::to_string(&group.with_list(&["10.0.0.2".into()])).unwrap();
        assert_eq!(changed, json.replace("10.0.0.1", "10.0.0.2"));
        assert_eq!((group.name(), group.topic(), group.last_modified()), ("g", "", Some(7)));
    }

    #[test]
    fn a_list_that_is_not_understood_is_none() {
        for json in ["{}", r#"{"machineList":null}"#, r#"{"machineList":["a",1]}"#, r#"{"machineList":"a"}"#] {
            assert_eq!(serde_json::from_str::<MachineGroup>(json).unwrap().list(), None);
        }
    }
}
