//! One scenario for every cause: what is broken, and exactly which causes the steps then report.

use super::identity_scenarios::OF_IDENTITY;
use super::machine::*;
use logtail_doctor::core::context::{Context, NetworkType};
use logtail_doctor::core::finding::{CauseId, Severity, StepId};
use logtail_doctor::core::observe::ProcessSeen;

pub type Break = fn(&mut Machine, &mut Context);
pub type Expected = (StepId, CauseId, Severity);
pub type Scenario = (&'static str, Flavour, Break, &'static [Expected]);

use CauseId::*;
use Flavour::{Logtail188, Logtail207, Loong331};
use Severity::{Fail, Warn};
use StepId::{Installed, Parameters, Running};

/// The worker was made anew so often in the last hour, for a reason that the log gives.
fn restarted(m: &mut Machine, times: i64, reason: &str) {
    for index in (1..=times).rev() {
        m.log(NOW - index * 300, "error", reason);
        m.log(NOW - index * 300 + 10, "info", "appInfo:{");
    }
    m.worker(|worker| worker.started = NOW - 290);
    // Every worker writes its record.
    m.record(|record| record.started = NOW - 290);
}

/// Those of install, processes and configuration.
const OF_THE_AGENT: &[Scenario] = &[
    (
        "nothing installed",
        Logtail188,
        |m, _| {
            m.remove(DIR);
            m.remove("/etc/init.d");
            m.stop();
        },
        &[(Installed, AgentNotInstalled, Fail)],
    ),
    (
        "the init script is gone",
        Logtail207,
        |m, _| m.remove("/etc/init.d/ilogtaild"),
        &[(Installed, InstallIncomplete, Fail)],
    ),
    (
        "a second agent in its own directory",
        Logtail188,
        |m, _| {
            m.write("/usr/local/ilogtail_two/ilogtail", "x");
            m.write("/usr/local/ilogtail_two/ilogtail_config.json", "{}");
            m.write("/etc/init.d/ilogtaild_two", "x");
        },
        &[(Installed, SeveralAgents, Warn)],
    ),
    (
        "the open-source build",
        Loong331,
        |m, _| m.record(|record| record.edition = " Community Edition"),
        &[(Installed, CommunityEdition, Fail)],
    ),
    ("the agent is stopped", Logtail188, |m, _| m.stop(), &[(Running, AgentStopped, Fail)]),
    (
        "the worker is gone",
        Logtail207,
        |m, _| m.processes.as_mut().unwrap().truncate(1),
        &[(Running, AgentAbnormal, Fail)],
    ),
    (
        "the worker was stopped by a signal",
        Loong331,
        |m, _| m.worker(|worker| worker.state = 'T'),
        &[(Running, AgentAbnormal, Fail)],
    ),
    (
        "a third process",
        Logtail188,
        |m, _| {
            let daemon = m.processes.as_ref().ok().and_then(|all| all.first()).cloned();
            let extra = daemon.map(|daemon| ProcessSeen { pid: 1300, ppid: 1, ..daemon });
            m.processes.as_mut().unwrap().extend(extra);
        },
        &[(Running, TooManyProcesses, Warn)],
    ),
    (
        "systemd does not start it at boot",
        Loong331,
        |m, _| {
            m.looks.insert("systemctl is-enabled loongcollectord".into(), said(1, "disabled\n"));
        },
        &[(Running, NotEnabledAtBoot, Warn)],
    ),
    (
        "no link of a run level starts it",
        Logtail188,
        |m, _| {
            m.looks.remove("systemctl is-enabled ilogtaild");
            m.write("/etc/rc3.d/S10network", "");
            m.write("/etc/rc3.d/K20ilogtaild", "");
        },
        &[(Running, NotEnabledAtBoot, Warn)],
    ),
    (
        "a disabled unit beside a link of a run level",
        Logtail188,
        |m, _| {
            m.looks.insert("systemctl is-enabled ilogtaild".into(), said(1, "disabled\n"));
            m.write("/etc/rc3.d/S80ilogtaild", "");
        },
        &[(Running, NotEnabledAtBoot, Warn)],
    ),
    (
        "the worker starts again and again, as its address changes",
        Logtail207,
        |m, _| restarted(m, 4, "error:host ip changed during running, prepare to restart Logtail"),
        &[(Running, RestartLoop, Fail)],
    ),
    (
        "the worker ends itself again and again, as it cannot send",
        Logtail188,
        |m, _| restarted(m, 3, "last sender daemon run time is too old:1795300000 prepare force exit"),
        &[(Running, RestartLoop, Fail)],
    ),
    (
        "one restart is no loop",
        Logtail207,
        |m, _| restarted(m, 1, "error:host ip changed during running, prepare to restart Logtail"),
        &[],
    ),
    (
        "the CPU is too old",
        Loong331,
        |m, _| {
            m.processes.as_mut().unwrap().truncate(1);
            let line =
                "[172700.1] traps: loongcollector[77] trap invalid opcode ip:5 sp:7 error:0 in loongcollector_3.3.1\n";
            m.looks.insert("dmesg".into(), said(0, line));
            m.write("/proc/cpuinfo", "flags\t\t: fpu sse4_2\n");
        },
        &[(Running, AgentAbnormal, Fail), (Running, IllegalInstruction, Fail)],
    ),
    (
        "a crash that the agent has outlived",
        Loong331,
        |m, _| {
            let line = "[   10.0] traps: loongcollector[77] trap invalid opcode ip:5 sp:7 error:0\n";
            m.looks.insert("dmesg".into(), said(0, line));
        },
        &[],
    ),
    ("no configuration", Logtail188, |m, _| m.remove(CONFIG), &[(Parameters, ConfigMissing, Fail)]),
    (
        "a configuration with a byte order mark",
        Logtail207,
        |m, _| m.write(CONFIG, "\u{feff}{}"),
        &[(Parameters, ConfigInvalidJson, Fail)],
    ),
    (
        "a configuration that names no server",
        Logtail207,
        |m, _| m.configure("{}"),
        &[(Parameters, ConfigNoEndpoint, Fail)],
    ),
    (
        "new keys for an old agent",
        Logtail188,
        |m, _| {
            m.configure(
                "{\"config_servers\": [\"http://logtail.cn-hangzhou-intranet.log.aliyuncs.com\"], \
                 \"data_servers\": [{\"region\": \"cn-hangzhou\", \"endpoint_list\": [\"cn-hangzhou-intranet.log.aliyuncs.com\"]}]}",
            );
        },
        &[(Parameters, ConfigKeysWrongForVersion, Fail)],
    ),
    (
        "another region than the project's",
        Logtail188,
        |m, _| m.reconfigure(|text| text.replace("cn-hangzhou", "cn-beijing")),
        &[(Parameters, RegionMismatch, Fail)],
    ),
    (
        "the private network where the Internet was told",
        Loong331,
        |_, told| told.network = Some(NetworkType::Internet),
        &[(Parameters, NetworkTypeMismatch, Fail)],
    ),
    (
        "the private network of another region than the instance's",
        Loong331,
        |m, _| {
            m.write(NOTE, "{\"instance-id\": \"i-1\", \"region-id\": \"cn-beijing\"}");
            m.is_cut_off = true;
        },
        &[(Parameters, NetworkTypeMismatch, Fail)],
    ),
    (
        "an endpoint that was edited by halves",
        Logtail207,
        |m, _| m.reconfigure(|text| text.replace("\"cn-hangzhou-intranet.log", "\"cn-beijing-intranet.log")),
        &[(Parameters, EndpointMismatch, Fail)],
    ),
    (
        "a host that is no endpoint of the service",
        Logtail188,
        |m, _| {
            m.configure(
                "{\"config_server_address\": \"http://sls.example.com\", \
                 \"data_server_list\": [{\"cluster\": \"cn-hangzhou\", \"endpoint\": \"sls.example.com\"}]}",
            );
        },
        &[(Parameters, EndpointMismatch, Fail)],
    ),
    (
        "a private cloud has regions and hosts of its own",
        Logtail188,
        |m, told| {
            told.region = Some("cn-private-d01".into());
            told.network = None;
            m.configure(
                "{\"config_server_address\": \"http://sls.example.com\", \
                 \"data_server_list\": [{\"cluster\": \"cn-private-d01\", \"endpoint\": \"sls.example.com\"}]}",
            );
        },
        &[],
    ),
    (
        "a label that does not fit its host",
        Logtail188,
        |m, _| m.reconfigure(|text| text.replace("\"cluster\": \"cn-hangzhou\"", "\"cluster\": \"ap-southeast-2\"")),
        &[(Parameters, ClusterLabelMismatch, Warn)],
    ),
    (
        "a region that nobody knows",
        Logtail188,
        |m, told| {
            told.region = None;
            m.reconfigure(|text| text.replace("cn-hangzhou", "cn-atlantis-9"));
        },
        &[(Parameters, UnknownRegion, Warn)],
    ),
    (
        "a configuration with comments",
        Logtail188,
        |m, _| m.write(CONFIG, format!("{} // by hand", m.text(CONFIG))),
        &[(Parameters, ConfigNotStrictJson, Warn)],
    ),
    (
        "the server was changed after the start",
        Logtail207,
        |m, _| {
            let text = m.text(CONFIG).replace("\"http://logtail.", "\"https://logtail.");
            m.write_at(CONFIG, text, NOW - 600);
        },
        &[(Parameters, ConfigNotInForce, Warn)],
    ),
    (
        "the file was touched, its contents are in force",
        Logtail207,
        |m, _| m.write_at(CONFIG, m.text(CONFIG), NOW - 600),
        &[],
    ),
    (
        "the file was changed and the log no longer tells what was loaded",
        Loong331,
        |m, _| {
            let log = m.log_path();
            m.write_at(&log, "", NOW);
            m.write_at(CONFIG, m.text(CONFIG), NOW - 600);
        },
        &[(Parameters, ConfigNotInForce, Warn)],
    ),
];

/// All scenarios.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    OF_THE_AGENT.iter().chain(OF_IDENTITY)
}
