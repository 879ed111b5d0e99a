//! Settings that bear on the address, and whether this version heeds them: one that is there and without effect is the
//! reason why somebody waits for another address in vain.

use crate::core::agent::config::{Config, Setting, Source};
use crate::core::agent::ip_rules::Rule;
use crate::core::agent::layout::Agent;
use crate::core::finding::{Evidence, Mark};
use crate::core::text::Text;
use crate::say;

/// The rows of the settings that are there; `rule` is the one that decided.
pub(super) fn rows(agent: &Agent, config: &Config, rule: Option<Rule>) -> Vec<Evidence> {
    let version = agent.version.as_ref();
    let since = |major, minor, patch| version.map(|version| version.at_least(major, minor, patch));
    let mut rows = Vec::new();
    let mut row = |key: &str, setting: &Option<Setting<String>>, without_effect: Option<Text>| {
        let Some(setting) = setting.as_ref().filter(|setting| !setting.value.is_empty()) else { return };
        let source = match &setting.source {
            Source::File => agent.config_path.display().to_string(),
            Source::Overlay(name) => agent.conf_dir.join("config.d").join(name).display().to_string(),
            Source::Environment(name) => name.clone(),
        };
        let value = &setting.value;
        rows.push(match without_effect {
            Some(why) => {
                let (en, zh) = why.both();
                let value = say!("{value}: without effect, {en}", "{value}：不生效，{zh}");
                Evidence::new(Text::same(key), value, source).marked(Mark::Doubtful)
            }
            None => Evidence::new(Text::same(key), Text::same(value.clone()), source),
        });
    };
    let too_old = |since: &str| say!("versions from {since} on heed it", "{since} 及以上版本才支持");
    let interface = (since(3, 3, 6) == Some(false))
        .then(|| Text::fixed("versions after 3.3.5 heed it", "3.3.5 之后的版本才支持"))
        .or_else(|| by_rule(rule, Rule::WorkingInterface));
    row("working_interface", &config.working_interface, interface);
    row("bind_interface", &config.bind_interface, by_rule(rule, Rule::BindInterface));
    let ignored = (since(3, 3, 5) == Some(false)).then(|| too_old("3.3.5"));
    row("ignored_interfaces", &config.ignored_interfaces, ignored);
    rows
}

/// Why another rule than the setting's own decided the address.
fn by_rule(rule: Option<Rule>, own: Rule) -> Option<Text> {
    let rule = rule.filter(|rule| *rule != own)?;
    let text = rule.text();
    let (en, zh) = text.both();
    Some(match own {
        Rule::BindInterface => say!(
            "the reported IP is {en}; working_interface, in versions after 3.3.5, goes first",
            "上报的 IP 取自：{zh}；3.3.5 之后版本的 working_interface 优先"
        ),
        _ => say!("the reported IP is {en}", "上报的 IP 取自：{zh}"),
    })
}
