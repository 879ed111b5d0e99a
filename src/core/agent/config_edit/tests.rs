//! Edits change what they say and no other byte.

use super::*;
use crate::core::agent::config::read;
use proptest::prelude::*;

fn text(bytes: Result<Vec<u8>, JsonFault>) -> String {
    String::from_utf8(bytes.unwrap()).unwrap()
}

#[test]
fn a_value_changes_in_place_and_a_new_key_follows_the_style() {
    let cases = [
        ("{\"working_ip\" : \"1.1.1.1\"} // end\r\n", "{\"working_ip\" : \"9.9.9.9\"} // end\r\n"),
        ("{\"working_ip\": 5, \"a\":1}", "{\"working_ip\": \"9.9.9.9\", \"a\":1}"),
        ("{\n\t\"a\" : 1,\n\t\"b\" : 2\n}\n", "{\n\t\"a\" : 1,\n\t\"b\" : 2,\n\t\"working_ip\" : \"9.9.9.9\"\n}\n"),
        ("{\r\n  \"a\": [1]\r\n}", "{\r\n  \"a\": [1],\r\n  \"working_ip\": \"9.9.9.9\"\r\n}"),
        ("{\"a\":1}", "{\"a\":1, \"working_ip\":\"9.9.9.9\"}"),
        ("{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":2,\"working_ip\":\"9.9.9.9\"}"),
        ("{\n  /* c */ \"a\": 1 // d\n}", "{\n  /* c */ \"a\": 1, \"working_ip\": \"9.9.9.9\" // d\n}"),
        ("{\"a\":1,\"b\":2 ,\n}", "{\"a\":1,\"b\":2 ,\"working_ip\":\"9.9.9.9\"\n}"),
        ("{}", "{\"working_ip\": \"9.9.9.9\"}"),
        ("{\n}", "{\n\t\"working_ip\": \"9.9.9.9\"\n}"),
        ("{\"working_ip\":\"1\",\"working_ip\":\"2\"}", "{\"working_ip\":\"1\",\"working_ip\":\"9.9.9.9\"}"),
    ];
    for (before, after) in cases {
        assert_eq!(text(set_string(before.as_bytes(), "working_ip", "9.9.9.9")), after);
        assert_eq!(text(set_string(after.as_bytes(), "working_ip", "9.9.9.9")), after, "twice is once");
    }
    assert_eq!(set_string(b"{'a'}", "k", "v").unwrap_err().kind, FaultKind::SingleQuotes);
    assert_eq!(set_string(b"", "k", "v").unwrap_err().kind, FaultKind::Empty);
    assert_eq!(set_string(b"[]", "k", "v").unwrap_err().kind, FaultKind::NotAnObject);
    assert_eq!(text(set_bool(b"{\"a\": false}", "a", true)), "{\"a\": true}");
}

#[test]
fn endpoints_change_in_the_shape_that_is_there() {
    let old = r#"{"config_server_address":"http://logtail.cn-hangzhou-intranet.log.aliyuncs.com",
 "data_server_list":[{"cluster":"cn-hangzhou","endpoint":"cn-hangzhou-intranet.log.aliyuncs.com"}],
 "cpu_usage_limit":0.4}"#;
    let v1 = Version::new(1, 8, 8);
    let changed = text(set_endpoints(old.as_bytes(), Some(&v1), "cn-hangzhou", NetworkType::Internet));
    assert_eq!(changed, old.replace("-intranet", ""));
    let changed = text(set_endpoints(old.as_bytes(), Some(&v1), "cn-beijing", NetworkType::Intranet));
    assert_eq!(changed, old.replace("cn-hangzhou", "cn-beijing"));
    let changed = text(set_endpoints(old.as_bytes(), Some(&v1), "cn-hangzhou", NetworkType::Acceleration));
    assert!(changed.contains(r#""endpoint":"log-global.aliyuncs.com""#));

    let new = r#"{"primary_region":"cn-beijing",
 "config_servers":["https://logtail.cn-beijing.log.aliyuncs.com"],
 "data_servers":[{"region":"cn-beijing","endpoint_list":["cn-beijing.log.aliyuncs.com"]}]}"#;
    let v3 = Version::new(3, 1, 4);
    let changed = text(set_endpoints(new.as_bytes(), Some(&v3), "cn-shanghai", NetworkType::Internet));
    assert_eq!(changed, new.replace("cn-beijing", "cn-shanghai"));
    let same = text(set_endpoints(new.as_bytes(), Some(&v3), "cn-beijing", NetworkType::Internet));
    assert_eq!(same, new);
}

#[test]
fn an_old_agent_with_new_names_gets_the_names_it_reads() {
    let new = br#"{"config_servers":["http://logtail.cn-beijing.log.aliyuncs.com"], "x": 1}"#;
    let v1 = Version::new(1, 8, 8);
    let changed = set_endpoints(new, Some(&v1), "cn-beijing", NetworkType::Internet).unwrap();
    let config = read(&changed, &[], &[], Some(&v1)).unwrap();
    assert_eq!(config.keys_wrong_for(&v1), None);
    assert_eq!(config.region(Some(&v1)).as_deref(), Some("cn-beijing"));
    let empty = set_endpoints(b"{}", Some(&Version::new(3, 0, 0)), "cn-beijing", NetworkType::Intranet).unwrap();
    let config = read(&empty, &[], &[], None).unwrap();
    assert_eq!(config.shape(), Shape::New);
    assert_eq!(config.primary_region.unwrap().value, "cn-beijing");
}

#[test]
fn endpoints_of_other_regions_stay() {
    let many = r#"{"data_server_list": [
        {"cluster": "cn-shanghai", "endpoint": "cn-shanghai.log.aliyuncs.com"},
        {"cluster": "cn-beijing", "endpoint": "cn-beijing.log.aliyuncs.com"}
    ], "config_server_address": "http://logtail.cn-beijing.log.aliyuncs.com"}"#;
    let changed = text(set_endpoints(many.as_bytes(), None, "cn-beijing", NetworkType::Intranet));
    assert_eq!(changed, many.replace("cn-beijing.log", "cn-beijing-intranet.log"));
}

/// Objects in several styles: indentation, line ends, spaces around colons.
fn styled() -> impl Strategy<Value = String> {
    let pair = ("[a-z_]{1,6}", prop_oneof!["[a-z]{0,5}".prop_map(Value::from), any::<i32>().prop_map(Value::from)]);
    let gaps = prop::sample::select(vec!["", " ", "\n  ", "\r\n\t", " /* c */ ", "\n // } \"q\"\n"]);
    (prop::collection::vec(pair, 0..5), gaps, prop::sample::select(vec![":", " : ", ": "])).prop_map(
        |(pairs, gap, colon)| {
            let body: Vec<_> = pairs.iter().map(|(key, value)| format!("{gap}\"{key}\"{colon}{value}")).collect();
            format!("{{{}{gap}}}\n", body.join(","))
        },
    )
}

proptest! {
    #[test]
    fn an_edit_changes_its_key_alone(before in styled(), value in ".*") {
        prop_assume!(json::read(before.as_bytes()).value.is_ok());
        let after = set_string(before.as_bytes(), "working_ip", &value).unwrap();
        let (mut old, mut new) = (keys_of(before.as_bytes()).unwrap(), keys_of(&after).unwrap());
        prop_assert_eq!(new.get("working_ip"), Some(&Value::from(value.as_str())));
        prop_assert_eq!(set_string(&after, "working_ip", &value).unwrap(), after);
        old.remove("working_ip");
        new.remove("working_ip");
        prop_assert_eq!(old, new);
    }

    #[test]
    fn endpoints_read_back(before in styled(), index in 0usize..35, network in 0usize..3, is_old in any::<bool>()) {
        prop_assume!(json::read(before.as_bytes()).value.is_ok());
        let (region, network) = (&endpoint::regions()[index].id, NetworkType::ALL[network]);
        let version = if is_old { Version::new(1, 8, 8) } else { Version::new(3, 1, 4) };
        let after = set_endpoints(before.as_bytes(), Some(&version), region, network).unwrap();
        let config = read(&after, &[], &[], Some(&version)).unwrap();
        prop_assert_eq!(config.region(Some(&version)), Some(region.clone()));
        let kind = endpoint::kind_of(&config.data_endpoints(Some(&version))[0].endpoint);
        prop_assert_eq!(kind.network(), Some(network));
        let again = set_endpoints(&after, Some(&version), region, network).unwrap();
        prop_assert_eq!(again, after);
    }
}
