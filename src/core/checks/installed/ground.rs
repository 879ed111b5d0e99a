//! What the agent stands on, seen with its own eyes: whether its file system lets it write, and whether its program can run
//! on this host at all. A file system is judged as the running agent has it mounted; a program only where none runs, since
//! a running one can run.

use crate::core::agent::layout::Agent;
use crate::core::agent::names::is_agent_program;
use crate::core::agent::processes::{is_alive, worker};
use crate::core::finding::{Cause, CauseId, Evidence, Mark, RemedyId, Severity};
use crate::core::observe::{
    EntryKind, FilesystemSeen, IdentitySeen, Observations, PlaceSeen, ProgramFormat, ProgramSeen, Unanswered,
};
use crate::core::text::Text;
use crate::say;
use std::path::{Path, PathBuf};

/// With less than this the agent cannot write its record and its log, in bytes.
const FULL: u64 = 128 << 10;

/// What was found.
#[derive(Default)]
pub(super) struct Ground {
    pub evidence: Vec<Evidence>,
    pub causes: Vec<Cause>,
}

impl Ground {
    fn bad(&mut self, label: Text, value: Text, source: &Path, by_hand: Text, cause: Cause) {
        let source = source.display().to_string();
        self.evidence.push(Evidence::new(label, value, source.clone()).marked(Mark::Bad));
        self.evidence.push(Evidence::new(Text::fixed("By hand", "手动处理"), by_hand, source));
        self.causes.push(cause);
    }
}

/// Looks at the file system and the program.
///
/// # Errors
/// Something has not been looked at yet.
pub(super) fn look(see: &Observations, agent: &Agent, identity: &IdentitySeen) -> Result<Ground, Unanswered> {
    let mut found = Ground::default();
    let (place, record) = (place_of(see, agent, identity), see.file(&agent.app_info_path));
    let program = program_of(see, agent);
    let (place, record, program) = (place?, record?, program?);
    let Some(place) = place else { return Ok(found) };
    // A record of this start was written: what came after it does not keep the heartbeat from being sent.
    let has_written = worker(&agent.processes)
        .zip(record.as_ref().ok())
        .is_some_and(|(worker, record)| record.modified >= worker.started);
    let severity = if has_written { Severity::Warn } else { Severity::Fail };
    if let Some(system) = &place.filesystem {
        filesystem(&mut found, agent, system, severity);
    }
    if let Some((path, program)) = program
        && !agent.processes.iter().any(is_alive)
    {
        cannot_start(&mut found, &path, &program, &place, identity.arch.raw());
    }
    Ok(found)
}

/// The install directory as the agent sees it, which may have mounts of its own; else as we see it.
fn place_of(see: &Observations, agent: &Agent, identity: &IdentitySeen) -> Result<Option<PlaceSeen>, Unanswered> {
    let ours = see.place(&agent.install_dir);
    if let Some(worker) = worker(&agent.processes).filter(|_| identity.privileged)
        && let Ok(below) = agent.install_dir.strip_prefix("/")
        && let Ok(place) = see.place(Path::new(&format!("/proc/{}/root", worker.pid)).join(below))?
    {
        return Ok(Some(place.clone()));
    }
    Ok(ours?.as_ref().ok().cloned())
}

/// The program that a start would run.
fn program_of(see: &Observations, agent: &Agent) -> Result<Option<(PathBuf, ProgramSeen)>, Unanswered> {
    if agent.processes.iter().any(is_alive) {
        return Ok(None);
    }
    let Ok(listing) = see.dir(&agent.install_dir)? else { return Ok(None) };
    let programs = || listing.entries.iter().filter(|one| one.kind == EntryKind::File && is_agent_program(&one.name));
    let usual = programs().find(|one| one.name == agent.flavour.program()).or(programs().next());
    let Some(path) = usual.map(|one| agent.install_dir.join(&one.name)) else { return Ok(None) };
    Ok(see.program(&path)?.as_ref().ok().cloned().map(|program| (path, program)))
}

fn filesystem(found: &mut Ground, agent: &Agent, system: &FilesystemSeen, severity: Severity) {
    let path = &agent.install_dir;
    let dir = path.display();
    let label = Text::fixed("File system", "文件系统");
    let point = system.mount_point.as_deref().unwrap_or(path).display();
    let why = Text::fixed(
        "The agent writes its record, its log and its checkpoints there; without them it does not report.",
        "Agent 需要在其中写入启动记录、日志和检查点；写不了就无法上报。",
    );
    if system.read_only {
        let detail =
            say!("{dir} is on a read-only file system ({point}).", "{dir} 所在的文件系统是只读的（{point}）。");
        found.bad(
            label,
            say!("{point}: read-only", "{point}：只读"),
            path,
            say!(
                "see why it is so (dmesg, /etc/fstab), then: mount -o remount,rw {point}, and restart the agent",
                "先查明原因（dmesg、/etc/fstab），再执行 mount -o remount,rw {point}，然后重启 Agent"
            ),
            Cause { severity, ..Cause::fail(CauseId::FilesystemReadOnly, detail, why, &[]) },
        );
        return;
    }
    let is_root = worker(&agent.processes).is_none_or(|worker| worker.uid == 0);
    let free = if is_root { system.free } else { system.available };
    let (value, detail) = if system.size > 0 && free < FULL {
        (
            say!("{point}: {free} bytes left", "{point}：剩余 {free} 字节"),
            say!("The file system of {dir} is full ({point}).", "{dir} 所在的文件系统已满（{point}）。"),
        )
    } else if system.inodes > 0 && system.free_inodes == 0 {
        (
            say!("{point}: no inode left", "{point}：inode 已用尽"),
            say!(
                "No file can be made on the file system of {dir} any more: its inodes are used up ({point}).",
                "{dir} 所在的文件系统 inode 已用尽，无法再创建文件（{point}）。"
            ),
        )
    } else {
        return;
    };
    found.bad(
        label,
        value,
        path,
        say!(
            "make room: df -h {point}; df -i {point}; du -x {point} | sort -n | tail, then restart the agent",
            "清理空间：df -h {point}；df -i {point}；du -x {point} | sort -n | tail，然后重启 Agent"
        ),
        Cause { severity, ..Cause::fail(CauseId::FilesystemFull, detail, why, &[]) },
    );
}

/// Why the program cannot run here, the first reason that the kernel would stumble over.
fn cannot_start(found: &mut Ground, path: &Path, program: &ProgramSeen, place: &PlaceSeen, arch: &str) {
    let shown = path.display();
    let upgrade: &[RemedyId] = &[RemedyId::UpgradeAgent];
    let no_exec = place.filesystem.as_ref().filter(|system| system.no_exec);
    let (detail, by_hand, remedies) = match &program.format {
        _ if program.mode & 0o111 == 0 => {
            let mode = program.mode;
            (
                say!("{shown} may not be executed (mode {mode:04o}).", "{shown} 没有执行权限（权限 {mode:04o}）。"),
                say!("chmod 755 {shown}", "chmod 755 {shown}"),
                upgrade,
            )
        }
        _ if no_exec.is_some() => {
            let point = no_exec.and_then(|system| system.mount_point.as_deref()).unwrap_or(path).display();
            (
                say!(
                    "{shown} is on a file system that is mounted noexec ({point}).",
                    "{shown} 所在的文件系统以 noexec 方式挂载（{point}）。"
                ),
                say!(
                    "mount -o remount,exec {point}; take noexec out of /etc/fstab as well",
                    "mount -o remount,exec {point}；并从 /etc/fstab 中去掉 noexec"
                ),
                &[][..],
            )
        }
        ProgramFormat::Elf { machine, .. } if !runs_on(machine, arch) => (
            say!(
                "{shown} is a program for {machine}, but this host is {arch}.",
                "{shown} 是 {machine} 架构的程序，而本机是 {arch}。"
            ),
            say!("install the package for {arch}", "安装适用于 {arch} 的安装包"),
            upgrade,
        ),
        ProgramFormat::Elf { loader: Some((loader, false)), .. } => {
            let loader = loader.display();
            (
                say!(
                    "{shown} needs the loader {loader}, which is not there: this system has another C library.",
                    "{shown} 需要加载器 {loader}，但本机没有：系统使用的是其他 C 库。"
                ),
                Text::fixed(
                    "install the glibc package of this distribution, or run the agent in its own container image",
                    "安装本发行版的 glibc 软件包，或使用 Agent 的容器镜像",
                ),
                &[][..],
            )
        }
        ProgramFormat::Elf { missing, .. } if !missing.is_empty() => {
            let list = missing.join(", ");
            (
                say!("{shown} needs libraries that are not there: {list}.", "{shown} 需要的动态库不存在：{list}。"),
                say!(
                    "ldd {shown}, then install the packages that hold {list}",
                    "ldd {shown}，再安装包含 {list} 的软件包"
                ),
                upgrade,
            )
        }
        ProgramFormat::Script { interpreter, is_there: false } => {
            let interpreter = interpreter.display();
            (
                say!(
                    "{shown} needs the interpreter {interpreter}, which is not there.",
                    "{shown} 需要解释器 {interpreter}，但它不存在。"
                ),
                say!("head -1 {shown}", "head -1 {shown}"),
                upgrade,
            )
        }
        ProgramFormat::Other => (
            say!(
                "{shown} is neither a program nor a script: empty, cut off or damaged.",
                "{shown} 既不是程序也不是脚本：可能为空、不完整或已损坏。"
            ),
            say!("file {shown}; ls -l {shown}", "file {shown}；ls -l {shown}"),
            upgrade,
        ),
        ProgramFormat::Elf { .. } | ProgramFormat::Script { .. } => return,
    };
    let why = Text::fixed("Every start fails, so no heartbeat is sent.", "每次启动都会失败，因此没有心跳。");
    let label = Text::fixed("Program", "程序");
    found.bad(
        label,
        Text::fixed("cannot be run", "无法运行"),
        path,
        by_hand,
        Cause::fail(CauseId::AgentCannotStart, detail, why, remedies),
    );
}

/// Whether a CPU runs programs for this machine; of machines that are not known nothing is said.
fn runs_on(machine: &str, arch: &str) -> bool {
    match (machine, arch) {
        (machine, arch) if machine == arch => true,
        ("x86", "x86_64") | ("arm", "aarch64") => true,
        (_, arch) => !matches!(arch, "x86_64" | "aarch64"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::text::Lang;

    fn place(system: FilesystemSeen) -> PlaceSeen {
        PlaceSeen {
            kind: EntryKind::Dir,
            link_to: None,
            real: None,
            device: 1,
            inode: 1,
            mode: 0o755,
            uid: 0,
            gid: 0,
            has_access_list: false,
            filesystem: Some(FilesystemSeen { size: 1 << 30, free: 1 << 20, ..system }),
        }
    }

    #[test]
    fn what_keeps_a_program_from_running_is_named() {
        let elf = |machine: &str, loader: Option<bool>, missing: &[&str]| ProgramFormat::Elf {
            machine: machine.into(),
            loader: loader.map(|is_there| ("/lib64/ld-linux-x86-64.so.2".into(), is_there)),
            missing: missing.iter().map(|name| name.to_string()).collect(),
        };
        let script = |is_there| ProgramFormat::Script { interpreter: "/bin/bash".into(), is_there };
        for (mode, format, no_exec, expected) in [
            (0o755, elf("x86_64", Some(true), &[]), false, ""),
            (0o755, elf("x86", None, &[]), false, ""),
            (0o755, script(true), false, ""),
            (0o644, elf("x86_64", Some(true), &[]), false, "may not be executed (mode 0644)"),
            (0o755, elf("x86_64", Some(true), &[]), true, "mounted noexec"),
            (0o755, elf("aarch64", None, &[]), false, "a program for aarch64, but this host is x86_64"),
            (0o755, elf("x86_64", Some(false), &[]), false, "needs the loader /lib64/ld-linux-x86-64.so.2"),
            (0o755, elf("x86_64", Some(true), &["librt.so.1"]), false, "not there: librt.so.1"),
            (0o755, script(false), false, "the interpreter /bin/bash"),
            (0o755, ProgramFormat::Other, false, "neither a program nor a script"),
        ] {
            let mut found = Ground::default();
            let place = place(FilesystemSeen { no_exec, ..FilesystemSeen::default() });
            cannot_start(&mut found, Path::new("/a/ilogtail"), &ProgramSeen { mode, format }, &place, "x86_64");
            let said = found.causes.first().map(|cause| cause.detail.get(Lang::En).to_string()).unwrap_or_default();
            assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "{said}");
            assert_eq!(found.evidence.len(), 2 * found.causes.len());
        }
    }
}
