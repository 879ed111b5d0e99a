//! Edits of a machine group whose way is bad: answers that are lost, a service that fails, and somebody else who edits
//! the same group. Nothing is written twice blindly, nothing of somebody else is lost, and what was done is told.

use super::{SOON, requests, timeless, told};
use lab::cloud::Fault;
use lab::{Lab, Output};
use serde_json::json;

const OLD: &str = "10.1.1.77";

/// A host whose group lists another address in its place.
fn host() -> Option<Lab> {
    Lab::new().cloud_key().group_ips(&["10.1.1.6", OLD]).build_or_skip()
}

fn replace(lab: &Lab) -> Output {
    told(lab, &["fix", "replace-ip-in-group", "--set", "ip=10.1.1.5", "--set", &format!("old-ip={OLD}"), "--yes"])
}

fn journal(lab: &Lab) -> String {
    lab.sh("cat /var/lib/logtail-doctor/journal.jsonl").stdout
}

#[test]
fn an_answer_lost_after_the_write_was_carried_out_is_no_failure_and_nothing_is_repeated() {
    let Some(lab) = host() else { return };
    let original = lab.group();
    lab.edit_cloud(|state| state.put_faults = [Fault::LoseAnswer].into());
    let output = replace(&lab);
    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(lab.group()["machineList"], json!(["10.1.1.6", "10.1.1.5"]));
    assert_eq!(requests(&lab, "PUT"), 1, "{:?}", lab.requests());
    assert!(journal(&lab).contains(r#""result":"applied""#), "{}", journal(&lab));
    let undo = lab.run(&["undo", "--yes"]);
    assert_eq!(undo.code, 0, "{undo:?}");
    assert_eq!(timeless(lab.group()), timeless(original));
}

#[test]
fn an_answer_that_never_comes_is_settled_by_reading_back() {
    let Some(lab) = host() else { return };
    let original = lab.group();
    for fault in [Fault::Silence, Fault::LoseRequest] {
        lab.edit_cloud(|state| state.put_faults = [fault].into());
        let puts = requests(&lab, "PUT");
        let output = replace(&lab);
        assert_eq!(output.code, 4, "{output:?}");
        assert_eq!(lab.group(), original, "{output:?}");
        assert_eq!(requests(&lab, "PUT"), puts + 1, "{:?}", lab.requests());
    }
    assert!(!journal(&lab).contains(r#""result":"applied""#), "{}", journal(&lab));
}

#[test]
fn a_write_whose_outcome_cannot_be_learned_is_told_as_such_and_can_be_taken_back_later() {
    let Some(lab) = host() else { return };
    let original = lab.group();
    // After the write nothing is answered any more.
    lab.edit_cloud(|state| {
        state.put_faults = [Fault::LoseAnswer].into();
        state.after_a_put = Some(Fault::LoseRequest);
    });
    let output = replace(&lab);
    assert_ne!(output.code, 0, "{output:?}");
    let said = format!("{}{}", output.stdout, output.stderr);
    assert!(said.contains("It is not known whether the group was written"), "{said}");
    assert_eq!(requests(&lab, "PUT"), 1, "{:?}", lab.requests());
    assert_eq!(lab.group()["machineList"], json!(["10.1.1.6", "10.1.1.5"]), "in truth it was");
    assert!(journal(&lab).contains(r#""result":"left-over""#), "{}", journal(&lab));
    lab.edit_cloud(|state| state.always = None);
    let undo = lab.run(&["undo", "--yes"]);
    assert_eq!(timeless(lab.group()), timeless(original), "{undo:?}");
}

#[test]
fn a_service_that_fails_at_the_write_is_tried_a_few_times() {
    let Some(lab) = host() else { return };
    let original = lab.group();
    lab.edit_cloud(|state| state.put_faults = [Fault::answer(500, "")].into());
    let output = replace(&lab);
    assert_eq!((output.code, requests(&lab, "PUT")), (0, 2), "{output:?}");
    assert_eq!(lab.run(&["undo", "--yes"]).code, 0);
    let puts = requests(&lab, "PUT");
    lab.edit_cloud(|state| state.put_faults = std::iter::repeat_n(Fault::answer(500, ""), 9).collect());
    let output = replace(&lab);
    assert_eq!((output.code, requests(&lab, "PUT")), (4, puts + 4), "{output:?}");
    assert_eq!(timeless(lab.group()), timeless(original));
}

#[test]
fn an_edit_by_somebody_else_in_the_last_moment_is_noticed_and_kept() {
    // The plan reads project, group and configurations; the carrying out reads the group, and once more before it writes.
    for reads_before in [3, 4] {
        let Some(lab) = host() else { return };
        let somebody = [vec![Fault::None; reads_before], vec![Fault::Meanwhile("10.9.9.9".into())]].concat();
        lab.edit_cloud(|state| state.faults = somebody.into());
        let output = replace(&lab);
        assert_ne!(output.code, 0, "{output:?}");
        let said = format!("{}{}", output.stdout, output.stderr);
        assert!(said.contains("changed"), "{said}");
        assert_eq!(lab.group()["machineList"], json!(["10.1.1.6", OLD, "10.9.9.9"]), "{said}");
        assert_eq!(requests(&lab, "PUT"), 0, "{:?}", lab.requests());
        let again = replace(&lab);
        assert_eq!(again.code, 0, "{again:?}");
        assert_eq!(lab.group()["machineList"], json!(["10.1.1.6", "10.1.1.5", "10.9.9.9"]));
    }
}

#[test]
fn an_undo_does_not_run_over_somebody_else_s_edit() {
    let Some(lab) = host() else { return };
    assert_eq!(replace(&lab).code, 0);
    lab.edit_group(|group| group.members.push("10.9.9.9".into()));
    let undo = lab.run(&["undo", "--yes"]);
    assert_ne!(undo.code, 0, "{undo:?}");
    assert!(format!("{}{}", undo.stdout, undo.stderr).contains("changed since"), "{undo:?}");
    assert_eq!(lab.group()["machineList"], json!(["10.1.1.6", "10.1.1.5", "10.9.9.9"]));
    assert!(lab.heartbeat_ok(SOON), "{:?}", lab.heartbeats());
}
