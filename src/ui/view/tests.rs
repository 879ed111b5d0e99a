//! Every screen as a picture: in English at three sizes, in Chinese and in ASCII at 80x24; and what holds for all of them
//! in both languages at every size.

mod places;

use super::{draw, samples, summary_lines};
use crate::core::flow::{Command, Event, Key, Layer, Session};
use crate::core::text::{Lang, width};
use crate::ui::{Depth, Glyphs, Theme};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Modifier;
use std::fmt::Write;

/// The signs that each language is usually read with.
fn glyphs(lang: Lang) -> Glyphs {
    match lang {
        Lang::En => Glyphs::Unicode,
        Lang::Zh => Glyphs::UnicodeSigns,
    }
}

fn drawn(session: &mut Session, glyphs: Glyphs, size: (u16, u16)) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    drawn_in(&mut terminal, session, glyphs, Depth::Sixteen);
    terminal
}

fn drawn_in(terminal: &mut Terminal<TestBackend>, session: &mut Session, glyphs: Glyphs, depth: Depth) {
    let theme = Theme::of(depth);
    terminal.draw(|frame| draw(frame, session, &theme, glyphs)).unwrap();
}

/// The screen as lines, without colours: it must be understood so. What is reversed is told below.
fn picture(terminal: &Terminal<TestBackend>) -> String {
    let buffer = terminal.backend().buffer();
    let mut out = String::new();
    let mut reversed = Vec::new();
    for y in 0..buffer.area.height {
        let (mut line, mut marked) = (String::new(), String::new());
        let mut covered = 0;
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            if covered > 0 {
                covered -= 1;
                continue;
            }
            covered = width(cell.symbol()).saturating_sub(1);
            line.push_str(cell.symbol());
            if cell.modifier.contains(Modifier::REVERSED) {
                marked.push_str(cell.symbol());
            }
        }
        writeln!(out, "{}", line.trim_end()).unwrap();
        if !marked.is_empty() {
            reversed.push(format!("{y}: {}", marked.trim_end()));
        }
    }
    writeln!(out, "-- reversed: {}", reversed.join(" | ")).unwrap();
    out
}

fn check_all(size: (u16, u16), lang: Lang) {
    for (name, mut session) in samples::all(lang) {
        let word = match lang {
            Lang::En => "en",
            Lang::Zh => "zh",
        };
        let terminal = drawn(&mut session, glyphs(lang), size);
        insta::assert_snapshot!(format!("{name}_{word}_{}x{}", size.0, size.1), picture(&terminal));
    }
}

#[test]
fn screens_at_60x20_in_english() {
    check_all((60, 20), Lang::En);
}

#[test]
fn screens_at_80x24_in_english() {
    check_all((80, 24), Lang::En);
}

#[test]
fn screens_at_80x24_in_chinese() {
    check_all((80, 24), Lang::Zh);
}

#[test]
fn screens_at_120x40_in_english() {
    check_all((120, 40), Lang::En);
}

#[test]
fn screens_in_ascii() {
    for (name, mut session) in samples::all(Lang::En) {
        let terminal = drawn(&mut session, Glyphs::Ascii, (80, 24));
        insta::assert_snapshot!(format!("{name}_ascii_80x24"), picture(&terminal));
    }
}

/// Without colour every screen is the same text, and nothing on it has a colour.
#[test]
fn screens_in_monochrome_say_the_same_without_a_colour() {
    use ratatui::style::Color;
    for lang in [Lang::En, Lang::Zh] {
        for (name, mut session) in samples::all(lang) {
            let coloured = picture(&drawn(&mut session, glyphs(lang), (80, 24)));
            let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
            drawn_in(&mut terminal, &mut session, glyphs(lang), Depth::Mono);
            let buffer = terminal.backend().buffer();
            let is_plain = |cell: &ratatui::buffer::Cell| cell.fg == Color::Reset && cell.bg == Color::Reset;
            assert!(buffer.content.iter().all(is_plain), "{name}");
            let text = |picture: &str| picture.lines().take(24).map(str::to_string).collect::<Vec<_>>();
            assert_eq!(text(&picture(&terminal)), text(&coloured), "{name}");
        }
    }
}

#[test]
fn a_secret_in_a_file_that_is_edited_never_reaches_the_screen() {
    const SECRET: &str = "kZ93PlantedSecretValue77xQ";
    for lang in [Lang::En, Lang::Zh] {
        let mut session = samples::preview_with_secret(lang, SECRET);
        let picture = picture(&drawn(&mut session, Glyphs::Ascii, (200, 90)));
        assert!(!picture.contains(SECRET), "{picture}");
        assert!(picture.contains("access_key_secret") && picture.contains("+\"cluster\""), "{picture}");
    }
}

#[test]
fn a_key_that_is_typed_in_never_reaches_the_screen() {
    for lang in [Lang::En, Lang::Zh] {
        let mut session = samples::service::key(lang);
        for size in [(60, 20), (80, 24), (200, 50)] {
            let picture = picture(&drawn(&mut session, Glyphs::Ascii, size));
            assert!(!picture.contains("PlantedSecret") && !picture.contains("ExampleKeyId"), "{picture}");
            assert!(picture.contains("LTAI****abcd") && picture.contains("******"), "{picture}");
        }
    }
}

#[test]
fn who_stops_waiting_for_the_proof_is_not_told_that_it_failed() {
    for (lang, said, untrue) in [(Lang::En, "Not proven yet", "still fails"), (Lang::Zh, "尚未验证", "仍未通过")]
    {
        let mut session = samples::verifying(lang);
        session.handle(Event::Key(Key::Esc));
        let picture = picture(&drawn(&mut session, Glyphs::Ascii, (80, 24)));
        assert!(picture.contains(said) && !picture.contains(untrue), "{picture}");
    }
}

#[test]
fn a_thousand_groups_are_drawn_as_far_as_they_fit() {
    let mut session = samples::service::groups(Lang::En);
    let first = picture(&drawn(&mut session, Glyphs::Ascii, (80, 24)));
    assert!(first.contains("2 of 1000") && first.contains("contains this host"), "{first}");
    session.handle(Event::Key(Key::End));
    let last = picture(&drawn(&mut session, Glyphs::Ascii, (80, 24)));
    assert!(last.contains(">   team-999-machines") && last.contains("1000 of 1000"), "{last}");
}

#[test]
fn a_filter_leaves_what_matches_and_esc_shows_all_again() {
    let mut session = samples::help(Lang::En);
    let press = |session: &mut Session, key: Key| drop(session.handle(Event::Key(key)));
    for key in "/journal".chars() {
        press(&mut session, Key::Char(key));
    }
    let filtered = picture(&drawn(&mut session, Glyphs::Ascii, (80, 24)));
    assert!(filtered.contains("journal: what was changed") && !filtered.contains("check again"), "{filtered}");
    press(&mut session, Key::Esc);
    let whole = picture(&drawn(&mut session, Glyphs::Ascii, (80, 24)));
    assert!(whole.contains("check again"), "{whole}");
    press(&mut session, Key::Esc);
    assert!(session.layers.is_empty());

    let mut session = samples::map_filtered(Lang::En);
    press(&mut session, Key::Enter);
    press(&mut session, Key::Enter);
    assert_eq!(session.place, crate::core::flow::Place::Step(crate::core::finding::StepId::Group));
}

#[test]
fn small_windows_have_one_column_and_tiny_ones_one_sentence() {
    for (name, size) in [("small", (44, 14)), ("tiny", (24, 6))] {
        let terminal = drawn(&mut samples::failing(Lang::En, true), Glyphs::Ascii, size);
        insta::assert_snapshot!(format!("failing_{name}"), picture(&terminal));
    }
}

#[test]
fn ascii_screens_are_ascii() {
    for (name, mut session) in samples::all(Lang::En) {
        // In a wide window more keys are named.
        for size in [(80, 24), (200, 60)] {
            let picture = picture(&drawn(&mut session, Glyphs::Ascii, size));
            assert!(picture.is_ascii(), "{name}:\n{picture}");
        }
    }
}

#[test]
fn text_from_outside_drives_nothing() {
    for lang in [Lang::En, Lang::Zh] {
        for (name, mut session) in samples::all(lang) {
            let picture = picture(&drawn(&mut session, Glyphs::Ascii, (120, 40)));
            assert!(!picture.contains('\u{1b}'), "{name}");
        }
    }
}

#[test]
fn the_header_always_tells_host_and_user() {
    for lang in [Lang::En, Lang::Zh] {
        for (name, mut session) in samples::all(lang) {
            for columns in (30..130).step_by(3) {
                let Some(identity) = session.identity.clone() else { continue };
                let picture = picture(&drawn(&mut session, Glyphs::Ascii, (columns, 24)));
                let header = picture.lines().next().unwrap();
                assert!(
                    header.contains(&format!("{}@web-01", identity.user.printable())),
                    "{name} {columns}: {header}"
                );
                assert!(identity.privileged || header.contains("root"), "{name} {columns}: {header}");
            }
        }
    }
}

/// The chosen action or button, and all others, are in sight at every usable size.
#[test]
fn actions_are_always_in_sight() {
    for (name, mut session) in samples::all(Lang::En) {
        if !session.layers.is_empty() {
            continue;
        }
        for (columns, rows) in [(60, 20), (80, 24), (200, 60)] {
            let picture = picture(&drawn(&mut session, Glyphs::Ascii, (columns, rows)));
            for (number, _) in session.actions().iter().enumerate() {
                let shown = format!(" {} ", number + 1);
                assert!(picture.lines().any(|line| line.contains(&shown)), "{name} {columns}x{rows}:\n{picture}");
            }
        }
    }
}

#[test]
fn page_down_is_offered_only_while_lines_are_hidden() {
    let mut session = samples::failing(Lang::En, true);
    drawn(&mut session, Glyphs::Ascii, (80, 24));
    assert!(session.has_more_to_scroll());
    for _ in 0..20 {
        session.handle(Event::Key(Key::PageDown));
    }
    let below = picture(&drawn(&mut session, Glyphs::Ascii, (80, 24)));
    assert!(below.contains("Instance id") && !below.contains("more line"), "{below}");
    drawn(&mut session, Glyphs::Ascii, (120, 60));
    assert!(!session.has_more_to_scroll());
}

/// The first visible line of the remedy on top.
fn first_line(session: &Session) -> usize {
    match session.layers.last() {
        Some(Layer::Remedy(layer)) => layer.scroll,
        _ => panic!("no remedy on top"),
    }
}

#[test]
fn page_keys_move_a_preview_by_a_screenful_and_home_and_end_to_its_ends() {
    let mut session = samples::preview(Lang::En, true);
    let mut press = |keys: &[Key]| {
        keys.iter().for_each(|key| drop(session.handle(Event::Key(key.clone()))));
        let picture = picture(&drawn(&mut session, Glyphs::Ascii, (60, 20)));
        (first_line(&session), session.extent, picture)
    };
    let (first, (lines, height), top) = press(&[]);
    assert!(first == 0 && lines >= 2 * height, "{lines} lines in {height}");
    assert!(top.contains(&format!("PgDn: {} more lines", lines - height)), "{top}");
    assert_eq!(press(&[Key::PageDown]).0, height - 1, "one line stays in sight");
    assert_eq!(press(&[Key::PageUp, Key::Char(' ')]).0, height - 1);
    let (last, _, bottom) = press(&[Key::End]);
    assert_eq!(last, lines - height);
    assert!(bottom.contains("PgUp: back up"), "{bottom}");
    assert_eq!(press(&[Key::PageUp]).0, lines - height - (height - 1));
    assert_eq!(press(&[Key::Home]).0, 0);
}

#[test]
fn the_actions_keep_their_place_from_step_to_step() {
    let mut session = samples::pass(Lang::En);
    session.handle(Event::Key(Key::Home));
    let mut places = Vec::new();
    for _ in 0..5 {
        let picture = picture(&drawn(&mut session, Glyphs::Ascii, (80, 24)));
        let heading = picture.lines().position(|line| line.contains("What to do")).unwrap();
        places.push(heading + session.actions().len());
        session.handle(Event::Key(Key::Right));
    }
    places.dedup();
    assert_eq!(places.len(), 1, "{places:?}");
}

/// In the help of the screen, or in the footer where no help can be opened. What is not named does nothing.
#[test]
fn every_key_that_works_is_named_where_it_works() {
    let named = [
        Key::Up,
        Key::Down,
        Key::Left,
        Key::Right,
        Key::PageUp,
        Key::PageDown,
        Key::Home,
        Key::End,
        Key::Enter,
        Key::Esc,
        Key::Tab,
        Key::BackTab,
        Key::Backspace,
        Key::Delete,
    ];
    let letters = (' '..='~').map(Key::Char);
    let keys: Vec<Key> = named.into_iter().chain(letters).chain(('a'..='z').map(Key::Ctrl)).collect();
    for (name, session) in samples::all(Lang::En) {
        let bindings = session.bindings();
        let is_form = bindings.iter().any(|binding| binding.shown == "S-Tab");
        for key in keys.iter().filter(|key| !bindings.iter().any(|binding| binding.keys.contains(key))) {
            let mut after = session.clone();
            after.notice = None;
            let before = format!("{after:?}");
            let effects = after.handle(Event::Key(key.clone()));
            // A text field is edited as everywhere.
            let is_idle = effects.is_empty() && format!("{after:?}") == before;
            assert!(is_idle || is_form || session.is_filtering(), "{name}: {key:?} works and is not named");
        }
        let mut shown = session.clone();
        let has_help = bindings.iter().any(|binding| binding.command == Command::Help);
        if has_help {
            shown.handle(Event::Key(Key::Char('?')));
        }
        let size = if has_help { (200, 90) } else { (200, 20) };
        // What is drawn tells first whether there is anything to scroll.
        drawn(&mut shown, Glyphs::Ascii, size);
        let picture = picture(&drawn(&mut shown, Glyphs::Ascii, size));
        for binding in &bindings {
            let (key, label) = (binding.shown, binding.label.get(Lang::En));
            let is_there = |line: &str| line.contains(key) && line.contains(label);
            assert!(picture.lines().any(is_there) || label == "中文", "{name}: {key} {label}:\n{picture}");
        }
    }
}

#[test]
fn the_newest_output_stays_in_sight_until_the_operator_scrolls() {
    use crate::core::journal::Progress;
    use crate::core::observe::LiveLine;
    let mut session = samples::applying(Lang::En);
    drawn(&mut session, Glyphs::Ascii, (80, 24));
    for number in 0..60 {
        let line = LiveLine { is_error: false, text: format!("line {number} of many") };
        session.handle(Event::Progress(Progress::Line(line)));
        drawn(&mut session, Glyphs::Ascii, (80, 24));
    }
    assert!(picture(&drawn(&mut session, Glyphs::Ascii, (80, 24))).contains("line 59 of many"));
    session.handle(Event::Key(Key::Up));
    let line = LiveLine { is_error: false, text: "line 60 of many".into() };
    session.handle(Event::Progress(Progress::Line(line)));
    let above = picture(&drawn(&mut session, Glyphs::Ascii, (80, 24)));
    assert!(!above.contains("line 60 of many"), "{above}");
}

#[test]
fn the_cursor_stands_in_the_focused_field() {
    let mut session = samples::form_error(Lang::En);
    let mut terminal = drawn(&mut session, Glyphs::Ascii, (80, 24));
    let at = terminal.get_cursor_position().unwrap();
    let before = &terminal.backend().buffer()[(at.x - 1, at.y)];
    assert_eq!(before.symbol(), "e", "the last letter of what was typed");
}

#[test]
fn the_summary_names_verdict_change_and_undo() {
    for lang in [Lang::En, Lang::Zh] {
        let word = if lang == Lang::En { "en" } else { "zh" };
        let mut session = samples::result(lang);
        session.handle(Event::BundleWritten(Ok("/root/logtail-doctor-web-01.tar.gz".into())));
        insta::assert_snapshot!(format!("summary_{word}"), summary_lines(&session).join("\n"));
    }
}

fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        3 => Just(Key::Enter),
        2 => Just(Key::Esc),
        2 => Just(Key::Down),
        2 => Just(Key::Right),
        2 => Just(Key::PageDown),
        1 => Just(Key::Up),
        1 => Just(Key::Tab),
        1 => Just(Key::End),
        4 => "[1-9a-pr-zLR?中\u{200b}e\u{301}]".prop_map(|s| Key::Char(s.chars().next().unwrap_or('x'))),
        1 => ".{0,40}".prop_map(Key::Paste),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn no_window_and_no_session_makes_it_panic(
        columns in 1u16..=130,
        rows in 1u16..=50,
        sample in 0usize..29,
        chinese in any::<bool>(),
        keys in proptest::collection::vec(any_key(), 0..12),
    ) {
        let lang = if chinese { Lang::Zh } else { Lang::En };
        let (_, mut session) = samples::all(lang).swap_remove(sample);
        for key in keys {
            session.handle(Event::Key(key));
            drawn(&mut session, Glyphs::Unicode, (columns, rows));
        }
        for glyphs in [Glyphs::Unicode, Glyphs::UnicodeSigns, Glyphs::Ascii] {
            drawn(&mut session, glyphs, (columns, rows));
        }
    }
}
