//! What is known of commands that changed something: which of them others take back, and which leave nothing behind.

use std::time::Duration;

/// How long a command that takes another one back may take.
pub const RUN_LIMIT: Duration = Duration::from_secs(30);

/// Whether a command of a plan can be taken back by another one.
pub fn is_reversible(argv: &[String]) -> bool {
    inverse(argv).is_some()
}

/// The command that takes another one back; None for one that leaves nothing, like stop and start, or that cannot be
/// taken back, like an installer.
pub fn inverse(argv: &[String]) -> Option<Vec<String>> {
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    let back: Vec<&str> = match words.as_slice() {
        ["systemctl", "enable", unit] => vec!["systemctl", "disable", unit],
        ["chkconfig", "--add", name] => vec!["chkconfig", "--del", name],
        ["chkconfig", name, "on"] => vec!["chkconfig", name, "off"],
        ["update-rc.d", name, "defaults"] => vec!["update-rc.d", "-f", name, "remove"],
        ["iptables", "-I", chain, "1", rule @ ..] => [&["iptables", "-D", chain], rule].concat(),
        ["nft", "insert", "rule", family, table, chain, rule] => {
            // nft deletes a rule by its handle only; the first rule of this text is the one that was inserted.
            const FIND: &str = r#"handle=$(nft -a list chain "$1" "$2" "$3" | grep -F "$4 # handle " | head -n 1); nft delete rule "$1" "$2" "$3" handle "${handle##* }""#;
            vec!["sh", "-c", FIND, "nft-delete", family, table, chain, rule]
        }
        _ => return None,
    };
    Some(back.into_iter().map(str::to_string).collect())
}

/// Whether a command only stops, starts or signals.
pub fn is_stop_or_start(argv: &[String]) -> bool {
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["kill", ..] | ["systemctl", "start" | "stop" | "restart" | "kill", ..] => true,
        [script, "start" | "stop" | "restart" | "force-stop"] => script.starts_with("/etc/init.d/"),
        _ => false,
    }
}
