//! What RAM refused, and the RAM policy to ask an administrator for, as JSON text ready to paste.

use serde_json::{Value, json};

/// What RAM refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// `log:UpdateMachineGroup`.
    pub action: String,
    /// The ARN, or empty where the message names none.
    pub resource: String,
    /// AliUid of the project's owner: the fourth field of the ARN, where it is a number.
    pub owner: Option<String>,
}

/// Exactly what was refused.
pub fn for_denial(denial: &Denial) -> String {
    // This action cannot be granted on less than everything (API reference of UpdateMachineGroupMachine).
    let resource = if denial.action == "log:UpdateMachineGroupMachine" { "*" } else { denial.resource.as_str() };
    let resource = if resource.is_empty() { "*" } else { resource };
    pretty(&json!({"Version": "1", "Statement": [
        {"Effect": "Allow", "Action": [denial.action], "Resource": [resource]},
    ]}))
}

fn pretty(policy: &Value) -> String {
    format!("{policy:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_asks_for_exactly_what_was_refused() {
        let resource = "acs:log:cn-hangzhou:1654218965343050:project/p/machinegroup/g".to_string();
        let mut denial = Denial { action: "log:UpdateMachineGroup".into(), resource, owner: None };
        let policy: Value = serde_json::from_str(&for_denial(&denial)).unwrap();
        assert_eq!(policy["Version"], "1");
        assert_eq!(policy["Statement"][0]["Action"][0], "log:UpdateMachineGroup");
        assert_eq!(policy["Statement"][0]["Resource"][0], denial.resource.as_str());
        denial.action = "log:UpdateMachineGroupMachine".into();
        let policy: Value = serde_json::from_str(&for_denial(&denial)).unwrap();
        assert_eq!(policy["Statement"][0]["Resource"][0], "*");
    }
}
