//! A host made from data that behaves: files, processes, names, network, clock, init scripts, and an agent that does
//! what the real one does when it is started, stopped or misconfigured. Wholly in memory.
//!
//! Tests and the `demo` command run the same checks and remedies on it as on a real machine, and [`World::heartbeat`]
//! tells whether a cure is real. This room must never touch the machine that it runs on.

mod acts;
mod agent;
mod agent_config;
mod api;
mod commands;
mod faults;
mod files;
mod firewall;
mod healthy;
mod init_script;
mod installer;
mod network;
mod parts;
mod questions;
mod scenario;
mod service;
mod status_log;
mod world;

#[cfg(test)]
mod tests;

pub use files::Kind;
pub use parts::Flavour;
pub use parts::Sudo;
pub use parts::{Cloud, Ecs, Group};
pub use parts::{Reaction, Way};
pub use parts::{StartManner, StopManner};
pub use scenario::{Fault, Scenario, scenario, scenarios};
pub use world::World;

use super::{Host, LiveOutput, MutableHost};
use crate::core::observe::Pending;
use crate::core::observe::{Answer, Done, LiveLine, Operation, OperationError, Question};
use crate::core::service::Credentials;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A simulated machine; clones are the same machine.
#[derive(Debug, Clone)]
pub struct SimulatedHost {
    world: Arc<Mutex<World>>,
}

impl SimulatedHost {
    pub fn new(world: World) -> SimulatedHost {
        SimulatedHost { world: Arc::new(Mutex::new(world)) }
    }

    /// Looks into the world as it is now.
    pub fn world(&self) -> World {
        let mut world = self.lock();
        world.settle();
        world.clone()
    }

    /// Changes the world from outside, as an operator at another terminal or at the console would.
    pub fn change(&self, change: impl FnOnce(World) -> World) {
        let mut world = self.lock();
        world.settle();
        let mut new = change(world.clone());
        new.settle();
        *world = new;
    }

    /// Whether the service sees this machine's heartbeat; see [`World::heartbeat`].
    ///
    /// # Errors
    /// The first agreement that does not hold, in words for a test's failure message.
    pub fn heartbeat(&self) -> Result<(), String> {
        self.world().heartbeat()
    }

    /// A panic of another holder leaves the world as it was then, which is as good as any.
    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host for SimulatedHost {
    fn observe(&self, question: Question) -> Pending<Answer> {
        let host = self.clone();
        Box::pin(async move {
            let pause = host.lock().pace.answer;
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            let mut world = host.lock();
            world.settle();
            world.answer(&question)
        })
    }

    fn use_key(&self, key: Credentials) {
        self.lock().use_key(&key);
    }
}

impl MutableHost for SimulatedHost {
    fn perform(&self, operation: Operation, live: LiveOutput) -> Pending<Result<Done, OperationError>> {
        let host = self.clone();
        Box::pin(async move {
            let Operation::Run { argv, limit, .. } = operation else {
                let mut world = host.lock();
                world.settle();
                return world.apply(operation);
            };
            let (printed, pause) = {
                let mut world = host.lock();
                world.settle();
                (world.run(&argv), world.pace.line)
            };
            let Some(printed) = printed else {
                let program = argv.first().cloned().unwrap_or_default();
                return Err(OperationError::NotStarted {
                    program,
                    reason: files::words(&crate::core::observe::Unavailable::Absent),
                });
            };
            for (is_error, text) in &printed.lines {
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
                // Nobody listening does not stop a command.
                let _ = live.send(LiveLine { is_error: *is_error, text: text.clone() });
            }
            if printed.takes > limit {
                tokio::time::sleep(limit).await;
                return Err(OperationError::TimedOut { command: argv.join(" "), limit_s: limit.as_secs() });
            }
            if !printed.takes.is_zero() {
                tokio::time::sleep(printed.takes).await;
            }
            Ok(Done::Exited(Some(printed.code)))
        })
    }
}
