//! Faults on the way to the service, and of the clock: steps 4 and 5.

use crate::scenarios::table::{PLAIN, Scenario, fail, must, refused, warn};
use lab::{Fault, Lab};
use logtail_doctor::core::finding::CauseId;
use std::net::Ipv4Addr;

const CONFIG_SERVER: &str = "logtail.cn-hangzhou-intranet.log.aliyuncs.com";

pub fn all() -> impl Iterator<Item = &'static Scenario> {
    [NETWORK, CLOCK].into_iter().flatten()
}

const NETWORK: &[Scenario] = &[
    Scenario {
        name: "the service's names do not exist for this resolver",
        build: || Lab::new().service(Fault::NoSuchName("*.log.aliyuncs.com".into())),
        reports: &[fail(CauseId::DnsFailure)],
        ..PLAIN
    },
    Scenario {
        name: "the name servers are silent",
        build: || Lab::new().service(Fault::DnsSilent),
        told: &[("timeout", "1")],
        reports: &[fail(CauseId::NameServerDown)],
        ..PLAIN
    },
    Scenario {
        name: "there is no resolv.conf: it is a link that leads nowhere",
        then: |lab| must(lab, "rm /etc/resolv.conf; ln -s /run/gone/resolv.conf /etc/resolv.conf"),
        told: &[("timeout", "1")],
        reports: &[fail(CauseId::NameServerMissing)],
        ..PLAIN
    },
    Scenario {
        name: "this host's own firewall lets nothing out, not even to the name servers",
        then: |lab| must(lab, "iptables -P OUTPUT DROP; iptables -A OUTPUT -o lo -j ACCEPT"),
        told: &[("timeout", "1")],
        reports: &[fail(CauseId::LocalFirewall)],
        ..PLAIN
    },
    Scenario {
        name: "a rule of iptables-legacy in the table mangle, with nft empty",
        then: |lab| must(lab, "iptables-legacy -t mangle -A OUTPUT -p tcp --dport 443 -j DROP"),
        told: &[("timeout", "1")],
        reports: &[fail(CauseId::LocalFirewall)],
        ..PLAIN
    },
    Scenario {
        name: "every route was flushed",
        then: |lab| must(lab, "ip route flush table main"),
        told: &[("timeout", "1")],
        reports: &[fail(CauseId::NoNetwork)],
        ..PLAIN
    },
    Scenario {
        name: "a container network has the private endpoints' prefix",
        then: |lab| {
            must(lab, "ip link add br-k8s type bridge; ip addr add 100.64.0.1/10 dev br-k8s; ip link set br-k8s up");
        },
        told: &[("timeout", "1")],
        reports: &[fail(CauseId::RouteCaptured)],
        ..PLAIN
    },
    Scenario {
        name: "the name servers answer SERVFAIL",
        build: || Lab::new().service(Fault::DnsServFail),
        reports: &[fail(CauseId::DnsFailure)],
        ..PLAIN
    },
    Scenario {
        name: "/etc/hosts binds the config server to a dead address",
        build: || Lab::new().hosts_line(&format!("192.0.2.1 {CONFIG_SERVER}")),
        told: &[("timeout", "1")],
        reports: &[fail(CauseId::DnsWrongAddress)],
        ..PLAIN
    },
    Scenario {
        name: "a resolver that leads every name to one address outside",
        build: || Lab::new().service(Fault::WrongAddress("*".into(), Ipv4Addr::new(198, 51, 100, 1))),
        told: &[("timeout", "1")],
        reports: &[fail(CauseId::DnsWrongAddress)],
        ..PLAIN
    },
    Scenario {
        name: "a firewall on the way refuses the config server",
        build: || Lab::new().service(Fault::Refuse("logtail.*".into(), None)),
        reports: &[fail(CauseId::ConnectRefused)],
        ..PLAIN
    },
    Scenario {
        name: "this host's own firewall refuses port 80",
        then: |lab| {
            must(lab, "nft add table inet own; nft add chain inet own out '{ type filter hook output priority 0; }'");
            must(lab, "nft add rule inet own out tcp dport 80 reject with tcp reset");
        },
        reports: &[fail(CauseId::LocalFirewall)],
        ..PLAIN
    },
    Scenario {
        name: "a security group drops the config server's packets",
        build: || Lab::new().service(Fault::Drop(CONFIG_SERVER.into(), None)),
        told: &[("timeout", "1")],
        reports: &[fail(CauseId::ConnectTimeout)],
        ..PLAIN
    },
    Scenario {
        name: "only the project's data endpoint is dropped",
        build: || Lab::new().service(Fault::Drop("cn-hangzhou-intranet.log.aliyuncs.com".into(), None)),
        told: &[("timeout", "1")],
        reports: &[warn(CauseId::ConnectTimeout)],
        ..PLAIN
    },
    Scenario {
        name: "TLS is intercepted",
        build: || Lab::new().service(Fault::UntrustedTls("logtail.*".into())),
        reports: &[fail(CauseId::TlsFailure)],
        ..PLAIN
    },
    Scenario {
        name: "a captive portal answers in the service's place",
        build: || Lab::new().service(Fault::ForeignPage("*".into())),
        reports: &[fail(CauseId::ForeignResponse)],
        ..PLAIN
    },
    Scenario {
        name: "the agent was started with a proxy that is not there",
        build: || Lab::new().stopped(),
        then: |lab| {
            let dead = "http://10.1.1.5:3128";
            must(lab, &format!("HTTP_PROXY={dead} HTTPS_PROXY={dead} /etc/init.d/ilogtaild start"));
            crate::scenarios::table::lives(lab);
        },
        reports: &[fail(CauseId::ProxyMismatch)],
        ..PLAIN
    },
];

const CLOCK: &[Scenario] = &[
    Scenario {
        name: "the clock is 20 minutes fast",
        then: |lab| refused(lab, "RequestTimeExpired", |service| service.faults.push(Fault::ClockOffset(-1200))),
        reports: &[fail(CauseId::ClockSkew), warn(CauseId::ClockRejected)],
        ..PLAIN
    },
    Scenario {
        name: "the clock is 6 minutes slow",
        build: || Lab::new().service(Fault::ClockOffset(360)),
        reports: &[warn(CauseId::ClockSkew)],
        ..PLAIN
    },
];
