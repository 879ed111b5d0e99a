//! The vendor's own installer, with the exact commands of its document: what install-agent, upgrade-agent and
//! reinstall-agent share. `install` deletes the install directory with its configuration; `upgrade` keeps both.

use super::common::{Drafted, endpoints_in, is_there, refused, region_and_network, region_inputs, the_agent};
use super::set_endpoint::cautions;
use super::{Change, Inputs, Plan, control};
use crate::core::agent::endpoint::{self, RegionKind};
use crate::core::agent::layout::{Agent, Flavour};
use crate::core::context::NetworkType;
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::{Observations, Unanswered};
use crate::core::text::Text;
use crate::say;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where it installs to.
pub const INSTALL_DIR: &str = "/usr/local/ilogtail";
const LIMIT: Duration = Duration::from_secs(300);

/// Where an installer is, and what it is called.
pub struct Installer {
    url: String,
    script: &'static str,
}

impl Installer {
    fn flavour(&self) -> Flavour {
        if self.script == "logtail.sh" { Flavour::Logtail } else { Flavour::LoongCollector }
    }

    /// The init script that it leaves (domain facts, 7).
    pub fn init_script(&self) -> PathBuf {
        Path::new("/etc/init.d").join(self.flavour().service())
    }

    /// The program that it leaves.
    pub fn program(&self) -> PathBuf {
        Path::new(INSTALL_DIR).join(self.flavour().program())
    }
}

/// The installer for a region over a network type. None where the document names no download: government clouds, and
/// finance regions without one.
pub fn installer(flavour: Flavour, region: &str, network: NetworkType) -> Option<Installer> {
    let inner = if network == NetworkType::Intranet { "-internal" } else { "" };
    let kind = endpoint::region(region).map_or(RegionKind::Public, |region| region.kind);
    let logtail = |bucket: &str, oss: &str| Installer {
        url: format!("http://{bucket}.{oss}{inner}.aliyuncs.com/linux64/logtail.sh"),
        script: "logtail.sh",
    };
    match (kind, flavour) {
        (RegionKind::Public, Flavour::LoongCollector) => Some(Installer {
            url: format!(
                "https://aliyun-observability-release-{region}.oss-{region}{inner}.aliyuncs.com/loongcollector/linux64/latest/loongcollector.sh"
            ),
            script: "loongcollector.sh",
        }),
        (RegionKind::Public, Flavour::Logtail) => {
            Some(logtail(&format!("logtail-release-{region}"), &format!("oss-{region}")))
        }
        (RegionKind::Finance, _) => match region {
            "cn-hangzhou-finance" => Some(logtail("logtail-release-cn-hangzhou-finance-1", "oss-cn-hzfinance")),
            "cn-shanghai-finance-1" => {
                Some(logtail("logtail-release-cn-shanghai-finance-1", "oss-cn-shanghai-finance-1"))
            }
            "cn-shenzhen-finance-1" => Some(logtail("logtail-release-sz-finance", "oss-cn-shenzhen-finance-1")),
            _ => None,
        },
        (RegionKind::Government, _) => None,
    }
}

/// Downloads the installer into a directory of its own and runs it. Region and parameter have been checked to hold
/// letters, digits and dashes alone.
pub fn run(see: &Observations, installer: &Installer, words: &str, what: Text) -> Result<Change, Unanswered> {
    let Installer { url, script } = installer;
    let has_wget = is_there(see, &["/usr/bin/wget", "/bin/wget"]);
    let has_curl = is_there(see, &["/usr/bin/curl", "/bin/curl"]);
    let fetch = if !has_wget? && has_curl? {
        format!("curl -fsSL --connect-timeout 10 {url} -o {script}")
    } else {
        format!("wget -nv -T 10 -t 2 {url} -O {script}")
    };
    // The assignment fails with mktemp; `cd "$(mktemp -d)"` would not, and stay in the operator's directory.
    let line = format!("dir=$(mktemp -d) && cd \"$dir\" && {fetch} && chmod 755 {script} && ./{script} {words}");
    Ok(Change::Run { argv: vec!["sh".into(), "-c".into(), line], limit: LIMIT, accept: vec![0], what, proxies: true })
}

/// The documents name no installer for the region.
pub fn no_download(region: &str) -> super::common::Stop {
    refused(say!(
        "The public documents name no installer for {region}; take the command from the console (Logtail, install).",
        "公开文档没有提供 {region} 的安装脚本；请在控制台复制安装命令。"
    ))
}

/// What every plan that runs an installer says before.
pub fn installer_cautions(installer: &Installer) -> Vec<Text> {
    let (url, script) = (&installer.url, installer.script);
    let mut out = vec![say!(
        "{script} is downloaded from {url} and run as root. It cannot be undone by this program.",
        "将从 {url} 下载 {script} 并以 root 运行。本程序无法撤销。"
    )];
    if url.starts_with("http:") {
        out.push(Text::fixed("The vendor offers this download over plain http only.", "该下载地址仅提供 http。"));
    }
    out
}

/// The run of the installer's upgrade for an agent that is there.
pub fn upgrade_with(remedy: RemedyId, verify: StepId, inputs: &Inputs, see: &Observations) -> Drafted<(Plan, Agent)> {
    let agent = the_agent(see)?;
    let dir = agent.install_dir.display();
    if agent.community {
        return Err(refused(say!(
            "The agent in {dir} is the open-source build, which has no heartbeat to Simple Log Service and is not upgraded to the commercial one; use install-agent.",
            "{dir} 中的 Agent 是开源社区版，不支持日志服务心跳，也无法升级为商业版；请使用 install-agent。"
        )));
    }
    let suffix = agent.install_dir.file_name().and_then(|name| name.to_str()?.strip_prefix("ilogtail"));
    // The suffix becomes part of a command line, and a directory can have any name.
    let is_safe = |suffix: &str| {
        suffix.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') && !suffix.starts_with('-')
    };
    let is_usual = agent.install_dir.parent() == Some(Path::new("/usr/local"));
    let Some(suffix) = suffix.filter(|suffix| is_usual && is_safe(suffix)) else {
        return Err(refused(say!(
            "The agent in {dir} was not put there by the vendor's installer, so that cannot upgrade it.",
            "{dir} 中的 Agent 不是由官方安装脚本安装的，无法用它升级。"
        )));
    };
    let found = see.file(&agent.config_path)?;
    let suggested = found.as_ref().map(|file| endpoints_in(&file.text())).unwrap_or_default();
    let (region, network) = region_and_network(inputs, suggested)?;
    let installer = installer(agent.flavour, &region, network).ok_or_else(|| no_download(&region))?;
    let script = installer.script;
    let name = agent.flavour.label();
    let version = agent.version.as_ref().map(ToString::to_string).unwrap_or_default();
    let name = name.get(crate::core::text::Lang::En);
    let why = say!(
        "{script} upgrade replaces the programs of {name} {version} in {dir} and keeps its configuration and checkpoints.",
        "{script} upgrade 会替换 {dir} 中 {name} {version} 的程序，并保留配置和检查点。"
    );
    let mut plan = Plan::new(remedy, verify, why);
    plan.inputs = region_inputs(&region, network);
    let words = if suffix.is_empty() { "upgrade".to_string() } else { format!("upgrade -s {suffix}") };
    let what = say!("upgrade the agent in {dir}", "升级 {dir} 中的 Agent");
    plan.changes.push(run(see, &installer, &words, what)?);
    plan.changes.extend(control::afresh_of(see, &agent)?);
    plan.cautions = installer_cautions(&installer);
    plan.cautions.extend(cautions(see, &agent, &region, network)?);
    plan.patience = Duration::from_secs(60);
    Ok((plan, agent))
}
