//! Faults of the install, the processes, the configuration and the address: steps 1, 2, 3 and 6.

use crate::scenarios::table::{APP_INFO, ASKED, CONFIG, PLAIN, Scenario, an_hour_passes, fail, lives, must, warn};
use lab::{Behaviour, Flavour, Lab};
use logtail_doctor::core::finding::CauseId;

/// The configuration of a healthy Logtail with these hosts, and more settings behind them.
macro_rules! config {
    ($server:literal, $label:literal, $data:literal $(, $more:literal)?) => {
        concat!(
            "{\n    \"config_server_address\" : \"http://", $server, "\",\n    \"data_server_list\" :\n    [\n        {\n",
            "            \"cluster\" : \"", $label, "\",\n            \"endpoint\" : \"", $data, "\"\n        }\n    ]",
            $($more,)? "\n}\n"
        )
    };
}

pub fn all() -> impl Iterator<Item = &'static Scenario> {
    [INSTALLED, RUNNING, PARAMETERS, ADDRESS].into_iter().flatten()
}

const INSTALLED: &[Scenario] = &[
    Scenario {
        name: "no agent is installed",
        build: || Lab::new().agent(Flavour::None),
        reports: &[fail(CauseId::AgentNotInstalled)],
        ..PLAIN
    },
    Scenario {
        name: "the init script was removed",
        then: |lab| must(lab, "rm /etc/init.d/ilogtaild"),
        reports: &[fail(CauseId::InstallIncomplete)],
        ..PLAIN
    },
    Scenario {
        name: "the program is a link to nothing, as after an upgrade that failed half-way",
        then: |lab| {
            must(lab, "/etc/init.d/ilogtaild stop");
            must(lab, "cd /usr/local/ilogtail && rm -f ilogtail ilogtail_1.8.8 && ln -s ilogtail_9.9.9 ilogtail");
        },
        reports: &[fail(CauseId::InstallIncomplete), fail(CauseId::AgentStopped)],
        ..PLAIN
    },
    Scenario {
        name: "the program may not be executed",
        then: |lab| {
            must(lab, "/etc/init.d/ilogtaild stop");
            must(
                lab,
                "cd /usr/local/ilogtail && cp -L ilogtail new && rm ilogtail && mv new ilogtail && chmod 644 ilogtail",
            );
        },
        reports: &[fail(CauseId::AgentCannotStart), fail(CauseId::AgentStopped)],
        ..PLAIN
    },
    Scenario {
        name: "the install directory lies on a read-only mount",
        then: |lab| {
            must(lab, "/etc/init.d/ilogtaild stop");
            must(lab, "mount --bind /usr/local/ilogtail /usr/local/ilogtail");
            must(lab, "mount -o remount,bind,ro /usr/local/ilogtail");
        },
        reports: &[fail(CauseId::FilesystemReadOnly), fail(CauseId::AgentStopped)],
        ..PLAIN
    },
    Scenario {
        name: "the install directory lies on a full disk",
        then: |lab| {
            must(lab, "/etc/init.d/ilogtaild stop");
            must(lab, "cp -a /usr/local/ilogtail /kept");
            must(
                lab,
                "size=$(($(du -sk /kept | cut -f 1) + 4096)); mount -t tmpfs -o size=${size}k tmpfs /usr/local/ilogtail",
            );
            must(lab, "cp -a /kept/. /usr/local/ilogtail/; head -c 1G /dev/zero > /usr/local/ilogtail/fill; true");
        },
        reports: &[fail(CauseId::FilesystemFull), fail(CauseId::AgentStopped)],
        ..PLAIN
    },
    Scenario {
        name: "a second agent was installed with a suffix",
        build: || {
            let config = config!(
                "logtail.cn-hangzhou-intranet.log.aliyuncs.com",
                "cn-hangzhou",
                "cn-hangzhou-intranet.log.aliyuncs.com"
            );
            Lab::new()
                .file("/usr/local/ilogtail_b/ilogtail_config.json", config)
                .file_with_mode("/usr/local/ilogtail_b/ilogtail", "#!/bin/sh\n", 0o755)
                .file_with_mode("/etc/init.d/ilogtaild_b", "#!/bin/sh\nexit 3\n", 0o755)
        },
        reports: &[warn(CauseId::SeveralAgents)],
        ..PLAIN
    },
    Scenario {
        name: "the open-source LoongCollector runs",
        build: || {
            Lab::new()
                    .agent(Flavour::None)
                    .file("/opt/loongcollector/conf/instance_config/local/loongcollector_config.json", "{}")
                    .file(
                        "/opt/loongcollector/run/app_info.json",
                        "{\n\t\"hostname\" : \"iZbp1lab\",\n\t\"instance_id\" : \"A341_10.1.1.5_1\",\n\t\"ip\" : \"10.1.1.5\",\n\t\"loongcollector_version\" : \"3.1.0 Community Edition\"\n}\n",
                    )
        },
        then: |lab| {
            must(lab, "cp /bin/sleep /opt/loongcollector/loongcollector");
            must(lab, "cd /opt/loongcollector; setsid ./loongcollector 600 > /dev/null 2>&1 &");
            must(lab, "until pgrep -x loongcollector > /dev/null; do sleep 0.05; done");
        },
        reports: &[fail(CauseId::CommunityEdition)],
        ..PLAIN
    },
];

const RUNNING: &[Scenario] = &[
    Scenario {
        name: "the agent was stopped",
        then: |lab| must(lab, "/etc/init.d/ilogtaild stop"),
        reports: &[fail(CauseId::AgentStopped)],
        ..PLAIN
    },
    Scenario {
        name: "the daemon runs without a worker",
        then: |lab| {
            lab.behave(&Behaviour { daemon_only: true, ..Behaviour::default() });
            assert_eq!(lab.sh("/etc/init.d/ilogtaild restart").code, 1);
            an_hour_passes(lab);
        },
        reports: &[fail(CauseId::AgentAbnormal)],
        ..PLAIN
    },
    Scenario {
        name: "the agent was started twice",
        then: |lab| {
            must(lab, "/usr/local/ilogtail/ilogtail; sleep 0.5");
            assert_eq!(lab.sh("pgrep -c ilogtail").stdout.trim(), "4");
        },
        reports: &[warn(CauseId::TooManyProcesses)],
        ..PLAIN
    },
    Scenario {
        name: "the agent is not started at boot",
        build: || Lab::new().not_at_boot(),
        reports: &[warn(CauseId::NotEnabledAtBoot)],
        ..PLAIN
    },
    Scenario {
        name: "the worker is started again and again",
        then: |lab| {
            an_hour_passes(lab);
            // The worker of an old daemon, just started for the fourth time.
            must(
                lab,
                r#"worker=$(pgrep -n ilogtail); hertz=$(getconf CLK_TCK)
                    awk -v later=$((3595 * hertz)) '{ $22 += later; print }' /proc/$worker/stat > /run/worker
                    mount --bind /run/worker /proc/$worker/stat
                    for start in 1 2 3 4; do
                        printf '[%s]\t[info]\t[77]\tcore/LogtailMonitor.cpp:1\t\tappInfo:{\n}\n' \
                            "$(date -d "-$((50 - start * 10)) seconds" '+%Y-%m-%d %H:%M:%S.%6N')"
                    done >> /usr/local/ilogtail/ilogtail.LOG"#,
            );
        },
        reports: &[fail(CauseId::RestartLoop)],
        ..PLAIN
    },
    Scenario {
        name: "the CPU lacks an instruction of this build",
        then: |lab| {
            let trap = "traps: ilogtail[4711] trap invalid opcode ip:6f2a31 sp:7ffd0 error:0 in ilogtail_1.8.8";
            // The laboratory's machine is a little older than this one, by the time at which it says that it booted.
            let uptime = "$(($(date +%s) - $(sed -n 's/^btime //p' /proc/stat))).000000";
            lab.write("/usr/bin/dmesg", format!("#!/bin/sh\necho \"[{uptime}] {trap}\"\n"));
            must(lab, "chmod 755 /usr/bin/dmesg");
            lab.behave(&Behaviour { daemon_only: true, ..Behaviour::default() });
            assert_eq!(lab.sh("/etc/init.d/ilogtaild restart").code, 1);
        },
        reports: &[fail(CauseId::IllegalInstruction), fail(CauseId::AgentAbnormal)],
        ..PLAIN
    },
];

const PARAMETERS: &[Scenario] = &[
    Scenario {
        name: "the configuration file was removed",
        then: |lab| must(lab, &format!("rm {CONFIG}")),
        reports: &[fail(CauseId::ConfigMissing)],
        ..PLAIN
    },
    Scenario {
        name: "the configuration file was cut off",
        then: |lab| must(lab, &format!("truncate -s 60 {CONFIG}")),
        reports: &[fail(CauseId::ConfigInvalidJson)],
        ..PLAIN
    },
    Scenario {
        name: "the configuration names no config server",
        build: || Lab::new().config("{\n    \"cpu_usage_limit\" : 0.4\n}\n"),
        then: lives,
        reports: &[fail(CauseId::ConfigNoEndpoint)],
        ..PLAIN
    },
    Scenario {
        name: "Logtail 1.8.8 with the keys of LoongCollector",
        build: || {
            Lab::new().config(
                r#"{
    "primary_region" : "cn-hangzhou",
    "config_servers" : [ "http://logtail.cn-hangzhou-intranet.log.aliyuncs.com" ],
    "data_servers" :
    [
        { "region" : "cn-hangzhou", "endpoint_list" : [ "cn-hangzhou-intranet.log.aliyuncs.com" ] }
    ]
}
"#,
            )
        },
        then: lives,
        reports: &[fail(CauseId::ConfigKeysWrongForVersion)],
        ..PLAIN
    },
    Scenario {
        name: "installed for another region, over the Internet",
        build: || {
            Lab::new().config(config!(
                "logtail.cn-beijing.log.aliyuncs.com",
                "cn-beijing",
                "cn-beijing.log.aliyuncs.com"
            ))
        },
        then: lives,
        told: &[("network", "internet")],
        reports: &[fail(CauseId::RegionMismatch)],
    },
    Scenario {
        name: "installed for the private network, but the Internet was chosen",
        told: &[("network", "internet")],
        reports: &[fail(CauseId::NetworkTypeMismatch)],
        ..PLAIN
    },
    Scenario {
        name: "config server and data endpoint of different regions",
        build: || {
            Lab::new().config(config!(
                "logtail.cn-hangzhou-intranet.log.aliyuncs.com",
                "cn-shanghai",
                "cn-shanghai-intranet.log.aliyuncs.com"
            ))
        },
        then: lives,
        reports: &[fail(CauseId::EndpointMismatch)],
        ..PLAIN
    },
    Scenario {
        name: "a project written into the config server",
        build: || {
            Lab::new().config(config!(
                "my-project.cn-hangzhou-intranet.log.aliyuncs.com",
                "cn-hangzhou",
                "cn-hangzhou-intranet.log.aliyuncs.com"
            ))
        },
        then: lives,
        reports: &[fail(CauseId::EndpointMismatch)],
        ..PLAIN
    },
    Scenario {
        name: "a comma before the last brace, and the agent runs well",
        build: || {
            Lab::new().config(config!(
                "logtail.cn-hangzhou-intranet.log.aliyuncs.com",
                "cn-hangzhou",
                "cn-hangzhou-intranet.log.aliyuncs.com",
                ","
            ))
        },
        then: lives,
        reports: &[warn(CauseId::ConfigNotStrictJson)],
        ..PLAIN
    },
    Scenario {
        name: "the project is in another region than the operator believes, as the service says",
        build: || Lab::new().cloud_key().project_in("cn-beijing"),
        told: ASKED,
        reports: &[fail(CauseId::RegionMismatch), fail(CauseId::HeartbeatAbsent)],
        ..PLAIN
    },
    Scenario {
        name: "the configuration was edited and the agent not restarted",
        then: |lab| {
            let edited = lab.read(CONFIG).replacen('{', "{\n    \"bind_interface\" : \"eth0\",", 1);
            lab.write(CONFIG, edited);
        },
        reports: &[warn(CauseId::ConfigNotInForce)],
        ..PLAIN
    },
    Scenario {
        name: "a comment in the configuration",
        build: || {
            Lab::new().config(config!(
                "logtail.cn-hangzhou-intranet.log.aliyuncs.com",
                "cn-hangzhou",
                "cn-hangzhou-intranet.log.aliyuncs.com",
                " // since the move"
            ))
        },
        then: lives,
        reports: &[warn(CauseId::ConfigNotStrictJson)],
        ..PLAIN
    },
    Scenario {
        name: "a region that is not in any list",
        build: || Lab::new().region("cn-neverland"),
        told: &[("region", "")],
        reports: &[warn(CauseId::UnknownRegion)],
        ..PLAIN
    },
    Scenario {
        name: "a healthy host, and a slip of the pen in the region",
        told: &[("region", "mars")],
        reports: &[warn(CauseId::UnknownRegion)],
        ..PLAIN
    },
    Scenario {
        name: "the program was replaced and the agent not restarted",
        then: |lab| must(lab, "cd /usr/local/ilogtail && cp -L ilogtail_1.8.8 new && mv new ilogtail_1.8.8"),
        reports: &[warn(CauseId::ConfigNotInForce)],
        ..PLAIN
    },
    Scenario {
        name: "the label of the data endpoint names another region",
        build: || {
            Lab::new().config(config!(
                "logtail.cn-hangzhou-intranet.log.aliyuncs.com",
                "cn-shanghai",
                "cn-hangzhou-intranet.log.aliyuncs.com"
            ))
        },
        then: lives,
        reports: &[warn(CauseId::ClusterLabelMismatch)],
        ..PLAIN
    },
];

const ADDRESS: &[Scenario] = &[
    Scenario {
        name: "the agent's record was removed",
        then: |lab| must(lab, &format!("rm {APP_INFO}")),
        reports: &[fail(CauseId::AppInfoMissing)],
        ..PLAIN
    },
    Scenario {
        name: "the agent's record was cut off, as on a full disk",
        then: |lab| must(lab, &format!("truncate -s 40 {APP_INFO}")),
        reports: &[fail(CauseId::AppInfoInvalid)],
        ..PLAIN
    },
    Scenario {
        name: "a routed host with its address on lo only",
        build: || Lab::new().stopped(),
        then: |lab| {
            must(lab, "ip address flush dev eth0; ip address add 10.1.1.5/32 dev lo");
            must(lab, "ip route replace default via 10.255.255.254 dev eth0 onlink src 10.1.1.5");
            must(lab, "/etc/init.d/ilogtaild start");
            lives(lab);
        },
        reports: &[fail(CauseId::IpEmpty), fail(CauseId::IpNotInGroup)],
        ..PLAIN
    },
    Scenario {
        name: "working_ip is the loopback address",
        build: || {
            Lab::new().config(config!(
                "logtail.cn-hangzhou-intranet.log.aliyuncs.com",
                "cn-hangzhou",
                "cn-hangzhou-intranet.log.aliyuncs.com",
                ",\n    \"working_ip\" : \"127.0.0.1\""
            ))
        },
        then: lives,
        reports: &[fail(CauseId::IpLoopback), fail(CauseId::IpNotInGroup)],
        ..PLAIN
    },
    Scenario {
        name: "/etc/hosts binds the hostname to an address of another host",
        build: || Lab::new().hosts_line("203.0.113.7 iZbp1lab"),
        reports: &[fail(CauseId::IpNotLocal), fail(CauseId::IpNotInGroup)],
        ..PLAIN
    },
    Scenario {
        name: "the same, but the group lists that address",
        build: || Lab::new().hosts_line("203.0.113.7 iZbp1lab").group_ips(&["203.0.113.7"]),
        told: &[("group-ip", "203.0.113.7")],
        reports: &[warn(CauseId::IpNotLocal)],
        ..PLAIN
    },
    Scenario {
        name: "Logtail 2.0.7 with two interfaces and an unbound hostname",
        build: || {
            Lab::new()
                .agent(Flavour::Logtail207)
                .nics(&[("ens3", &["10.1.1.5"]), ("ens4", &["10.2.2.5"])])
                .group_ips(&["10.1.1.5", "10.2.2.5"])
        },
        told: &[("group-ip", "10.2.2.5")],
        reports: &[warn(CauseId::IpAmbiguous)],
        ..PLAIN
    },
    Scenario {
        name: "Docker's bridge is the first interface",
        build: || {
            Lab::new().nics(&[("docker0", &["172.17.0.1/16"]), ("ens3", &["10.1.1.5"])]).group_ips(&["172.17.0.1"])
        },
        told: &[("group-ip", "172.17.0.1")],
        reports: &[warn(CauseId::IpVirtualNic)],
        ..PLAIN
    },
    Scenario {
        name: "somebody edited the address in app_info.json",
        then: |lab| {
            let edited = lab.read(APP_INFO).replace("\"ip\" : \"10.1.1.5\"", "\"ip\" : \"10.1.1.6\"");
            lab.write(APP_INFO, edited);
        },
        reports: &[warn(CauseId::IpStale)],
        ..PLAIN
    },
    Scenario {
        name: "working_ip was set and the agent not restarted",
        then: |lab| {
            let edited = lab.read(CONFIG).replacen('{', "{\n    \"working_ip\" : \"10.1.1.6\",", 1);
            lab.write(CONFIG, edited);
        },
        reports: &[warn(CauseId::IpStale), warn(CauseId::ConfigNotInForce)],
        ..PLAIN
    },
];
