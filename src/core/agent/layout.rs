//! Where the agents of this host are: by the programs that run and by what the installers leave on disk.
//!
//! The commercial LoongCollector keeps Logtail's directories (`/usr/local/ilogtail`, `/etc/ilogtail`); the open-source
//! one has a root of its own with `conf`, `log` and `run` below. This file must not judge what it finds.

mod conf_dir;
mod configuration;
mod same;

pub use configuration::{ConfigTrouble, read_config, unread_overlays};

use super::app_info::{self, AppInfo};
use super::config::{self, from_environment};
use super::json;
use super::names::{entry_names, is_agent_program};
use super::processes::{is_alone_by_choice, program, worker};
use super::supervisor::{self, Supervisor};
use super::version::Version;
use crate::core::observe::{
    DirSeen, EntryKind, FileSeen, Observations, Observed, ProcessSeen, Together, Unanswered, Unavailable,
};
use crate::core::text::Text;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Which agent it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// Versions 1.x and 2.x.
    Logtail,
    /// From 3.0 on.
    LoongCollector,
}

impl Flavour {
    /// As the JSON output names it.
    pub const fn id(self) -> &'static str {
        match self {
            Flavour::Logtail => "logtail",
            Flavour::LoongCollector => "loongcollector",
        }
    }

    /// As an operator calls it.
    pub fn label(self) -> Text {
        match self {
            Flavour::Logtail => Text::fixed("Logtail", "Logtail"),
            Flavour::LoongCollector => Text::fixed("LoongCollector", "LoongCollector"),
        }
    }

    /// The name of the program and of its processes.
    pub const fn program(self) -> &'static str {
        match self {
            Flavour::Logtail => "ilogtail",
            Flavour::LoongCollector => "loongcollector",
        }
    }

    /// The name of the init script and of the service, without an instance suffix.
    pub const fn service(self) -> &'static str {
        match self {
            Flavour::Logtail => "ilogtaild",
            Flavour::LoongCollector => "loongcollectord",
        }
    }
}

/// One installed or running agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    pub flavour: Flavour,
    /// The open-source build: no heartbeat to the service, and one process is normal.
    pub community: bool,
    pub version: Option<Version>,
    /// The directory of the program; every default path is relative to it.
    pub install_dir: PathBuf,
    /// Holds `user_defined_id` and `users/`; `logtail_sys_conf_dir` moves it.
    pub conf_dir: PathBuf,
    /// The directory that should be `conf_dir`, where the agent cannot open it and so looks beside its program.
    pub unusable_conf_dir: Option<PathBuf>,
    pub init_script: Option<PathBuf>,
    /// What starts it and keeps it running; None where nothing is known to.
    pub supervisor: Option<Supervisor>,
    /// The service's name for systemctl, whether the unit exists or not.
    pub unit: String,
    /// `ALIYUN_LOGTAIL_CONFIG` of the running process moves it.
    pub config_path: PathBuf,
    pub app_info_path: PathBuf,
    /// The main log; `apsara_log_conf.json` moves it.
    pub log_path: PathBuf,
    /// Those of this host; those of containers are in [`contained_processes`].
    pub processes: Vec<ProcessSeen>,
    /// The environment variables that bear on the agent, see [`environment_of`]; empty when there are none or we may
    /// not look.
    pub environment: Vec<(String, String)>,
    /// Whether a running program's file was replaced or removed: upgraded without a restart.
    pub program_replaced: bool,
    /// Files that a complete install has and this one has not.
    pub missing: Vec<PathBuf>,
    /// A program that is a link to nothing, and where it leads.
    pub dangling: Option<(PathBuf, Option<PathBuf>)>,
    /// It was told to run as one process, without a daemon.
    pub one_process: bool,
    /// The install directory without links, where it is known.
    pub real_dir: Option<PathBuf>,
    /// Why the install directory could not be listed; then nothing is called missing.
    pub unlisted: Option<Unavailable>,
}

/// What is known of one install directory before its files are read.
#[derive(Default)]
struct Place {
    processes: Vec<ProcessSeen>,
    /// The instance suffix of the installer's `-s`.
    suffix: String,
    program_replaced: bool,
    /// The program of a running process.
    running: Option<PathBuf>,
}

/// Finds the agents of this host; installed ones first, of those the running ones, then by directory.
///
/// # Errors
/// [`Unanswered`] when something still has to be looked at.
pub fn find(see: &Observations) -> Result<Vec<Agent>, Unanswered> {
    see.once("agents".to_string(), look_for)
}

fn look_for(see: &Observations) -> Result<Vec<Agent>, Unanswered> {
    // Asked together so that the answers come together.
    let (processes, scripts) = (see.processes(), see.dir("/etc/init.d"));
    let (local, opt) = (see.dir("/usr/local"), see.dir("/opt"));
    let (processes, scripts, local, opt) = (processes, scripts, local, opt).together()?;
    let scripts = Scripts::of(scripts);
    let mut places: BTreeMap<PathBuf, Place> = BTreeMap::new();
    for name in entry_names(local, EntryKind::Dir) {
        if let Some(suffix) = suffix_of(name, "ilogtail")
            && (suffix.is_empty() || scripts.of_suffix(suffix).is_some())
        {
            places.entry(Path::new("/usr/local").join(name)).or_default().suffix = suffix.to_string();
        }
    }
    for (dir, list) in [("/usr/local", local), ("/opt", opt)] {
        if entry_names(list, EntryKind::Dir).any(|name| name == "loongcollector") {
            places.entry(Path::new(dir).join("loongcollector")).or_default();
        }
    }
    // A script whose directory is gone is an incomplete install, and is to be seen.
    for (service, suffix) in &scripts.found {
        let dir = PathBuf::from(format!("/usr/local/ilogtail{suffix}"));
        let has_own_root =
            *service == Flavour::LoongCollector && places.keys().any(|dir| dir.ends_with("loongcollector"));
        if !has_own_root {
            places.entry(dir).or_default().suffix.clone_from(suffix);
        }
    }
    let mut homeless = Vec::new();
    for process in processes.iter().flatten().filter(|process| process.contained != Some(true)) {
        let Some((path, is_replaced)) = program(process) else {
            if process.exe.is_err() && !process.command.starts_with('/') {
                homeless.push(process.clone());
            }
            continue;
        };
        let mut dir = path.parent().unwrap_or(Path::new("/")).to_path_buf();
        // An install directory may be a symlink: the command then names it by the path that we have found already.
        if !places.contains_key(&dir)
            && let Some(known) = command_dir(process).filter(|dir| places.contains_key(dir))
        {
            dir = known;
        }
        let place = places.entry(dir).or_default();
        place.program_replaced |= is_replaced;
        place.running = Some(path);
        place.processes.push(process.clone());
    }
    // A process whose program we may not see belongs to the only agent there is, if there is only one.
    if let (1, Some(place)) = (places.len(), places.values_mut().next()) {
        place.processes.append(&mut homeless);
    }
    let places = same::merged(see, places)?;
    let looked: Vec<_> = places.into_iter().map(|(dir, place)| look_into(see, dir, place, &scripts)).collect();
    let mut agents = Vec::new();
    for agent in looked {
        agents.extend(agent?);
    }
    // An installed agent goes before a mere program of that name: any user can start one, and root's remedies must not
    // follow it. One whose script alone is gone is still installed.
    agents.sort_by_key(|agent: &Agent| {
        let is_installed = agent.supervisor.is_some() || (is_usual_place(&agent.install_dir) && !agent.community);
        // Of an installed one that runs nothing and one that somebody else than a user has started, the latter reports.
        (!is_installed, agent.processes.is_empty(), agent.init_script.is_none())
    });
    Ok(agents)
}

/// The init script that the agent has most likely, known before the processes are: only where one suffix is installed.
///
/// # Errors
/// [`Unanswered`] when the scripts have not been looked at.
pub fn likely_init_script(see: &Observations) -> Result<Option<PathBuf>, Unanswered> {
    let scripts = Scripts::of(see.dir("/etc/init.d")?);
    let Some((flavour, suffix)) = scripts.found.first() else { return Ok(None) };
    let is_only = scripts.found.iter().all(|(_, other)| other == suffix);
    Ok(is_only.then(|| Path::new("/etc/init.d").join(format!("{}{suffix}", flavour.service()))))
}

/// The agent's processes that run in containers: not of this host, though `ps` shows them.
///
/// # Errors
/// [`Unanswered`] when the processes have not been looked at.
pub fn contained_processes(see: &Observations) -> Result<Vec<ProcessSeen>, Unanswered> {
    let processes = see.processes()?.iter().flatten();
    Ok(processes.filter(|process| process.contained == Some(true)).cloned().collect())
}

/// The directory of the program as the command line names it.
fn command_dir(process: &ProcessSeen) -> Option<PathBuf> {
    let word = process.command.split(' ').next().filter(|word| word.starts_with('/'))?;
    Path::new(word).parent().map(Path::to_path_buf)
}

/// What follows the stem, if it can be an instance suffix; leftovers such as `.bak` and `.rpmsave` cannot.
fn suffix_of<'a>(name: &'a str, stem: &str) -> Option<&'a str> {
    let suffix = name.strip_prefix(stem)?;
    suffix.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-').then_some(suffix)
}

/// The init scripts of agents. A LoongCollector comes with both names; its own one is the real one.
struct Scripts {
    found: Vec<(Flavour, String)>,
}

impl Scripts {
    fn of(dir: &Observed<DirSeen>) -> Scripts {
        let mut found = Vec::new();
        for flavour in [Flavour::LoongCollector, Flavour::Logtail] {
            found.extend(
                entry_names(dir, EntryKind::File)
                    .filter_map(|name| suffix_of(name, flavour.service()))
                    .map(|suffix| (flavour, suffix.to_string())),
            );
        }
        Scripts { found }
    }

    fn of_suffix(&self, suffix: &str) -> Option<Flavour> {
        self.found.iter().find(|(_, known)| known == suffix).map(|(flavour, _)| *flavour)
    }
}

/// Reads what stands in an install directory. None when nothing there is an agent.
fn look_into(see: &Observations, dir: PathBuf, place: Place, scripts: &Scripts) -> Result<Option<Agent>, Unanswered> {
    let script = scripts.of_suffix(&place.suffix).filter(|_| is_usual_place(&dir));
    let environment = match environment_of(see, &place.processes, script.is_some())? {
        Some(pid) => see.environment(pid).map(Some),
        None => Ok(None),
    };
    let (listing, real) = (see.dir(&dir), see.place(&dir));
    let (environment, listing, real) = (environment, listing, real).together()?;
    let real_dir = real.as_ref().ok().and_then(|place| place.real.clone());
    let environment = environment.and_then(|answer| answer.as_ref().ok()).cloned().unwrap_or_default();
    let programs = || entry_names(listing, EntryKind::File).filter(|name| is_agent_program(name));
    let has_config = entry_names(listing, EntryKind::File).any(|name| name == "ilogtail_config.json");
    let dangling =
        entry_names(listing, EntryKind::Dangling).find(|name| is_agent_program(name)).map(|name| dir.join(name));
    let is_empty = programs().next().is_none() && dangling.is_none();
    if place.processes.is_empty() && script.is_none() && !has_config && is_empty {
        return Ok(None);
    }
    let (app_info_path, app_info) = read_app_info(see, &dir, listing)?;
    let running_name =
        place.running.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let flavour = flavour_of(app_info.as_ref(), running_name.as_deref(), programs().collect(), script);
    let is_root_by_name = flavour == Flavour::LoongCollector && dir.ends_with("loongcollector");
    let has_own_root = app_info_path.parent() != Some(dir.as_path()) || (is_root_by_name && app_info.is_none());
    // The record says which build it is; without one, a root of its own does.
    let community = app_info.as_ref().map_or(has_own_root, |info| info.community);
    let version = version_of(app_info, running_name.as_deref(), programs().collect(), community);
    let config_path = config_path(&dir, &environment, version.as_ref(), has_own_root);
    let default_conf_dir = match (has_own_root, community) {
        (true, _) => dir.join("conf"),
        (false, true) => dir.clone(),
        (false, false) => PathBuf::from(format!("/etc/ilogtail{}", place.suffix)),
    };
    let main = see.file(&config_path);
    // Most likely it is this one; asked along with the files, it takes no time of its own.
    let _ = see.dir(&default_conf_dir);
    let log_conf =
        see.file(if has_own_root { dir.join("conf/apsara_log_conf.json") } else { dir.join("apsara_log_conf.json") });
    let (main, log_conf) = (main, log_conf).together()?;
    let main_config =
        whole(main).ok().and_then(|file| config::read(&file.bytes, &[], &environment, version.as_ref()).ok());
    let set_in_file = main_config.as_ref().map(|config| config.merged.clone()).unwrap_or_default();
    let moved_conf_dir = match main_config {
        Some(config) => config.logtail_sys_conf_dir,
        None => from_environment("logtail_sys_conf_dir", &environment, version.as_ref()),
    };
    let told_conf_dir =
        moved_conf_dir.filter(|dir| !dir.value.is_empty()).map_or(default_conf_dir, |moved| dir.join(moved.value));
    let log_path = whole(log_conf).ok().and_then(|file| main_sink(&file.bytes)).map_or_else(
        || {
            let name = format!("{}.LOG", flavour.program());
            if has_own_root { dir.join("log").join(name) } else { dir.join(name) }
        },
        |path| dir.join(path),
    );
    let unusable_conf_dir =
        conf_dir::is_unusable(see, &told_conf_dir, &log_path, &place.processes)?.then(|| told_conf_dir.clone());
    let conf_dir = if unusable_conf_dir.is_some() { dir.clone() } else { told_conf_dir };
    let service = format!("{}{}", script.unwrap_or(flavour).service(), place.suffix);
    let init_script = script.map(|_| Path::new("/etc/init.d").join(&service));
    let running_dir = place.running.as_deref().and_then(Path::parent).map(Path::to_path_buf);
    let mut dirs = vec![dir.clone()];
    dirs.extend(real_dir.iter().chain(&running_dir).filter(|other| **other != dir).cloned());
    let subject =
        supervisor::Subject { dirs, script: init_script.as_deref(), service: &service, processes: &place.processes };
    let target = dangling.as_ref().map(|link| see.place(link));
    let supervisor = supervisor::look(see, &subject)?;
    let dangling = match (dangling, target) {
        (Some(link), Some(target)) => Some((link, target?.as_ref().ok().and_then(|place| place.link_to.clone()))),
        _ => None,
    };
    let unit = match &supervisor {
        Some(Supervisor::Unit(unit)) => unit.clone(),
        _ => service.clone(),
    };
    let mut missing = Vec::new();
    if listing.is_ok() || matches!(listing, Err(Unavailable::Absent)) {
        match &dangling {
            // A link to nothing stands where the program belongs, whatever other versions lie beside it.
            Some((link, _)) => missing.push(link.clone()),
            None if programs().next().is_none() => missing.push(dir.join(flavour.program())),
            None => {}
        }
        if config_path.starts_with(&dir) && !has_own_root && matches!(main, Err(Unavailable::Absent)) {
            missing.push(config_path.clone());
        }
        if supervisor.is_none() && !community {
            missing.push(Path::new("/etc/init.d").join(&service));
        }
    }
    Ok(Some(Agent {
        flavour,
        community,
        version,
        conf_dir,
        unusable_conf_dir,
        init_script,
        supervisor,
        unit,
        dangling,
        one_process: is_alone_by_choice(&place.processes, &environment, &set_in_file),
        real_dir,
        config_path,
        app_info_path,
        log_path,
        processes: place.processes,
        environment,
        program_replaced: place.program_replaced,
        missing,
        unlisted: listing.as_ref().err().filter(|trouble| **trouble != Unavailable::Absent).cloned(),
        install_dir: dir,
    }))
}

/// The process whose variables are the agent's: its worker; in the container of an image, which has no init script, also
/// the container's first process, because an agent that does not run will be started with the same ones. None where no
/// variables are known to count.
///
/// # Errors
/// [`Unanswered`] when something still has to be looked at.
pub fn environment_of(
    see: &Observations,
    processes: &[ProcessSeen],
    has_script: bool,
) -> Result<Option<u32>, Unanswered> {
    if let Some(worker) = worker(processes) {
        return Ok(Some(worker.pid));
    }
    Ok(if !has_script && see.identity()?.container.is_some() { Some(1) } else { None })
}

/// Whether the installers would have made this directory, so that an init script of the same suffix is its own.
fn is_usual_place(dir: &Path) -> bool {
    dir.parent() == Some(Path::new("/usr/local")) || dir == Path::new("/opt/loongcollector")
}

/// The record of the last start, and where it stands: `run/app_info.json` in the open-source LoongCollector.
fn read_app_info(
    see: &Observations,
    dir: &Path,
    listing: &Observed<DirSeen>,
) -> Result<(PathBuf, Option<AppInfo>), Unanswered> {
    let parse = |file: &Observed<FileSeen>| whole(file).ok().and_then(|file| app_info::parse(&file.bytes).ok());
    let (usual, below) = (dir.join("app_info.json"), dir.join("run/app_info.json"));
    let file = see.file(&usual)?;
    if file.is_ok() || !entry_names(listing, EntryKind::Dir).any(|name| name == "run") {
        return Ok((usual, parse(file)));
    }
    match see.file(&below)? {
        Err(Unavailable::Absent) => Ok((usual, None)),
        file => Ok((below, parse(file))),
    }
}

/// What runs tells it best, then the record, then the programs on disk, then the init script.
fn flavour_of(info: Option<&AppInfo>, running: Option<&str>, programs: Vec<&str>, script: Option<Flavour>) -> Flavour {
    let of_name = |name: &str| {
        if name.starts_with("loongcollector") { Flavour::LoongCollector } else { Flavour::Logtail }
    };
    let of_info = |info: &AppInfo| match (info.version_key, &info.version) {
        (Some("loongcollector_version"), _) => Some(Flavour::LoongCollector),
        (_, Some(version)) if version.at_least(3, 0, 0) => Some(Flavour::LoongCollector),
        (Some(_), _) => Some(Flavour::Logtail),
        (None, _) => None,
    };
    let of_disk = || {
        let is_new = programs.iter().any(|name| of_name(name) == Flavour::LoongCollector);
        (!programs.is_empty()).then_some(if is_new { Flavour::LoongCollector } else { Flavour::Logtail })
    };
    let is_telling = |name: &&str| name.starts_with("loongcollector") || info.is_none();
    running
        .filter(is_telling)
        .map(of_name)
        .or_else(|| info.and_then(of_info))
        .or_else(of_disk)
        .or(script)
        .unwrap_or(Flavour::Logtail)
}

/// The version of the running program's name, else of the record, else the highest of the programs on disk.
fn version_of(info: Option<AppInfo>, running: Option<&str>, programs: Vec<&str>, community: bool) -> Option<Version> {
    let of_name = |name: &str| name.split_once('_').and_then(|(_, version)| Version::parse(version));
    let on_disk = || programs.iter().filter_map(|name| of_name(name)).max_by_key(|v| (v.major, v.minor, v.patch));
    let version = running.and_then(of_name).or_else(|| info.and_then(|info| info.version)).or_else(on_disk)?;
    Some(Version { community, ..version })
}

fn config_path(dir: &Path, environment: &[(String, String)], version: Option<&Version>, has_own_root: bool) -> PathBuf {
    if has_own_root {
        return dir.join("conf/instance_config/local/loongcollector_config.json");
    }
    let knows_loong = version.is_none_or(|version| version.at_least(3, 1, 0));
    let names = ["LOONG_CONFIG", "ALIYUN_LOGTAIL_CONFIG"];
    let told = names.iter().filter(|name| knows_loong || !name.starts_with("LOONG")).find_map(|name| {
        environment.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value)
    });
    dir.join(told.map_or("ilogtail_config.json", String::as_str))
}

/// Where `apsara_log_conf.json` sends the main log: the sink of the logger `/apsara/sls/ilogtail`, else of `/`.
fn main_sink(bytes: &[u8]) -> Option<String> {
    let conf = json::read(bytes).value.ok()?;
    ["/apsara/sls/loongcollector", "/apsara/sls/ilogtail", "/"].iter().find_map(|logger| {
        let sinks = conf.get("Loggers")?.get(logger)?.as_object()?;
        let mut sinks = sinks.keys().filter_map(|sink| conf.get("Sinks")?.get(sink)?.get("LogFilePath")?.as_str());
        sinks.next().map(str::to_string)
    })
}

/// A file that was read from beginning to end; a part of a file proves nothing.
///
/// # Errors
/// Why it was not read, or not to its end.
pub fn whole(file: &Observed<FileSeen>) -> Result<&FileSeen, Unavailable> {
    match file {
        Ok(file) if file.is_partial() => {
            Err(Unavailable::Other(format!("{} bytes long, too long to be it", file.size)))
        }
        Ok(file) => Ok(file),
        Err(trouble) => Err(trouble.clone()),
    }
}

#[cfg(test)]
mod tests;
