//! The JSON with a temporary key that the ECS metadata and a credentials URI answer.

use super::{Credentials, Source};
use crate::core::text::Text;
use serde_json::Value;

/// Reads the answer: `Code` must be `Success` where it is given, and all three parts must be there.
///
/// # Errors
/// Why it is no key. It never quotes the answer.
pub fn read_role_answer(bytes: &[u8], source: Source) -> Result<Credentials, Text> {
    let answer: Value =
        serde_json::from_slice(bytes).map_err(|_| Text::fixed("the answer is not JSON", "应答不是 JSON"))?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str);
    if text("Code").is_some_and(|code| code != "Success") {
        return Err(Text::fixed("the answer does not say Success", "应答的 Code 不是 Success"));
    }
    let parts = text("AccessKeyId").zip(text("AccessKeySecret")).zip(text("SecurityToken"));
    let key = parts.and_then(|((id, secret), token)| Credentials::new(id, secret, Some(token), source));
    let mut key = key.ok_or(Text::fixed("the answer holds no complete key", "应答中没有完整的凭证"))?;
    key.expires =
        text("Expiration").and_then(|end| end.parse::<jiff::Timestamp>().ok()).map(jiff::Timestamp::as_second);
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complete_answer_is_a_key_with_its_end() {
        let answer = br#"{"Code":"Success","AccessKeyId":"STS.NTabcdefghijkl","AccessKeySecret":"s3cr3t",
            "SecurityToken":"t0k3n","LastUpdated":"2026-01-02T00:00:00Z","Expiration":"2026-01-02T03:04:05Z"}"#;
        let key = read_role_answer(answer, Source::EcsRole("r".into())).unwrap();
        assert_eq!(key.expires, Some(1_767_323_045));
        assert!(key.is_temporary());
    }

    #[test]
    fn anything_else_is_told_without_quoting_it() {
        for bad in [
            "<html>s3cr3t</html>",
            r#"{"Code":"Failed","AccessKeyId":"a","AccessKeySecret":"s3cr3t","SecurityToken":"t"}"#,
            r#"{"AccessKeyId":"a","AccessKeySecret":"s3cr3t"}"#,
            "[]",
            "",
        ] {
            let why = read_role_answer(bad.as_bytes(), Source::Uri).unwrap_err();
            assert!(!format!("{why:?}").contains("s3cr3t"));
        }
    }
}
