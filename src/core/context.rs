//! What the operator told about the cloud side, because this host cannot know it: project, group, account.
//!
//! The same fields are command line options, form fields of the wizard, and inputs of remedies (design, section 4),
//! with the same names and the same validation. They are remembered for the next start; a secret is never among them.

mod install_parameter;

pub use install_parameter::InstallParameter;

use crate::core::text::Text;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// How the agent reaches the service; decides which endpoint hosts it uses (agent installer's suffix).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkType {
    /// Alibaba Cloud private network: VPC or classic, same region only.
    Intranet,
    Internet,
    /// Transfer acceleration: data through `log-global`, configuration through the Internet endpoint.
    Acceleration,
}

impl NetworkType {
    pub const ALL: [NetworkType; 3] = [NetworkType::Intranet, NetworkType::Internet, NetworkType::Acceleration];

    pub const fn id(self) -> &'static str {
        match self {
            NetworkType::Intranet => "intranet",
            NetworkType::Internet => "internet",
            NetworkType::Acceleration => "acceleration",
        }
    }

    pub fn of_id(id: &str) -> Option<NetworkType> {
        Self::ALL.into_iter().find(|kind| kind.id() == id)
    }
}

/// What a machine group lists: addresses or custom identifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdentityKind {
    Ip,
    Custom,
}

impl IdentityKind {
    pub const ALL: [IdentityKind; 2] = [IdentityKind::Ip, IdentityKind::Custom];

    pub const fn id(self) -> &'static str {
        match self {
            IdentityKind::Ip => "ip",
            IdentityKind::Custom => "custom",
        }
    }

    pub fn of_id(id: &str) -> Option<IdentityKind> {
        Self::ALL.into_iter().find(|kind| kind.id() == id)
    }
}

/// Everything that the operator told. An absent field means "not told", never "no".
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Context {
    pub project: Option<String>,
    pub logstore: Option<String>,
    pub machine_group: Option<String>,
    pub region: Option<String>,
    pub network: Option<NetworkType>,
    pub identity: Option<IdentityKind>,
    /// The addresses that the console shows in the machine group.
    pub group_ips: Vec<Ipv4Addr>,
    pub custom_id: Option<String>,
    /// The main account id of the project's owner.
    pub aliuid: Option<String>,
    /// Whether this ECS instance belongs to the account that owns the project.
    pub same_account: Option<bool>,
    /// What the operator reads in the console of the heartbeat: OK or FAIL. Not remembered: it changes by the minute.
    #[serde(skip)]
    pub console_heartbeat: Option<bool>,
    /// `--no-cloud`: never contact the service's API. Not remembered.
    #[serde(skip)]
    pub no_cloud: bool,
    /// When something was cured, by this host's clock in seconds since 1970: only a heartbeat after it proves the cure.
    /// Not remembered.
    #[serde(skip)]
    pub cured_at: Option<i64>,
    /// The fields that nobody told in this session: they were remembered from an earlier one.
    #[serde(skip)]
    pub remembered: BTreeSet<Field>,
}

/// One field of the context, in the order in which the wizard's form shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    Project,
    Region,
    Network,
    MachineGroup,
    Identity,
    GroupIp,
    CustomId,
    Aliuid,
    SameAccount,
    Logstore,
}

/// Why a typed value is not acceptable: a sentence for the line below the field.
pub type Refusal = Text;

impl Field {
    pub const ALL: [Field; 10] = [
        Field::Project,
        Field::Region,
        Field::Network,
        Field::MachineGroup,
        Field::Identity,
        Field::GroupIp,
        Field::CustomId,
        Field::Aliuid,
        Field::SameAccount,
        Field::Logstore,
    ];

    /// The option name without dashes, as in `--machine-group` and `--set machine-group=…`.
    pub const fn id(self) -> &'static str {
        match self {
            Field::Project => "project",
            Field::Region => "region",
            Field::Network => "network",
            Field::MachineGroup => "machine-group",
            Field::Identity => "identity",
            Field::GroupIp => "group-ip",
            Field::CustomId => "custom-id",
            Field::Aliuid => "aliuid",
            Field::SameAccount => "same-account",
            Field::Logstore => "logstore",
        }
    }

    pub fn of_id(id: &str) -> Option<Field> {
        Self::ALL.into_iter().find(|field| field.id() == id)
    }

    pub fn label(self) -> Text {
        match self {
            Field::Project => Text::fixed("Project", "Project"),
            Field::Region => Text::fixed("Region of the project", "Project 所在地域"),
            Field::Network => Text::fixed("Network type", "网络类型"),
            Field::MachineGroup => Text::fixed("Machine group", "机器组"),
            Field::Identity => Text::fixed("Group identifies by", "机器组标识方式"),
            Field::GroupIp => Text::fixed("IPs in the group", "机器组中的 IP"),
            Field::CustomId => Text::fixed("Custom identifier", "用户自定义标识"),
            Field::Aliuid => Text::fixed("AliUid of the owner", "Project 主账号 AliUid"),
            Field::SameAccount => Text::fixed("Same account", "与 Project 同账号"),
            Field::Logstore => Text::fixed("Logstore", "Logstore"),
        }
    }

    /// Where the operator finds the value, in one line.
    pub fn hint(self) -> Text {
        match self {
            Field::Project => Text::fixed("Name of the SLS project, as in the console", "控制台中的 Project 名称"),
            Field::Region => {
                Text::fixed("Console: project overview. Type to filter", "控制台 Project 概览；输入以筛选")
            }
            Field::Network => {
                Text::fixed("intranet, internet or acceleration", "intranet 内网、internet 公网、acceleration 传输加速")
            }
            Field::MachineGroup => Text::fixed("Name of the machine group", "机器组名称"),
            Field::Identity => {
                Text::fixed("ip or custom: see the group in the console", "ip 或 custom：见控制台机器组")
            }
            Field::GroupIp => {
                Text::fixed("The list in the console, separated by spaces", "控制台机器组中的列表，用空格分隔")
            }
            Field::CustomId => Text::fixed("The identifier that the group names", "机器组中填写的用户自定义标识"),
            Field::Aliuid => Text::fixed(
                "Main account id of the project's owner: console, account menu",
                "Project 所属主账号 ID：控制台右上角账号信息",
            ),
            Field::SameAccount => Text::fixed(
                "yes: an ECS of the account that owns the project; else no",
                "yes：本机是 Project 所属账号的 ECS；否则填 no",
            ),
            Field::Logstore => Text::fixed("For the support ticket only", "仅用于工单"),
        }
    }

    /// The values to choose from, where there are few; an empty slice means free text.
    pub fn choices(self) -> &'static [&'static str] {
        match self {
            Field::Network => &["intranet", "internet", "acceleration"],
            Field::Identity => &["ip", "custom"],
            Field::SameAccount => &["yes", "no"],
            _ => &[],
        }
    }
}

impl Context {
    /// How the machine group names its machines: as told, else as what was told of its list says.
    pub fn identity_kind(&self) -> Option<IdentityKind> {
        self.identity.or(match (self.group_ips.is_empty(), &self.custom_id) {
            (false, None) => Some(IdentityKind::Ip),
            (true, Some(_)) => Some(IdentityKind::Custom),
            (true, None) | (false, Some(_)) => None,
        })
    }

    /// What is to be added behind a value that was not told in this session; empty for one that was.
    pub fn origin(&self, field: Field) -> Text {
        match self.remembered.contains(&field) {
            true => Text::fixed(" (remembered from an earlier session)", "（来自之前的会话）"),
            false => Text::same(""),
        }
    }

    /// The field's value as typed text; empty when not told.
    pub fn get(&self, field: Field) -> String {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        match field {
            Field::Project => text(&self.project),
            Field::Region => text(&self.region),
            Field::Network => self.network.map(NetworkType::id).unwrap_or_default().to_string(),
            Field::MachineGroup => text(&self.machine_group),
            Field::Identity => self.identity.map(IdentityKind::id).unwrap_or_default().to_string(),
            Field::GroupIp => self.group_ips.iter().map(Ipv4Addr::to_string).collect::<Vec<_>>().join(" "),
            Field::CustomId => text(&self.custom_id),
            Field::Aliuid => text(&self.aliuid),
            Field::SameAccount => match self.same_account {
                Some(true) => "yes".to_string(),
                Some(false) => "no".to_string(),
                None => String::new(),
            },
            Field::Logstore => text(&self.logstore),
        }
    }

    /// As [`Context::set`], for what an operator gives: where a region is asked for and the installer's parameter is given,
    /// its network type counts too, unless one was told in this session. Returns what is to be said about that.
    ///
    /// # Errors
    /// The sentence that says what is wrong with the text.
    pub fn tell(&mut self, field: Field, typed: &str) -> Result<Option<Text>, Refusal> {
        self.set(field, typed)?;
        let split = InstallParameter::of(typed).filter(|_| field == Field::Region);
        if let Some(split) = &split
            && (self.network.is_none() || self.remembered.contains(&Field::Network))
        {
            self.set(Field::Network, split.network.id())?;
        }
        Ok(split.map(|split| split.text()))
    }

    /// Sets a field from typed text, leaving it as it was when the text is refused. Empty text forgets the field. Of the
    /// installer's parameter the region is kept.
    ///
    /// # Errors
    /// The sentence that says what is wrong with the text.
    pub fn set(&mut self, field: Field, typed: &str) -> Result<(), Refusal> {
        let split = InstallParameter::of(typed).filter(|_| field == Field::Region);
        let value = split.as_ref().map_or(typed, |split| split.region.as_str()).trim();
        let told = (!value.is_empty()).then(|| value.to_string());
        if let Some(value) = &told {
            validate(field, value)?;
        }
        self.remembered.remove(&field);
        match field {
            Field::Project => self.project = told,
            Field::Region => self.region = told,
            Field::Network => self.network = told.as_deref().and_then(NetworkType::of_id),
            Field::MachineGroup => self.machine_group = told,
            Field::Identity => self.identity = told.as_deref().and_then(IdentityKind::of_id),
            Field::GroupIp => self.group_ips = split_ips(value).filter_map(|ip| ip.parse().ok()).collect(),
            Field::CustomId => self.custom_id = told,
            Field::Aliuid => self.aliuid = told,
            Field::SameAccount => self.same_account = told.map(|value| value == "yes"),
            Field::Logstore => self.logstore = told,
        }
        Ok(())
    }
}

/// The pieces of a typed list of addresses: separated by spaces, commas, semicolons or line ends.
fn split_ips(typed: &str) -> impl Iterator<Item = &str> {
    typed
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '\u{ff0c}' | '\u{ff1b}' | '\u{3001}'))
        .filter(|ip| !ip.is_empty())
}

/// Judges one non-empty, trimmed value.
fn validate(field: Field, value: &str) -> Result<(), Refusal> {
    let name_of = |min: usize, extra: &[char]| {
        (min..=128).contains(&value.len())
            && value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || extra.contains(&c))
            && value.starts_with(|c: char| c.is_ascii_alphanumeric())
            && value.ends_with(|c: char| c.is_ascii_alphanumeric())
    };
    match field {
        Field::Project if !name_of(3, &['-']) => Err(Text::fixed(
            "3 to 128 lower-case letters, digits and -, beginning and ending with a letter or digit",
            "3 到 128 个小写字母、数字和 -，首尾为字母或数字",
        )),
        Field::MachineGroup | Field::Logstore if !name_of(2, &['-', '_']) => Err(Text::fixed(
            "2 to 128 lower-case letters, digits, - and _, beginning and ending with a letter or digit",
            "2 到 128 个小写字母、数字、- 和 _，首尾为字母或数字",
        )),
        Field::Region if !name_of(2, &['-']) => {
            Err(Text::fixed("a region id such as cn-hangzhou", "地域 ID，例如 cn-hangzhou"))
        }
        Field::Network | Field::Identity | Field::SameAccount if !field.choices().contains(&value) => {
            let choices = field.choices().join(", ");
            Err(crate::say!("one of: {choices}", "可选：{choices}"))
        }
        Field::GroupIp => match split_ips(value).find(|ip| ip.parse::<Ipv4Addr>().is_err()) {
            Some(bad) => Err(crate::say!("not an IPv4 address: {bad}", "不是 IPv4 地址：{bad}")),
            None => Ok(()),
        },
        Field::CustomId if value.chars().any(char::is_control) => {
            Err(Text::fixed("must not contain control characters", "不能包含控制字符"))
        }
        Field::CustomId if value.len() > 128 => Err(Text::fixed("at most 128 bytes", "最多 128 字节")),
        Field::Aliuid if !value.chars().all(|c| c.is_ascii_digit()) => Err(Text::fixed(
            "digits only: the id of the main account, not a user name or ARN",
            "只能是数字：主账号 ID，而不是用户名或 ARN",
        )),
        Field::Aliuid if !(10..=20).contains(&value.len()) => Err(Text::fixed(
            "10 to 20 digits (16 in every documented example)",
            "10 到 20 位数字（文档示例均为 16 位）",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_keeps_what_it_accepts_and_forgets_when_emptied() {
        let typed = [
            (Field::Project, "my-project"),
            (Field::Region, "cn-hangzhou"),
            (Field::Network, "internet"),
            (Field::MachineGroup, "web_servers"),
            (Field::Identity, "custom"),
            (Field::GroupIp, "10.0.0.1 10.0.0.2"),
            (Field::CustomId, "web"),
            (Field::Aliuid, "1654218965343050"),
            (Field::SameAccount, "no"),
            (Field::Logstore, "access-log"),
        ];
        let mut context = Context::default();
        for (field, value) in typed {
            context.set(field, value).unwrap();
            assert_eq!(context.get(field), value, "{}", field.id());
            assert_eq!(Field::of_id(field.id()), Some(field));
        }
        for field in Field::ALL {
            context.set(field, "  ").unwrap();
        }
        assert_eq!(context, Context::default());
    }

    #[test]
    fn the_installers_parameter_tells_the_network_too_unless_it_was_told() {
        let mut context = Context::default();
        let said = context.tell(Field::Region, "cn_hangzhou_internet").unwrap().unwrap();
        assert!(said.get(crate::core::text::Lang::En).contains("region cn-hangzhou and network type internet"));
        assert_eq!(
            (context.get(Field::Region).as_str(), context.get(Field::Network).as_str()),
            ("cn-hangzhou", "internet")
        );
        context.set(Field::Network, "intranet").unwrap();
        context.tell(Field::Region, "cn-beijing-internet").unwrap();
        assert_eq!(context.get(Field::Network), "intranet", "what was told outright stays");
        context.remembered.insert(Field::Network);
        context.tell(Field::Region, "cn-beijing-internet").unwrap();
        assert_eq!(context.get(Field::Network), "internet", "what was only remembered does not");
        assert_eq!(context.tell(Field::Region, "cn-beijing"), Ok(None));
        assert_eq!(context.tell(Field::Project, "cn-beijing-internet"), Ok(None), "a project may be called so");
    }

    #[test]
    fn refused_text_leaves_the_field_as_it_was() {
        let mut context = Context::default();
        context.set(Field::Aliuid, "1654218965343050").unwrap();
        for (field, bad) in [
            (Field::Aliuid, "alice@example"),
            (Field::Aliuid, "123"),
            (Field::Project, "My Project"),
            (Field::Network, "vpn"),
            (Field::GroupIp, "10.0.0.1, 10.0.0"),
            (Field::CustomId, "a\u{7}b"),
            (Field::Region, "杭州"),
        ] {
            let before = context.clone();
            assert!(context.set(field, bad).is_err(), "{bad}");
            assert_eq!(context, before);
        }
    }

    #[test]
    fn lists_of_addresses_may_be_pasted_as_the_console_shows_them() {
        let mut context = Context::default();
        context.set(Field::GroupIp, "10.0.0.1\n10.0.0.2,10.0.0.3;10.0.0.4").unwrap();
        assert_eq!(context.group_ips.len(), 4);
    }
}
