//! The command line as a declaration (design, section 4). The names are a promise to scripts: never renamed.

use crate::core::context::{Context, Field, Refusal};
use crate::core::finding::RemedyId;
use crate::core::text::{Lang, Text};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsStr;
use std::path::PathBuf;

/// What `--help` says below the options.
const AFTER: &str = "\
Exit codes of check and verify:
  0  nothing fails
  1  something fails
  2  it could not run (usage, input or output)
  3  nothing fails, but something that matters is unknown

Environment:
  LC_ALL, LC_MESSAGES, LANG  the language, unless --lang says it
  NO_COLOR                   no colours
  ACCESSIBLE                 1: questions and answers line by line, as with --plain
  LOGTAIL_DOCTOR_STATE       directory of the journal and of what is remembered
  SSL_CERT_FILE              more roots to trust
  LOGTAIL_DOCTOR_ENDPOINT    scheme://host:port of the service's API, for private clouds
  LOGTAIL_DOCTOR_METADATA    scheme://host:port of the ECS metadata
  ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET, ALIBABA_CLOUD_SECURITY_TOKEN
                             a key to ask the service with; without one, the files of the
                             aliyun and aliyunlog command lines and the RAM role of the instance";

const FIX_AFTER: &str = "\
Exit codes:
  0  cured, or nothing had to be changed
  1  applied, but the step still fails
  2  it could not run
  3  refused, or it needs input (see --set), or neither --yes nor --dry-run was given
     and nobody answered yes
  4  applied and rolled back
 10  with --detailed-exitcode: applied and cured; 0 is then only what was so already

Examples:
  logtail-doctor fix add-aliuid --set aliuid=1234567890123456 --dry-run
  sudo logtail-doctor fix restart-agent --yes";

/// Finds out why this machine shows no heartbeat in a machine group of Simple Log Service (SLS), and cures it.
///
/// Without a command the wizard starts: it leads through the vendor's troubleshooting flowchart step by step. Looking
/// never changes the machine; every change is shown first and asked for.
#[derive(Debug, Parser)]
#[command(name = "logtail-doctor", version, after_help = AFTER, subcommand_precedence_over_arg = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub told: ContextArgs,
    #[command(flatten)]
    pub manner: Manner,
}

/// What the operator tells about the cloud side. Remembered for the next start; `""` forgets a value.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What only the console shows (remembered)")]
pub struct ContextArgs {
    /// Name of the SLS project
    #[arg(long, global = true, value_name = "NAME")]
    project: Option<String>,
    /// Name of the Logstore; for the support ticket only
    #[arg(long, global = true, value_name = "NAME")]
    logstore: Option<String>,
    /// Name of the machine group
    #[arg(long, global = true, value_name = "NAME")]
    machine_group: Option<String>,
    /// Region of the project, such as cn-hangzhou
    #[arg(long, global = true, value_name = "REGION")]
    region: Option<String>,
    /// How the agent reaches the service
    #[arg(long, global = true, value_name = "TYPE", value_parser = Choices(Field::Network))]
    network: Option<String>,
    /// What the machine group lists
    #[arg(long, global = true, value_name = "KIND", value_parser = Choices(Field::Identity))]
    identity: Option<String>,
    /// The IPs that the machine group lists; several after each other, or separated by commas
    #[arg(long, global = true, value_name = "IP", num_args = 1..)]
    group_ip: Vec<String>,
    /// The custom identifier that the machine group names
    #[arg(long, global = true, value_name = "ID")]
    custom_id: Option<String>,
    /// Id of the main account that owns the project (16 digits)
    #[arg(long, global = true, value_name = "ID")]
    aliuid: Option<String>,
    /// Whether this is an ECS instance of the account that owns the project
    #[arg(long, global = true, value_name = "YES|NO", value_parser = Choices(Field::SameAccount))]
    same_account: Option<String>,
}

/// Takes any text, and tells help and completions the few values of the field: what else is typed is refused with the
/// context's own sentence, in the operator's language, and the empty text forgets the value.
#[derive(Debug, Clone, Copy)]
struct Choices(Field);

impl TypedValueParser for Choices {
    type Value = String;

    fn parse_ref(&self, _: &clap::Command, _: Option<&clap::Arg>, value: &OsStr) -> Result<String, clap::Error> {
        Ok(value.to_string_lossy().into_owned())
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.choices().iter().map(|value| PossibleValue::new(*value))))
    }
}

impl ContextArgs {
    /// Puts what was told over what was known. Returns what is to be said about it.
    ///
    /// # Errors
    /// The first option whose value is refused, and why.
    pub fn over(&self, context: &mut Context) -> Result<Vec<Text>, (Field, Refusal)> {
        let mut said = Vec::new();
        let ips = (!self.group_ip.is_empty()).then(|| self.group_ip.join(" "));
        for (field, typed) in [
            (Field::Project, &self.project),
            (Field::Logstore, &self.logstore),
            (Field::MachineGroup, &self.machine_group),
            (Field::Region, &self.region),
            (Field::Network, &self.network),
            (Field::Identity, &self.identity),
            (Field::GroupIp, &ips),
            (Field::CustomId, &self.custom_id),
            (Field::Aliuid, &self.aliuid),
            (Field::SameAccount, &self.same_account),
        ] {
            if let Some(typed) = typed {
                said.extend(context.tell(field, typed).map_err(|refusal| (field, refusal))?);
            }
        }
        Ok(said)
    }
}

/// How to look and how to show.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How to look and to show")]
pub struct Manner {
    /// Change nothing, whatever is asked for
    #[arg(long, global = true)]
    pub read_only: bool,
    /// Never contact the service's API
    #[arg(long, global = true)]
    pub no_cloud: bool,
    /// Language; without it LC_ALL, LC_MESSAGES or LANG decides, but the Linux console is English
    #[arg(long, global = true, value_enum, ignore_case = true)]
    pub lang: Option<LangArg>,
    /// Signs and lines in ASCII only
    #[arg(long, global = true)]
    pub ascii: bool,
    /// No colours; the same as NO_COLOR=1
    #[arg(long, global = true)]
    pub no_color: bool,
    /// How long one probe may take
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub timeout: u64,
    /// Questions and answers line by line instead of screens
    ///
    /// Chosen by itself for TERM=dumb and for screen readers (ACCESSIBLE=1). Needs no terminal.
    #[arg(long, global = true)]
    pub plain: bool,
}

/// The languages, as `--lang` names them. The names that browsers and locales have for them are understood, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LangArg {
    /// English
    #[value(aliases = ["en-US", "en_US", "en_US.UTF-8", "en_US.utf8", "en-GB", "en_GB", "en_GB.UTF-8", "C"])]
    En,
    /// 简体中文
    #[value(aliases = ["zh-CN", "zh_CN", "zh_CN.UTF-8", "zh_CN.utf8", "zh-Hans", "zh-Hans-CN", "cn"])]
    Zh,
}

impl From<LangArg> for Lang {
    fn from(arg: LangArg) -> Lang {
        match arg {
            LangArg::En => Lang::En,
            LangArg::Zh => Lang::Zh,
        }
    }
}

/// The forms of `check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs; schema version 1
    Json,
    /// For issues and wikis
    Markdown,
}

#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Run all checks once; needs no terminal and changes nothing
    #[command(after_help = AFTER)]
    Check {
        /// Form of the result on standard output
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// Judge a support bundle that was taken elsewhere, instead of this machine
        #[arg(long, value_name = "BUNDLE")]
        from: Option<PathBuf>,
    },
    /// Carry out one remedy; needs no terminal
    ///
    /// Shows the exact changes first. Backs up every file that it edits, checks the step again afterwards, and keeps
    /// a journal for `undo`. Anything already correct is left alone.
    #[command(after_help = FIX_AFTER)]
    Fix {
        /// The remedy, as `check` names it
        #[arg(value_parser = PossibleValuesParser::new(RemedyId::ALL.iter().map(|remedy| remedy.id())))]
        remedy: String,
        /// A value that the remedy needs: aliuid, region, network, custom-id, ip, old-ip, create-group, force, ...
        #[arg(long, value_name = "KEY=VALUE")]
        set: Vec<String>,
        #[command(flatten)]
        manner: FixArgs,
    },
    /// Wait until nothing fails any more
    #[command(after_help = AFTER)]
    Verify {
        /// How long to wait at most; a new host needs up to two minutes
        #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(0..=86400))]
        wait: u64,
    },
    /// List what was changed on this machine
    Journal,
    /// Take back a change: the newest, or the one that is named
    Undo {
        /// The entry, as `journal` names it
        id: Option<String>,
        #[command(flatten)]
        consent: ConsentArgs,
    },
    /// Write the support bundle: a .tar.gz with ticket text, report and observations, without secrets
    #[command(alias = "ticket")]
    Bundle {
        /// The file, or the directory to write it in; without it logtail-doctor-HOST-TIME.tar.gz in the current directory
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Replace addresses, host names, account and project ids by other names; who has which is written to a file
        /// beside the bundle that only you can read
        #[arg(long)]
        anonymous: bool,
        /// Show what the bundle would hold, from where, why and how large; write nothing
        #[arg(long, conflicts_with = "output")]
        list: bool,
        /// Plant secrets in all that is read, in memory only, and show that none comes out; write nothing
        #[arg(long, conflicts_with_all = ["output", "list", "anonymous"])]
        self_test: bool,
    },
    /// Practise on a simulated host: the wizard with the same checks and remedies; nothing here is changed
    Demo {
        /// The host, as --list names it; without it the first one
        scenario: Option<String>,
        /// List the simulated hosts
        #[arg(long)]
        list: bool,
    },
    /// Carry out a plan for a wizard that is not root; sudo starts this
    #[command(hide = true)]
    CarryOut,
    /// Print a completion script for a shell
    Completions { shell: clap_complete::Shell },
    /// Print the manual page
    Man,
}

/// Whether to show or to do. Without either, the changes are shown; a terminal is then asked, and without one they are
/// refused.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct ConsentArgs {
    /// Show the exact changes, change nothing
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// Carry out the changes without asking
    #[arg(long)]
    pub yes: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_declaration_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_may_stand_before_and_behind_the_command() {
        for line in ["x --aliuid 1654218965343050 check", "x check --aliuid 1654218965343050"] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            let mut context = Context::default();
            cli.told.over(&mut context).unwrap();
            assert_eq!(context.aliuid.as_deref(), Some("1654218965343050"));
        }
        let cli = Cli::try_parse_from("x --group-ip 10.0.0.1 10.0.0.2 check".split(' ')).unwrap();
        assert_eq!(cli.told.group_ip.len(), 2);
        assert!(matches!(cli.command, Some(Command::Check { .. })));
    }

    #[test]
    fn the_help_of_fix_names_the_values_of_remedies_alone_and_what_no_answer_comes_to() {
        let mut cli = Cli::command();
        let help = cli.find_subcommand_mut("fix").unwrap().render_long_help().to_string();
        for word in ["ip,", "old-ip", "create-group", "force", "nobody answered yes"] {
            assert!(help.contains(word), "{word}: {help}");
        }
    }

    #[test]
    fn a_refused_value_names_its_option() {
        let cli = Cli::try_parse_from(["x", "--aliuid", "alice", "check"]).unwrap();
        let (field, _) = cli.told.over(&mut Context::default()).unwrap_err();
        assert_eq!(field, Field::Aliuid);
        let cli = Cli::try_parse_from(["x", "--network", "vpn", "check"]).unwrap();
        let (field, _) = cli.told.over(&mut Context::default()).unwrap_err();
        assert_eq!(field, Field::Network);
        let help = Cli::command().render_long_help().to_string();
        assert!(help.contains("intranet, internet, acceleration"), "{help}");
        let cli = Cli::try_parse_from(["x", "--network", "", "check"]).unwrap();
        cli.told.over(&mut Context::default()).unwrap();
    }
}

/// The forms of the result of `fix`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum FixFormat {
    /// For people
    #[default]
    Text,
    /// For programs: outcome, cause, durability, steps, journal_id; needs --yes or --dry-run
    Json,
}

/// Whether to show or to do a remedy, and how its result is told.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct FixArgs {
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// Form of the result on standard output
    #[arg(long, value_enum, default_value_t)]
    pub format: FixFormat,
    /// Exit with 10 when something was changed and proven, and with 0 when all was so already
    #[arg(long)]
    pub detailed_exitcode: bool,
}

impl From<ConsentArgs> for FixArgs {
    /// The result for people.
    fn from(consent: ConsentArgs) -> FixArgs {
        FixArgs { consent, ..FixArgs::default() }
    }
}
