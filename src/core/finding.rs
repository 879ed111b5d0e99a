//! The words that all rooms share: steps, verdicts, causes, remedies, evidence, findings.
//!
//! The ids are a promise to other programs (design, section 3): they are never renamed and never reused.
//! This file holds data only: no judgement, no I/O, nothing about terminals.

use crate::core::text::Text;
use serde::{Deserialize, Serialize};

/// Makes an enum whose members have a fixed kebab-case id, and the list of all of them.
macro_rules! ids {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident = $id:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$member_doc])* #[serde(rename = $id)] $member),+ }

        impl $name {
            /// Every member, in the order of the design.
            pub const ALL: &'static [$name] = &[$($name::$member),+];

            /// The stable id, as in JSON and on the command line.
            pub const fn id(self) -> &'static str {
                match self { $($name::$member => $id),+ }
            }

            /// The member with this id.
            pub fn of_id(id: &str) -> Option<$name> {
                Self::ALL.iter().copied().find(|member| member.id() == id)
            }
        }
    };
}

ids! {
    /// The steps of the flowchart that check something, in flowchart order.
    StepId {
        Installed = "installed",
        Running = "running",
        Parameters = "parameters",
        Network = "network",
        Clock = "clock",
        Address = "address",
        Group = "group",
        Account = "account",
        Log = "log",
        Heartbeat = "heartbeat",
    }
}

impl StepId {
    /// Position in the flowchart, from 0.
    pub fn index(self) -> usize {
        self as usize
    }

    /// The section of the vendor's troubleshooting document that this step mirrors; none for steps that it lacks.
    pub fn seed_section(self) -> Option<&'static str> {
        match self {
            StepId::Installed | StepId::Running => Some("1"),
            StepId::Parameters => Some("2.1"),
            StepId::Network => Some("2.2"),
            StepId::Address => Some("3.1"),
            StepId::Group => Some("3.2"),
            StepId::Account => Some("4"),
            StepId::Clock | StepId::Log | StepId::Heartbeat => None,
        }
    }

    /// The name in the flowchart: one or two words.
    pub fn title(self) -> Text {
        match self {
            StepId::Installed => Text::fixed("Installed", "安装"),
            StepId::Running => Text::fixed("Running", "运行"),
            StepId::Parameters => Text::fixed("Parameters", "安装参数"),
            StepId::Network => Text::fixed("Network", "网络"),
            StepId::Clock => Text::fixed("Clock", "时钟"),
            StepId::Address => Text::fixed("Address", "IP 地址"),
            StepId::Group => Text::fixed("Machine group", "机器组"),
            StepId::Account => Text::fixed("Account", "账号"),
            StepId::Log => Text::fixed("Agent log", "Agent 日志"),
            StepId::Heartbeat => Text::fixed("Heartbeat", "心跳"),
        }
    }

    /// The question that the step answers (design, section 2).
    pub fn question(self) -> Text {
        match self {
            StepId::Installed => Text::fixed(
                "Is Logtail / LoongCollector installed, completely, once?",
                "是否已安装 Logtail / LoongCollector，完整且只有一份？",
            ),
            StepId::Running => Text::fixed(
                "Does it run: one daemon, one worker, stable?",
                "它在运行吗：一个守护进程、一个工作进程、稳定？",
            ),
            StepId::Parameters => Text::fixed(
                "Do the install parameters fit the project, and are they in force?",
                "安装参数与 Project 相符吗，并且已经生效吗？",
            ),
            StepId::Network => Text::fixed(
                "Can this host reach every endpoint that the agent needs?",
                "本机能连通 Agent 需要的每个服务入口吗？",
            ),
            StepId::Clock => {
                Text::fixed("Is the clock within the service's 15 minutes?", "系统时钟与服务端相差在 15 分钟以内吗？")
            }
            StepId::Address => Text::fixed(
                "Which IP did the agent obtain, why that one, is it usable?",
                "Agent 取到了哪个 IP，为什么是它，可用吗？",
            ),
            StepId::Group => Text::fixed(
                "Does the machine group name this IP, or this custom identifier?",
                "机器组里有这个 IP 或这个用户自定义标识吗？",
            ),
            StepId::Account => Text::fixed(
                "Is this host authorised for the account that owns the project?",
                "本机已授权给 Project 所属的账号吗？",
            ),
            StepId::Log => Text::fixed(
                "What does the agent's own log say beyond the steps above?",
                "除以上各步外，Agent 自己的日志还说了什么？",
            ),
            StepId::Heartbeat => Text::fixed("Does the heartbeat arrive at the service?", "心跳到达服务端了吗？"),
        }
    }
}

/// What a step, or the whole check, came to. Ordered from best to worst as the whole is judged: `Skipped` counts
/// as nothing, `Unknown` is worse than `Warn` because what could not be determined is never OK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Skipped,
    Pass,
    Warn,
    Unknown,
    Fail,
}

impl Verdict {
    /// Every verdict, best first.
    pub const ALL: [Verdict; 5] = [Verdict::Skipped, Verdict::Pass, Verdict::Warn, Verdict::Unknown, Verdict::Fail];

    /// The stable id, as in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Verdict::Skipped => "skipped",
            Verdict::Pass => "pass",
            Verdict::Warn => "warn",
            Verdict::Unknown => "unknown",
            Verdict::Fail => "fail",
        }
    }

    /// The word on the screen.
    pub const fn word(self) -> Text {
        match self {
            Verdict::Skipped => Text::fixed("SKIPPED", "跳过"),
            Verdict::Pass => Text::fixed("PASS", "通过"),
            Verdict::Warn => Text::fixed("WARN", "警告"),
            Verdict::Unknown => Text::fixed("UNKNOWN", "未知"),
            Verdict::Fail => Text::fixed("FAIL", "失败"),
        }
    }
}

ids! {
    /// What can be wrong (design, section 3).
    CauseId {
        AgentNotInstalled = "agent-not-installed",
        InstallIncomplete = "install-incomplete",
        SeveralAgents = "several-agents",
        CommunityEdition = "community-edition",
        AgentCannotStart = "agent-cannot-start",
        FilesystemReadOnly = "filesystem-read-only",
        FilesystemFull = "filesystem-full",
        AgentStopped = "agent-stopped",
        AgentAbnormal = "agent-abnormal",
        TooManyProcesses = "too-many-processes",
        NotEnabledAtBoot = "not-enabled-at-boot",
        RestartLoop = "restart-loop",
        IllegalInstruction = "illegal-instruction",
        ConfigMissing = "config-missing",
        ConfigInvalidJson = "config-invalid-json",
        ConfigNoEndpoint = "config-no-endpoint",
        ConfigKeysWrongForVersion = "config-keys-wrong-for-version",
        RegionMismatch = "region-mismatch",
        NetworkTypeMismatch = "network-type-mismatch",
        EndpointMismatch = "endpoint-mismatch",
        ConfigNotInForce = "config-not-in-force",
        ConfigNotStrictJson = "config-not-strict-json",
        UnknownRegion = "unknown-region",
        ClusterLabelMismatch = "cluster-label-mismatch",
        LocalFirewall = "local-firewall",
        NoNetwork = "no-network",
        RouteCaptured = "route-captured",
        NameServerMissing = "name-server-missing",
        NameServerDown = "name-server-down",
        NameServerSlow = "name-server-slow",
        PathMtu = "path-mtu",
        DnsFailure = "dns-failure",
        DnsWrongAddress = "dns-wrong-address",
        ConnectRefused = "connect-refused",
        ConnectTimeout = "connect-timeout",
        TlsFailure = "tls-failure",
        ForeignResponse = "foreign-response",
        ProxyMismatch = "proxy-mismatch",
        ClockSkew = "clock-skew",
        AppInfoMissing = "app-info-missing",
        AppInfoInvalid = "app-info-invalid",
        IpEmpty = "ip-empty",
        IpLoopback = "ip-loopback",
        IpNotLocal = "ip-not-local",
        IpAmbiguous = "ip-ambiguous",
        IpVirtualNic = "ip-virtual-nic",
        IpStale = "ip-stale",
        GroupNotFound = "group-not-found",
        IpNotInGroup = "ip-not-in-group",
        CustomIdMissing = "custom-id-missing",
        CustomIdMismatch = "custom-id-mismatch",
        CustomIdMalformed = "custom-id-malformed",
        IdentityKindMismatch = "identity-kind-mismatch",
        CustomIdStale = "custom-id-stale",
        GroupOsMix = "group-os-mix",
        IdentityUnreadable = "identity-unreadable",
        AliuidMissing = "aliuid-missing",
        AliuidMalformed = "aliuid-malformed",
        AliuidNotOwner = "aliuid-not-owner",
        AuthRejected = "auth-rejected",
        RegionRejected = "region-rejected",
        ClockRejected = "clock-rejected",
        Crash = "crash",
        ResourceLimit = "resource-limit",
        Quota = "quota",
        DomainSocketBusy = "domain-socket-busy",
        UuidNone = "uuid-none",
        IdleBackoff = "idle-backoff",
        HeartbeatAbsent = "heartbeat-absent",
        HeartbeatStale = "heartbeat-stale",
        HeartbeatUnverified = "heartbeat-unverified",
    }
}

/// Every remedy: its name in code, its stable id, and its file in `remedies/` without the ending. A new remedy is one line
/// here, that file, and the check that offers it. The table is handed to a macro that makes of it what it needs.
macro_rules! each_remedy {
    ($make:ident) => {
        $make! {
            InstallAgent = "install-agent" in install_agent,
            UpgradeAgent = "upgrade-agent" in upgrade_agent,
            StartAgent = "start-agent" in start_agent,
            RestartAgent = "restart-agent" in restart_agent,
            StopExtraAgent = "stop-extra-agent" in stop_extra_agent,
            EnableAtBoot = "enable-at-boot" in enable_at_boot,
            RepairConfig = "repair-config" in repair_config,
            SetEndpoint = "set-endpoint" in set_endpoint,
            ReinstallAgent = "reinstall-agent" in reinstall_agent,
            AllowEgress = "allow-egress" in egress,
            SetNameServer = "set-name-server" in name_server,
            RemoveProxy = "remove-proxy" in remove_proxy,
            UnpinHost = "unpin-host" in unpin_host,
            SyncClock = "sync-clock" in sync_clock,
            EnableTimeAdjust = "enable-time-adjust" in enable_time_adjust,
            BindHostname = "bind-hostname" in bind_hostname,
            SetWorkingIp = "set-working-ip" in set_working_ip,
            AddIpToGroup = "add-ip-to-group" in add_ip_to_group,
            ReplaceIpInGroup = "replace-ip-in-group" in replace_ip_in_group,
            WriteCustomId = "write-custom-id" in write_custom_id,
            CleanCustomId = "clean-custom-id" in clean_custom_id,
            RemoveCustomId = "remove-custom-id" in remove_custom_id,
            AddAliuid = "add-aliuid" in add_aliuid,
            RenameAliuid = "rename-aliuid" in rename_aliuid,
        }
    };
}
pub(in crate::core) use each_remedy;

/// The ids out of [`each_remedy`].
macro_rules! remedy_ids {
    ($($name:ident = $id:literal in $file:ident,)+) => {
        ids! {
            /// What can be done about it (design, section 3).
            RemedyId { $($name = $id),+ }
        }
    };
}

each_remedy!(remedy_ids);

/// How bad one cause is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Warn,
    Unknown,
    Fail,
}

impl Severity {
    /// The verdict that a step with this worst cause gets.
    pub const fn verdict(self) -> Verdict {
        match self {
            Severity::Warn => Verdict::Warn,
            Severity::Unknown => Verdict::Unknown,
            Severity::Fail => Verdict::Fail,
        }
    }
}

/// One thing that is wrong, and what cures it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    pub id: CauseId,
    pub severity: Severity,
    /// What is wrong here, with the values that show it.
    pub detail: Text,
    /// One sentence: why this breaks the heartbeat.
    pub why: Text,
    /// The remedies that cure it, the one to try first in front.
    pub remedies: Vec<RemedyId>,
    /// The cause of which this is a consequence; None for a cause that stands for itself.
    #[serde(default)]
    pub explained_by: Option<CauseId>,
}

impl Cause {
    /// A cause that stands for itself, as long as nothing is known that explains it.
    pub fn new(id: CauseId, severity: Severity, detail: Text, why: Text, remedies: &[RemedyId]) -> Cause {
        Cause { id, severity, detail, why, remedies: remedies.to_vec(), explained_by: None }
    }

    /// A cause that breaks the heartbeat.
    pub fn fail(id: CauseId, detail: Text, why: Text, remedies: &[RemedyId]) -> Cause {
        Cause::new(id, Severity::Fail, detail, why, remedies)
    }

    /// A cause that endangers the heartbeat or hides a fault.
    pub fn warn(id: CauseId, detail: Text, why: Text, remedies: &[RemedyId]) -> Cause {
        Cause { severity: Severity::Warn, ..Cause::fail(id, detail, why, remedies) }
    }
}

/// How one row of evidence compares with what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    Good,
    Bad,
    Doubtful,
    /// It could not be read or determined.
    Unknown,
    /// Neither good nor bad: a fact worth knowing.
    Note,
}

/// One row of evidence: what was read, from where, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub label: Text,
    pub value: Text,
    pub expected: Option<Text>,
    /// Where it was read: a file, a command, an address.
    pub source: Text,
    pub mark: Mark,
}

impl Evidence {
    /// A row that says what was read and where; [`Evidence::expecting`] and [`Evidence::marked`] complete it.
    pub fn new(label: Text, value: Text, source: impl Into<String>) -> Evidence {
        Evidence { label, value, expected: None, source: Text::same(source), mark: Mark::Note }
    }

    /// Where it was read, for a reader; None when the value itself says it, as a path that was found does.
    pub fn place(&self) -> Option<&Text> {
        (!self.source.is_empty() && self.source != self.value).then_some(&self.source)
    }

    /// Adds what was expected.
    pub fn expecting(mut self, expected: Text) -> Evidence {
        self.expected = Some(expected);
        self
    }

    /// Adds how it compares.
    pub fn marked(mut self, mark: Mark) -> Evidence {
        self.mark = mark;
        self
    }
}

/// What a check came to. It is computed from observations and context alone, so equal inputs give equal findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub step: StepId,
    pub verdict: Verdict,
    /// The verdict in one sentence.
    pub summary: Text,
    /// The worst cause first.
    pub causes: Vec<Cause>,
    pub evidence: Vec<Evidence>,
    /// What the operator could tell to make this verdict exact, most useful first.
    pub wants: Vec<crate::core::context::Field>,
}

impl Finding {
    /// A finding judged by its causes: the worst severity is the verdict; no cause means `pass`.
    pub fn judged(step: StepId, summary: Text, mut causes: Vec<Cause>, evidence: Vec<Evidence>) -> Finding {
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.severity));
        let verdict = causes.first().map_or(Verdict::Pass, |worst| worst.severity.verdict());
        Finding { step, verdict, summary, causes, evidence, wants: Vec::new() }
    }

    /// A step that could not be determined; the evidence or the summary says how to find out.
    pub fn unknown(step: StepId, summary: Text, evidence: Vec<Evidence>) -> Finding {
        Finding { step, verdict: Verdict::Unknown, summary, causes: Vec::new(), evidence, wants: Vec::new() }
    }

    /// A step that cannot be looked at because an earlier one failed, or that does not apply here.
    pub fn skipped(step: StepId, summary: Text) -> Finding {
        Finding {
            step,
            verdict: Verdict::Skipped,
            summary,
            causes: Vec::new(),
            evidence: Vec::new(),
            wants: Vec::new(),
        }
    }

    /// Adds what the operator could tell.
    pub fn wanting(mut self, wants: &[crate::core::context::Field]) -> Finding {
        self.wants = wants.to_vec();
        self
    }

    /// Whether the step found something that may be what breaks the heartbeat, though it does not fail. An unknown step
    /// may, too: of it the rest could not be determined.
    pub fn is_doubtful(&self) -> bool {
        let is_open = matches!(self.verdict, Verdict::Warn | Verdict::Unknown);
        is_open && self.causes.iter().any(|cause| cause.severity != Severity::Unknown)
    }

    /// The remedies of all causes, the worst cause's first, each once.
    pub fn remedies(&self) -> Vec<RemedyId> {
        let mut all = Vec::new();
        for remedy in self.causes.iter().flat_map(|cause| &cause.remedies) {
            if !all.contains(remedy) {
                all.push(*remedy);
            }
        }
        all
    }
}

/// The verdict of the whole: the worst of the steps.
pub fn worst<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Verdict {
    findings.into_iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_kebab_case_and_found_again() {
        let all: Vec<&str> = StepId::ALL
            .iter()
            .map(|s| s.id())
            .chain(CauseId::ALL.iter().map(|c| c.id()))
            .chain(RemedyId::ALL.iter().map(|r| r.id()))
            .collect();
        let unique: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(unique.len(), all.len());
        assert!(all.iter().all(|id| id.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
        assert_eq!(CauseId::of_id("ip-not-local"), Some(CauseId::IpNotLocal));
    }

    #[test]
    fn unknown_is_worse_than_a_warning_and_better_than_a_failure() {
        assert!(Verdict::Fail > Verdict::Unknown && Verdict::Unknown > Verdict::Warn && Verdict::Warn > Verdict::Pass);
    }
}
