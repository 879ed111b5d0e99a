//! Remedies that a careful operator would trust: every one of them on a real host from the command line (`matrix`),
//! killed at any instant (`killed`), on hosts that do not let themselves be cured (`hard`), and where somebody would turn it
//! against root (`turned`). Needs a laboratory; says SKIPPED and why where none can be made.
#![cfg(target_os = "linux")]

mod hard;
mod killed;
mod matrix;
#[cfg(target_arch = "x86_64")]
mod tracer;
mod turned;

use lab::{Lab, Output};
use std::collections::BTreeMap;

/// What each path is: kind, owner, group, mode, where a link leads, and the fingerprint of a file.
pub type Picture = BTreeMap<String, String>;

/// Every path below /etc and the agent's configuration, without what the running agent writes by itself.
pub fn picture(lab: &Lab) -> Picture {
    const LOOK: &str = r"
        list() { find /etc /usr/local/ilogtail \( -path /etc/ilogtail/checkpoint -o -path '/usr/local/ilogtail/?*' \
            ! -name 'ilogtail_config.json*' -o -name stand_in.json \) -prune -o $1; }
        list '-printf %p\t%y\t%U\t%G\t%m\t%l\n'
        list '-type f -print0' | xargs -0 sha256sum | sed 's/\([^ ]*\)  \(.*\)/\2#\t\1/'
    ";
    let said = lab.sh(LOOK).stdout;
    said.lines().filter_map(|line| line.split_once('\t')).map(|(path, rest)| (path.into(), rest.into())).collect()
}

/// The paths in which two pictures differ.
pub fn differences(before: &Picture, after: &Picture) -> Vec<String> {
    let paths = before.keys().chain(after.keys());
    let mut all: Vec<String> = paths.filter(|path| before.get(*path) != after.get(*path)).cloned().collect();
    all.sort();
    all.dedup();
    all
}

/// The ids of all causes that `check` names.
pub fn causes(lab: &Lab, told: &[&str]) -> Vec<String> {
    let output = lab.run(&[&["check", "--format", "json"], told].concat());
    let report: serde_json::Value =
        serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let steps = report["steps"].as_array().into_iter().flatten();
    let causes = steps.flat_map(|step| step["causes"].as_array().into_iter().flatten());
    causes.filter_map(|cause| cause["id"].as_str().map(str::to_string)).collect()
}

/// The lines of the journal that begin an entry.
pub fn entries(lab: &Lab) -> Vec<String> {
    let listed = lab.run(&["journal"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    listed.stdout.lines().filter(|line| line.starts_with("20")).map(str::to_string).collect()
}

/// Asserts an exit code and shows everything when it is another.
#[track_caller]
pub fn ends_with(output: &Output, code: i32) {
    assert_eq!(output.code, code, "\n{}\n{}", output.stdout, output.stderr);
}
