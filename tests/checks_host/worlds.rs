//! Simulated hosts that behave: every fault that one of them can have, every pair of them, judged by all ten steps.
//!
//! What is true is not a matter of the checks: [`World::heartbeat`] knows whether the service sees the heartbeat, and the
//! operator tells what the console shows. So a host whose heartbeat arrives must have nothing that fails, a host whose
//! heartbeat does not arrive must have a failing cause, and two faults have the causes of both.

mod faults;

use faults::{Cause, FAULTS, Fault, Makes, OTHER, When, ecs};
use logtail_doctor::core::checks::{self, root};
use logtail_doctor::core::context::{Context, IdentityKind};
use logtail_doctor::core::finding::{CauseId, Finding, Severity, StepId};
use logtail_doctor::core::observe::{Observations, Question};
use logtail_doctor::host::Host;
use logtail_doctor::host::simulated::*;
use std::collections::BTreeSet;
use std::task::{Poll, Waker};
use std::time::Duration;

use CauseId::*;
use Severity::{Fail, Warn};

const ANYTHING: &[&str] = &[];
const NOTHING_INSTALLED: &str = "nothing is installed";
const ELSEWHERE: &str = "the instance is in another region";
const REGION: &str = "another region than the project's";
const REGION_AFTER: &str = "another region was written after the start";
const CUT_OFF_AFTER: &str = "the configuration was cut off after the start";
const NO_ADDRESS: &str = "no address";
const OVER_INTERNET: [&str; 2] =
    ["another region than the project's, over the Internet", "no instance, and the id with an extension"];
const NO_ENDPOINT: [&str; 3] =
    ["a configuration without a server", "a configuration that was cut off", "no configuration"];
const OF_THE_SERVER: &[&str] =
    &["the server's name is not known", "packets to the server are lost", "port 443 is refused", "TLS is intercepted"];
const BY_ID: &[&str] = &[
    "the group wants an identifier",
    "the group wants an identifier, the host has it with a carriage return",
    "the group wants another identifier",
];

/// What one fault takes away from another: by any of the first, from any of the second (all others where none is named),
/// these causes (all of them where none is named), and why.
type Hidden = (&'static [&'static str], &'static [&'static str], &'static [CauseId], &'static str);

const HIDDEN: &[Hidden] = &[
    (
        &[NOTHING_INSTALLED],
        ANYTHING,
        &[
            AgentStopped,
            AgentAbnormal,
            IllegalInstruction,
            RestartLoop,
            NotEnabledAtBoot,
            RegionMismatch,
            NetworkTypeMismatch,
            ConfigMissing,
            ConfigInvalidJson,
            ConfigNoEndpoint,
            ConfigNotInForce,
            ProxyMismatch,
            IpEmpty,
            IpNotLocal,
            IpVirtualNic,
            IpNotInGroup,
            CustomIdMissing,
            CustomIdMalformed,
            CustomIdMismatch,
            CustomIdStale,
            AliuidMissing,
            AliuidMalformed,
            AliuidNotOwner,
        ],
        "what is not there is not accused (design, section 2)",
    ),
    (
        &["the open-source build"],
        ANYTHING,
        &[
            AgentAbnormal,
            RegionMismatch,
            NetworkTypeMismatch,
            ConfigMissing,
            ConfigInvalidJson,
            ConfigNoEndpoint,
            ConfigNotInForce,
            IpNotInGroup,
            CustomIdMissing,
            CustomIdMalformed,
            CustomIdMismatch,
            CustomIdStale,
            AliuidMissing,
            AliuidMalformed,
            AliuidNotOwner,
        ],
        "it runs as one process and reports to no machine group, whatever its files say",
    ),
    (
        &["the agent is stopped", "the CPU is too old"],
        ANYTHING,
        &[ConfigNotInForce, ProxyMismatch],
        "nothing runs, so nothing is in force, and no environment is there",
    ),
    (
        &["the agent is stopped", "the CPU is too old"],
        ANYTHING,
        &[IpEmpty, IpLoopback, IpNotLocal, IpVirtualNic, IpStale, IpAmbiguous, IpNotInGroup, CustomIdStale],
        "nothing runs, so nothing is reported that could be compared with the group",
    ),
    (&OVER_INTERNET, OF_THE_SERVER, &[], "the agent does not go to that server"),
    (&[REGION, REGION_AFTER], OF_THE_SERVER, &[], "the agent, or its next start, does not go to that server"),
    (&NO_ENDPOINT, OF_THE_SERVER, &[], "the configuration leads nowhere; the Internet is tried instead"),
    (&[NOTHING_INSTALLED], OF_THE_SERVER, &[], "no configuration leads there; the Internet is tried instead"),
    (&OVER_INTERNET, &[ELSEWHERE, REGION_AFTER], &[NetworkTypeMismatch, ConnectTimeout], "the Internet is everywhere"),
    (&NO_ENDPOINT, &[ELSEWHERE], &[], "no private endpoint is configured"),
    (&[NOTHING_INSTALLED], &[ELSEWHERE, REGION], &[ConnectTimeout], "no private endpoint is configured"),
    (&[CUT_OFF_AFTER], &[ELSEWHERE], &[NetworkTypeMismatch], "what will be configured next is not known"),
    (&[REGION, REGION_AFTER], &[ELSEWHERE], &[], "the instance is in the region that is configured"),
    (&[ELSEWHERE], &[REGION, REGION_AFTER], &[NetworkTypeMismatch, ConnectTimeout], "the instance is in that region"),
    (
        &["no instance, and the id with an extension"],
        &[REGION],
        &[NetworkTypeMismatch],
        "metadata that is silent does not prove that this is no instance",
    ),
    (BY_ID, ANYTHING, &[IpNotInGroup], "a group by identifier never looks at the IP"),
    (BY_ID, &["an identifier is left behind"], &[CustomIdStale], "such a group wants one"),
    (
        &["an identifier is left behind"],
        &["the group wants an identifier", "the group wants an identifier, the host has it with a carriage return"],
        &[],
        "the identifier that is there now is another one",
    ),
    (
        &["no nameserver answers"],
        &[
            "packets to the server are lost",
            "port 443 is refused",
            "TLS is intercepted",
            "a login page answers",
            "this host's firewall drops",
            ELSEWHERE,
            REGION,
            REGION_AFTER,
        ],
        &[ConnectTimeout, ConnectRefused, TlsFailure, ForeignResponse, LocalFirewall],
        "a name without an address is connected to by nobody",
    ),
    (
        &["the server's name is not known"],
        &["packets to the server are lost", "port 443 is refused", "TLS is intercepted"],
        &[],
        "a name without an address is connected to by nobody",
    ),
    (
        &["the agent's proxy is dead"],
        ANYTHING,
        &[DnsFailure, NameServerDown, ConnectTimeout, ConnectRefused, TlsFailure, ForeignResponse, LocalFirewall],
        "what lies behind the proxy is not seen through it",
    ),
    (
        &["the init script is gone"],
        &["not started at boot"],
        &[NotEnabledAtBoot],
        "nothing is left that could be enabled, and step 1 has the remedy",
    ),
    (
        &["this host's firewall drops"],
        &[ELSEWHERE, REGION, REGION_AFTER],
        &[ConnectTimeout],
        "what this host itself drops is never on the way to be lost there",
    ),
    (
        &[NO_ADDRESS],
        ANYTHING,
        &[DnsFailure, NameServerDown, ConnectTimeout, ConnectRefused, LocalFirewall, ProxyMismatch],
        "without an address nothing leaves this host: that is told instead, see FURTHER",
    ),
    (
        &["no nameserver answers", "this host's firewall drops"],
        &["the clock is 20 minutes fast", "the clock is 6 minutes slow"],
        &[],
        "no answer of the service is there to tell its time",
    ),
];

/// Where the first is, the second warns at most, and why.
const MILDER: &[(&[&str], &[&str], &str)] = &[
    (BY_ID, &["/etc/hosts gives the hostname a foreign address"], "a group by identifier never looks at the IP"),
    (
        &["the server's name is not known"],
        &["this host's firewall drops", "a login page answers", ELSEWHERE],
        "of the servers whose names are known, the heartbeat needs none",
    ),
];

/// Two faults that make a third thing true, and what that is.
const FURTHER: &[(&str, &str, &[Cause])] = &[
    (NO_ADDRESS, REGION, &[(NoNetwork, Fail)]),
    (NO_ADDRESS, REGION_AFTER, &[(NoNetwork, Fail)]),
    (NO_ADDRESS, ELSEWHERE, &[(NoNetwork, Fail)]),
    (NO_ADDRESS, "the server's name is not known", &[(NoNetwork, Fail)]),
    (NO_ADDRESS, "no nameserver answers", &[(NoNetwork, Fail)]),
    (NO_ADDRESS, "packets to the server are lost", &[(NoNetwork, Fail)]),
    (NO_ADDRESS, "port 443 is refused", &[(NoNetwork, Fail)]),
    (NO_ADDRESS, "this host's firewall drops", &[(NoNetwork, Fail)]),
    (NO_ADDRESS, "the agent's proxy is dead", &[(NoNetwork, Fail)]),
    ("the group wants an identifier", "an identifier is left behind", &[(CustomIdMismatch, Fail)]),
    (
        "the group wants an identifier, the host has it with a carriage return",
        "an identifier is left behind",
        &[(CustomIdMismatch, Fail)],
    ),
];

/// What one fault still reports beside another one.
fn beside(flavour: Flavour, one: &Fault, other: &Fault) -> BTreeSet<Cause> {
    // Up to 1.x the worker does not start with such a file, and so never obtains the address.
    if flavour == Flavour::Logtail188 && other.name == NO_ENDPOINT[1] && one.makes == Makes::Address {
        return BTreeSet::new();
    }
    // From 3.0 on no agent says what it holds; and with a clock that was set ahead, its record looks older than its process.
    let is_undated =
        flavour == Flavour::Loong331 && other.name == "the clock is 20 minutes fast" && one.makes != Makes::Address;
    let is_of_address = |cause| {
        matches!(
            cause,
            IpEmpty | IpLoopback | IpNotLocal | IpVirtualNic | IpStale | IpAmbiguous | IpNotInGroup | CustomIdStale
        )
    };
    let is_hidden = |cause: CauseId| {
        if is_undated && is_of_address(cause) {
            return true;
        }
        HIDDEN.iter().any(|(by, from, which, _)| {
            by.contains(&other.name)
                && (from.is_empty() || from.contains(&one.name))
                && (which.is_empty() || which.contains(&cause))
        })
    };
    let is_milder = MILDER.iter().any(|(by, from, _)| by.contains(&other.name) && from.contains(&one.name));
    let all = reports(flavour, one).into_iter().filter(|(cause, _)| !is_hidden(*cause));
    all.map(
        |(cause, severity)| if is_milder && cause != NetworkTypeMismatch { (cause, Warn) } else { (cause, severity) },
    )
    .collect()
}

/// What both report together.
fn expected(flavour: Flavour, one: &Fault, other: &Fault) -> BTreeSet<Cause> {
    let is_of = |(first, second, _): &&(&str, &str, &[Cause])| {
        (*first, *second) == (one.name, other.name) || (*first, *second) == (other.name, one.name)
    };
    let further = FURTHER.iter().filter(is_of).flat_map(|(_, _, causes)| causes.iter().copied());
    let both = beside(flavour, one, other).into_iter().chain(beside(flavour, other, one)).chain(further);
    both.collect()
}

/// Faults by which the heartbeat does not stop, and why they fail all the same.
const FAILS_ANYWAY: &[(CauseId, &str)] = &[
    (InstallIncomplete, "an agent without its script cannot be started again"),
    (RestartLoop, "between two deaths it sends now and then"),
    (ConfigNotInForce, "it runs with what it loaded; what is on disk ends the heartbeat at the next start"),
    (ConfigInvalidJson, "it runs with what it loaded; what is on disk ends the heartbeat at the next start"),
];

/// What the operator reads off the console, all of it true.
fn told(world: &World) -> Context {
    let cloud = world.cloud();
    let base = Context {
        project: Some(cloud.project.clone()),
        machine_group: Some(cloud.group_name.clone()),
        region: Some(cloud.region.clone()),
        aliuid: Some(cloud.owner.clone()),
        same_account: Some(cloud.ecs.as_ref().is_some_and(|ecs| ecs.account == cloud.owner)),
        console_heartbeat: Some(world.heartbeat().is_ok()),
        ..Context::default()
    };
    match &cloud.group {
        Group::Ips(ips) => Context { identity: Some(IdentityKind::Ip), group_ips: ips.clone(), ..base },
        Group::Custom(id) => Context { identity: Some(IdentityKind::Custom), custom_id: Some(id.clone()), ..base },
    }
}

/// The healthy world with these faults, some time later.
fn world_of(flavour: Flavour, faults: &[&Fault]) -> World {
    let mut faults = faults.to_vec();
    faults.sort_by_key(|fault| fault.when);
    let (before, after): (Vec<&Fault>, Vec<&Fault>) = faults.iter().partition(|fault| fault.when < When::After);
    let world = before.iter().fold(World::healthy(flavour).still(), |world, fault| (fault.apply)(world));
    let dies = before.iter().any(|fault| fault.reports.iter().any(|(cause, _)| *cause == RestartLoop));
    // A world looks at itself once in each of these pauses.
    let pauses: &[u64] = if dies { &[400; 6] } else { &[1200, 1200] };
    let world = pauses.iter().fold(world, |world, pause| world.later(Duration::from_secs(*pause)));
    after.iter().fold(world, |world, fault| (fault.apply)(world)).later(Duration::from_secs(290))
}

/// Answers these questions.
pub fn answer_all(host: &SimulatedHost, questions: impl IntoIterator<Item = Question>, seen: &mut Observations) {
    for question in questions {
        let mut answer = host.observe(question.clone());
        let mut task = std::task::Context::from_waker(Waker::noop());
        let Poll::Ready(answer) = answer.as_mut().poll(&mut task) else { panic!("it makes no pauses") };
        seen.keep(question, answer);
    }
}

/// Every world with one fault, with its name and what its operator tells.
pub fn with_one_fault() -> impl Iterator<Item = (String, World, Context)> {
    let each = |flavour: Flavour| FAULTS.iter().map(move |fault| (flavour, fault));
    Flavour::ALL.into_iter().flat_map(each).map(|(flavour, fault)| {
        let world = world_of(flavour, &[fault]);
        let told = told(&world);
        (format!("{flavour:?}, {}", fault.name), world, told)
    })
}

/// All ten findings; `usual` is asked beforehand.
pub fn judge(world: World, told: &Context, usual: &[Question]) -> (Vec<Finding>, Observations) {
    let (host, mut seen) = (SimulatedHost::new(world), Observations::default());
    let answer = |questions: Vec<Question>, seen: &mut Observations| answer_all(&host, questions, seen);
    answer(usual.to_vec(), &mut seen);
    let mut judged = Vec::new();
    for step in StepId::ALL {
        let finding = (0..20).find_map(|_| {
            let finding = checks::check(*step, &seen, told).ok();
            if finding.is_none() {
                answer(seen.take_open().into_iter().collect(), &mut seen);
            }
            finding
        });
        judged.push(finding.unwrap_or_else(|| panic!("the questions of {} do not end", step.id())));
    }
    (judged, seen)
}

/// The causes of the first nine steps: what the console shows is told, and so is no discovery.
fn causes(findings: &[Finding]) -> BTreeSet<Cause> {
    let of = findings.iter().filter(|finding| finding.step != StepId::Heartbeat).flat_map(|finding| &finding.causes);
    of.map(|cause| (cause.id, cause.severity)).collect()
}

/// Compares what is reported with what must be, and with whether the heartbeat arrives.
fn look(flavour: Flavour, faults: &[&Fault], expected: &BTreeSet<Cause>, usual: &[Question]) -> Option<String> {
    let world = world_of(flavour, faults);
    let (told, heartbeat) = (told(&world), world.heartbeat());
    let (findings, _) = judge(world, &told, usual);
    let found = causes(&findings);
    let name = faults.iter().map(|fault| fault.name).collect::<Vec<_>>().join(" + ");
    if found != *expected {
        let less: Vec<_> = expected.difference(&found).collect();
        let more: Vec<_> = found.difference(expected).collect();
        return Some(format!("{flavour:?}, {name}: without {less:?}, with {more:?}"));
    }
    let fails = found.iter().any(|(_, severity)| *severity == Fail);
    let anyway = FAILS_ANYWAY.iter().any(|(cause, _)| found.iter().any(|(known, _)| known == cause));
    let is_true = fails == heartbeat.is_err() || (anyway && fails);
    (!is_true).then(|| format!("{flavour:?}, {name}: fails {fails}, but the heartbeat is {heartbeat:?}"))
}

fn usual() -> Vec<Question> {
    let world = World::healthy(Flavour::Logtail188).still();
    let told = told(&world);
    judge(world, &told, &[]).1.answers().map(|(question, _)| question.clone()).collect()
}

/// What one fault reports in a flavour.
fn reports(flavour: Flavour, fault: &Fault) -> BTreeSet<Cause> {
    let mut all: BTreeSet<Cause> = fault.reports.iter().copied().collect();
    // Up to 1.x the worker does not start without a configuration that it can read.
    if flavour == Flavour::Logtail188 && fault.name == "a configuration that was cut off" {
        all.insert((AgentAbnormal, Fail));
    }
    all
}

#[test]
fn every_fault_of_a_world_is_reported_and_stops_the_heartbeat() {
    let usual = usual();
    let looked = Flavour::ALL.into_iter().flat_map(|flavour| FAULTS.iter().map(move |fault| (flavour, fault)));
    let wrong: Vec<_> =
        looked.filter_map(|(flavour, one)| look(flavour, &[one], &reports(flavour, one), &usual)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn one_fault_of_a_world_has_one_root() {
    let (usual, mut wrong) = (usual(), Vec::new());
    for flavour in Flavour::ALL {
        for fault in FAULTS {
            let world = world_of(flavour, &[fault]);
            let told = told(&world);
            let (found, seen) = judge(world, &told, &usual);
            let related = root::related(&found, root::Facts::of(&seen, &told));
            wrong.extend(super::without_one_root(&related, &format!("{flavour:?}, {}", fault.name)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_two_faults_of_a_world_are_both_reported() {
    let (usual, mut count, mut wrong) = (usual(), 0, Vec::new());
    for (at, one) in FAULTS.iter().enumerate() {
        for (further, other) in FAULTS[at + 1..].iter().enumerate().filter(|(_, other)| other.makes != one.makes) {
            let flavour = Flavour::ALL[(at + further) % Flavour::ALL.len()];
            // Nobody edits the configuration of an agent that is not there.
            let is_installed = ![one, other].iter().any(|fault| fault.name == NOTHING_INSTALLED);
            if !is_installed
                && [one, other].iter().any(|fault| (fault.when, fault.makes) == (When::After, Makes::Config))
            {
                continue;
            }
            wrong.extend(look(flavour, &[one, other], &expected(flavour, one, other), &usual));
            count += 1;
        }
    }
    println!("{count} pairs of {} faults of worlds", FAULTS.len());
    assert!(wrong.is_empty(), "{} of {count}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_the_running_agent_still_holds_is_no_failure_where_it_says_so() {
    let quarter = Duration::from_secs(120);
    for flavour in Flavour::ALL {
        let world = World::healthy(flavour).still().ecs(ecs("cn-hangzhou", OTHER)).group(Group::Custom("web".into()));
        let world = world.custom_id("web\n").later(quarter);
        let world = world.remove("/etc/ilogtail/users").remove("/etc/ilogtail/user_defined_id").later(quarter);
        assert_eq!(world.heartbeat(), Ok(()));
        // From 3.0 on no agent writes what it holds; then only the files are known.
        let severity = if flavour == Flavour::Loong331 { Fail } else { Warn };
        let told = told(&world);
        let found = causes(&judge(world, &told, &[]).0);
        assert_eq!(found, BTreeSet::from([(CustomIdMissing, severity), (AliuidMissing, severity)]), "{flavour:?}");
    }
}
