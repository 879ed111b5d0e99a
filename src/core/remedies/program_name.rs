//! How this program is called in the commands that it prints for root. It is told once, when the program starts, and
//! looks at nothing itself.

use std::sync::OnceLock;

/// The name by which everybody knows it; the demo and the tests print no other.
pub const NAME: &str = "logtail-doctor";

/// The name, and whether this process is root.
static CALLED: OnceLock<(String, bool)> = OnceLock::new();

/// Says that commands must name this program so (the absolute path, where sudo does not find it by its name), and whether
/// this process is root.
pub fn call_it(path: String, is_root: bool) {
    // Whoever says it first is the one who started.
    let _ = CALLED.set((path, is_root));
}

/// How a command names this program.
pub fn called() -> &'static str {
    CALLED.get().map_or(NAME, |(name, _)| name.as_str())
}

/// The command with these words, to be copied into a shell, for what this process could do itself.
pub fn for_this_user(words: &[&str]) -> String {
    if CALLED.get().is_none_or(|(_, is_root)| *is_root) {
        return for_root(words);
    }
    let argv: Vec<String> = [called()].iter().chain(words).map(|word| word.to_string()).collect();
    super::shell_line(&argv)
}

/// How an ordinary user becomes root here; None where there is no such program.
static BY: OnceLock<Option<String>> = OnceLock::new();

/// Says by which program (sudo, doas) an ordinary user becomes root here.
pub fn becomes_root_by(tool: Option<String>) {
    // As above.
    let _ = BY.set(tool);
}

/// The program by which an ordinary user becomes root here.
pub fn root_by() -> Option<&'static str> {
    BY.get().map_or(Some("sudo"), |tool| tool.as_deref())
}

/// The command for root with these words, to be copied into a shell: by sudo or doas, or bare where there is neither.
pub fn for_root(words: &[&str]) -> String {
    let argv: Vec<String> =
        root_by().into_iter().chain([called()]).chain(words.iter().copied()).map(str::to_string).collect();
    super::shell_line(&argv)
}
