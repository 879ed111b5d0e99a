//! Every two scenarios together, in every flavour: exactly the causes of both are reported.
//!
//! Whether two of them can be true of one machine at once is not a matter of opinion: they can, when the machine comes
//! out the same in whichever order they happen, and each still changes it. What is to be reported then is what each is
//! reported for alone. Where one of them takes the ground from under the other, a table says so, with the reason; nothing
//! else may be missing, and nothing may be added.

use super::machine::{Flavour, Machine, told};
use super::scenarios::{Expected, Scenario, all};
use super::{STEPS, causes};
use logtail_doctor::core::checks::root;
use logtail_doctor::core::context::{Context, IdentityKind};
use logtail_doctor::core::finding::{CauseId, Finding, Severity, StepId, Verdict};
use logtail_doctor::core::observe::{Observations, Question};
use std::collections::BTreeSet;

use CauseId::*;
use Severity::{Fail, Warn};
use StepId::*;

/// What takes the ground from under something else.
enum By {
    Cause(CauseId),
    Scenario(&'static str),
}

/// What loses its ground.
enum What {
    Causes(&'static [CauseId]),
    Steps(&'static [StepId]),
    Scenarios(&'static [&'static str]),
}

const ORDINARY: &str = "an ordinary user is not told what only root can see";
const IN_CONTAINER: &str = "inside a container, ruled by its variables";
const MOVED_NETWORK: &str = "the private network of another region than the instance's";
const INSTALLERS_ID: &str = "only the instance owner's AliUid, which the installer wrote";
const REMOVED_ID: &str = "the identifier was removed, the running agent holds it";
const REMOVED_ALIUID: &str = "the AliUid was removed, the running agent holds it";
const STOPPED: &str = "the agent is stopped";
const MOVED_ADDRESS: &str = "the address moved after the start";
const ONE_PROCESS: &str = "the worker is gone";
const NOT_TAKEN_UP: &str = "the running agent has not taken up the AliUid";

const WROTE: &str = "a worker came far enough to write its record after the kernel's line";
const IN_THE_FILE: &str = "an identifier is in the file, so none was removed";

/// While the first is there, the second cannot be seen or has no meaning, and why.
const HIDDEN: &[(By, What, &str)] = &[
    (
        By::Cause(AgentNotInstalled),
        What::Steps(&[Running, Parameters, Address, Group, Account, Log]),
        "what is not there is not accused (design, section 2)",
    ),
    (
        By::Cause(CommunityEdition),
        What::Steps(&[Parameters, Group, Account]),
        "the open-source build reports to no machine group, whatever its files say",
    ),
    (By::Cause(CommunityEdition), What::Causes(&[InstallIncomplete]), "it has no init script"),
    (
        By::Cause(CommunityEdition),
        What::Scenarios(&[ONE_PROCESS, "no UUID, by the record"]),
        "it runs as one process, and makes its UUID up",
    ),
    (
        By::Cause(AgentStopped),
        What::Causes(&[AgentAbnormal, RestartLoop, ConfigNotInForce]),
        "an agent that does not run is nothing else, and its next start takes up everything anew",
    ),
    (
        By::Cause(AgentStopped),
        What::Scenarios(&[
            MOVED_ADDRESS,
            NOT_TAKEN_UP,
            "the running agent holds the old identifier",
            "an identifier left behind in the running agent",
        ]),
        "nothing runs that would hold what was true before",
    ),
    (By::Cause(AgentStopped), What::Steps(&[Address]), "with no process, nothing is reported now"),
    (
        By::Cause(AgentStopped),
        What::Causes(&[IpNotInGroup, CustomIdStale]),
        "with no process, no address is there to compare with the group's",
    ),
    (
        By::Cause(AgentAbnormal),
        What::Causes(&[TooManyProcesses]),
        "a process that a signal stopped is the worse of what can be said of the processes",
    ),
    (
        By::Cause(ConfigMissing),
        What::Causes(&[NetworkTypeMismatch, IpAmbiguous]),
        "no endpoint is known, nor whether working_ip decides",
    ),
    (By::Cause(ConfigMissing), What::Scenarios(&[MOVED_ADDRESS]), "it is not known whether working_ip decides"),
    (
        By::Cause(ConfigInvalidJson),
        What::Causes(&[NetworkTypeMismatch, IpAmbiguous]),
        "no endpoint is known, nor whether working_ip decides",
    ),
    (By::Cause(ConfigInvalidJson), What::Scenarios(&[MOVED_ADDRESS]), "it is not known whether working_ip decides"),
    (By::Cause(ConfigNoEndpoint), What::Causes(&[NetworkTypeMismatch, UnknownRegion]), "no endpoint is there to judge"),
    (By::Cause(ConfigKeysWrongForVersion), What::Causes(&[NetworkTypeMismatch]), "the agent knows no endpoint"),
    (
        By::Scenario("a host that is no endpoint of the service"),
        What::Causes(&[NetworkTypeMismatch]),
        "a host of nobody has no network type",
    ),
    (
        By::Cause(EndpointMismatch),
        What::Causes(&[ClusterLabelMismatch]),
        "a label is held against an endpoint that is right, and this one has to change",
    ),
    (
        By::Cause(IpLoopback),
        What::Causes(&[IpAmbiguous, IpStale]),
        "working_ip, which says 127.0.0.1 here, decides alone",
    ),
    (
        By::Scenario(ORDINARY),
        What::Causes(&[AliuidMalformed, AliuidMissing, AliuidNotOwner, ConfigMissing]),
        "the directory, and the variable that names another file, are for root",
    ),
    (
        By::Scenario(ORDINARY),
        What::Scenarios(&[MOVED_NETWORK]),
        "the proxy that may lead out of the region is known to root alone",
    ),
    (
        By::Scenario(IN_CONTAINER),
        What::Scenarios(&[ONE_PROCESS, "no link of a run level starts it"]),
        "an image runs one process and has no init script",
    ),
    (By::Scenario("a foreign address, and a group by identifier"), What::Scenarios(&[REMOVED_ID]), IN_THE_FILE),
    (By::Scenario("a record that was cut off"), What::Scenarios(&[REMOVED_ID]), IN_THE_FILE),
    (By::Scenario("no record of a start"), What::Scenarios(&[REMOVED_ID]), IN_THE_FILE),
    (By::Scenario("one of several identifiers fits"), What::Scenarios(&[REMOVED_ID]), IN_THE_FILE),
    (By::Scenario("the identifier differs in case"), What::Scenarios(&[REMOVED_ID]), IN_THE_FILE),
    (By::Scenario("the identifier ends in a carriage return"), What::Scenarios(&[REMOVED_ID]), IN_THE_FILE),
    (By::Scenario("an identifier left behind on a group by IP"), What::Scenarios(&[REMOVED_ID]), IN_THE_FILE),
    (By::Scenario(ORDINARY), What::Scenarios(&[REMOVED_ID]), "the file is for root"),
    (
        By::Scenario("no AliUid, and the note says that none is needed"),
        What::Scenarios(&[REMOVED_ALIUID]),
        "the owner's instance needs none",
    ),
    (
        By::Cause(InstallIncomplete),
        What::Scenarios(&["no link of a run level starts it", "a disabled unit beside a link of a run level"]),
        "the script that the boot would run is gone, and nothing is left that could be enabled",
    ),
];

/// Two scenarios that make up something else together than each for itself, what that is, and why.
const OTHERWISE: &[(&str, &str, &[Expected], &str)] = &[
    (
        MOVED_NETWORK,
        "another region than the project's",
        &[(Parameters, RegionMismatch, Fail)],
        "the instance is in the very region that the agent is configured for",
    ),
    (
        MOVED_NETWORK,
        "a private cloud has regions and hosts of its own",
        &[],
        "its hosts are no private endpoints of the public cloud",
    ),
    (
        "one restart is no loop",
        "the server was changed after the start",
        &[],
        "the restart came after the change and took it up",
    ),
    (
        "the worker ends itself again and again, as it cannot send",
        "the server was changed after the start",
        &[(Running, RestartLoop, Fail)],
        "a restart came after the change and took it up",
    ),
    (
        "the worker starts again and again, as its address changes",
        "the server was changed after the start",
        &[(Running, RestartLoop, Fail)],
        "a restart came after the change and took it up",
    ),
    (
        "the CPU is too old",
        "the account was refused before the last start",
        &[(Running, AgentAbnormal, Fail)],
        "a worker came far enough to write its record after the kernel's line",
    ),
    (
        "the CPU is too old",
        "the worker starts again and again, as its address changes",
        &[(Running, AgentAbnormal, Fail), (Running, RestartLoop, Fail)],
        WROTE,
    ),
    (
        "the CPU is too old",
        "the worker ends itself again and again, as it cannot send",
        &[(Running, AgentAbnormal, Fail), (Running, RestartLoop, Fail)],
        WROTE,
    ),
    ("the CPU is too old", "one restart is no loop", &[(Running, AgentAbnormal, Fail)], WROTE),
    (
        "the CPU is too old",
        "the open-source build",
        &[(Running, IllegalInstruction, Fail), (Installed, CommunityEdition, Fail)],
        "one process is normal for that build",
    ),
    (
        "the group wants an identifier, the host has none",
        "an identifier left behind on a group by IP",
        &[],
        "what was left behind is what the group wants",
    ),
    (
        INSTALLERS_ID,
        "the AliUid with an extension",
        &[(Account, AliuidMissing, Fail), (Account, AliuidMalformed, Warn)],
        "the flawed name was not meant for this owner, and no other is there",
    ),
    (INSTALLERS_ID, REMOVED_ALIUID, &[(Account, AliuidMissing, Fail)], "it was another owner's id that was removed"),
    (
        REMOVED_ALIUID,
        STOPPED,
        &[(Running, AgentStopped, Fail), (Account, AliuidMissing, Fail)],
        "nothing runs that would hold it still",
    ),
    (
        REMOVED_ID,
        STOPPED,
        &[(Running, AgentStopped, Fail), (Group, CustomIdMissing, Fail)],
        "nothing runs that would hold it still",
    ),
    (
        "the group wants an identifier, the host has none",
        "an identifier left behind in the running agent",
        &[(Group, CustomIdMissing, Warn)],
        "what the running agent holds is what the group wants",
    ),
    (INSTALLERS_ID, "no AliUid", &[(Account, AliuidMissing, Fail)], "then not even the installer's is there"),
    (
        INSTALLERS_ID,
        "no AliUid, and the note says that none is needed",
        &[(Account, AliuidMissing, Fail)],
        "it is needed for another owner",
    ),
    (
        INSTALLERS_ID,
        "the AliUid written into a file",
        &[(Account, AliuidMalformed, Fail)],
        "then not even the installer's is there",
    ),
    (INSTALLERS_ID, NOT_TAKEN_UP, &[(Account, AliuidNotOwner, Fail)], "what is not there cannot be taken up"),
    (
        NOT_TAKEN_UP,
        "no AliUid, and the note says that none is needed",
        &[],
        "what is not there cannot be taken up, and is not needed",
    ),
    (
        NOT_TAKEN_UP,
        "the AliUid with an extension",
        &[(Account, AliuidMalformed, Fail)],
        "what is not there cannot be taken up",
    ),
    (
        NOT_TAKEN_UP,
        "the AliUid written into a file",
        &[(Account, AliuidMalformed, Fail)],
        "what is not there cannot be taken up",
    ),
];

/// Two scenarios that cannot be true at once although nothing of the machine shows it, and why.
const IMPOSSIBLE: &[(&str, &str, &str)] = &[
    (
        IN_CONTAINER,
        "an identifier left behind in the running agent",
        "what a process has in its environment, it has read when it started",
    ),
    (IN_CONTAINER, REMOVED_ALIUID, "what a process has in its environment, it holds with what it has read"),
    (IN_CONTAINER, NOT_TAKEN_UP, "what a process has in its environment, it has read when it started"),
    (
        "the file was touched, its contents are in force",
        "no UUID, by the log of a rotated file",
        "here the log no longer tells what is in force",
    ),
];

type World = (Machine, Context);

/// The world in which both are true; None when there is none.
fn both(one: (&Scenario, &World), other: (&Scenario, &World)) -> Option<World> {
    let (mut world, mut again) = (one.1.clone(), other.1.clone());
    other.0.2(&mut world.0, &mut world.1);
    one.0.2(&mut again.0, &mut again.1);
    (world == again && world != *one.1 && world != *other.1).then_some(world)
}

fn is_of(names: (&str, &str), one: &Scenario, other: &Scenario) -> bool {
    names == (one.0, other.0) || names == (other.0, one.0)
}

/// What is reported of both. A group by identifier never looks at the IP: then an address is no fault of the group, and
/// a poor one is no fault at all.
fn expected(one: &Scenario, other: &Scenario, told: &Context) -> BTreeSet<Expected> {
    if let Some((_, _, known, _)) = OTHERWISE.iter().find(|(first, second, ..)| is_of((first, second), one, other)) {
        return known.iter().copied().collect();
    }
    let union: BTreeSet<Expected> = one.3.iter().chain(other.3).copied().collect();
    let of = |names: &[&str]| [one, other].into_iter().find(|one| names.contains(&one.0)).map_or(&[][..], |one| one.3);
    let is_there = |by: &By| match by {
        By::Cause(id) => union.iter().any(|(_, known, _)| known == id),
        By::Scenario(name) => [one.0, other.0].contains(name),
    };
    let is_hidden = |whole: &Expected| {
        let (step, cause, _) = whole;
        HIDDEN.iter().any(|(by, what, _)| {
            let is_it = match what {
                What::Causes(hidden) => hidden.contains(cause),
                What::Steps(hidden) => hidden.contains(step),
                What::Scenarios(hidden) => of(hidden).contains(whole),
            };
            is_there(by) && is_it
        })
    };
    // An idle agent explains a missing heartbeat where nothing else does, and where two processes run.
    let explains = |(step, cause, severity): &Expected| match step {
        Log => *cause != IdleBackoff,
        Heartbeat => false,
        _ => *severity == Fail || *cause == TooManyProcesses,
    };
    let is_explained = union.iter().any(explains);
    let by_id = told.identity == Some(IdentityKind::Custom);
    let fits = |whole @ (step, cause, severity): &Expected| match cause {
        _ if is_hidden(whole) => None,
        IpNotInGroup | IpAmbiguous | CustomIdStale if by_id => None,
        IpNotLocal | IpLoopback if by_id => Some((*step, *cause, Warn)),
        IdleBackoff if is_explained => None,
        _ => Some((*step, *cause, *severity)),
    };
    union.iter().filter_map(fits).collect()
}

/// What is asked of a healthy machine: answered beforehand, a check seldom has to be called again.
fn usual(flavour: Flavour) -> Vec<Question> {
    let (machine, told, mut seen) = (Machine::healthy(flavour), told(), Observations::default());
    STEPS.iter().for_each(|step| drop(machine.look(*step, &told, &mut seen)));
    seen.answers().map(|(question, _)| question.clone()).collect()
}

fn judged((machine, told): &World, usual: &[Question]) -> Vec<Finding> {
    let mut seen = Observations::default();
    machine.tell(usual.iter().cloned(), &mut seen);
    STEPS.iter().map(|step| machine.look(*step, told, &mut seen)).collect()
}

/// The root that every face names.
fn root_of(findings: &[Finding]) -> Option<CauseId> {
    let related = root::related(findings, super::facts(findings));
    root::root(&related).map(|(_, cause)| cause.id)
}

/// The first failing step, as `check` reports it.
fn stopped_at(findings: &[Finding]) -> Option<StepId> {
    findings.iter().find(|finding| finding.verdict == Verdict::Fail).map(|finding| finding.step)
}

/// All pairs in one flavour; how many, and what is wrong.
fn pairs_of(flavour: Flavour) -> (usize, Vec<String>) {
    let usual = usual(flavour);
    // What a scenario reports may depend on the version; a pair is told by what each is known to report.
    let alone = |one: &'static Scenario| {
        let mut world = (Machine::healthy(flavour), told());
        one.2(&mut world.0, &mut world.1);
        let is_known = causes(&judged(&world, &usual)) == one.3.iter().copied().collect();
        is_known.then_some((one, world))
    };
    let worlds: Vec<(&Scenario, World)> = all().filter_map(alone).collect();
    let (mut count, mut wrong) = (0, Vec::new());
    for (at, (one, first)) in worlds.iter().enumerate() {
        for (other, second) in &worlds[at + 1..] {
            let Some(world) = both((one, first), (other, second)) else { continue };
            if IMPOSSIBLE.iter().any(|(first, second, _)| is_of((first, second), one, other)) {
                continue;
            }
            let found = judged(&world, &usual);
            let (reported, expected) = (causes(&found), expected(one, other, &world.1));
            count += 1;
            if reported != expected {
                let less: Vec<_> = expected.difference(&reported).collect();
                let more: Vec<_> = reported.difference(&expected).collect();
                wrong.push(format!("{flavour:?}, {} + {}: without {less:?}, with {more:?}", one.0, other.0));
            }
            let roots = [root_of(&found), root_of(&judged(first, &usual)), root_of(&judged(second, &usual))];
            let is_known = OTHERWISE.iter().any(|(one_name, other_name, ..)| is_of((one_name, other_name), one, other));
            // An idle agent is not told beside another sign in the log; then nothing explains the silence.
            let is_unexplained =
                roots[0] == Some(HeartbeatAbsent) && !reported.iter().any(|(_, id, _)| *id == IdleBackoff);
            if !is_known && !is_unexplained && roots[0].is_some() && !roots[1..].contains(&roots[0]) {
                wrong.push(format!("{flavour:?}, {} + {}: the root is {roots:?}", one.0, other.0));
            }
            let failing = reported.iter().filter(|(_, _, severity)| *severity == Fail);
            let first = failing.map(|(step, ..)| *step).min();
            if stopped_at(&found) != first {
                let stopped = stopped_at(&found);
                wrong.push(format!("{flavour:?}, {} + {}: stopped at {stopped:?}, not {first:?}", one.0, other.0));
            }
        }
    }
    (count, wrong)
}

fn hold(flavour: Flavour) {
    let (count, wrong) = pairs_of(flavour);
    println!("{count} pairs of {} scenarios on {flavour:?}", all().count());
    assert!(count > 1500, "only {count} pairs can be true at once");
    assert!(wrong.is_empty(), "{} of {count}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_two_scenarios_of_logtail_1_are_both_reported() {
    hold(Flavour::Logtail188);
}

#[test]
fn every_two_scenarios_of_logtail_2_are_both_reported() {
    hold(Flavour::Logtail207);
}

#[test]
fn every_two_scenarios_of_loongcollector_are_both_reported() {
    hold(Flavour::Loong331);
}
