//! Applies one [`Operation`] on files to a simulated host, with the checks and the refusals of a real one.

use super::files::{Kind, Node, system_error, words};
use super::parts::StopManner;
use super::world::World;
use crate::core::observe::{Done, Fingerprint, Operation, OperationError, ProcessId, ProcessSignal, Unavailable};
use nix::errno::Errno;
use std::path::{Path, PathBuf};

impl World {
    /// Everything but commands.
    pub(super) fn apply(&mut self, act: Operation) -> Result<Done, OperationError> {
        let done = match act {
            Operation::Write { path, expect, content, mode } => self.write_act(&path, &expect, content, mode),
            Operation::Copy { from, to, .. } => self.copy_act(&from, &to),
            Operation::Remove { path, expect } => self.remove_act(&path, &expect),
            Operation::Rename { from, to } => self.rename_act(&from, &to),
            Operation::MakeDir { path, mode } => self.make_dir_act(&path, mode),
            Operation::RemoveDir { path } => self.remove_dir_act(&path),
            Operation::Append { path, content } => self.append_act(&path, &content),
            Operation::Signal { process, signal } => Ok(self.signal_act(&process, signal)),
            Operation::Sweep { dir, spare } => Ok(self.sweep_act(&dir, &spare)),
            Operation::PutGroup { site, before, after } => self.put_group(&site, &before, after),
            Operation::MakeGroup { site, group } => self.make_group(&site, &group),
            Operation::RemoveGroup { site, group } => self.remove_group(&site, &group),
            Operation::Run { argv, .. } => {
                Err(OperationError::NotStarted { program: argv.join(" "), reason: "not a change of files".into() })
            }
        };
        self.settle();
        done
    }

    pub(super) fn now_s(&self) -> i64 {
        self.time.host_ms().div_euclid(1000)
    }

    /// The content of a regular file for a change: None when there is none, an error when it is anything else.
    fn content_of(&self, path: &Path) -> Result<Option<Vec<u8>>, OperationError> {
        let real = match self.files.follow(path) {
            Ok(real) => real,
            Err(Unavailable::Absent) => return Ok(None),
            Err(trouble) => return Err(io(path, &words(&trouble))),
        };
        match self.files.node(&real).map(|node| &node.kind) {
            Some(Kind::File(_)) if !self.files.may(&real, self.person.uid, 4) => {
                Err(io(path, &words(&Unavailable::NotAllowed)))
            }
            Some(Kind::File(bytes)) => Ok(Some(bytes.clone())),
            Some(_) => Err(io(path, "not a regular file")),
            None => Ok(None),
        }
    }

    fn write_act(
        &mut self,
        path: &Path,
        expect: &Fingerprint,
        content: Vec<u8>,
        mode: u32,
    ) -> Result<Done, OperationError> {
        let target = match self.files.node(path).map(|node| &node.kind) {
            Some(Kind::Link(_)) => self.files.follow(path).map_err(|_| io(path, "the symlink leads nowhere"))?,
            _ => path.to_path_buf(),
        };
        let old = self.content_of(&target)?;
        if old.as_deref() == Some(content.as_slice()) {
            return Ok(Done::Already);
        }
        if Fingerprint::of(old.as_deref()) != *expect {
            return Err(OperationError::Moved(path.into()));
        }
        self.files.check_writable(&target, self.person.uid)?;
        let modified = self.now_s();
        let new = match self.files.node(&target) {
            Some(before) => Node { kind: Kind::File(content), modified, ..before.clone() },
            None => {
                let uid = self.person.uid;
                Node { kind: Kind::File(content), mode, uid, gid: uid, modified }
            }
        };
        self.files.set(&target, new);
        Ok(Done::Changed)
    }

    fn copy_act(&mut self, from: &Path, to: &Path) -> Result<Done, OperationError> {
        if self.files.node(to).is_some() {
            return Err(OperationError::Exists(to.into()));
        }
        let bytes = self.content_of(from)?.ok_or_else(|| system_error(from, Errno::ENOENT))?;
        self.files.check_writable(to, self.person.uid)?;
        let real = self.files.follow(from).map_err(|trouble| io(from, &words(&trouble)))?;
        let node = self.files.node(&real).ok_or_else(|| system_error(from, Errno::ENOENT))?.clone();
        self.files.set(to, Node { kind: Kind::File(bytes), ..node });
        Ok(Done::Changed)
    }

    fn remove_act(&mut self, path: &Path, expect: &Fingerprint) -> Result<Done, OperationError> {
        let content = self.content_of(path)?;
        if self.files.node(path).is_none() {
            return Ok(Done::Already);
        }
        if Fingerprint::of(content.as_deref()) != *expect {
            return Err(OperationError::Moved(path.into()));
        }
        self.files.check_writable(path, self.person.uid)?;
        self.files.unlink(path);
        Ok(Done::Changed)
    }

    fn rename_act(&mut self, from: &Path, to: &Path) -> Result<Done, OperationError> {
        if from.parent() != to.parent() {
            return Err(io(to, "not in the same directory"));
        }
        if self.files.node(to).is_some() {
            return Err(OperationError::Exists(to.into()));
        }
        if self.files.node(from).is_none() {
            return Err(system_error(from, Errno::ENOENT));
        }
        self.files.check_writable(to, self.person.uid)?;
        self.files.rename(from, to);
        Ok(Done::Changed)
    }

    fn make_dir_act(&mut self, path: &Path, mode: u32) -> Result<Done, OperationError> {
        if let Ok(real) = self.files.follow(path) {
            return match self.files.node(&real).map(|node| &node.kind) {
                Some(Kind::Dir) => Ok(Done::Already),
                _ => Err(OperationError::Exists(path.into())),
            };
        }
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            self.make_dir_act(parent, mode)?;
        }
        self.files.check_writable(path, self.person.uid)?;
        let (uid, modified) = (self.person.uid, self.now_s());
        self.files.set(path, Node { kind: Kind::Dir, mode, uid, gid: uid, modified });
        Ok(Done::Changed)
    }

    fn remove_dir_act(&mut self, path: &Path) -> Result<Done, OperationError> {
        match self.files.node(path).map(|node| &node.kind) {
            None => Ok(Done::Already),
            Some(Kind::Dir) if !self.files.is_empty_dir(path) => Err(system_error(path, Errno::ENOTEMPTY)),
            Some(Kind::Dir) => {
                self.files.check_writable(path, self.person.uid)?;
                self.files.unlink(path);
                Ok(Done::Changed)
            }
            Some(_) => Err(system_error(path, Errno::ENOTDIR)),
        }
    }

    /// A signal to the agent is a signal to both of its processes, as its daemon passes it on.
    fn signal_act(&mut self, wanted: &ProcessId, signal: ProcessSignal) -> Done {
        let is_it = self.processes.iter().any(|now| {
            let has_program = wanted.exe.as_ref().is_none_or(|exe| now.exe.as_ref() == Ok(exe));
            now.pid == wanted.pid && now.started == wanted.started && has_program
        });
        if !is_it {
            return Done::Already;
        }
        let is_the_agent = wanted.exe.as_ref().is_none_or(|exe| exe.starts_with(&self.agent.install_dir));
        match (signal, self.agent.stop) {
            (ProcessSignal::Cont, _) => {}
            _ if !is_the_agent => self.processes.retain(|process| process.pid != wanted.pid),
            (ProcessSignal::Kill, _) | (ProcessSignal::Term, StopManner::AtOnce) => self.end_agent(),
            (ProcessSignal::Term, StopManner::After(duration)) => {
                let end = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
                self.agent.stopping_until.get_or_insert(self.time.true_ms().saturating_add(end));
            }
            (ProcessSignal::Term, StopManner::Never) => {}
        }
        Done::Changed
    }

    fn sweep_act(&mut self, dir: &Path, spare: &[String]) -> Done {
        let is_left = |name: &str| {
            let parts = name.strip_prefix('.').and_then(|name| name.rsplit_once(".logtail-doctor-tmp-"));
            parts.is_some_and(|(target, _)| !spare.iter().any(|spared| spared == target))
        };
        let names = self.files.list(dir, 0).map(|seen| seen.entries).unwrap_or_default();
        let left: Vec<PathBuf> =
            names.into_iter().filter(|entry| is_left(&entry.name)).map(|entry| dir.join(entry.name)).collect();
        for path in &left {
            self.files.unlink(path);
        }
        if left.is_empty() { Done::Already } else { Done::Changed }
    }

    fn append_act(&mut self, path: &Path, content: &[u8]) -> Result<Done, OperationError> {
        let (uid, modified) = (self.person.uid, self.now_s());
        self.files.check_writable(path, uid)?;
        match self.files.node_mut(path) {
            Some(Node { kind: Kind::File(bytes), modified: changed, .. }) => {
                bytes.extend_from_slice(content);
                *changed = modified;
            }
            Some(_) => return Err(io(path, "not a regular file")),
            None => {
                let node = Node { kind: Kind::File(content.to_vec()), mode: 0o600, uid, gid: uid, modified };
                self.files.set(path, node);
            }
        }
        Ok(Done::Changed)
    }
}

fn io(path: &Path, reason: &str) -> OperationError {
    OperationError::io(path, reason)
}
