//! The agent's processes: which install they belong to, and whether they are the pair that a healthy agent runs as.
//! It must not judge; an open-source build, for one, runs as a single process and is well.

use crate::core::observe::ProcessSeen;
use std::path::{Path, PathBuf};

/// The flags by which the agent forks a daemon, of either flavour.
pub const DAEMON_FLAGS: [&str; 2] = ["ilogtail_daemon_flag", "loongcollector_daemon_flag"];

/// How the live processes of one agent stand to each other. By parent and child, not by the parent's number 1: under
/// a session manager or in a container, orphans go to another process than init.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    None,
    /// The healthy commercial agent: the daemon is the worker's parent.
    Pair {
        daemon: u32,
        worker: u32,
    },
    /// One process. Of a commercial agent, the daemon whose worker is not up, or a worker that lost its daemon; of an
    /// open-source build, all there is.
    Single(u32),
    /// More than two, or two that are not parent and child: so many.
    TooMany(usize),
}

/// The shape of these processes; those that have ended and were not yet collected do not count.
pub fn process_shape(processes: &[ProcessSeen]) -> Shape {
    let live: Vec<_> = processes.iter().filter(|process| is_alive(process)).collect();
    match live.as_slice() {
        [] => Shape::None,
        [one] => Shape::Single(one.pid),
        [one, other] if other.ppid == one.pid => Shape::Pair { daemon: one.pid, worker: other.pid },
        [one, other] if one.ppid == other.pid => Shape::Pair { daemon: other.pid, worker: one.pid },
        many => Shape::TooMany(many.len()),
    }
}

/// Whether the process still runs: not a zombie, not dead.
pub fn is_alive(process: &ProcessSeen) -> bool {
    !matches!(process.state, 'Z' | 'X')
}

/// The worker of a pair, else the first live process: whose environment and start time count.
pub fn worker(processes: &[ProcessSeen]) -> Option<&ProcessSeen> {
    let pid = match process_shape(processes) {
        Shape::Pair { worker, .. } => Some(worker),
        _ => None,
    };
    processes.iter().find(|process| is_alive(process) && pid.is_none_or(|pid| process.pid == pid))
}

/// Whether the agent was told to run without a daemon, so that one process is all there is: on the command line, in the
/// environment, or by the key of its configuration. A supervisor then takes the daemon's place.
pub fn is_alone_by_choice(
    processes: &[ProcessSeen],
    environment: &[(String, String)],
    settings: &serde_json::Map<String, serde_json::Value>,
) -> bool {
    let is_no = |value: &str| matches!(value.to_ascii_lowercase().as_str(), "false" | "f" | "no" | "n" | "0");
    let of_word = |word: &str| {
        let flag = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
        match flag.split_once('=') {
            Some((name, value)) => DAEMON_FLAGS.contains(&name).then(|| is_no(value)),
            None => DAEMON_FLAGS.iter().any(|known| flag.strip_prefix("no") == Some(known)).then_some(true),
        }
    };
    // The last word counts, as in the agent's own reader of flags, and the command line goes first.
    let told = processes
        .iter()
        .filter(|process| is_alive(process))
        .find_map(|process| process.command.split(' ').filter_map(of_word).next_back());
    let in_file = || {
        DAEMON_FLAGS.iter().find_map(|name| match settings.get(*name)? {
            serde_json::Value::Bool(is_on) => Some(!is_on),
            serde_json::Value::String(value) => Some(is_no(value)),
            _ => None,
        })
    };
    let in_environment = || {
        let is_flag = |name: &String| DAEMON_FLAGS.contains(&name.as_str());
        environment.iter().find(|(name, _)| is_flag(name)).map(|(_, value)| is_no(value))
    };
    told.or_else(in_file).or_else(in_environment).unwrap_or(false)
}

/// The program of an agent's process, and whether its file was replaced while it runs. From the link to the program,
/// or where we may not read that, from an absolute command path. None for other programs.
pub fn program(process: &ProcessSeen) -> Option<(PathBuf, bool)> {
    let told = match &process.exe {
        Ok(path) => path.to_string_lossy().into_owned(),
        Err(_) => process.command.split(' ').next().filter(|word| word.starts_with('/'))?.to_string(),
    };
    let (path, is_replaced) = match told.strip_suffix(" (deleted)") {
        Some(path) => (path, true),
        None => (told.as_str(), false),
    };
    let path = PathBuf::from(path);
    is_agent_program(&path).then_some((path, is_replaced))
}

/// Whether a path's name is the agent's program: `ilogtail`, `ilogtail_1.8.8`, `loongcollector`, …
fn is_agent_program(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    ["ilogtail", "loongcollector"].iter().any(|known| {
        name.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('_') && !rest.ends_with(".sh"))
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::core::observe::Unavailable;

    /// A process of the program at this path.
    pub fn process(pid: u32, ppid: u32, exe: &str) -> ProcessSeen {
        ProcessSeen {
            pid,
            ppid,
            name: "ilogtail".into(),
            exe: Ok(exe.into()),
            command: exe.into(),
            started: 1_795_332_115,
            uid: 0,
            state: 'S',
            contained: Some(false),
        }
    }

    #[test]
    fn the_pair_is_told_by_parent_and_child() {
        let exe = "/usr/local/ilogtail/ilogtail";
        let pair = [process(20, 10, exe), process(10, 999, exe)];
        assert_eq!(process_shape(&pair), Shape::Pair { daemon: 10, worker: 20 });
        assert_eq!(worker(&pair).map(|process| process.pid), Some(20));
        assert_eq!(process_shape(&pair[..1]), Shape::Single(20));
        assert_eq!(process_shape(&[]), Shape::None);
        let strangers = [process(20, 1, exe), process(10, 1, exe)];
        assert_eq!(process_shape(&strangers), Shape::TooMany(2));
        let zombie = [process(10, 1, exe), ProcessSeen { state: 'Z', ..process(20, 10, exe) }];
        assert_eq!(process_shape(&zombie), Shape::Single(10));
    }

    #[test]
    fn the_program_is_found_by_link_or_command() {
        let told = |process: &ProcessSeen| program(process).map(|(path, gone)| (path.display().to_string(), gone));
        let path = "/usr/local/ilogtail/ilogtail_1.8.8".to_string();
        assert_eq!(told(&process(1, 1, &path)), Some((path.clone(), false)));
        assert_eq!(told(&process(1, 1, &format!("{path} (deleted)"))), Some((path.clone(), true)));
        let hidden = ProcessSeen { exe: Err(Unavailable::NotAllowed), ..process(1, 1, &path) };
        assert_eq!(told(&hidden), Some((path, false)));
        assert_eq!(told(&process(1, 1, "/bin/bash")), None);
        assert_eq!(told(&process(1, 1, "/etc/init.d/ilogtaild")), None);
        let relative =
            ProcessSeen { exe: Err(Unavailable::NotAllowed), command: "./ilogtail".into(), ..process(1, 1, "") };
        assert_eq!(told(&relative), None);
    }
}
