//! The finding of step 3 where there is no configuration that could be judged: no file, or one that the agent cannot read.

use super::STEP;
use crate::core::agent::json;
use crate::core::agent::layout::{Agent, ConfigTrouble};
use crate::core::checks::subject;
use crate::core::context::Field;
use crate::core::finding::{Cause, CauseId, Evidence, Finding, Mark, RemedyId};
use crate::core::observe::Unavailable;
use crate::core::text::Text;
use crate::say;

/// There is no configuration to judge.
pub(super) fn unreadable(agent: &Agent, path: &str, trouble: &ConfigTrouble) -> Finding {
    let label = Text::same(path);
    match trouble {
        ConfigTrouble::File(Unavailable::Absent) => {
            let detail = say!("{path} does not exist.", "{path} 不存在。");
            let why = Text::fixed(
                "Without it the agent knows no server to send the heartbeat to.",
                "缺少该文件，Agent 不知道要向哪个服务端发送心跳。",
            );
            let row = Evidence::new(label, Text::fixed("not there", "不存在"), path).marked(Mark::Bad);
            let cause = Cause::fail(
                CauseId::ConfigMissing,
                detail.clone(),
                why,
                &[RemedyId::RepairConfig, RemedyId::ReinstallAgent],
            );
            Finding::judged(STEP, detail, vec![cause], vec![row]).wanting(&[Field::Region, Field::Network])
        }
        ConfigTrouble::File(why @ Unavailable::NotAFile(_)) => {
            let what = subject::trouble(why);
            let (en, zh) = what.both();
            let detail = Text::filled(format!("{path}: {en}."), format!("{path}：{zh}。"));
            let row = Evidence::new(label, what, path).marked(Mark::Bad);
            let sentence = Text::fixed("The agent cannot read its configuration.", "Agent 无法读取配置。");
            let cause = Cause::fail(CauseId::ConfigMissing, detail.clone(), sentence, &[RemedyId::ReinstallAgent]);
            Finding::judged(STEP, detail, vec![cause], vec![row])
        }
        ConfigTrouble::File(why) => {
            let what = subject::trouble(why);
            let (en, zh) = what.both();
            let text = Text::filled(format!("{path}: {en}."), format!("{path}：{zh}。"));
            Finding::unknown(STEP, text, vec![Evidence::new(label, what, path).marked(Mark::Unknown)])
        }
        ConfigTrouble::Json(fault) => {
            let (en, zh) = fault.text.both();
            let detail =
                Text::filled(format!("The agent cannot read {path}. {en}"), format!("Agent 无法解析 {path}。{zh}"));
            let row = Evidence::new(label, fault.text.clone(), path)
                .expecting(Text::fixed("JSON that the agent accepts", "Agent 可解析的 JSON"))
                .marked(Mark::Bad);
            let why = json::agent_outcome(fault, agent.version.as_ref());
            let cause = Cause::fail(
                CauseId::ConfigInvalidJson,
                detail.clone(),
                why,
                &[RemedyId::RepairConfig, RemedyId::ReinstallAgent],
            );
            Finding::judged(STEP, detail, vec![cause], vec![row]).wanting(&[Field::Region, Field::Network])
        }
    }
}
