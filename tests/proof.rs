//! A cure is proven, a cause is the root: hosts on which a start, or a remedy, looked like a cure and was none.
//! Needs a laboratory; says SKIPPED and why where none can be made.
#![cfg(target_os = "linux")]

use lab::{Behaviour, Death, Fault, Lab, Output};
use serde_json::Value;

const TOLD: [&str; 7] = [
    "--region=cn-hangzhou",
    "--identity=ip",
    "--group-ip=10.1.1.5",
    "--same-account=no",
    "--no-cloud",
    "--timeout=2",
    "--network=intranet",
];

fn check(lab: &Lab) -> Value {
    let words = [&["check", "--format", "json"][..], &TOLD].concat();
    let output = lab.run(&words);
    serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {output:?}"))
}

fn fix(lab: &Lab, words: &[&str]) -> Output {
    lab.run(&[&["fix"][..], words, &["--yes"], &TOLD[..6]].concat())
}

fn causes(report: &Value) -> Vec<&str> {
    let steps = report["steps"].as_array().into_iter().flatten();
    steps
        .flat_map(|step| step["causes"].as_array().into_iter().flatten())
        .filter_map(|cause| cause["id"].as_str())
        .collect()
}

fn verdict<'a>(report: &'a Value, step: &str) -> &'a str {
    let mut steps = report["steps"].as_array().into_iter().flatten();
    steps.find(|known| known["id"] == step).and_then(|step| step["verdict"].as_str()).unwrap_or("")
}

#[test]
fn an_agent_whose_worker_dies_after_every_start_is_not_cured_by_a_start() {
    for before_a_word in [false, true] {
        let Some(lab) = Lab::new().young().build_or_skip() else { return };
        let dies = Some(Death { after_ms: 500, exit_code: 3, before_a_word, daemon_waits_ms: 10_000 });
        lab.behave(&Behaviour { dies, ..Behaviour::default() });
        let fixed = fix(&lab, &["restart-agent"]);
        assert_ne!(fixed.code, 0, "{fixed:?}");
        assert!(!fixed.stdout.contains("cured"), "{fixed:?}");
        let report = check(&lab);
        assert!(causes(&report).contains(&"restart-loop"), "{:#}", report["steps"][1]);
        assert_eq!(report["root_cause"], "restart-loop", "{:#}", report["steps"]);
        assert_eq!(report["stopped_at"], "running");
    }
}

#[test]
fn a_worker_that_stays_is_proven_after_fifteen_seconds_and_not_before() {
    let Some(lab) = Lab::new().young().build_or_skip() else { return };
    let begun = std::time::Instant::now();
    let fixed = fix(&lab, &["restart-agent"]);
    assert_eq!(fixed.code, 0, "{fixed:?}");
    assert!(fixed.stdout.contains("cured"), "{fixed:?}");
    assert!(begun.elapsed().as_secs() >= 15, "{:?}", begun.elapsed());
}

#[test]
fn a_record_from_before_on_a_read_only_file_system_neither_accuses_nor_proves() {
    let Some(lab) = Lab::new().young().build_or_skip() else { return };
    let dir = "/usr/local/ilogtail";
    lab.sh("/etc/init.d/ilogtaild stop");
    let old = lab.read(&format!("{dir}/app_info.json")).replace("10.1.1.5", "10.9.9.9");
    lab.write(&format!("{dir}/app_info.json"), old);
    lab.sh(&format!(
        "touch -d '1 day ago' {dir}/app_info.json; mount --bind {dir} {dir} && mount -o remount,bind,ro {dir}"
    ));
    lab.sh("/etc/init.d/ilogtaild start");
    let fixed = fix(&lab, &["restart-agent"]);
    assert_eq!(fixed.code, 1, "{fixed:?}");
    assert!(fixed.stderr.contains("not proven yet") || fixed.stderr.contains("still does not hold"), "{fixed:?}");
    let report = check(&lab);
    for wrong in ["ip-not-local", "ip-stale", "ip-not-in-group"] {
        assert!(!causes(&report).contains(&wrong), "{wrong}: {:#}", report["steps"]);
    }
    assert_eq!(verdict(&report, "address"), "unknown", "{:#}", report["steps"][5]);
    assert_eq!(verdict(&report, "group"), "unknown", "{:#}", report["steps"][6]);
}

#[test]
fn a_remedy_is_proven_on_the_step_that_offered_it() {
    let Some(lab) = Lab::new().service(Fault::Drop("*".into(), None)).build_or_skip() else { return };
    let fixed = fix(&lab, &["set-endpoint", "--set", "network=internet"]);
    assert_eq!(fixed.code, 1, "{fixed:?}");
    assert!(fixed.stderr.contains("step 4 (Network) still does not hold"), "{fixed:?}");
}

#[test]
fn an_agent_that_never_started_has_one_cause() {
    let Some(lab) = Lab::new().stopped().build_or_skip() else { return };
    lab.sh("rm -f /usr/local/ilogtail/app_info.json");
    let report = check(&lab);
    let failing: Vec<&str> = causes(&report).into_iter().filter(|id| !id.starts_with("aliuid")).collect();
    assert_eq!(failing, ["agent-stopped"], "{:#}", report["steps"]);
    assert_eq!(report["root_cause"], "agent-stopped");
    assert_eq!((verdict(&report, "address"), verdict(&report, "group")), ("unknown", "unknown"));
}

#[test]
fn the_installers_parameter_is_told_for_what_it_is() {
    let Some(lab) = Lab::new().build_or_skip() else { return };
    let output = lab.run(&["check", "--no-cloud", "--region", "cn_hangzhou_vpc", "--format", "json"]);
    let report: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(report["context"]["region"], "cn-hangzhou");
    assert!(output.stderr.contains("parameter of the agent's installer"), "{output:?}");
    assert!(!causes(&report).contains(&"region-mismatch"), "{report:#}");
}
