//! What is remembered between two starts: what the operator told, and where a broken-off session stood. Never a secret,
//! because none is ever told.
//!
//! Losing this file costs some typing, so nothing here is an error that stops anybody.

use crate::core::agent::endpoint::{endpoint_region, is_known};
use crate::core::context::{Context, Field};
use crate::core::flow::Interrupted;
use crate::core::observe::Distrust;
use crate::core::text::{Lang, Text};
use crate::host::distrust;
use crate::say;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The file's name in the state directory.
const CONTEXT: &str = "context.json";
/// The file of a broken-off session.
const SESSION: &str = "session.json";
/// A session that stopped longer ago is not offered any more, in milliseconds.
const STALE_MS: i64 = 7 * 24 * 3600 * 1000;
/// A larger file is none of ours.
const LIMIT: u64 = 64 << 10;

/// Where state is kept: the directory of one's own, and the one of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDirs {
    /// `$XDG_STATE_HOME/logtail-doctor`, by default `~/.local/state/logtail-doctor`; for root that of the journal, whatever
    /// home the environment names.
    pub own: PathBuf,
    /// `/var/lib/logtail-doctor` for root, so that every administrator finds it; else `own`.
    pub journal: PathBuf,
    /// Root's, for everybody else; None where it is `journal`.
    pub roots: Option<PathBuf>,
}

/// The state directories of this process. `LOGTAIL_DOCTOR_STATE` overrides both.
pub fn state_dirs() -> StateDirs {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    dirs_from(
        variable("LOGTAIL_DOCTOR_STATE"),
        variable("XDG_STATE_HOME"),
        variable("HOME"),
        nix::unistd::geteuid().is_root(),
    )
}

/// Relative paths count as not set, as the XDG base directory specification says.
fn dirs_from(told: Option<PathBuf>, xdg: Option<PathBuf>, home: Option<PathBuf>, root: bool) -> StateDirs {
    if let Some(dir) = told {
        return StateDirs { own: dir.clone(), journal: dir, roots: None };
    }
    let shared = PathBuf::from("/var/lib/logtail-doctor");
    // The home of root's environment may be that of the user who became root.
    if root {
        return StateDirs { own: shared.clone(), journal: shared, roots: None };
    }
    let own = match (xdg, home) {
        (Some(xdg), _) => xdg.join("logtail-doctor"),
        (None, Some(home)) => home.join(".local/state/logtail-doctor"),
        (None, None) => shared.clone(),
    };
    StateDirs { journal: own.clone(), roots: Some(shared).filter(|shared| *shared != own), own }
}

/// Reads what is remembered. What cannot be understood is forgotten, and the second value says so.
pub fn recall(dir: &Path) -> (Context, Option<Text>) {
    let path = dir.join(CONTEXT);
    let shown = path.display();
    let note = |reason: String| say!("{shown} is not used: {reason}", "未使用 {shown}：{reason}");
    match read(&path) {
        Ok(None) => (Context::default(), None),
        Ok(Some(bytes)) => match remembered(&bytes) {
            Ok(mut context) => {
                context.remembered = Field::ALL.into_iter().filter(|field| !context.get(*field).is_empty()).collect();
                (context, None)
            }
            Err(reason) => (Context::default(), Some(note(reason))),
        },
        Err(error) => (Context::default(), Some(note(error.to_string()))),
    }
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    believed(path)?;
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
        Ok(about) if !about.is_file() => return Err(io::Error::other("not a regular file")),
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(LIMIT).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// What the bytes of the file tell.
///
/// # Errors
/// Why they tell nothing.
pub fn remembered(bytes: &[u8]) -> Result<Context, String> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(fields)) => Ok(understood(fields)),
        Ok(_) => Err("not a JSON object".into()),
        Err(error) => Err(error.to_string()),
    }
}

/// Takes field by field what is known and valid; a newer version's fields are none of ours.
fn understood(fields: serde_json::Map<String, Value>) -> Context {
    let known = fields.into_iter().filter(|(name, value)| {
        let alone = serde_json::Map::from_iter([(name.clone(), value.clone())]);
        serde_json::from_value::<Context>(Value::Object(alone)).is_ok()
    });
    let mut context: Context = serde_json::from_value(Value::Object(known.collect())).unwrap_or_default();
    for field in Field::ALL {
        let value = context.get(field);
        if context.set(field, &value).is_err() {
            // Empty text forgets the field; that is never refused.
            let _ = context.set(field, "");
        }
    }
    context
}

/// Remembers what was told: to a temporary, then renamed; readable by its owner alone. A region that is in no list may
/// be a slip of the pen, which must not come back as the truth; a private cloud's is told at each start.
///
/// # Errors
/// It could not be written; the file is as it was.
pub fn remember(dir: &Path, context: &Context) -> io::Result<()> {
    let region = context.region.clone().filter(|region| is_known(&endpoint_region(region)));
    let kept = Context { region, ..context.clone() };
    write(dir, CONTEXT, &serde_json::to_vec_pretty(&kept)?, true)
}

/// A session as it is kept: by which process, and when it was last seen alive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    pid: u32,
    at_ms: i64,
    session: Interrupted,
}

/// Keeps a session for the case that it is broken off. Not fsynced: it is written while somebody types.
///
/// # Errors
/// It could not be written.
pub fn keep_session(dir: &Path, session: &Interrupted, now_ms: i64) -> io::Result<()> {
    let kept = Kept { pid: std::process::id(), at_ms: now_ms, session: session.clone() };
    write(dir, SESSION, &serde_json::to_vec(&kept)?, false)
}

/// Forgets the kept session: it ended in order.
///
/// # Errors
/// It could not be removed.
pub fn forget_session(dir: &Path) -> io::Result<()> {
    match fs::remove_file(dir.join(SESSION)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What is known of an earlier session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Earlier {
    None,
    /// Another process is in the middle of it.
    Alive,
    /// It was broken off at this time, in milliseconds since 1970.
    Interrupted(Box<Interrupted>, i64),
}

/// The session that was kept last. A file that cannot be understood is none.
pub fn earlier_session(dir: &Path, now_ms: i64) -> Earlier {
    let Ok(Some(bytes)) = read(&dir.join(SESSION)) else { return Earlier::None };
    let Ok(Kept { pid, at_ms, session }) = serde_json::from_slice(&bytes) else { return Earlier::None };
    if is_alive(pid) {
        return Earlier::Alive;
    }
    let age = now_ms.saturating_sub(at_ms);
    // A time in the future is a clock that was set; the session is as good as any.
    if age < STALE_MS { Earlier::Interrupted(Box::new(session), at_ms) } else { Earlier::None }
}

/// Whether another process of this program has this id.
fn is_alive(pid: u32) -> bool {
    let name = |pid: &str| fs::read_to_string(format!("/proc/{pid}/comm")).ok();
    pid != std::process::id() && name(&pid.to_string()).is_some_and(|theirs| Some(theirs) == name("self"))
}

/// What somebody else could have written is not read, and nothing is written where somebody else could lead it elsewhere.
fn believed(path: &Path) -> io::Result<()> {
    let refused =
        |distrust: Distrust| io::Error::new(io::ErrorKind::PermissionDenied, distrust.what().get(Lang::En).to_string());
    distrust(path).map_or(Ok(()), |distrust| Err(refused(distrust)))
}

/// Writes a file of the directory: to a temporary, then renamed; readable by its owner alone.
fn write(dir: &Path, name: &str, bytes: &[u8], is_lasting: bool) -> io::Result<()> {
    believed(&dir.join(name))?;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let path = dir.join(name);
    let temporary = dir.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(bytes)?;
        if is_lasting {
            file.sync_all()?;
        }
        fs::rename(&temporary, &path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_was_told_is_told_again() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("a/b");
        assert_eq!(recall(&state), (Context::default(), None));
        let mut context = Context::default();
        context.set(Field::Region, "cn-hangzhou").unwrap();
        context.no_cloud = true;
        remember(&state, &context).unwrap();
        context.no_cloud = false;
        let (recalled, note) = recall(&state);
        assert_eq!(
            recalled.origin(Field::Region).get(crate::core::text::Lang::En),
            " (remembered from an earlier session)"
        );
        assert_eq!((Context { remembered: Default::default(), ..recalled }, note), (context.clone(), None));
        context.set(Field::Region, "mars").unwrap();
        context.set(Field::Aliuid, "1654218965343050").unwrap();
        remember(&state, &context).unwrap();
        let (recalled, _) = recall(&state);
        assert_eq!((recalled.region, recalled.aliuid), (None, context.aliuid), "an unknown region may be a slip");
        let mode = fs::metadata(state.join(CONTEXT)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(&state).unwrap().count(), 1);
    }

    #[test]
    fn a_bad_file_is_forgotten_with_a_note_and_bad_fields_without() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(CONTEXT);
        fs::write(&path, "{").unwrap();
        assert!(recall(dir.path()).1.is_some());
        fs::write(&path, r#"{"region":"cn-beijing","future":1,"project":7,"aliuid":"evil\u001b[2J"}"#).unwrap();
        let (context, note) = recall(dir.path());
        assert_eq!((context.region.as_deref(), context.project, context.aliuid), (Some("cn-beijing"), None, None));
        assert_eq!(note, None);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(recall(dir.path()).1.is_some());
    }

    #[test]
    fn a_broken_off_session_is_found_again_until_it_is_stale_or_forgotten() {
        use crate::core::finding::{RemedyId, StepId};
        use crate::core::flow::Place;
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(earlier_session(dir.path(), 5), Earlier::None);
        let session = Interrupted {
            place: Place::Step(StepId::Group),
            owed_restart: vec![RemedyId::BindHostname],
            pending: Some(RemedyId::WriteCustomId),
            console_heartbeat: Some(false),
        };
        keep_session(dir.path(), &session, 1000).unwrap();
        let found = Earlier::Interrupted(Box::new(session), 1000);
        assert_eq!(earlier_session(dir.path(), 5), found, "a clock that went back loses nothing");
        assert_eq!(earlier_session(dir.path(), 999 + STALE_MS), found);
        assert_eq!(earlier_session(dir.path(), 1000 + STALE_MS), Earlier::None);
        forget_session(dir.path()).unwrap();
        forget_session(dir.path()).unwrap();
        assert_eq!(earlier_session(dir.path(), 1000), Earlier::None);
        fs::write(dir.path().join(SESSION), "{\"pid\":").unwrap();
        assert_eq!(earlier_session(dir.path(), 1000), Earlier::None);
    }

    #[test]
    fn root_shares_the_journal_and_the_override_wins() {
        let path = |text: &str| Some(PathBuf::from(text));
        let user = dirs_from(None, None, path("/home/ops"), false);
        assert_eq!(user.own, PathBuf::from("/home/ops/.local/state/logtail-doctor"));
        assert_eq!((&user.journal, user.roots), (&user.own, path("/var/lib/logtail-doctor")));
        let root = dirs_from(None, path("/home/ops/state"), path("/home/ops"), true);
        let shared = PathBuf::from("/var/lib/logtail-doctor");
        assert_eq!((root.own, root.journal, root.roots), (shared.clone(), shared, None));
        assert_eq!(dirs_from(path("/o"), path("/s"), None, true).journal, Path::new("/o"));
    }
}
