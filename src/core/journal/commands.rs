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
        ["systemctl", "unmask", unit] => vec!["systemctl", "mask", unit],
        // Read anew once more, after what was written is gone.
        ["systemctl", "daemon-reload"] => vec!["systemctl", "daemon-reload"],
        ["systemctl", "add-wants", target, unit] => {
            let link = format!("/etc/systemd/system/{target}.wants/{unit}.service");
            return Some(["rm", "-f", &link].map(str::to_string).to_vec());
        }
        ["chmod", "a+x", path] => vec!["chmod", "a-x", path],
        ["rc-update", "add", name, level] => vec!["rc-update", "del", name, level],
        ["chkconfig", "--level", level, name, "on"] => vec!["chkconfig", "--level", level, name, "off"],
        ["update-rc.d", name, "enable"] => vec!["update-rc.d", name, "disable"],
        ["update-rc.d", name, "enable", level] => vec!["update-rc.d", name, "disable", level],
        ["ln", "-s", target, link] => {
            // The tool that orders such links may have given it another number since.
            const REMOVE: &str = r#"rm -f "$1"/[SK][0-9][0-9]"$2""#;
            let (dir, _) = link.rsplit_once('/')?;
            let (_, name) = target.rsplit_once('/')?;
            vec!["sh", "-c", REMOVE, "remove-link", dir, name]
        }
        ["chkconfig", "--add", name] => vec!["chkconfig", "--del", name],
        ["chkconfig", name, "on"] => vec!["chkconfig", name, "off"],
        ["update-rc.d", name, "defaults"] => vec!["update-rc.d", "-f", name, "remove"],
        [program @ ("iptables" | "iptables-legacy"), "-I", chain, "1", rule @ ..] => {
            [&[*program, "-D", *chain], rule].concat()
        }
        [program @ ("iptables" | "iptables-legacy"), "-t", table, "-I", chain, "1", rule @ ..] => {
            [&[*program, "-t", *table, "-D", *chain], rule].concat()
        }
        ["ufw", "prepend", rule @ .., "comment", _] => [&["ufw", "delete"], rule].concat(),
        ["firewall-cmd", options @ .., rule] if rule.starts_with("--add-rich-rule=") => {
            let back = rule.replacen("--add-", "--remove-", 1);
            let all = ["firewall-cmd"].iter().chain(options).map(|word| word.to_string()).chain([back]);
            return Some(all.collect());
        }
        ["nft", "insert", "rule", family, table, chain, rule] => {
            // nft deletes a rule by its handle only. The whole line is compared: a longer rule that ends alike is not ours.
            const FIND: &str = r#"handle=$(nft -a list chain "$1" "$2" "$3" | while IFS= read -r line; do line=${line#"${line%%[![:space:]]*}"}; [ "${line% # handle *}" = "$4" ] && echo "${line##* }" && break; done); [ -n "$handle" ] && nft delete rule "$1" "$2" "$3" handle "$handle""#;
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
