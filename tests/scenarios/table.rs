//! What a scenario is, and the few things that many of them do to a host.

use lab::{Builder, Lab, OWNER, Service};
use logtail_doctor::core::finding::{CauseId, Severity};
use std::time::Duration;

/// What a host has wrong, and what must be reported of it.
pub struct Scenario {
    /// What is wrong, in words for the table of the documents.
    pub name: &'static str,
    pub build: fn() -> Builder,
    /// What happens on the host after the agent started.
    pub then: fn(&Lab),
    /// What the operator tells besides [`TOLD`]; an empty value takes one of them away.
    pub told: &'static [(&'static str, &'static str)],
    /// All that is reported, nothing else. The scenario is shown under the first one.
    pub reports: &'static [Report],
}

/// One cause that is reported.
pub struct Report {
    pub cause: CauseId,
    pub severity: Severity,
}

/// What the operator tells of the healthy host.
pub const TOLD: &[(&str, &str)] = &[
    ("region", "cn-hangzhou"),
    ("network", "intranet"),
    ("group-ip", "10.1.1.5"),
    ("aliuid", OWNER),
    ("same-account", "yes"),
    ("timeout", "3"),
    ("no-cloud", "on"),
];

/// The agent's configuration file.
pub const CONFIG: &str = "/usr/local/ilogtail/ilogtail_config.json";
/// The agent's record of its last start.
pub const APP_INFO: &str = "/usr/local/ilogtail/app_info.json";

/// The healthy host of the laboratory, to be changed.
pub const PLAIN: Scenario = Scenario { name: "", build: Lab::new, then: nothing, told: &[], reports: &[] };

pub const fn fail(cause: CauseId) -> Report {
    Report { cause, severity: Severity::Fail }
}

pub const fn warn(cause: CauseId) -> Report {
    Report { cause, severity: Severity::Warn }
}

pub const fn unknown(cause: CauseId) -> Report {
    Report { cause, severity: Severity::Unknown }
}

/// What the operator tells where the service is to be asked: the project and the group, and nothing of what it lists.
pub const ASKED: &[(&str, &str)] =
    &[("no-cloud", ""), ("group-ip", ""), ("project", "my-project"), ("machine-group", "web")];

/// Waits until the service has heard the agent.
pub fn heard(lab: &Lab) {
    assert!(lab.heartbeat_ok(Duration::from_secs(20)), "{:?}", lab.heartbeats());
}

/// Nothing more happens.
fn nothing(_: &Lab) {}

/// Runs a command on the host that must succeed.
pub fn must(lab: &Lab, command: &str) {
    let output = lab.sh(command);
    assert_eq!(output.code, 0, "{command}: {output:?}");
}

/// Waits for the agent's record of its start.
pub fn lives(lab: &Lab) {
    lab.wait("the agent's first sign of life", Duration::from_secs(10), |lab| lab.exists(APP_INFO));
}

/// Appends a line to the agent's log, as written now by the worker that runs.
pub fn logs(lab: &Lab, level: &str, text: &str) {
    // A sign counts only from the second after the worker's start on.
    let line = format!("[$(date '+%Y-%m-%d %H:%M:%S.%6N')]\t[{level}]\t[77]\tcore/a.cpp:1\t\t{text}");
    must(lab, &format!("sleep 1.1; printf '%s\\n' \"{line}\" >> /usr/local/ilogtail/ilogtail.LOG"));
}

/// Changes the service, and waits until the agent complains about it in its log. What the service said before the agent
/// was a second old may count as said to an earlier run.
pub fn refused(lab: &Lab, word: &str, change: impl FnOnce(&mut Service)) {
    std::thread::sleep(Duration::from_millis(1200));
    let complaints = |lab: &Lab| lab.read("/usr/local/ilogtail/ilogtail.LOG").matches(word).count();
    let before = complaints(lab);
    lab.edit_service(change);
    lab.wait("a refusal", Duration::from_secs(10), |lab| complaints(lab) > before);
}

/// Makes the host, and everything that runs on it, an hour older: processes count their age from the machine's start.
pub fn an_hour_passes(lab: &Lab) {
    must(
        lab,
        "awk '$1 == \"btime\" { $2 -= 3600 } { print }' /proc/stat > /run/stat && mount --bind /run/stat /proc/stat",
    );
}
