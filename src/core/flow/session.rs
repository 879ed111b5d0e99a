//! Everything that the operator sees and can do, as data, and the events and effects around it.

use super::{
    BrokenOff, Form, GroupLayer, HeartbeatAge, JournalLayer, Key, KeyForm, Offer, Proof, RemedyLayer, Search, UnderWay,
    WatchLayer,
};
use crate::core::checks::{Checked, ListedGroup, root};
use crate::core::context::Context;
use crate::core::finding::{Cause, Finding, RemedyId, StepId, Verdict};
use crate::core::flow::form::Choice;
use crate::core::flow::graph::{self, Next};
use crate::core::journal::{Applied, JournalEntry, Order, Progress};
use crate::core::observe::{CredentialsSeen, IdentitySeen};
use crate::core::remedies::{self, Inputs, Plan, Planned};
use crate::core::service::Credentials;
use crate::core::text::{Lang, Text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where the operator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    Step(StepId),
    /// The support ticket.
    Ticket,
    /// The end of the walk.
    Finish,
}

/// What is shown above the page and takes the keys.
#[derive(Debug, Clone)]
pub enum Layer {
    Help {
        scroll: usize,
    },
    /// The whole flowchart; `at` is the step under the cursor.
    Map {
        at: StepId,
    },
    Form(Box<Form>),
    Remedy(Box<RemedyLayer>),
    /// What was changed on this host.
    Journal(JournalLayer),
    /// The machine groups of the project, to choose one.
    Groups(GroupLayer),
    /// A key of the service is typed in.
    Key(Box<KeyForm>),
    /// The heartbeat is being watched for.
    Watch(WatchLayer),
    /// A session that was broken off is offered again.
    Resume(Box<Offer>),
    /// A change that was broken off: finish it, take it back, or leave it.
    BrokenOff(Box<BrokenOff>),
    /// Shown when quitting would abandon something: a restart that is owed, or a remedy under way.
    ConfirmQuit,
}

/// One thing to do on a page; the list is numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Remedy(RemedyId),
    /// Open the form for what only the operator can know.
    Tell,
    /// Choose the machine group from those of the project.
    ChooseGroup,
    /// Type in a key of the service.
    TypeKey,
    /// The operator reads the heartbeat off the console: OK or FAIL.
    ConsoleSays(bool),
    /// Watch for the heartbeat.
    Watch,
    Continue(Place),
    Recheck,
    Ticket,
    WriteBundle,
    CopyTicket,
    RecheckAll,
    Quit,
}

impl Action {
    pub fn label(self) -> Text {
        match self {
            Action::Remedy(remedy) => remedies::title(remedy),
            Action::Tell => Text::fixed("Tell what the console shows", "填写控制台中的信息"),
            Action::ChooseGroup => Text::fixed("Choose the machine group from a list", "从列表中选择机器组"),
            Action::TypeKey => {
                Text::fixed("Type in an AccessKey (kept in memory only)", "手动输入 AccessKey（仅保存在内存中）")
            }
            Action::Watch => Text::fixed("Watch for the heartbeat", "等待并观察心跳"),
            Action::ConsoleSays(true) => Text::fixed("The console shows OK", "控制台显示 OK"),
            Action::ConsoleSays(false) => Text::fixed("The console shows FAIL", "控制台显示 FAIL"),
            Action::Continue(Place::Step(step)) => {
                let title = step.title();
                let (en, zh) = title.both();
                Text::filled(format!("Continue: {en}"), format!("继续：{zh}"))
            }
            Action::Continue(Place::Ticket) => Text::fixed("Continue: support ticket", "继续：工单"),
            Action::Continue(Place::Finish) => Text::fixed("Continue: the result", "继续：结果"),
            Action::Recheck => Text::fixed("Check this step again", "重新检查这一步"),
            Action::Ticket => Text::fixed("Prepare a support ticket", "准备工单"),
            Action::WriteBundle => Text::fixed("Write the bundle (.tar.gz, redacted)", "生成诊断包（.tar.gz，已脱敏）"),
            Action::CopyTicket => Text::fixed("Copy the ticket text", "复制工单文本"),
            Action::RecheckAll => Text::fixed("Check everything again", "全部重新检查"),
            Action::Quit => Text::fixed("Quit", "退出"),
        }
    }
}

/// A step as the wizard shows it.
#[derive(Debug, Clone, Default)]
pub struct StepView {
    pub checked: Option<Checked>,
    /// Whether it is being looked at.
    pub is_open: bool,
}

/// How changes reach the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// This process is root.
    Direct,
    /// A second process does it, started by this sudo, which may ask for a password.
    Sudo(PathBuf),
    /// Read-only, or neither root nor sudo: plans are shown as commands to copy.
    Never,
}

/// One line about what just happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub text: Text,
    pub is_problem: bool,
}

/// What reaches the session from outside.
#[derive(Debug, Clone)]
pub enum Event {
    Key(Key),
    /// Who and where we are.
    Identity(Box<IdentitySeen>),
    /// The agent's name and version; None when none is installed.
    Agent(Option<String>),
    /// A step changed: it is being looked at, or its finding is there.
    Step {
        step: StepId,
        view: Box<StepView>,
    },
    /// All open steps have their findings.
    Settled,
    Planned(Box<Planned>),
    /// The journal, oldest entry first.
    Journal(Vec<JournalEntry>),
    /// Who else is changing this host, as of the reading of the journal.
    UnderWay(UnderWay),
    /// What is known around the session changed.
    Around(Box<Around>),
    /// The machine groups of the project, or why they cannot be listed.
    Groups(Result<Vec<ListedGroup>, Text>),
    /// The service was asked for the heartbeat once more.
    HeartbeatAge(HeartbeatAge),
    Progress(Progress),
    Applied(Box<Applied>),
    /// Seconds left while a cure is being verified.
    Waiting {
        seconds_left: u64,
    },
    /// The verification ended.
    Verified {
        proof: Proof,
    },
    BundleWritten(Result<PathBuf, Text>),
    /// Text was sent to the terminal's clipboard.
    Copied,
    /// Something that the operator should know.
    Notice(Notice),
    /// The window changed: nothing happened, but the picture must be drawn anew.
    Redraw,
    /// The terminal is going away, or the process is asked to end.
    Terminate,
}

/// What the session wants done outside.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Recheck(StepId),
    RecheckAll,
    /// Judge anew with what the operator told, and remember it.
    Judge(Box<Context>),
    Plan(RemedyId, Box<Inputs>),
    /// List the machine groups of the project, and read those that are named.
    ListGroups(Vec<String>),
    /// Ask the service with this key from now on.
    UseKey(Box<Credentials>),
    /// Look for a heartbeat that is newer than the last cure, until it is there or patience ends.
    Watch {
        seconds: u64,
    },
    /// Read what was changed on this host; `to_undo` when the newest change is to be taken back.
    ReadJournal {
        to_undo: bool,
    },
    /// Plan the undo of a journal entry.
    PlanUndo(String),
    Apply(Box<Order>),
    /// Check the step again and again until the remedy is proved to have cured it, or patience ends.
    Verify {
        step: StepId,
        remedy: RemedyId,
        seconds: u64,
    },
    StopVerifying,
    WriteBundle,
    /// Send something to the terminal's clipboard.
    Copy(Clip),
    Suspend,
    Quit,
}

/// Something worth copying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clip {
    Command(String),
    /// The step's finding as plain lines.
    Evidence(StepId),
    /// The text of the support ticket.
    Ticket,
}

/// What a walk on a simulated host tells beside the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demo {
    /// What happened on this host.
    pub story: Text,
    /// Whether the simulated console shows the heartbeat now.
    pub console_ok: bool,
}

impl Demo {
    /// What the simulated console shows now.
    pub fn console(&self) -> Text {
        match self.console_ok {
            true => Text::fixed("The simulated console shows now: heartbeat OK.", "模拟控制台当前显示：心跳 OK。"),
            false => Text::fixed("The simulated console shows now: heartbeat FAIL.", "模拟控制台当前显示：心跳 FAIL。"),
        }
    }
}

/// What is known around the session that no finding carries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Around {
    /// The addresses of this host, with their interfaces.
    pub addresses: Vec<Choice>,
    /// The key that the service is asked with.
    pub key: Option<CredentialsSeen>,
    /// Whether another key would let the service be asked: there is none, or it is refused.
    pub wants_key: bool,
}

/// The wizard's whole state.
#[derive(Debug, Clone)]
pub struct Session {
    pub lang: Lang,
    /// `--read-only`: remedies are shown, none is run.
    pub read_only: bool,
    /// Present on a simulated host.
    pub demo: Option<Demo>,
    pub identity: Option<IdentitySeen>,
    /// The agent's name and version, such as `Logtail 1.8.7`.
    pub agent: Option<String>,
    pub place: Place,
    pub steps: BTreeMap<StepId, StepView>,
    pub context: Context,
    pub layers: Vec<Layer>,
    /// The chosen action of the page.
    pub chosen: usize,
    /// First visible line of the evidence.
    pub scroll: usize,
    /// How many lines the evidence has and how many fit, as the face last drew them.
    pub extent: (usize, usize),
    pub notice: Option<Notice>,
    /// The filter of the list on top.
    pub search: Option<Search>,
    /// Edits that take effect only after a restart that is still owed.
    pub owed_restart: Vec<RemedyId>,
    /// Remedies that were applied in this session, with the journal entry where there is something to take back, and
    /// whether the cure was proved.
    pub done: Vec<(RemedyId, Option<String>, bool)>,
    /// The places visited, in order, each change once.
    pub path: Vec<Place>,
    pub bundle: Option<PathBuf>,
    /// Regions to choose from.
    pub regions: Vec<Choice>,
    pub around: Around,
    /// What the looks of the last watch or verification told, oldest first.
    pub pulses: Vec<HeartbeatAge>,
    /// Who else was changing this host when the journal was read.
    pub under_way: UnderWay,
    /// Whether the operator moved the cursor; until then it rests on the first step that fails.
    pub(super) has_moved: bool,
    /// The entry that the layer above undoes.
    pub(super) undoing: Option<String>,
    /// What waits until the change under way is done.
    pub(super) afterwards: Afterwards,
    pub(super) is_over: bool,
}

/// What the operator wanted while a change was under way, which is finished first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Afterwards {
    pub(super) quits: bool,
    pub(super) suspends: bool,
}

impl Session {
    /// The first screen: nothing looked at yet.
    pub fn new(context: Context, lang: Lang, read_only: bool, regions: Vec<Choice>) -> Session {
        let open = StepView { checked: None, is_open: true };
        Session {
            lang,
            read_only,
            demo: None,
            identity: None,
            agent: None,
            place: Place::Step(StepId::Installed),
            steps: StepId::ALL.iter().map(|&step| (step, open.clone())).collect(),
            context,
            layers: Vec::new(),
            chosen: 0,
            scroll: 0,
            extent: (0, 0),
            notice: None,
            search: None,
            owed_restart: Vec::new(),
            done: Vec::new(),
            path: vec![Place::Step(StepId::Installed)],
            bundle: None,
            regions,
            around: Around::default(),
            pulses: Vec::new(),
            under_way: UnderWay::default(),
            has_moved: false,
            undoing: None,
            afterwards: Afterwards::default(),
            is_over: false,
        }
    }

    /// The step's last finding.
    pub fn finding(&self, step: StepId) -> Option<&Finding> {
        self.steps.get(&step)?.checked.as_ref().map(|checked| &checked.finding)
    }

    /// All findings so far, in flowchart order.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.steps.values().filter_map(|view| view.checked.as_ref().map(|checked| &checked.finding))
    }

    /// The first step that fails, in flowchart order.
    pub fn stopped_at(&self) -> Option<StepId> {
        self.findings().find(|finding| finding.verdict == Verdict::Fail).map(|finding| finding.step)
    }

    /// The cause that explains the others, with its step; None while nothing is known to be wrong.
    pub fn root(&self) -> Option<(StepId, &Cause)> {
        root::root(self.findings())
    }

    /// The verdict of the whole; unknown while a step has no finding yet.
    pub fn verdict(&self) -> Verdict {
        let all_there = self.steps.values().all(|view| view.checked.is_some());
        let worst = crate::core::finding::worst(self.findings());
        if all_there { worst } else { worst.max(Verdict::Unknown) }
    }

    /// Where the operator is wanted: at the first step that fails. As long as one is unknown, at the first that found
    /// something doubtful, which may be the reason, else at the first that only the operator can make certain. Else at
    /// the result. After a cure the doubts have been seen, and certainty is what is left to get.
    pub(super) fn wanted_at(&self) -> Place {
        let unknown = || {
            let unknown = self.findings().find(|finding| finding.verdict == Verdict::Unknown)?;
            let doubtful = self.findings().find(|finding| finding.is_doubtful() && self.done.is_empty());
            Some(doubtful.unwrap_or(unknown).step)
        };
        self.stopped_at().or_else(unknown).map_or(Place::Finish, Place::Step)
    }

    /// Whether any step is being looked at.
    pub fn is_looking(&self) -> bool {
        self.steps.values().any(|view| view.is_open)
    }

    /// Whether a plan is being carried out right now.
    pub fn is_changing(&self) -> bool {
        let applies = |layer: &RemedyLayer| matches!(layer.stage, super::Stage::Applying { .. });
        self.layers.iter().any(|layer| matches!(layer, Layer::Remedy(layer) if applies(layer)))
    }

    /// How this session may change the machine.
    pub fn way(&self) -> Way {
        match &self.identity {
            Some(identity) if !self.read_only && identity.privileged => Way::Direct,
            Some(identity) if !self.read_only => identity.sudo.clone().map_or(Way::Never, Way::Sudo),
            _ => Way::Never,
        }
    }

    /// How this session may carry out a plan: what changes the service alone needs no root.
    pub fn way_for(&self, plan: &Plan) -> Way {
        if !self.read_only && !plan.needs_root() { Way::Direct } else { self.way() }
    }

    /// Whether this session may change the machine at all.
    pub fn may_change(&self) -> bool {
        self.way() != Way::Never
    }

    /// Where the flowchart leads from here.
    pub fn onward(&self) -> Place {
        match self.place {
            Place::Step(step) => match self.finding(step).map(|finding| graph::next(step, finding.verdict)) {
                Some(Next::Step(to)) => Place::Step(to),
                Some(Next::Finish) => Place::Finish,
                Some(Next::Remedies) => Place::Ticket,
                None => StepId::ALL.get(step.index() + 1).map_or(Place::Finish, |&to| Place::Step(to)),
            },
            Place::Ticket | Place::Finish => Place::Finish,
        }
    }

    /// Whether the evidence is longer than its place.
    pub fn has_more_to_scroll(&self) -> bool {
        self.extent.0 > self.extent.1
    }

    /// Whether the session has ended; the face leaves then.
    pub fn is_over(&self) -> bool {
        self.is_over
    }
}
