//! One file a step: observations + context → finding. Pure.
//!
//! A check never does I/O, knows no clock and no terminal. It reads from [`Observations`]; what it has not seen yet it asks
//! for with `?`, and it is called again when the answer is there. A check never accuses what it could not look at:
//! missing evidence is `unknown`, and a step whose subject is not there is `skipped`.

mod account;
mod address;
mod clock;
mod cloud;
mod group;
mod heartbeat;
mod installed;
mod investigation;
mod log;
mod network;
mod parameters;
mod place;
pub mod readers;
pub mod root;
mod running;
mod started;
mod steady;
mod subject;
mod unreadable;

pub use group::{About, ListedGroup, choices as groups};
pub use heartbeat::age as heartbeat_age;
pub use investigation::{Asked, Checked, Investigation, Judge};
pub use running::age as age_text;
pub use started::{Missing, started};
pub use steady::STEADY;

use crate::core::context::Context;
use crate::core::finding::{Finding, StepId};
use crate::core::observe::{Observations, Unanswered};

/// Judges one step from what was observed and told.
///
/// # Errors
/// [`Unanswered`] when something has not been looked at yet; the questions were noted in `see`.
pub fn check(step: StepId, see: &Observations, told: &Context) -> Result<Finding, Unanswered> {
    match step {
        StepId::Installed => installed::check(see, told),
        StepId::Running => running::check(see, told),
        StepId::Parameters => parameters::check(see, told),
        StepId::Network => network::check(see, told),
        StepId::Clock => clock::check(see, told),
        StepId::Address => address::check(see, told),
        StepId::Group => group::check(see, told),
        StepId::Account => account::check(see, told),
        StepId::Log => log::check(see, told, check),
        StepId::Heartbeat => heartbeat::check(see, told),
    }
}
