//! What the remedies share that edit keys of `ilogtail_config.json` where they are decided. It plans nothing.

use super::Plan;
use super::common::refused;
use crate::core::agent::json::JsonFault;
use crate::core::agent::layout::Agent;
use crate::core::text::Text;
use crate::say;
use std::path::Path;

/// A key could not be edited after all.
pub fn uneditable(path: &Path, fault: &JsonFault) -> super::common::Stop {
    let (path, text) = (path.display(), &fault.text);
    let (en, zh) = text.both();
    refused(Text::filled(
        format!("{path} is broken and must be repaired first, see repair-config. {en}"),
        format!("{path} 已损坏，请先使用 repair-config 修复。{zh}"),
    ))
}

/// Says that another file than the main one is edited, and why.
pub fn note_overlay(plan: &mut Plan, agent: &Agent, path: &Path, key: &str) {
    if path != agent.config_path {
        let (path, main) = (path.display(), agent.config_path.display());
        plan.cautions.push(say!(
            "{path} decides {key}, over {main}; so it is edited there.",
            "{key} 由 {path} 决定，优先于 {main}，因此在该文件中修改。"
        ));
    }
}
