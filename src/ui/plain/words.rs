//! What is asked for now, and what a typed word means there: the same keys and buttons as on the full screen, so that
//! the session's rule of consent holds here as well. Pure.

use crate::core::finding::StepId;
use crate::core::flow::{Action, Button, Form, Key, KeyField, Layer, Place, RemedyLayer, Session, Stage};
use crate::core::text::Text;

/// What the operator is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// Nothing yet: something is under way.
    Nothing,
    /// An action of the page, or a letter.
    Page,
    /// A step of the list.
    Map,
    /// The value of the form's row.
    Field,
    /// Every value was given; the form is handed in without asking.
    Submit,
    /// Whether to carry out the plan.
    Consent,
    /// What to do after a remedy.
    Outcome,
    /// An entry of the journal.
    Journal,
    /// A machine group of the list.
    Groups,
    /// A field of the key that is typed in; whether it must not be shown.
    Key { is_secret: bool },
    /// What the console shows of the heartbeat.
    Console,
    /// What to do after the heartbeat was watched for.
    Watched,
    /// Whether to take up a session that was broken off.
    Resume,
    /// What is to become of a change that was broken off.
    BrokenOff,
    /// Whether to quit although something is left behind.
    Quit,
}

/// What a typed line comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// These keys.
    Keys(Vec<Key>),
    /// The help is wanted.
    Help,
    /// The question again.
    Nothing,
    /// It means nothing here.
    Unclear,
    /// The value is refused, with the reason.
    Refused(Text),
}

/// What is asked for in this state.
pub(super) fn ask(session: &Session) -> Ask {
    match session.layers.last() {
        // What was found is read in peace: nothing is asked before all of it is there.
        None | Some(Layer::Help { .. }) if session.is_looking() => Ask::Nothing,
        None | Some(Layer::Help { .. }) => Ask::Page,
        Some(Layer::Map { .. }) => Ask::Map,
        Some(Layer::ConfirmQuit) => Ask::Quit,
        Some(Layer::Journal(layer)) if layer.entries.is_some() => Ask::Journal,
        Some(Layer::Journal(_)) => Ask::Nothing,
        Some(Layer::Groups(layer)) if layer.is_reading() => Ask::Nothing,
        Some(Layer::Groups(_)) => Ask::Groups,
        Some(Layer::Key(form)) => match form.field() {
            Some(field) => Ask::Key { is_secret: field != KeyField::Id },
            None => Ask::Submit,
        },
        Some(Layer::Watch(layer)) => match (layer.asks_service, layer.ended) {
            (false, None | Some(false)) => Ask::Console,
            (true, None) => Ask::Nothing,
            (_, Some(_)) => Ask::Watched,
        },
        Some(Layer::Resume(_)) => Ask::Resume,
        Some(Layer::BrokenOff(_)) => Ask::BrokenOff,
        Some(Layer::Form(form)) => ask_form(form),
        Some(Layer::Remedy(layer)) => match &layer.stage {
            Stage::Asking(form) => ask_form(form),
            Stage::Planning | Stage::Applying { .. } | Stage::Verifying { .. } => Ask::Nothing,
            Stage::Preview { .. } => Ask::Consent,
            Stage::Outcome { .. } if session.is_looking() => Ask::Nothing,
            Stage::Outcome { .. } => Ask::Outcome,
        },
    }
}

fn ask_form(form: &Form) -> Ask {
    if form.focus < form.rows.len() { Ask::Field } else { Ask::Submit }
}

/// The form on top, if there is one.
pub(super) fn form(session: &Session) -> Option<&Form> {
    match session.layers.last()? {
        Layer::Form(form) => Some(form),
        Layer::Remedy(layer) => match &layer.stage {
            Stage::Asking(form) => Some(form),
            _ => None,
        },
        _ => None,
    }
}

/// The remedy on top, if there is one.
pub(super) fn remedy(session: &Session) -> Option<&RemedyLayer> {
    session.layers.iter().rev().find_map(|layer| match layer {
        Layer::Remedy(layer) => Some(layer.as_ref()),
        _ => None,
    })
}

/// What a line means.
pub(super) fn meaning(session: &Session, ask: Ask, line: &str) -> Said {
    let word = line.trim();
    match ask {
        Ask::Nothing | Ask::Submit => Said::Nothing,
        Ask::Page => page(session, word),
        Ask::Map => map(session, word),
        Ask::Field => field(session, word),
        Ask::Consent => consent(session, word),
        Ask::Outcome => match word {
            "u" => press(session, Button::Undo),
            "w" => press(session, Button::Watch),
            "f" if session.buttons().contains(&Button::Force) => press(session, Button::Force),
            "?" => Said::Help,
            "l" => Said::Keys(vec![Key::Char('L')]),
            _ => Said::Keys(vec![Key::Esc]),
        },
        Ask::Journal => journal(session, word),
        Ask::Groups => groups(session, word),
        Ask::Key { .. } => match word {
            "" => Said::Keys(vec![Key::Tab]),
            "<" => Said::Keys(vec![Key::Esc]),
            typed => Said::Keys(vec![Key::Ctrl('u'), Key::Paste(typed.to_string()), Key::Tab]),
        },
        Ask::Console => match word {
            "1" => Said::Keys(vec![Key::Char('1')]),
            "2" => Said::Keys(vec![Key::Char('2')]),
            "" => Said::Keys(vec![Key::Esc]),
            _ => Said::Unclear,
        },
        Ask::Watched => Said::Keys(vec![Key::Esc]),
        Ask::BrokenOff => match word {
            "1" | "2" => Said::Keys(word.chars().map(Key::Char).collect()),
            _ => Said::Keys(vec![Key::Esc]),
        },
        Ask::Resume | Ask::Quit if is_yes(word) => Said::Keys(vec![Key::Enter]),
        Ask::Resume | Ask::Quit => Said::Keys(vec![Key::Esc]),
    }
}

/// From the entry under the journal's cursor to the one with this number.
fn journal(session: &Session, word: &str) -> Said {
    let Some(Layer::Journal(layer)) = session.layers.last() else { return Said::Nothing };
    let Ok(number) = word.parse::<usize>() else { return Said::Keys(vec![Key::Esc]) };
    if !(1..=session.journal_rows().len()).contains(&number) {
        return Said::Unclear;
    }
    let (from, to) = (layer.chosen, number - 1);
    let key = if to > from { Key::Down } else { Key::Up };
    let mut keys = vec![key; to.abs_diff(from)];
    keys.push(Key::Enter);
    Said::Keys(keys)
}

/// How many machine groups are told at once.
pub(super) const GROUPS: usize = 20;

/// The first of the groups that are told now.
pub(super) fn first_group(session: &Session) -> usize {
    match session.layers.last() {
        Some(Layer::Groups(layer)) => layer.chosen - layer.chosen % GROUPS,
        _ => 0,
    }
}

/// A number takes the group, `/` filters, `+` and `-` leaf through the list.
fn groups(session: &Session, word: &str) -> Said {
    let count = session.group_rows().len();
    let chosen = match session.layers.last() {
        Some(Layer::Groups(layer)) => layer.chosen,
        _ => 0,
    };
    let leaf = |key: Key| Said::Keys(vec![key; GROUPS]);
    match word {
        // The first one only takes a filter away.
        "" => Said::Keys(vec![Key::Esc; if session.search.is_some() { 2 } else { 1 }]),
        "+" => leaf(Key::Down),
        "-" => leaf(Key::Up),
        "n" | "new" => Said::Keys(vec![Key::Char('n')]),
        "/" if session.search.is_some() => Said::Keys(vec![Key::Esc]),
        "/" => Said::Nothing,
        _ => match (word.strip_prefix('/'), word.parse::<usize>()) {
            (Some(part), _) => {
                Said::Keys(vec![Key::Char('/'), Key::Ctrl('u'), Key::Paste(part.to_string()), Key::Enter])
            }
            (None, Ok(number)) if (1..=count).contains(&number) => {
                let (from, to) = (chosen, number - 1);
                let key = if to > from { Key::Down } else { Key::Up };
                let mut keys = vec![key; to.abs_diff(from)];
                keys.push(Key::Enter);
                Said::Keys(keys)
            }
            _ => Said::Unclear,
        },
    }
}

/// Whether this is the whole word for consent; a lone `y` may have been typed by mistake.
fn is_yes(word: &str) -> bool {
    word.eq_ignore_ascii_case("yes") || word == "是"
}

fn page(session: &Session, word: &str) -> Said {
    let key = |key| Said::Keys(vec![key]);
    if let Ok(number) = word.parse::<usize>() {
        let digit = u32::try_from(number).ok().and_then(|number| char::from_digit(number, 10));
        return match digit.filter(|_| (1..=session.actions().len()).contains(&number)) {
            Some(digit) => key(Key::Char(digit)),
            None => Said::Unclear,
        };
    }
    match word {
        "" => Said::Nothing,
        "?" => Said::Help,
        "b" => key(Key::Left),
        "n" => key(Key::Right),
        "r" if !matches!(session.place, Place::Step(_)) => key(Key::Char('R')),
        "l" => key(Key::Char('L')),
        "j" | "J" => key(Key::Char('J')),
        "r" | "R" | "m" | "f" | "t" | "u" | "q" => Said::Keys(word.chars().map(Key::Char).collect()),
        _ => Said::Unclear,
    }
}

/// The steps that keys of a page have checked again.
pub(super) fn rechecked(session: &Session, keys: &[Key]) -> Vec<StepId> {
    let action = match keys {
        [Key::Char('r')] => Some(Action::Recheck),
        [Key::Char('R')] => Some(Action::RecheckAll),
        [Key::Char(digit)] => {
            let number = digit.to_digit(10).and_then(|digit| usize::try_from(digit).ok()).unwrap_or_default();
            number.checked_sub(1).and_then(|at| session.actions().get(at).copied())
        }
        _ => None,
    };
    match (action, session.place) {
        (Some(Action::Recheck), Place::Step(step)) => vec![step],
        (Some(Action::RecheckAll), _) => StepId::ALL.to_vec(),
        _ => Vec::new(),
    }
}

/// From the step under the map's cursor to the one with this number.
fn map(session: &Session, word: &str) -> Said {
    let Some(Layer::Map { at }) = session.layers.last() else { return Said::Nothing };
    if word == "q" {
        return Said::Keys(vec![Key::Esc, Key::Char('q')]);
    }
    let Ok(number) = word.parse::<usize>() else { return Said::Keys(vec![Key::Esc]) };
    if !(1..=StepId::ALL.len()).contains(&number) {
        return Said::Unclear;
    }
    let (from, to) = (at.index(), number - 1);
    let key = if to > from { Key::Down } else { Key::Up };
    let mut keys = vec![key; to.abs_diff(from)];
    keys.push(Key::Enter);
    Said::Keys(keys)
}

/// Enter keeps, `-` forgets, `<` leaves the form; everything else is a value.
fn field(session: &Session, word: &str) -> Said {
    let Some(row) = form(session).and_then(|form| form.rows.get(form.focus)) else { return Said::Nothing };
    let typed = match word {
        "" => return Said::Keys(vec![Key::Tab]),
        "<" => return Said::Keys(vec![Key::Esc]),
        "?" => return Said::Help,
        "-" => "",
        typed => typed,
    };
    let mut keys = vec![Key::End, Key::Ctrl('u')];
    if !typed.is_empty() {
        // The form may wait for the rest of a word that is chosen from a list; a line is whole.
        let mut scratch = form(session).map(|form| form.inputs().clone()).unwrap_or_default();
        if let Err(refusal) = scratch.set(row.input, typed) {
            return Said::Refused(refusal);
        }
        keys.push(Key::Paste(typed.to_string()));
    }
    keys.push(Key::Tab);
    Said::Keys(keys)
}

/// The words below a preview. Nothing but the whole word orders a change.
fn consent(session: &Session, word: &str) -> Said {
    let has = |button: &Button| session.buttons().contains(button);
    let wanted = if is_yes(word) {
        [Button::ApplyAndRestart, Button::Apply].into_iter().find(has)
    } else if word.eq_ignore_ascii_case("later") || word == "稍后" {
        Some(Button::ApplyOnly).filter(has)
    } else if word.eq_ignore_ascii_case("done") || word == "已完成" {
        Some(Button::DoneByHand).filter(has)
    } else {
        None
    };
    wanted.map_or_else(|| Said::Keys(vec![Key::Esc]), |button| press(session, button))
}

/// The keys that go to a button and press it.
fn press(session: &Session, button: Button) -> Said {
    let (Some(layer), Some(to)) = (remedy(session), session.buttons().iter().position(|known| *known == button)) else {
        return Said::Unclear;
    };
    let key = if to > layer.focus { Key::Right } else { Key::Left };
    let mut keys = vec![key; to.abs_diff(layer.focus)];
    keys.push(Key::Enter);
    Said::Keys(keys)
}
