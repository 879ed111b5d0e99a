//! One file a remedy, or a tight family of them: observations + context + inputs → plan. Pure: a remedy never changes
//! anything itself, and it must not know the checks that offer it.
//!
//! A [`Plan`] is data: the exact changes in order, why, who must run them, and which step proves the cure. Preview,
//! dry run, journal, undo and tests all read the same plan. Like a check, a remedy asks for what it has not seen yet.

mod aliuid;
mod bind_hostname;
mod common;
mod config_switch;
mod control;
mod custom_id;
mod dispatch;
mod egress;
mod enable_at_boot;
mod group_ip;
mod hosts;
mod install;
mod name_server;
mod new_group;
mod plan;
mod preview;
mod program_name;
mod remove_proxy;
mod repair_config;
mod set_endpoint;
mod stop_extra;
mod sync_clock;
mod unpin_host;

#[cfg(test)]
mod tests;

pub use control::{restart_of, with_revival};
pub use dispatch::{plan, step_of};
pub use hosts::{answers, bind, is_bindable};
pub use plan::{Change, InputId, Inputs, Plan, Planned};
pub use preview::{PreviewLine, PreviewMark, change_titles, preview, shell_line, title};
pub use program_name::{NAME, call_it, called, for_root, for_this_user};
pub use repair_config::mend;
