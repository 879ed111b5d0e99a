//! Which face fits the terminal: the wizard, plain questions, or none.
//!
//! Pure: what it judges by is passed in, so that every combination has a test.

/// How the bare command talks with the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
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
) -> Face {
    if plain_asked {
        return Face::Plain;
    }
    if !(stdin_is_terminal && stdout_is_terminal) {
        return Face::None;
    }
    let cannot_move_the_cursor = matches!(term, None | Some("" | "dumb" | "unknown"));
    let reads_aloud = accessible.is_some_and(|value| !matches!(value, "" | "0"));
    if cannot_move_the_cursor || reads_aloud { Face::Plain } else { Face::Wizard }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table() {
        let xterm = Some("xterm");
        for (stdin, stdout, term, plain, accessible, face) in [
            (true, true, xterm, false, None, Face::Wizard),
            (true, true, Some("linux"), false, Some(""), Face::Wizard),
            (true, true, xterm, true, None, Face::Plain),
            (true, true, Some("dumb"), false, None, Face::Plain),
            (true, true, None, false, None, Face::Plain),
            (true, true, Some(""), false, None, Face::Plain),
            (true, true, xterm, false, Some("1"), Face::Plain),
            (false, true, xterm, false, None, Face::None),
            (true, false, xterm, false, None, Face::None),
            (false, false, Some("dumb"), false, Some("1"), Face::None),
            (false, false, None, true, None, Face::Plain),
        ] {
            assert_eq!(decide_face(stdin, stdout, term, plain, accessible), face, "{term:?} {plain} {accessible:?}");
        }
    }
}
