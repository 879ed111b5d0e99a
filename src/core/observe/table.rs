//! The table of questions: one entry a question, with its answer and the getter that reads it. All that must know every
//! question (recordings, what is said when there is no answer) follows from it; so a new question is one entry here, and
//! its answer on the Linux host and on the simulated one.

use super::MetadataSeen;
use super::cloud::*;
use super::machine_group::MachineGroup;
use super::observations::{Observations, Unanswered};
use super::place::{PlaceSeen, ProgramSeen};
use super::question::*;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Makes the enums of answers and questions and what belongs to both. Of each answer it is told what stands in it when
/// the question could not be answered, from `$trouble`; of each question its answer and its getter. A `nested` question
/// is one of another table.
macro_rules! questions {
    (
        missing($trouble:ident: $Trouble:ty);

        $(#[$answer_doc:meta])*
        enum $Answer:ident { $($(#[$kind_meta:meta])* $kind:ident($kept:ty) or $missing:expr;)* }

        $(#[$question_doc:meta])*
        enum $Question:ident {
            $(
                $(#[$doc:meta])*
                $variant:ident $(($($of:ty),*))? $({ $($field:ident: $field_type:ty),* })? -> $answer:ident
                by $getter:ident($($arg:ident: $arg_type:ty),*) -> $out:ty = $asked:expr;
            )*
        }

        $(
            $(#[$nested_doc:meta])*
            nested $nested:ident($NestedQuestion:ident, $NestedAnswer:ident) or $nested_trouble:expr;
        )?
    ) => {
        $(#[$answer_doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $Answer {
            $($(#[$kind_meta])* $kind($kept),)*
            $($nested($NestedAnswer),)?
        }

        $(#[$question_doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $Question {
            $($(#[$doc])* $variant $(($($of),*))? $({ $($field: $field_type),* })?,)*
            $($(#[$nested_doc])* $nested($NestedQuestion),)?
        }

        impl $Answer {
            /// The answer to a question that could not be answered, for this reason.
            pub fn missing(question: &$Question, $trouble: $Trouble) -> $Answer {
                enum Kind { $($kind,)* }
                let kind = match question {
                    $($Question::$variant { .. } => Kind::$answer,)*
                    $($Question::$nested(asked) => {
                        return $Answer::$nested($NestedAnswer::missing(asked, $nested_trouble));
                    })?
                };
                match kind { $(Kind::$kind => $Answer::$kind($missing),)* }
            }

            /// Whether the answer is of the question's kind: a recording comes from outside and may pair them wrongly.
            pub fn is_to(&self, question: &$Question) -> bool {
                match question {
                    $($Question::$variant { .. } => matches!(self, $Answer::$answer(_)),)*
                    $($Question::$nested(asked) => {
                        matches!(self, $Answer::$nested(answer) if answer.is_to(asked))
                    })?
                }
            }
        }

        impl Observations {
            $(
                #[doc = concat!("The answer to [`", stringify!($Question), "::", stringify!($variant), "`].")]
                ///
                /// # Errors
                /// It is not there yet; the question has been noted.
                pub fn $getter(&self, $($arg: $arg_type),*) -> Result<&$out, Unanswered> {
                    self.read($asked.into(), |answer| match $Answer::within(answer)? {
                        $Answer::$answer(answer) => Some(answer),
                        _ => None,
                    })
                }
            )*
        }
    };
}

questions! {
    missing(trouble: Unavailable);

    /// The answer to a [`Question`]; the variant always matches the question's.
    enum Answer {
        File(Observed<FileSeen>) or Err(trouble);
        Dir(Observed<DirSeen>) or Err(trouble);
        Place(Observed<PlaceSeen>) or Err(trouble);
        Program(Observed<ProgramSeen>) or Err(trouble);
        Processes(Observed<Vec<ProcessSeen>>) or Err(trouble);
        Environment(Observed<Vec<(String, String)>>) or Err(trouble);
        Interfaces(Observed<Vec<InterfaceSeen>>) or Err(trouble);
        Lookup(LookupSeen) or LookupSeen { addresses: Err(trouble), by: String::new(), elapsed_ms: 0 };
        Reach(ReachSeen) or ReachSeen { http: Some(Err(trouble)), ..ReachSeen::default() };
        #[serde(rename = "look")]
        ReadCommand(Observed<CommandSeen>) or Err(trouble);
        Clock(ClockSeen) or ClockSeen { now_ms: 0, offset_s: 0, booted: 0 };
        Identity(IdentitySeen) or IdentitySeen { os: "linux".into(), ..IdentitySeen::default() };
        AskNameserver(NameserverSeen) or NameserverSeen { said: NameserverSaid::Unreachable, elapsed_ms: 0 };
        Metadata(Observed<MetadataSeen>) or Err(trouble);
        Trusted(Observed<()>) or Err(trouble);
        Watched(Observed<WatchSeen>) or Err(trouble);
    }

    /// One thing to look at. Equal questions are asked once.
    enum Question {
        /// The first [`FILE_LIMIT`] bytes of a regular file, symlinks followed → [`FileSeen`].
        File(PathBuf) -> File
            by file(path: impl AsRef<Path>) -> Observed<FileSeen> = Question::File(path.as_ref().to_path_buf());
        /// What the directory says of a regular file, without its bytes → [`FileSeen`]: for programs, whose content says
        /// nothing and would only fill the support bundle.
        Present(PathBuf) -> File
            by present(path: impl AsRef<Path>) -> Observed<FileSeen> = Question::Present(path.as_ref().to_path_buf());
        /// The last [`TAIL_LIMIT`] bytes of a regular file → [`FileSeen`].
        Tail(PathBuf) -> File
            by tail(path: impl AsRef<Path>) -> Observed<FileSeen> = Question::Tail(path.as_ref().to_path_buf());
        /// What stands at a path and on which file system, links followed and told → [`PlaceSeen`].
        Place(PathBuf) -> Place
            by place(path: impl AsRef<Path>) -> Observed<PlaceSeen> = Question::Place(path.as_ref().to_path_buf());
        /// What a program needs to run here → [`ProgramSeen`].
        Program(PathBuf) -> Program
            by program(path: impl AsRef<Path>) -> Observed<ProgramSeen> = Question::Program(path.as_ref().to_path_buf());
        /// The names in a directory → [`DirSeen`].
        Dir(PathBuf) -> Dir
            by dir(path: impl AsRef<Path>) -> Observed<DirSeen> = Question::Dir(path.as_ref().to_path_buf());
        /// The processes of the agent, whichever the flavour → list of [`ProcessSeen`].
        Processes -> Processes
            by processes() -> Observed<Vec<ProcessSeen>> = Question::Processes;
        /// The processes of the agent, looked at again and again until this host's clock says `until` (seconds since
        /// 1970), but never longer than [`WATCH_LIMIT`] → [`WatchSeen`]: whether a process stays, one look cannot tell.
        WatchProcesses { until: i64 } -> Watched
            by watch(until: i64) -> Observed<WatchSeen> = Question::WatchProcesses { until };
        /// The environment variables of a process that bear on the agent (proxies, `ALIYUN_LOGTAIL_*`, `LOONG_*`,
        /// `KUBERNETES_*`, `LOGTAIL_MODE`, and under their plain names `working_ip`, `working_hostname`,
        /// `working_interface`, `bind_interface`, `ignored_interfaces`, `logtail_sys_conf_dir`) → list of name and value.
        /// Secrets are `***`, also the user and password of a proxy.
        Environment { pid: u32 } -> Environment
            by environment(pid: u32) -> Observed<Vec<(String, String)>> = Question::Environment { pid };
        /// Network interfaces in kernel order with all IPv4 addresses → list of [`InterfaceSeen`].
        Interfaces -> Interfaces
            by interfaces() -> Observed<Vec<InterfaceSeen>> = Question::Interfaces;
        /// What the system's resolver answers for a name, IPv4 only, in its order, duplicates removed; the agent's own
        /// path (`getent ahostsv4`, else the C library's `getaddrinfo`) → [`LookupSeen`].
        Lookup(String) -> Lookup
            by lookup(name: &str) -> LookupSeen = Question::Lookup(name.to_string());
        /// One HTTP or HTTPS request, all stages: name, connection, TLS, answer → [`ReachSeen`].
        Reach(Target) -> Reach
            by reach(target: &Target) -> ReachSeen = Question::Reach(target.clone());
        /// A command that only looks → [`CommandSeen`].
        #[serde(rename = "look")]
        ReadCommand(ReadCommand) -> ReadCommand
            by look(look: &ReadCommand) -> Observed<CommandSeen> = Question::ReadCommand(look.clone());
        /// The clock → [`ClockSeen`].
        Clock -> Clock
            by clock() -> ClockSeen = Question::Clock;
        /// Who and where we are → [`IdentitySeen`].
        Identity -> Identity
            by identity() -> IdentitySeen = Question::Identity;
        /// One nameserver, asked directly on UDP port 53 for the IPv4 addresses of a name → [`NameserverSeen`].
        AskNameserver { server: IpAddr, name: String } -> AskNameserver
            by nameserver(server: IpAddr, name: &str) -> NameserverSeen = Question::AskNameserver { server, name: name.to_string() };
        /// The metadata service of ECS: which instance this host is → [`MetadataSeen`]. [`Unavailable::Absent`] when nothing
        /// listens there or it has no such document, [`Unavailable::TimedOut`] when nobody answers: no ECS instance, or the
        /// metadata is switched off or blocked. [`Unavailable::NotAllowed`] when it refuses us.
        Metadata -> Metadata
            by metadata() -> Observed<MetadataSeen> = Question::Metadata;
        /// Whether this process may act on a path: nobody but root and its own user could have put something else there →
        /// nothing, or [`Unavailable::Untrusted`]. Not asked by checks.
        Trusted(PathBuf) -> Trusted
            by trusted(path: impl AsRef<Path>) -> Observed<()> = Question::Trusted(path.as_ref().to_path_buf());
    }

    /// What only the service can tell → [`CloudAnswer`]. Asked only where a project was told.
    nested Cloud(CloudQuestion, CloudAnswer) or CloudError::not_asked();
}

questions! {
    missing(trouble: CloudError);

    /// The answer to a [`CloudQuestion`]; the variant always matches the question's.
    enum CloudAnswer {
        Credentials(CloudResult<CredentialsSeen>) or Err(trouble);
        Caller(CloudResult<CallerSeen>) or Err(trouble);
        Project(CloudResult<ProjectSeen>) or Err(trouble);
        Groups(CloudResult<Vec<String>>) or Err(trouble);
        Group(CloudResult<MachineGroup>) or Err(trouble);
        Machines(CloudResult<MachinesSeen>) or Err(trouble);
        AppliedConfigs(CloudResult<Vec<String>>) or Err(trouble);
    }

    /// One thing to ask the service.
    enum CloudQuestion {
        /// Which key there is to ask with → [`CredentialsSeen`]. Nothing is sent to the service.
        Credentials -> Credentials
            by cloud_credentials() -> CloudResult<CredentialsSeen> = CloudQuestion::Credentials;
        /// Whose key it is → [`CallerSeen`].
        Caller(Site) -> Caller
            by cloud_caller(site: &Site) -> CloudResult<CallerSeen> = CloudQuestion::Caller(site.clone());
        /// Where the project is → [`ProjectSeen`].
        Project(Site) -> Project
            by cloud_project(site: &Site) -> CloudResult<ProjectSeen> = CloudQuestion::Project(site.clone());
        /// The names of the project's machine groups → list.
        Groups(Site) -> Groups
            by cloud_groups(site: &Site) -> CloudResult<Vec<String>> = CloudQuestion::Groups(site.clone());
        /// One machine group → [`MachineGroup`] as the service returned it.
        Group { site: Site, group: String } -> Group
            by cloud_group(site: &Site, group: &str) -> CloudResult<MachineGroup> = CloudQuestion::Group { site: site.clone(), group: group.to_string() };
        /// The machines of a group that could be this one → [`MachinesSeen`].
        Machines { site: Site, group: String, own: OwnIds } -> Machines
            by cloud_machines(site: &Site, group: &str, own: &OwnIds) -> CloudResult<MachinesSeen> = CloudQuestion::Machines { site: site.clone(), group: group.to_string(), own: own.clone() };
        /// The collection configurations that are applied to a group → list of names.
        AppliedConfigs { site: Site, group: String } -> AppliedConfigs
            by cloud_configs(site: &Site, group: &str) -> CloudResult<Vec<String>> = CloudQuestion::AppliedConfigs { site: site.clone(), group: group.to_string() };
    }
}

impl Answer {
    fn within(answer: &Answer) -> Option<&Answer> {
        Some(answer)
    }
}

impl CloudAnswer {
    fn within(answer: &Answer) -> Option<&CloudAnswer> {
        match answer {
            Answer::Cloud(answer) => Some(answer),
            _ => None,
        }
    }
}

impl From<CloudQuestion> for Question {
    fn from(asked: CloudQuestion) -> Question {
        Question::Cloud(asked)
    }
}
