//! `demo`: the wizard or the plain walk on a simulated host. The same checks, remedies and faces as on a real one; only
//! the host and the services around the session differ, and nothing is written to this machine.

use super::args::Cli;
use super::settings::{COULD_NOT_RUN, NOTHING_FAILS, Settings, complain};
use super::wiring;
use crate::carry_out::elevation::Connection;
use crate::carry_out::{Applier, Store};
use crate::core::checks::Investigation;
use crate::core::flow::{Demo, Event, Session};
use crate::core::text::{Lang, Text, pad, width};
use crate::engine::{self, FrontendRequest, Looking};
use crate::host::simulated::{Scenario, SimulatedHost, scenario, scenarios};
use crate::say;
use crate::ui::FaceKind;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Pauses that make the simulated host feel alive.
const BEFORE_ANSWER: Duration = Duration::from_millis(25);
const BEFORE_LINE: Duration = Duration::from_millis(60);

/// All scenarios, one a line.
///
/// # Errors
/// The list cannot be written.
pub fn list(lang: Lang, out: &mut impl Write) -> io::Result<u8> {
    let widest = scenarios().iter().map(|scenario| width(&scenario.id)).max().unwrap_or_default();
    for Scenario { id, title, .. } in scenarios() {
        writeln!(out, "{}  {}", pad(id, widest), title.get(lang))?;
    }
    out.flush()?;
    Ok(NOTHING_FAILS)
}

/// The scenario that was asked for, by default the first; a name that is none is complained of.
pub fn choose(id: Option<&str>, lang: Lang) -> Option<&'static Scenario> {
    let chosen = match id {
        Some(id) => scenario(id),
        None => scenarios().first(),
    };
    if chosen.is_none() {
        let id = id.unwrap_or_default();
        complain(
            lang,
            &say!(
                "There is no demo host {id}. The list: logtail-doctor demo --list",
                "没有名为 {id} 的演示主机。查看列表：logtail-doctor demo --list"
            ),
        );
    }
    chosen
}

/// Walks on the scenario's host until the operator leaves.
///
/// # Errors
/// The terminal cannot be taken, or the summary cannot be written.
pub async fn run(
    scenario: &Scenario,
    cli: &Cli,
    settings: &Settings,
    kind: FaceKind,
    out: &mut impl Write,
) -> io::Result<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let world = scenario.world(i64::try_from(now).unwrap_or_default()).paced(BEFORE_ANSWER, BEFORE_LINE);
    let host = SimulatedHost::new(world);
    let mut context = scenario.context.clone();
    context.no_cloud = cli.manner.no_cloud;
    if let Err((field, refusal)) = cli.told.over(&mut context) {
        super::settings::refuse(field, &refusal, settings.lang);
        return Ok(COULD_NOT_RUN);
    }
    let store = Store { dir: "/var/lib/logtail-doctor".into(), actor: "demo".into() };
    let applier = Applier::new(Arc::new(host.clone()), store);
    let looking = Looking::new(applier.host(), Investigation::new(wiring::judge(), context.clone()));
    let mut session = Session::new(context, settings.lang, settings.read_only, wiring::regions());
    session.demo = Some(Demo { story: scenario.story.clone(), console_ok: host.heartbeat().is_ok() });
    let settings = Settings { store: applier.store().clone(), ..settings.clone() };
    wiring::walk(looking, session, applier, &settings, kind, Some(host), out).await
}

/// A face that shows, beside the session, what the simulated console shows now.
pub(super) struct Beside<F> {
    pub face: F,
    /// None on a real host.
    pub host: Option<SimulatedHost>,
}

impl<F: engine::Frontend> engine::Frontend for Beside<F> {
    fn show(&mut self, session: &mut Session) {
        if let (Some(host), Some(demo)) = (&self.host, &mut session.demo) {
            demo.console_ok = host.heartbeat().is_ok();
        }
        self.face.show(session);
    }

    fn leave(&mut self, session: &Session, said: &Text) {
        self.face.leave(session, said);
    }

    fn next(&mut self) -> impl Future<Output = Event> {
        self.face.next()
    }

    async fn authorise(&mut self, sudo: &Path, argv: &[String], session: &Session) -> Result<Connection, Text> {
        if self.host.is_some() {
            // The sudo of this machine has no business on a simulated one.
            return Err(Text::fixed("The demo runs nothing through sudo.", "演示模式不会通过 sudo 执行任何操作。"));
        }
        self.face.authorise(sudo, argv, session).await
    }

    async fn perform(&mut self, favour: FrontendRequest, session: &Session, found: &Investigation) -> Option<Event> {
        self.face.perform(favour, session, found).await
    }
}

/// Why the demo writes no bundle.
pub(super) fn no_bundle() -> Text {
    Text::fixed(
        "Not written: this is a demo, and nothing is written to this machine.",
        "未生成：当前为演示模式，不会向本机写入任何内容。",
    )
}
