//! How this program is called in the commands that it prints for root. It is told once, when the program starts, and
//! looks at nothing itself.

use std::sync::OnceLock;

/// The name by which everybody knows it; the demo and the tests print no other.
pub const NAME: &str = "logtail-doctor";

static CALLED: OnceLock<String> = OnceLock::new();

/// Says that commands must name this program so: the absolute path, where sudo does not find it by its name.
pub fn call_it(path: String) {
    // Whoever says it first is the one who started.
    let _ = CALLED.set(path);
}

/// How a command names this program.
pub fn called() -> &'static str {
    CALLED.get().map_or(NAME, String::as_str)
}

/// The command for root with these words, to be copied into a shell.
pub fn for_root(words: &[&str]) -> String {
    let argv: Vec<String> = ["sudo", called()].iter().chain(words).map(|word| word.to_string()).collect();
    super::shell_line(&argv)
}
