//! Sessions in which the service is asked, or could be: the list of machine groups, the key, the watch for the heartbeat.

use super::{failing, finished, press, type_in};
use crate::core::checks::{About, ListedGroup};
use crate::core::context::{Field, IdentityKind};
use crate::core::finding::{Finding, StepId};
use crate::core::flow::{Action, Around, Event, Key, Proof, Session};
use crate::core::observe::CredentialsSeen;
use crate::core::text::{Lang, Text};

/// Presses the digit of an action of the page.
fn choose(session: &mut Session, action: Action) {
    let at = session.actions().iter().position(|known| *known == action).unwrap();
    let digit = char::from_digit(at as u32 + 1, 10).unwrap();
    press(session, &[Key::Char(digit)]);
}

/// The step of the machine group, when the service can be asked: no group was told yet.
pub(in crate::ui) fn which_group(lang: Lang) -> Session {
    let mut session = failing(lang, true);
    session.context.project = Some("web-logs".into());
    let said = Text::fixed("Tell which machine group is meant.", "请填写要使用的机器组。");
    let finding = Finding::unknown(StepId::Group, said, Vec::new()).wanting(&[Field::MachineGroup, Field::Identity]);
    session.handle(finished(finding));
    let key = CredentialsSeen {
        source: Text::fixed("typed in", "手动输入"),
        key_id: "LTAI****abcd".into(),
        unusable_proxies: Vec::new(),
        passed_over: Vec::new(),
    };
    session.handle(Event::Around(Box::new(Around { key: Some(key), ..Around::default() })));
    press(&mut session, &[Key::Right]);
    session
}

/// The list of machine groups, three of which are known.
pub(in crate::ui) fn groups(lang: Lang) -> Session {
    let mut session = which_group(lang);
    press(&mut session, &[Key::Char('1')]);
    let read = |kind, lines, has_this_host, custom_id: Option<&str>| About::Read {
        kind: Some(kind),
        lines,
        has_this_host,
        custom_id: custom_id.map(str::to_string),
    };
    let mut listed: Vec<ListedGroup> = (0..1000)
        .map(|number| ListedGroup { name: format!("team-{number:03}-machines"), about: About::NotRead })
        .collect();
    listed[0].about = read(IdentityKind::Ip, 12, true, None);
    listed[1].about = read(IdentityKind::Custom, 1, false, Some("web-servers"));
    listed[2].about = About::Unreadable;
    session.handle(Event::Groups(Ok(listed)));
    press(&mut session, &[Key::Down]);
    session
}

/// A key is being typed in.
pub(in crate::ui) fn key(lang: Lang) -> Session {
    let mut session = failing(lang, true);
    session.handle(Event::Around(Box::new(Around { wants_key: true, ..Around::default() })));
    press(&mut session, &[Key::End, Key::Left]);
    choose(&mut session, Action::TypeKey);
    press(&mut session, &[Key::Paste("LTAI5tExampleKeyIdabcd".into()), Key::Tab]);
    type_in(&mut session, "PlantedSecretValue");
    session
}

/// The heartbeat is watched for: none yet, then old ones, then one that is newer than the cure.
pub(in crate::ui) fn watch(lang: Lang) -> Session {
    let mut session = which_group(lang);
    session.context.machine_group = Some("web".into());
    press(&mut session, &[Key::End, Key::Left]);
    choose(&mut session, Action::Watch);
    for pulse in [None, None, Some(70), Some(75), Some(80), Some(85), Some(4), Some(9)] {
        session.handle(Event::HeartbeatAge(pulse));
    }
    session.handle(Event::Waiting { seconds_left: 137 });
    session
}

pub(in crate::ui) fn watch_over(lang: Lang) -> Session {
    let mut session = watch(lang);
    session.handle(Event::Verified { proof: Proof::Holds });
    session
}

/// The same where the service cannot be asked.
pub(in crate::ui) fn watch_console(lang: Lang) -> Session {
    let mut session = failing(lang, true);
    session.context.project = Some("web-logs".into());
    session.context.machine_group = Some("web".into());
    press(&mut session, &[Key::End, Key::Left]);
    choose(&mut session, Action::Watch);
    session
}
