//! The whole loop by keys, as the operator walks it: the group lists another address, the wizard shows it, replaces it
//! after preview and consent, the heartbeat arrives, and everything is green; then the undo gives the group back.

use super::{LATER, SOON, TOLD, causes, check, requests, step, timeless, told};
use lab::{Lab, Pty, Sudo, cloud};
use serde_json::json;

const OLD: &str = "10.1.1.77";

/// The wizard with every verdict on the screen.
fn open(lab: &Lab) -> Pty {
    let mut pty = lab.terminal(&[&["logtail-doctor"], TOLD.as_slice()].concat(), 100, 40);
    pty.wait_for_verdicts(LATER);
    pty
}

/// Whether the flowchart shows this verdict of this step.
fn shows(screen: &str, step: &str, verdict: &str) -> bool {
    screen.lines().any(|line| line.split(verdict).next().is_some_and(|left| left != line && left.contains(step)))
}

/// Chooses to replace the address, as far as the preview.
fn preview(pty: &mut Pty) {
    pty.choose("Replace an IP in the machine group", SOON);
    pty.fill_in(&["10.1.1.5", OLD], SOON);
    pty.wait_for("[ Cancel ]", SOON);
}

#[test]
fn a_wrong_address_in_the_group_is_shown_replaced_proven_and_given_back() {
    let Some(lab) = Lab::new().cloud_key().group_ips(&["10.1.1.6", OLD, "10.1.1.7"]).build_or_skip() else { return };
    let original = lab.group();
    assert!(!lab.heartbeats().iter().any(|heartbeat| heartbeat.refused.is_none()), "the fault is real");
    let mut pty = open(&lab);
    let screen = pty.wait_for("7. Machine group", SOON);
    assert!(shows(&screen, "Machine group", "FAIL") && shows(&screen, "Heartbeat", "FAIL"), "{screen}");
    preview(&mut pty);
    let screen = pty.screen();
    for part in [format!("-    \"{OLD}\""), "+    \"10.1.1.5\"".into()] {
        assert!(screen.contains(&part), "{part}: {screen}");
    }
    assert_eq!(lab.group(), original, "a preview writes nothing");
    pty.press_second();
    pty.wait_for("Cured", LATER);
    pty.send("Enter");
    pty.wait_until("green steps", LATER, |screen| {
        shows(screen, "Machine group", "PASS") && shows(screen, "Heartbeat", "PASS")
    });
    pty.send("q");
    assert_eq!(pty.exit_code(SOON), 0);
    let edited = lab.group();
    assert_eq!(edited["machineList"], json!(["10.1.1.6", "10.1.1.5", "10.1.1.7"]));
    assert_eq!(
        (&edited["futureKey"], &edited["groupAttribute"]),
        (&original["futureKey"], &original["groupAttribute"])
    );
    assert_eq!(requests(&lab, "PUT"), 1, "{:?}", lab.requests());
    let answer = check(&lab, &[]);
    assert_eq!(answer["verdict"], "pass", "{answer:#}");
    assert_eq!(told(&lab, &["verify", "--wait", "5"]).code, 0);

    let undo = lab.run(&["undo", "--yes"]);
    assert!(undo.code <= 1, "{undo:?}");
    assert_eq!(timeless(lab.group()), timeless(original), "unknown fields included");
    assert_eq!(causes(&check(&lab, &[]), "group"), ["ip-not-in-group"]);
}

#[test]
fn an_edit_by_somebody_else_after_the_preview_is_shown_and_kept() {
    let Some(lab) = Lab::new().cloud_key().group_ips(&["10.1.1.6", OLD]).build_or_skip() else { return };
    let mut pty = open(&lab);
    preview(&mut pty);
    lab.edit_group(|group| group.members.push("10.9.9.9".into()));
    pty.press_second();
    pty.wait_for("changed since the preview", SOON);
    assert_eq!(requests(&lab, "PUT"), 0, "{:?}", lab.requests());
    pty.wait_for("[ Cancel ]", SOON);
    assert!(pty.screen().contains("10.9.9.9"), "the new preview shows it: {}", pty.screen());
    pty.press_second();
    pty.wait_for("Cured", LATER);
    assert_eq!(lab.group()["machineList"], json!(["10.1.1.6", "10.1.1.5", "10.9.9.9"]));
    pty.send("Enter");
    pty.send("q");
}

#[test]
fn the_heartbeat_of_the_service_follows_the_agent() {
    let Some(lab) = Lab::new().cloud_key().stopped().build_or_skip() else { return };
    assert_eq!(causes(&check(&lab, &[]), "heartbeat"), ["heartbeat-absent"]);
    assert_eq!(lab.sh("/etc/init.d/ilogtaild start").code, 0);
    assert!(lab.heartbeat_ok(SOON));
    let answer = check(&lab, &[]);
    assert_eq!(step(&answer, "heartbeat")["verdict"], "pass", "{answer:#}");
    lab.edit_group(|group| group.members = vec![OLD.into()]);
    assert_eq!(causes(&check(&lab, &[]), "heartbeat"), ["heartbeat-absent"], "it is not of the group any more");
}

#[test]
fn a_user_takes_the_own_edit_of_a_group_back_without_a_password() {
    let builder = Lab::new().cloud(|_| {}).group_ips(&["10.1.1.6", OLD]).user("ops", Sudo::Password);
    let Some(lab) = builder.build_or_skip() else { return };
    // Root's journal is there, and not for this user, who has one at home.
    lab.sh("chown ops /home/ops; install -d -m 700 /var/lib/logtail-doctor; : > /var/lib/logtail-doctor/journal.jsonl");
    let original = lab.group();
    let (id, secret) = cloud::KEY;
    let (id, secret) =
        (format!("ALIBABA_CLOUD_ACCESS_KEY_ID={id}"), format!("ALIBABA_CLOUD_ACCESS_KEY_SECRET={secret}"));
    let argv = [&["env", id.as_str(), secret.as_str(), "logtail-doctor"], TOLD.as_slice()].concat();
    let mut pty = lab.as_user("ops").terminal(&argv, 100, 40);
    // Of the buttons of the outcome, and by the key, each of which once asked for sudo's password.
    for undo in ["Right", "u"] {
        pty.wait_for("7. Machine group", LATER);
        preview(&mut pty);
        pty.press_second();
        pty.wait_for("Cured", LATER);
        assert_eq!(lab.group()["machineList"], json!(["10.1.1.6", "10.1.1.5"]));
        if undo == "u" {
            pty.send("Enter");
            pty.wait_gone("[ Continue ]", SOON);
        }
        pty.send(undo);
        if undo == "Right" {
            pty.send("Enter");
        }
        pty.confirm(SOON);
        pty.wait_for("Taken back", LATER);
        assert_eq!(timeless(lab.group()), timeless(original.clone()));
        pty.send("Enter");
        pty.wait_gone("[ Continue ]", SOON);
    }
    pty.send("q");
    assert_eq!(pty.exit_code(SOON), 0);
    let written = String::from_utf8_lossy(&pty.raw()).into_owned();
    assert!(!written.contains("password"), "{written}");
}
