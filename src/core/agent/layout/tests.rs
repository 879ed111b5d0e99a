//! Hosts as installers leave them, as observations.

use super::*;
use crate::core::agent::processes::tests::process;
use crate::core::agent::processes::{Shape, process_shape};
use crate::core::observe::{Answer, EntrySeen, FileSeen, IdentitySeen, Question};
use std::collections::{BTreeMap, BTreeSet};

/// A host of files (a path that ends in `/` is an empty directory) and processes.
fn agents(files: &[(&str, &str)], processes: Vec<ProcessSeen>, environment: &[(&str, &str)]) -> Vec<Agent> {
    let mut seen = Observations::default();
    for _ in 0..16 {
        if let Ok(agents) = find(&seen) {
            return agents;
        }
        answer_all(&mut seen, files, &processes, environment);
    }
    panic!("the questions do not end");
}

fn answer_all(
    seen: &mut Observations,
    files: &[(&str, &str)],
    processes: &[ProcessSeen],
    environment: &[(&str, &str)],
) {
    for question in seen.take_open() {
        let answer = match &question {
            Question::File(path) | Question::Tail(path) | Question::Present(path) => Answer::File(
                files
                    .iter()
                    .find(|(known, _)| Path::new(known) == path)
                    .map(|(_, text)| file(text))
                    .ok_or(Unavailable::Absent),
            ),
            Question::Place(_) => Answer::Place(Err(Unavailable::Absent)),
            Question::Program(_) => Answer::Program(Err(Unavailable::Absent)),
            Question::Dir(path) => Answer::Dir(list(path, files)),
            Question::Processes => Answer::Processes(Ok(processes.to_vec())),
            Question::Environment { .. } => Answer::Environment(Ok(environment
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect())),
            Question::Identity => Answer::Identity(IdentitySeen::default()),
            other => panic!("unexpected {other:?}"),
        };
        seen.keep(question, answer);
    }
}

fn file(text: &str) -> FileSeen {
    let bytes = text.as_bytes().to_vec();
    FileSeen { size: bytes.len() as u64, bytes, modified: 0, mode: 0o644, uid: 0, gid: 0, link_to: None }
}

fn list(dir: &Path, files: &[(&str, &str)]) -> Observed<DirSeen> {
    let mut below: BTreeMap<String, EntryKind> = BTreeMap::new();
    let mut is_there = false;
    for (path, _) in files {
        let Ok(rest) = Path::new(path).strip_prefix(dir) else { continue };
        is_there = true;
        let parts: Vec<_> = rest.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let Some(name) = parts.first() else { continue };
        let is_dir = parts.len() > 1 || path.ends_with('/');
        below.insert(name.clone(), if is_dir { EntryKind::Dir } else { EntryKind::File });
    }
    let entries = below.into_iter().map(|(name, kind)| EntrySeen { name, kind, size: 0, modified: 0 }).collect();
    if is_there { Ok(DirSeen { entries, cut: false }) } else { Err(Unavailable::Absent) }
}

const EXE: &str = "/usr/local/ilogtail/ilogtail_1.0.25";
const LOGTAIL: [(&str, &str); 5] = [
    ("/etc/init.d/ilogtaild", ""),
    (EXE, ""),
    ("/usr/local/ilogtail/ilogtail", ""),
    ("/usr/local/ilogtail/ilogtail_config.json", "{}"),
    ("/usr/local/ilogtail/app_info.json", "{\"ip\" : \"172.18.108.207\", \"logtail_version\" : \"1.0.25\"}"),
];

#[test]
fn a_usual_logtail_is_found_whole() {
    let found = agents(&LOGTAIL, vec![process(10, 1, EXE), process(11, 10, EXE)], &[]);
    let [agent] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(agent.flavour, Flavour::Logtail);
    assert_eq!(agent.version, Some(Version::new(1, 0, 25)));
    assert_eq!(agent.conf_dir, Path::new("/etc/ilogtail"));
    assert_eq!(agent.init_script.as_deref(), Some(Path::new("/etc/init.d/ilogtaild")));
    assert_eq!(agent.log_path, Path::new("/usr/local/ilogtail/ilogtail.LOG"));
    assert_eq!(process_shape(&agent.processes), Shape::Pair { daemon: 10, worker: 11 });
    assert!(agent.missing.is_empty() && !agent.community && !agent.program_replaced);
}

#[test]
fn a_commercial_loongcollector_keeps_the_old_directories() {
    let exe = "/usr/local/ilogtail/loongcollector_3.1.4";
    let files = [
        ("/etc/init.d/ilogtaild", ""),
        ("/etc/init.d/loongcollectord", ""),
        (exe, ""),
        ("/usr/local/ilogtail/ilogtail_config.json", "{\"logtail_sys_conf_dir\": \"/data/ilogtail\"}"),
        ("/usr/local/ilogtail/app_info.json", "{\"ip\" : \"10.0.0.1\", \"loongcollector_version\" : \"3.1.4\"}"),
    ];
    let found = agents(&files, vec![process(10, 1, &format!("{exe} (deleted)"))], &[]);
    let [agent] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((agent.flavour, agent.unit.as_str()), (Flavour::LoongCollector, "loongcollectord"));
    assert_eq!(agent.conf_dir, Path::new("/data/ilogtail"));
    assert_eq!(agent.log_path, Path::new("/usr/local/ilogtail/loongcollector.LOG"));
    assert!(agent.program_replaced && !agent.community && agent.missing.is_empty());
}

#[test]
fn an_open_source_loongcollector_has_a_root_of_its_own() {
    let root = "/opt/loongcollector";
    let files = [
        ("/opt/loongcollector/loongcollector", ""),
        (
            "/opt/loongcollector/run/app_info.json",
            "{\"ip\" : \"10.0.0.1\", \"loongcollector_version\" : \"3.3.5 Community Edition\"}",
        ),
    ];
    let found = agents(&files, vec![process(10, 1, "/opt/loongcollector/loongcollector")], &[]);
    let [agent] = found.as_slice() else { panic!("{found:?}") };
    assert!(agent.community && agent.missing.is_empty());
    assert_eq!(agent.app_info_path, Path::new(root).join("run/app_info.json"));
    assert_eq!(agent.log_path, Path::new(root).join("log/loongcollector.LOG"));
    assert_eq!(agent.conf_dir, Path::new(root).join("conf"));
}

#[test]
fn the_record_and_not_the_directory_says_which_build_it_is() {
    let files = [
        ("/etc/init.d/loongcollectord", ""),
        ("/usr/local/loongcollector/loongcollector", ""),
        ("/usr/local/loongcollector/ilogtail_config.json", "{}"),
        ("/usr/local/loongcollector/app_info.json", "{\"ip\" : \"10.0.0.1\", \"loongcollector_version\" : \"3.1.4\"}"),
    ];
    let found = agents(&files, vec![], &[]);
    let [agent] = found.as_slice() else { panic!("{found:?}") };
    assert!(!agent.community && agent.missing.is_empty());
    assert_eq!(agent.conf_dir, Path::new("/etc/ilogtail"));
    let found = agents(&files[1..2], vec![], &[]);
    assert!(found[0].community, "without a record, a root of its own is the open-source build's");
}

#[test]
fn instances_leftovers_and_gaps_are_told_apart() {
    assert_eq!(agents(&[("/usr/local/bin/", ""), ("/etc/init.d/ssh", "")], vec![], &[]), vec![]);
    let leftover = [("/usr/local/ilogtail/ilogtail.LOG", "x"), ("/usr/local/ilogtail_old/ilogtail", "")];
    assert_eq!(agents(&leftover, vec![], &[]), vec![]);

    let mut files = LOGTAIL.to_vec();
    files.extend([
        ("/etc/init.d/ilogtaild_2", ""),
        ("/usr/local/ilogtail_2/ilogtail", ""),
        ("/etc/init.d/ilogtaild.rpmsave", ""),
    ]);
    let found = agents(&files, vec![process(10, 1, "/usr/local/ilogtail_2/ilogtail")], &[]);
    let dirs: Vec<_> = found.iter().map(|agent| agent.install_dir.to_str().unwrap()).collect();
    assert_eq!(dirs, ["/usr/local/ilogtail_2", "/usr/local/ilogtail"]);
    assert_eq!(found[0].conf_dir, Path::new("/etc/ilogtail_2"));
    assert_eq!(found[0].unit, "ilogtaild_2");
    assert_eq!(found[0].missing, [Path::new("/usr/local/ilogtail_2/ilogtail_config.json")]);

    let found = agents(&[("/etc/init.d/ilogtaild", "")], vec![], &[]);
    let missing: BTreeSet<_> = found[0].missing.iter().map(|path| path.to_str().unwrap()).collect();
    let expected = ["/usr/local/ilogtail/ilogtail", "/usr/local/ilogtail/ilogtail_config.json"];
    assert_eq!(missing, BTreeSet::from(expected));
}

#[test]
fn processes_of_containers_are_not_this_hosts() {
    let contained = ProcessSeen { contained: Some(true), ..process(10, 9, EXE) };
    assert_eq!(agents(&[], vec![contained.clone()], &[]), vec![]);
    let seen: Observations =
        [(Question::Processes, Answer::Processes(Ok(vec![contained.clone()])))].into_iter().collect();
    assert_eq!(contained_processes(&seen), Ok(vec![contained]));
}

#[test]
fn the_running_process_may_move_the_config() {
    let moved = "/etc/ilogtail/conf/cn-hangzhou/ilogtail_config.json";
    let found = agents(&LOGTAIL, vec![process(10, 1, EXE)], &[("ALIYUN_LOGTAIL_CONFIG", moved)]);
    assert_eq!(found[0].config_path, Path::new(moved));
    assert!(found[0].missing.is_empty());
    let linked = ProcessSeen { command: EXE.into(), ..process(10, 1, "/data/ilogtail/ilogtail_1.0.25") };
    let found = agents(&LOGTAIL, vec![linked], &[]);
    assert_eq!((found.len(), found[0].processes.len()), (1, 1), "a symlinked install directory is one agent");
    let hidden = ProcessSeen { exe: Err(Unavailable::NotAllowed), command: "ilogtail".into(), ..process(10, 1, EXE) };
    assert_eq!(agents(&LOGTAIL, vec![hidden], &[])[0].processes.len(), 1);
}

#[test]
fn the_real_log_configuration_is_followed() {
    let conf = std::fs::read("tests/data/real-agent/base/apsara_log_conf.json").unwrap();
    assert_eq!(main_sink(&conf).as_deref(), Some("/usr/local/ilogtail/ilogtail.LOG"));
    assert_eq!(main_sink(b"{}"), None);
    let mut files = LOGTAIL.to_vec();
    let text = String::from_utf8(conf).unwrap().replace("/usr/local/ilogtail/ilogtail.LOG", "/var/log/x.LOG");
    files.push(("/usr/local/ilogtail/apsara_log_conf.json", &text));
    assert_eq!(agents(&files, vec![], &[])[0].log_path, Path::new("/var/log/x.LOG"));
}

#[test]
fn the_configuration_is_read_with_its_overlays() {
    let mut files = LOGTAIL.to_vec();
    files.extend([
        ("/etc/ilogtail/config.d/20.json", "{\"working_ip\": \"8.8.8.8\"}"),
        ("/etc/ilogtail/config.d/10.json", "{\"working_ip\": \"7.7.7.7\"}"),
    ]);
    let agent = agents(&files, vec![], &[]).remove(0);
    let mut seen = Observations::default();
    let config = loop {
        match read_config(&seen, &agent) {
            Ok(config) => break config.unwrap(),
            Err(Unanswered) => answer_all(&mut seen, &files, &[], &[]),
        }
    };
    assert_eq!(config.working_ip.as_ref().unwrap().value, "8.8.8.8");
    let mut seen = Observations::default();
    let trouble = loop {
        match read_config(&seen, &agent) {
            Ok(config) => break config.unwrap_err(),
            Err(Unanswered) => answer_all(&mut seen, &[], &[], &[]),
        }
    };
    assert_eq!(trouble, ConfigTrouble::File(Unavailable::Absent));
}

#[test]
fn an_agent_that_cannot_open_its_directory_looks_beside_its_program() {
    let running = || vec![process(10, 1, EXE), process(11, 10, EXE)];
    let line = |text: &str| format!("[2026-11-22 07:21:55.000000]\t[warning]\t[1]\ta.cpp:1\t\t{text}\n");
    let (fallback, started) = (line("open sys conf dir error:/etc/ilogtail/"), line("appInfo:{"));
    let says = |log: &str| {
        let mut files = LOGTAIL.to_vec();
        files.push(("/usr/local/ilogtail/ilogtail.LOG", log));
        agents(&files, running(), &[]).remove(0)
    };
    let (beside, usual) = (Path::new("/usr/local/ilogtail"), Path::new("/etc/ilogtail"));
    let agent = says(&(fallback.clone() + &started));
    assert_eq!((agent.conf_dir.as_path(), agent.unusable_conf_dir.as_deref()), (beside, Some(usual)));
    for log in [started.clone(), fallback.clone() + &started + &started, String::new()] {
        let agent = says(&log);
        assert_eq!((agent.conf_dir.as_path(), agent.unusable_conf_dir), (usual, None), "{log}");
    }
    let mut files = LOGTAIL.to_vec();
    files.push(("/usr/local/ilogtail/ilogtail.LOG", &fallback));
    assert_eq!(agents(&files, vec![], &[])[0].conf_dir, usual, "one that does not run makes it at its next start");
    files.push(("/etc/ilogtail/users/", ""));
    assert_eq!(agents(&files, running(), &[])[0].conf_dir, usual, "it is there again");
}

#[test]
fn the_init_script_is_known_before_the_processes_where_there_is_one_suffix() {
    let script = |files: &[(&str, &str)]| {
        let mut seen = Observations::default();
        assert_eq!(likely_init_script(&seen), Err(Unanswered));
        assert_eq!(seen.take_open(), BTreeSet::from([Question::Dir("/etc/init.d".into())]));
        seen.keep(Question::Dir("/etc/init.d".into()), Answer::Dir(list(Path::new("/etc/init.d"), files)));
        likely_init_script(&seen).unwrap().map(|path| path.display().to_string())
    };
    assert_eq!(script(&[]), None);
    assert_eq!(script(&LOGTAIL).as_deref(), Some("/etc/init.d/ilogtaild"));
    let both = [("/etc/init.d/ilogtaild", ""), ("/etc/init.d/loongcollectord", "")];
    assert_eq!(script(&both).as_deref(), Some("/etc/init.d/loongcollectord"), "it brings both names");
    assert_eq!(script(&[("/etc/init.d/ilogtaild", ""), ("/etc/init.d/ilogtaild_2", "")]), None);
}
