//! The instance identity document of the ECS metadata service, read from bytes: the one parser for all who fetch it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the document `latest/dynamic/instance-identity/document` says. A field that it lacks is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MetadataSeen {
    /// `i-…`
    pub instance_id: String,
    pub region: String,
    pub zone: String,
    /// AliUid of the main account that owns the instance.
    pub owner_account_id: String,
    /// The address of the primary network interface.
    pub private_ipv4: String,
}

impl MetadataSeen {
    /// Reads the document; None when it is no JSON object or names neither instance nor region.
    pub fn parse(document: &[u8]) -> Option<MetadataSeen> {
        let value: Value = serde_json::from_slice(document).ok()?;
        let text = |name: &str| {
            let text = value.get(name).and_then(Value::as_str).unwrap_or_default().trim();
            text.chars().take(128).collect::<String>()
        };
        let seen = MetadataSeen {
            instance_id: text("instance-id"),
            region: text("region-id"),
            zone: text("zone-id"),
            owner_account_id: text("owner-account-id"),
            private_ipv4: text("private-ipv4"),
        };
        (!seen.instance_id.is_empty() && !seen.region.is_empty()).then_some(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_document_needs_instance_and_region() {
        for bad in ["", "<html>", "[]", "{}", r#"{"instance-id":"i"}"#, r#"{"region-id":7,"instance-id":"i"}"#] {
            assert_eq!(MetadataSeen::parse(bad.as_bytes()), None, "{bad}");
        }
        let whole = br#"{"zone-id":"cn-hangzhou-h","instance-id":"i-bp1","region-id":"cn-hangzhou",
            "private-ipv4":"10.0.0.1","owner-account-id":"1654218965343050"}"#;
        let seen = MetadataSeen::parse(whole).unwrap();
        assert_eq!((seen.region.as_str(), seen.zone.as_str()), ("cn-hangzhou", "cn-hangzhou-h"));
        assert_eq!((seen.owner_account_id.as_str(), seen.private_ipv4.as_str()), ("1654218965343050", "10.0.0.1"));
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            MetadataSeen::parse(&bytes);
        }
    }
}
