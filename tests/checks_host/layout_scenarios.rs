//! What the vendor's layout does not foresee, and what files and programs show in spite of a rule: each alone, because most
//! of them change the same few files, and what two of them make together is another machine.

use super::machine::*;
use super::scenarios::Scenario;
use logtail_doctor::core::finding::{CauseId, Severity, StepId};

use CauseId::*;
use Flavour::{Logtail188, Logtail207, Loong331};
use Severity::{Fail, Warn};
use StepId::Parameters;

/// Each of them is checked alone.
pub const ALONE: &[Scenario] = &[
    (
        "a comma before the last brace, and the agent runs well",
        Logtail188,
        |m, _| m.reconfigure(|text| text.replacen("}]}", "}],\n}", 1)),
        &[(Parameters, ConfigNotStrictJson, Warn)],
    ),
    (
        "a comma before the last brace, and the agent says that it could not read it",
        Logtail207,
        |m, _| {
            m.reconfigure(|text| text.replacen("}]}", "}],\n}", 1));
            m.log(STARTED + 1, "error", "start config is not valid json:ilogtail_config.json");
        },
        &[(Parameters, ConfigInvalidJson, Fail)],
    ),
    (
        "a text that is no JSON, and the agent logged what it read there",
        Logtail207,
        |m, _| {
            let config = m.text(CONFIG);
            m.write(CONFIG, config.replacen("\", \"data", "\" \"data", 1));
        },
        &[(Parameters, ConfigNotStrictJson, Warn)],
    ),
    (
        "a text that is no JSON, written after the start",
        Logtail207,
        |m, _| {
            let config = m.text(CONFIG);
            m.write_at(CONFIG, config.replacen("\", \"data", "\" \"data", 1), NOW - 60);
        },
        &[(Parameters, ConfigInvalidJson, Fail)],
    ),
    (
        "a project written into the config server",
        Logtail188,
        |m, _| m.reconfigure(|text| text.replace("//logtail.", "//my-project.")),
        &[(Parameters, EndpointMismatch, Fail)],
    ),
    (
        "a data endpoint where the config server belongs",
        Loong331,
        |m, _| m.reconfigure(|text| text.replace("//logtail.", "//")),
        &[(Parameters, EndpointMismatch, Fail)],
    ),
    (
        "a project written into the data endpoint",
        Loong331,
        |m, _| m.reconfigure(|text| text.replace("[\"cn-", "[\"my-project.cn-")),
        &[(Parameters, EndpointMismatch, Fail)],
    ),
];
