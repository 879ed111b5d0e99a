//! A machine group of 10,000 addresses: read, searched, edited, and taken back, edit after edit.

use super::{check, requests, step, timeless, told};
use lab::Lab;
use serde_json::json;

/// How many addresses the group has.
const MANY: usize = 10_000;

#[test]
fn edits_of_a_group_of_ten_thousand_addresses_are_taken_back_one_after_the_other() {
    let address = |n: usize| format!("172.{}.{}.{}", 16 + n / 60_000, n / 250 % 240, n % 250 + 1);
    let all: Vec<String> = (0..MANY).map(address).collect();
    let old = all[MANY / 2].clone();
    let members: Vec<&str> = all.iter().map(String::as_str).collect();
    let machine = |ip: &String| {
        json!({"ip": ip, "machine-uniqueid": format!("UUID-{ip}"), "userdefined-id": "", "lastHeartbeatTime": -20,
            "binary": "1.8.8"})
    };
    let machines = all.iter().map(machine).collect();
    let lab = Lab::new().cloud_key().group_ips(&members).cloud(|state| state.machines = machines);
    let Some(lab) = lab.build_or_skip() else { return };
    let original = lab.group();
    let answer = check(&lab, &[]);
    assert_eq!(step(&answer, "group")["causes"][0]["id"], "ip-not-in-group", "{:#}", step(&answer, "group"));
    assert_eq!(step(&answer, "heartbeat")["causes"][0]["id"], "heartbeat-absent");
    assert!(answer.to_string().len() < 100_000, "a long list is shown by its beginning");
    assert_eq!(requests(&lab, "GET /machinegroups/web/machines?"), MANY / 500, "page after page, each once");
    // The proofs further down need this host's heartbeat only.
    lab.edit_cloud(|state| state.machines.clear());

    let old = format!("old-ip={old}");
    let replace = ["fix", "replace-ip-in-group", "--set", "ip=10.1.1.5", "--set", &old, "--yes"];
    let replaced = told(&lab, &replace);
    assert_eq!(replaced.code, 0, "{replaced:?}");
    let once = lab.group();
    assert_eq!(once["machineList"][MANY / 2], "10.1.1.5");
    let added = told(&lab, &["fix", "add-ip-to-group", "--set", "ip=10.1.1.6", "--yes"]);
    assert_eq!(added.code, 0, "{added:?}");
    assert_eq!(lab.group()["machineList"].as_array().map(Vec::len), Some(MANY + 1));

    let size = lab.sh("wc -c < /var/lib/logtail-doctor/journal.jsonl").stdout;
    assert!(size.trim().parse::<usize>().is_ok_and(|size| size < 8192), "the journal keeps edits, not lists: {size}");
    for wanted in [once, original] {
        let undo = lab.run(&["undo", "--yes", "--project", "my-project", "--machine-group", "web"]);
        assert!(undo.code <= 1, "{undo:?}");
        assert_eq!(timeless(lab.group()), timeless(wanted), "{undo:?}");
    }
}
