//! What keeps its place on the screen, and what never stands beside, over or without something else.

use super::*;

/// A character two cells wide must not be drawn over the edge of what lies above it.
#[test]
fn the_question_before_quitting_has_whole_edges() {
    for columns in 61..130 {
        let mut session = samples::confirm_quit(Lang::Zh);
        let picture = picture(&drawn(&mut session, Glyphs::Ascii, (columns, 40)));
        let left = usize::from((columns - 60) / 2);
        let cell = |line: &str| line.char_indices().map(|(at, _)| at).find(|at| width(&line[..*at]) == left);
        let from_left = |line: &'_ str| cell(line).map(|at| line[at..].to_string()).unwrap_or_default();
        let top = format!("+{}+", "-".repeat(58));
        let lines: Vec<String> = picture.lines().map(from_left).skip_while(|line| !line.starts_with(&top)).collect();
        assert!(lines.len() > 8 && lines[7].starts_with(&top), "{columns}:\n{picture}");
        assert!(lines[1..7].iter().all(|line| line.starts_with('|')), "{columns}:\n{picture}");
    }
}

/// In a tall window they follow the text, which is shorter without the restart.
#[test]
fn the_buttons_keep_their_place_while_the_focus_goes_from_one_to_the_other() {
    let mut session = samples::preview(Lang::En, true);
    let mut rows = Vec::new();
    for _ in 0..3 {
        let picture = picture(&drawn(&mut session, Glyphs::Ascii, (120, 40)));
        rows.push(picture.lines().position(|line| line.contains("[ Cancel ]")).unwrap());
        session.handle(Event::Key(Key::Right));
    }
    assert!(rows[0] < 30, "near the text: {rows:?}");
    rows.dedup();
    assert_eq!(rows.len(), 1, "{rows:?}");
}

/// The first button changes nothing: who cannot see how to leave it is not helped.
#[test]
fn a_narrow_footer_names_the_keys_that_go_to_another_button() {
    for lang in [Lang::En, Lang::Zh] {
        for mut session in [samples::preview(lang, true), samples::outcome(lang)] {
            let picture = picture(&drawn(&mut session, Glyphs::Ascii, (60, 20)));
            let footer = picture.lines().nth(19).unwrap();
            assert!(["</>", "Enter", "Esc", "?"].iter().all(|key| footer.contains(key)), "{picture}");
        }
    }
}

#[test]
fn a_heading_is_never_the_last_line_of_a_remedy_in_sight_while_its_text_is_hidden() {
    for rows in 20..40 {
        let picture = picture(&drawn(&mut samples::outcome(Lang::En), Glyphs::Ascii, (60, rows)));
        let lines: Vec<&str> = picture.lines().collect();
        let rule = lines.iter().rposition(|line| line.starts_with(" ---")).unwrap();
        assert!(![" Done", " Output"].contains(&lines[rule - 1]), "{picture}");
    }
}

#[test]
fn a_source_never_stands_beside_what_is_expected() {
    for lang in [Lang::En, Lang::Zh] {
        for columns in 60..160 {
            let picture = picture(&drawn(&mut samples::failing(lang, true), Glyphs::Ascii, (columns, 70)));
            let expected = |line: &&str| line.contains("expected:") || line.contains("期望：");
            let beside = picture.lines().filter(expected).find(|line| line.contains("/etc/hosts:4"));
            assert_eq!(beside, None, "{picture}");
            assert!(picture.contains("/etc/hosts:4"), "{picture}");
        }
    }
}
