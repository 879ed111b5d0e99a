//! One file a remedy: observations + context + inputs → plan. Pure: a remedy never changes anything itself, and it must
//! not know the checks that offer it.
//!
//! A [`Plan`] is data: the exact changes in order, why, who must run them, and which step proves the cure. Preview,
//! dry run, journal, undo and tests all read the same plan. Like a check, a remedy asks for what it has not seen yet.
//!
//! A remedy is added by a line in [`each_remedy`], which names its file here, and by that file: a [`Descriptor`] called
//! `REMEDY`. Since the lines there declare these files as modules, `cargo fmt` does not find them: format them with
//! `rustfmt src/core/remedies/*.rs`.

mod aliuid;
mod common;
mod config_key;
mod control;
mod custom_id;
mod descriptor;
mod durable;
mod group_ip;
mod hosts;
mod installer;
mod new_group;
mod plan;
mod preview;
mod program_name;
mod supervised;

#[cfg(test)]
mod tests;

pub use crate::core::text::shell_line;
pub use control::{restart_of, with_revival};
pub use descriptor::{ActsOn, Descriptor, Durability, Restart, plan, step_of, title};
pub use hosts::{answers, bind, is_bindable};
pub use plan::{Change, InputId, Inputs, Plan, Planned};
pub use preview::{PreviewLine, PreviewMark, change_titles, preview};
pub use program_name::{NAME, becomes_root_by, call_it, called, for_root, for_this_user, root_by};
pub use repair_config::mend;

use crate::core::finding::{RemedyId, each_remedy};

/// Declares the file of every remedy and collects their descriptors.
macro_rules! registry {
    ($($name:ident = $id:literal in $file:ident,)+) => {
        $(mod $file;)+

        /// Every remedy, in the order of the design.
        pub const ALL: &[&Descriptor] = &[$(&$file::REMEDY),+];

        /// What is known of a remedy without a host. A remedy without a descriptor does not compile.
        pub fn descriptor(remedy: RemedyId) -> &'static Descriptor {
            match remedy { $(RemedyId::$name => &$file::REMEDY),+ }
        }
    };
}

each_remedy!(registry);
