//! Configurations as installers and operators write them.

use super::*;

const OLD: &str = r#"{"config_server_address":"http://logtail.cn-hangzhou-intranet.log.aliyuncs.com",
 "data_server_list":[{"cluster":"cn-hangzhou","endpoint":"cn-hangzhou-intranet.log.aliyuncs.com"}],
 "cpu_usage_limit":0.4,"mem_usage_limit":384,"max_bytes_per_sec":20971520}"#;
const NEW: &str = r#"{"primary_region":"cn-beijing",
 "config_servers":["http://logtail.cn-beijing.log.aliyuncs.com"],
 "data_servers":[{"region":"cn-beijing","endpoint_list":["cn-beijing.log.aliyuncs.com"]}]}"#;

fn config(text: &str) -> Config {
    read(text.as_bytes(), &[], &[], None).unwrap()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

#[test]
fn both_shapes_are_read() {
    let (v1, v3) = (Version::new(1, 8, 8), Version::new(3, 1, 4));
    let old = config(OLD);
    assert_eq!(old.shape(), Shape::Old);
    assert_eq!(old.region(Some(&v1)).as_deref(), Some("cn-hangzhou"));
    assert_eq!(old.data_endpoints(Some(&v3))[0].endpoint, "cn-hangzhou-intranet.log.aliyuncs.com");
    assert_eq!((old.keys_wrong_for(&v1), old.keys_wrong_for(&v3)), (None, None));
    let new = config(NEW);
    assert_eq!(new.shape(), Shape::New);
    assert_eq!(new.primary_region.as_ref().unwrap().value, "cn-beijing");
    assert_eq!(new.config_addresses(Some(&v3)), ["http://logtail.cn-beijing.log.aliyuncs.com"]);
    assert!(new.config_addresses(Some(&v1)).is_empty());
    assert!(new.keys_wrong_for(&v1).is_some() && new.keys_wrong_for(&v3).is_none());
    assert_eq!(config("{}").shape(), Shape::Neither);
}

#[test]
fn overlays_replace_top_level_keys_in_the_order_of_their_names() {
    let overlays: [Overlay<'_>; 4] = [
        ("20.json", br#"{"working_ip":"8.8.8.8"}"#),
        ("10.json", br#"{"working_ip":"7.7.7.7","data_server_list":[]}"#),
        ("30.json", b"{'bad'}"),
        ("40.json.bak", br#"{"working_ip":"9.9.9.9"}"#),
    ];
    let config = read(OLD.as_bytes(), &overlays, &[], None).unwrap();
    let working_ip = config.working_ip.clone().unwrap();
    assert_eq!((working_ip.value.as_str(), working_ip.source), ("8.8.8.8", Source::Overlay("20.json".into())));
    assert!(config.data_server_list.is_empty());
    assert_eq!(config.overlay_of("data_server_list"), Some("10.json"));
    assert!(matches!(config.oddities.as_slice(), [ConfigOddity::OverlayFault(name, _)] if name == "30.json"));
}

#[test]
fn a_wrong_type_is_ignored_and_reported() {
    let config =
        config(r#"{"working_ip": 12345, "data_server_list": "x", "config_servers": [1], "bind_interface": "Default"}"#);
    assert_eq!(config.working_ip, None);
    assert_eq!(config.bind_interface, None);
    let expected = ["config_servers", "data_server_list", "working_ip"].map(ConfigOddity::WrongType);
    assert_eq!(config.oddities, expected);
}

#[test]
fn json_wins_over_every_variable() {
    let environment = pairs(&[
        ("LOONG_WORKING_IP", "1.1.1.1"),
        ("ALIYUN_LOGTAIL_WORKING_IP", "2.2.2.2"),
        ("working_ip", "3.3.3.3"),
        ("ALIYUN_LOGTAIL_SYS_CONF_DIR", "/x"),
    ]);
    let told = |text: &str, environment: &[(String, String)], version: Version| {
        read(text.as_bytes(), &[], environment, Some(&version)).unwrap().working_ip.unwrap().value
    };
    assert_eq!(told(r#"{"working_ip":"4.4.4.4"}"#, &environment, Version::new(3, 1, 0)), "4.4.4.4");
    assert_eq!(told("{}", &environment, Version::new(3, 0, 5)), "1.1.1.1");
    assert_eq!(told("{}", &environment, Version::new(1, 8, 8)), "2.2.2.2");
    assert_eq!(told("{}", &environment[2..], Version::new(1, 8, 8)), "3.3.3.3");
    let config = read(b"{}", &[], &environment, None).unwrap();
    let dir = config.logtail_sys_conf_dir.unwrap();
    assert_eq!(dir.source, Source::Environment("ALIYUN_LOGTAIL_SYS_CONF_DIR".into()));
}

#[test]
fn what_is_no_object_is_a_fault() {
    assert_eq!(read(b"[]", &[], &[], None).unwrap_err().kind, FaultKind::NotAnObject);
    assert_eq!(read(b"", &[], &[], None).unwrap_err().kind, FaultKind::Empty);
}

#[test]
fn an_internet_config_with_a_wrong_label_follows_the_host() {
    let text = r#"{"data_server_list":[{"cluster":"ap-southeast-2","endpoint":"cn-hangzhou.log.aliyuncs.com"}]}"#;
    assert_eq!(config(text).region(None).as_deref(), Some("cn-hangzhou"));
}

#[test]
fn a_missing_file_is_made_up_from_the_install_parameter_in_its_path() {
    let hosts = |parameter: &str| {
        let path = format!("/etc/ilogtail/conf/{parameter}/ilogtail_config.json");
        let config = read(&generated(Path::new(&path)).unwrap(), &[], &[], None).unwrap();
        (config.config_addresses(None).remove(0), config.data_server_list[0].endpoint.clone())
    };
    let plain = "http://logtail.cn-wulanchabu.log.aliyuncs.com".to_string();
    assert_eq!(hosts("cn-wulanchabu_internet"), (plain.clone(), "cn-wulanchabu.log.aliyuncs.com".into()));
    assert_eq!(hosts("cn-wulanchabu-acceleration"), (plain, "log-global.aliyuncs.com".into()));
    assert_eq!(hosts("cn-hangzhou-inner").1, "cn-hangzhou-share.log.aliyuncs.com");
    assert_eq!(hosts("cn_hangzhou").0, "http://logtail.cn-hangzhou-intranet.log.aliyuncs.com");
    assert_eq!(generated(Path::new("/usr/local/ilogtail/ilogtail_config.json")), None);
    assert_eq!(generated(Path::new("ilogtail_config.json")), None);
}
