//! Which face fits the terminal: the wizard, plain questions, or none.
//!
//! Pure: what it judges by is passed in, so that every combination has a test.

/// How the bare command talks with the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaceKind {
    /// The full-screen wizard.
    Wizard,
    /// Numbered questions, line by line, without cursor movement: also for screen readers and for scripted answers.
    Plain,
    /// Nobody to talk with: say so and name `check`.
    None,
}

/// Chooses the face.
///
/// | asked for `--plain` | stdin and stdout terminals | `TERM` unset, empty or `dumb`, or `ACCESSIBLE` set | face |
/// |---|---|---|---|
/// | yes | any | any | plain |
/// | no | not both | any | none |
/// | no | both | yes | plain |
/// | no | both | no | wizard |
pub fn decide_face(
    stdin_is_terminal: bool,
    stdout_is_terminal: bool,
    term: Option<&str>,
    plain_asked: bool,
    accessible: Option<&str>,
) -> FaceKind {
    if plain_asked {
        return FaceKind::Plain;
    }
    if !(stdin_is_terminal && stdout_is_terminal) {
        return FaceKind::None;
    }
    let cannot_move_the_cursor = matches!(term, None | Some("" | "dumb" | "unknown"));
    let reads_aloud = accessible.is_some_and(|value| !matches!(value, "" | "0"));
    if cannot_move_the_cursor || reads_aloud { FaceKind::Plain } else { FaceKind::Wizard }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table() {
        let xterm = Some("xterm");
        for (stdin, stdout, term, plain, accessible, face) in [
            (true, true, xterm, false, None, FaceKind::Wizard),
            (true, true, Some("linux"), false, Some(""), FaceKind::Wizard),
            (true, true, xterm, true, None, FaceKind::Plain),
            (true, true, Some("dumb"), false, None, FaceKind::Plain),
            (true, true, None, false, None, FaceKind::Plain),
            (true, true, Some(""), false, None, FaceKind::Plain),
            (true, true, xterm, false, Some("1"), FaceKind::Plain),
            (false, true, xterm, false, None, FaceKind::None),
            (true, false, xterm, false, None, FaceKind::None),
            (false, false, Some("dumb"), false, Some("1"), FaceKind::None),
            (false, false, None, true, None, FaceKind::Plain),
        ] {
            assert_eq!(decide_face(stdin, stdout, term, plain, accessible), face, "{term:?} {plain} {accessible:?}");
        }
    }
}
