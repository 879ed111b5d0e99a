//! What a face of the program is to the engine: it shows the session, brings back what the operator does, and does what
//! only a face can do.

use crate::carry_out::elevation::Connection;
use crate::core::checks::Investigation;
use crate::core::context::Context;
use crate::core::flow::{Clip, Effect, Event, Session};
use crate::core::text::Text;
use std::future::Future;
use std::path::Path;

/// What only a face can do.
#[derive(Debug, Clone, PartialEq)]
pub enum FrontendRequest {
    /// Send something to the terminal's clipboard.
    Copy(Clip),
    WriteBundle,
    /// Remember what the operator told.
    Remember(Box<Context>),
    /// Give the terminal back and stop until the process is continued.
    Suspend,
}

impl FrontendRequest {
    /// The favour that an effect of the session asks for, if it asks for one.
    pub fn of(effect: Effect) -> Option<FrontendRequest> {
        match effect {
            Effect::Copy(clip) => Some(FrontendRequest::Copy(clip)),
            Effect::WriteBundle => Some(FrontendRequest::WriteBundle),
            Effect::Judge(context) => Some(FrontendRequest::Remember(context)),
            Effect::Suspend => Some(FrontendRequest::Suspend),
            Effect::Quit
            | Effect::Recheck(_)
            | Effect::RecheckAll
            | Effect::Plan(..)
            | Effect::PlanUndo(_)
            | Effect::ReadJournal { .. }
            | Effect::ListGroups(_)
            | Effect::UseKey(_)
            | Effect::Watch { .. }
            | Effect::Apply(_)
            | Effect::Verify { .. }
            | Effect::StopVerifying => None,
        }
    }
}

/// What shows the session to an operator and brings back what the operator does.
pub trait Frontend {
    /// Shows the session as it is now. Called only when something may have changed.
    fn show(&mut self, session: &mut Session);

    /// Gives the terminal back and says a sentence on it: the session is over, and something is still waited for.
    fn leave(&mut self, session: &Session, said: &Text) {
        let _ = (session, said);
    }

    /// The next thing that the operator or the terminal does. Must be safe to drop and call again.
    fn next(&mut self) -> impl Future<Output = Event>;

    /// Has the tool (sudo, doas) start `argv` with root's rights, and lends it the terminal until that says its first word.
    ///
    /// # Errors
    /// The sentence that says why it did not.
    fn authorise(
        &mut self,
        tool: &Path,
        argv: &[String],
        session: &Session,
    ) -> impl Future<Output = Result<Connection, Text>>;

    /// Does what only a face can do (clipboard, suspend, bundle, memory) and says what came of it.
    fn perform(
        &mut self,
        favour: FrontendRequest,
        session: &Session,
        found: &Investigation,
    ) -> impl Future<Output = Option<Event>>;
}
