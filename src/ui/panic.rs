//! What a bug of ours looks like to the operator: the terminal is back, one sentence, and the path of a crash file.
//!
//! The default hook would print into the alternate screen, in raw mode, and lose everything.

use super::tty;
use crate::core::text::{Lang, printable};
use crate::say;
use std::panic::PanicHookInfo;
use std::path::PathBuf;

/// Installs the hook for panics of any thread. `record` receives what happened and where, as one line; it redacts,
/// writes the crash file and returns its path, or nothing if it could not. It must not panic.
pub fn install_panic_hook(lang: Lang, record: impl Fn(&str) -> Option<PathBuf> + Send + Sync + 'static) {
    std::panic::set_hook(Box::new(move |info| {
        tty::leave();
        let path = record(&what_happened(info));
        tty::complain(&last_words(lang, path.map(|path| path.display().to_string())));
    }));
}

/// Where the panic happened and what it said.
fn what_happened(info: &PanicHookInfo) -> String {
    let message = info
        .payload()
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| info.payload().downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    match info.location() {
        Some(place) => format!("panicked at {place}: {}", printable(message)),
        None => format!("panicked: {}", printable(message)),
    }
}

/// The message on standard error. The panic's own words may quote the host, so they stay in the crash file.
fn last_words(lang: Lang, path: Option<String>) -> String {
    let words = match path {
        Some(path) => {
            let path = printable(&path);
            say!(
                "logtail-doctor met a bug of its own and stopped. Details are in {path}",
                "logtail-doctor 遇到自身缺陷，已停止。详情见 {path}"
            )
        }
        None => say!(
            "logtail-doctor met a bug of its own and stopped. No crash file could be written.",
            "logtail-doctor 遇到自身缺陷，已停止。崩溃文件未能写入。"
        ),
    };
    format!("{}\n", words.get(lang))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_name_the_crash_file_and_no_control_characters() {
        let words = last_words(Lang::En, Some("/var/lib/x\x1b[2J/crash.txt".to_string()));
        assert!(words.contains("/crash.txt") && !words.contains('\x1b'), "{words:?}");
        assert!(last_words(Lang::Zh, None).contains("崩溃文件"));
    }
}
