//! What the agent accepts and what it does not, mostly as executed with the real 1.8.8 binary.

use super::*;
use crate::core::text::Lang;
use proptest::prelude::*;
use serde_json::json;

fn kind(text: &str) -> Option<FaultKind> {
    read(text.as_bytes()).value.err().map(|fault| fault.kind)
}

#[test]
fn what_the_real_agent_refused_is_refused() {
    let real = "tests/data/real-agent";
    let read_file = |name: &str| read(&std::fs::read(format!("{real}/{name}/ilogtail_config.json")).unwrap());
    let refused = [("json_bom", FaultKind::Bom), ("json_truncated", FaultKind::Unbalanced)];
    for (name, kind) in refused {
        assert_eq!(read_file(name).value.unwrap_err().kind, kind, "{name}");
    }
    for name in ["base", "json_comment", "json_crlf", "overlay", "env_ip_vs_json"] {
        assert!(read_file(name).value.is_ok(), "{name}");
    }
    assert_eq!(read_file("json_comment").oddities, vec![Oddity::Comment]);
    assert_eq!(read_file("json_crlf").oddities, vec![]);
    assert_eq!(read_file("json_comment").value.unwrap()["working_ip"], "1.2.3.4");
}

#[test]
fn the_faults_have_names_and_places() {
    let cases = [
        ("", FaultKind::Empty),
        (" \n\t ", FaultKind::Blank),
        ("\r\n", FaultKind::Blank),
        ("\r\n{}", FaultKind::LeadingCr),
        ("\u{feff}{}", FaultKind::Bom),
        ("hello", FaultKind::NotJson),
        ("// c\n{}", FaultKind::NotJson),
        ("{\"a\":1", FaultKind::Unbalanced),
        ("{\"a\":1}}", FaultKind::Unbalanced),
        ("{\"a:1}", FaultKind::Unbalanced),
        ("{'a':1}", FaultKind::SingleQuotes),
        ("{\"a\":'b'}", FaultKind::SingleQuotes),
        ("{a:1}", FaultKind::UnquotedKey),
        ("{\"a\" 1}", FaultKind::NoColon),
        ("{\"a\":1 \"b\":2}", FaultKind::NoComma),
        ("{\"a\":}", FaultKind::NoValue),
        ("{\"a\":1.2.3}", FaultKind::BadNumber),
        ("{\"a\":\"\\x\"}", FaultKind::BadEscape),
        ("[1", FaultKind::EndsEarly),
    ];
    for (text, expected) in cases {
        assert_eq!(kind(text), Some(expected), "{text:?}");
    }
    let fault = read("{\n  \"中\": 1,\n,}".as_bytes()).value.unwrap_err();
    assert_eq!((fault.line, fault.column), (3, 1));
    let fault = read("{\"中\": 'x'}".as_bytes()).value.unwrap_err();
    assert_eq!((fault.line, fault.column), (1, 7));
    assert_eq!(read(&[0xff, 0xfe, b'{', 0]).value.unwrap_err().kind, FaultKind::Utf16);
}

#[test]
fn what_is_odd_is_accepted_and_noted() {
    let reading = read(b"{ /* c */ \"a\": 1, // d\n \"a\": 02, \"b\": \"x\ty\" } rest");
    assert_eq!(reading.value.unwrap(), json!({"a": 2, "b": "x\ty"}));
    assert_eq!(
        reading.oddities,
        vec![
            Oddity::Comment,
            Oddity::LooseNumber,
            Oddity::DuplicateKey("a".into()),
            Oddity::ControlInString,
            Oddity::TrailingText
        ]
    );
    let reading = read(b"{\"a\": [+1, 2,\n],\n \"b\": {\"c\": 3 , },\n}");
    assert_eq!(reading.value.unwrap(), json!({"a": [1, 2], "b": {"c": 3}}));
    assert_eq!(reading.oddities, vec![Oddity::LooseNumber, Oddity::TrailingComma(1)]);
    for refused in ["{,}", "{\"a\": [,]}", "{\"a\": [1,,]}", "{\"a\": 1,,}"] {
        assert!(read(refused.as_bytes()).value.is_err(), "{refused}");
    }
    let reading = read(b"{\"a\": \"\xff\"}");
    assert_eq!(reading.oddities, vec![Oddity::NotUtf8]);
    assert_eq!(read(br#"{"a":"\u4e2d\ud83d\ude00"}"#).value.unwrap(), json!({"a": "中😀"}));
}

#[test]
fn deep_nesting_is_refused_without_a_crash() {
    assert_eq!(kind(&"[".repeat(100_000)), Some(FaultKind::TooDeep));
    assert_eq!(kind(&format!("{{\"a\":{}}}", "[".repeat(100_000))), Some(FaultKind::TooDeep));
}

#[test]
fn the_outcome_depends_on_version_and_fault() {
    let bom = read("\u{feff}{}".as_bytes()).value.unwrap_err();
    let quotes = read(b"{'a':1}").value.unwrap_err();
    let (v1, v2) = (Version::new(1, 8, 8), Version::new(2, 0, 7));
    let says = |fault, version| agent_outcome(fault, version).get(Lang::En).to_string();
    assert!(says(&bom, Some(&v1)).contains("code 4"));
    assert!(says(&quotes, Some(&v1)).contains("ends at once"));
    assert!(says(&bom, Some(&v2)).contains("empty configuration"));
    assert!(says(&bom, None).contains("code 4") && says(&bom, None).contains("2.0"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map(".*", inner, 0..5).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn strict_json_reads_the_same_as_with_serde(value in prop::collection::hash_map("[a-z]*", any_json(), 0..4)) {
        let value = Value::Object(value.into_iter().collect());
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        let reading = read(pretty.as_bytes());
        prop_assert_eq!(reading.value.unwrap(), value);
    }

    #[test]
    fn any_bytes_end_in_a_reading(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read(&bytes);
    }

    #[test]
    fn any_near_json_ends_in_a_reading(text in r#"\{["\{\}\[\],:'/*\\u0-9a-z \n]{0,60}\}?"#) {
        read(text.as_bytes());
    }
}
