//! How a process of the agent ended, where somebody wrote it down: the kernel for a signal and for lack of memory, the
//! one that started it for an exit code. It only reads lines.

use crate::core::observe::ProcessSeen;
use crate::core::text::Text;
use crate::say;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Code(i64),
    Signal(i64),
    /// The kernel killed it because memory ran out.
    OutOfMemory,
}

impl Ending {
    /// In a few words, to stand behind "the log says".
    pub fn text(self) -> Text {
        match self {
            Ending::Code(code) => say!("exit code {code}", "退出码 {code}"),
            Ending::Signal(number) => match name(number) {
                Some(name) => say!("signal {number} ({name})", "信号 {number}（{name}）"),
                None => say!("signal {number}", "信号 {number}"),
            },
            Ending::OutOfMemory => Text::fixed("signal 9, out of memory", "信号 9，内存不足"),
        }
    }
}

/// The usual name of a signal that ends programs.
fn name(number: i64) -> Option<&'static str> {
    Some(match number {
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        31 => "SIGSYS",
        _ => return None,
    })
}

/// What the kernel writes of a fault of a program, and the signal that follows.
const FAULTS: [(&str, Ending); 9] = [
    ("out of memory: kill", Ending::OutOfMemory),
    ("memory cgroup out of memory", Ending::OutOfMemory),
    ("oom-kill:", Ending::OutOfMemory),
    ("segfault at", Ending::Signal(11)),
    ("general protection", Ending::Signal(11)),
    ("invalid opcode", Ending::Signal(4)),
    ("divide error", Ending::Signal(8)),
    ("trap int3", Ending::Signal(5)),
    ("alignment check", Ending::Signal(7)),
];

/// What a number is of.
type Made = fn(i64) -> Ending;

/// The words before a number that says how a process ended; exit codes first, because their lines may name a signal of
/// zero as well.
const NUMBERS: [(&str, Made); 10] = [
    ("exit code", Ending::Code),
    ("exit_code", Ending::Code),
    ("exit status", Ending::Code),
    ("code=exited, status=", Ending::Code),
    ("exited with", Ending::Code),
    ("code=killed, status=", Ending::Signal),
    ("code=dumped, status=", Ending::Signal),
    ("sig=", Ending::Signal),
    ("signal", Ending::Signal),
    ("exited, status", Ending::Code),
];

/// How one line says that a process ended; None when it says nothing of the kind.
pub fn ending(line: &str) -> Option<Ending> {
    let line = line.to_ascii_lowercase();
    if let Some((_, ending)) = FAULTS.iter().find(|(words, _)| line.contains(words)) {
        return Some(*ending);
    }
    NUMBERS.iter().find_map(|(words, made)| {
        let (_, rest) = line.split_once(words)?;
        let rest = rest.trim_start_matches(|c: char| " :=(".contains(c));
        let rest = ["status", "code"].iter().find_map(|word| rest.strip_prefix(word)).unwrap_or(rest);
        let rest = rest.trim_start_matches(|c: char| " :=(".contains(c));
        let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| rest.split_at(end).0);
        digits.parse().ok().filter(|number| (0..256).contains(number)).map(made)
    })
}

/// The last line that tells how one of these processes ended: one that names its number, else one that names the
/// program. With the line itself, for the evidence.
pub fn last_ending<'a>(lines: impl Iterator<Item = &'a str>, ended: &[ProcessSeen]) -> Option<(Ending, &'a str)> {
    let (mut by_number, mut by_name) = (None, None);
    for line in lines {
        let lower = line.to_ascii_lowercase();
        let numbers = || line.split(|c: char| !c.is_ascii_digit());
        let is_numbered = ended.iter().any(|process| numbers().any(|number| number == process.pid.to_string()));
        let is_named = ["ilogtail", "loongcollector"].iter().any(|name| lower.contains(name));
        if !is_numbered && !is_named {
            continue;
        }
        if let Some(ending) = ending(line) {
            if is_numbered && is_named {
                by_number = Some((ending, line));
            } else if is_named {
                by_name = Some((ending, line));
            }
        }
    }
    by_number.or(by_name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::agent::processes::tests::process;

    #[test]
    fn lines_of_the_kernel_and_of_whoever_started_it_are_read() {
        for (line, expected) in [
            (
                "[ 99.1] ilogtail[4711]: segfault at 0 ip 00005581 sp 00007ffd error 4 in ilogtail",
                Some(Ending::Signal(11)),
            ),
            ("traps: ilogtail[52] trap invalid opcode ip:6f2a31", Some(Ending::Signal(4))),
            ("traps: ilogtail[52] general protection fault ip:1", Some(Ending::Signal(11))),
            ("Out of memory: Killed process 12 (ilogtail) total-vm:1kB", Some(Ending::OutOfMemory)),
            ("audit: type=1701 auid=0 pid=12 comm=\"ilogtail\" exe=\"/x\" sig=6 res=1", Some(Ending::Signal(6))),
            ("ilogtail worker process 12 exited, exit code: 4", Some(Ending::Code(4))),
            (
                "systemd[1]: ilogtaild.service: Main process exited, code=killed, status=11/SEGV",
                Some(Ending::Signal(11)),
            ),
            (
                "systemd[1]: ilogtaild.service: Main process exited, code=exited, status=203/EXEC",
                Some(Ending::Code(203)),
            ),
            ("ilogtail 12 killed by signal 9", Some(Ending::Signal(9))),
            ("ilogtail 12 exited with status 3", Some(Ending::Code(3))),
            ("ilogtail 12 exit status 4711", None),
            ("ilogtail: link is up", None),
        ] {
            assert_eq!(ending(line), expected, "{line}");
        }
    }

    #[test]
    fn the_line_of_the_very_process_outranks_a_later_one_of_the_program() {
        let ended = [process(12, 10, "/usr/local/ilogtail/ilogtail")];
        let log = "ilogtail[12]: segfault at 0\nilogtail[9] trap divide error\nnginx[12]: segfault at 0\n";
        assert_eq!(last_ending(log.lines(), &ended).map(|(ending, _)| ending), Some(Ending::Signal(11)));
        assert_eq!(
            last_ending("ilogtail[9]: divide error\n".lines(), &ended).map(|found| found.0),
            Some(Ending::Signal(8))
        );
        assert_eq!(last_ending("nginx[12]: segfault at 0\n".lines(), &ended), None, "another program of that number");
    }
}
