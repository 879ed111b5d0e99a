//! Whether the agent can open its configuration directory. One that cannot looks for identifiers, accounts and overlays
//! beside its program instead, and only its log says so (`open sys conf dir error`; SetLogtailSysConfDir, 1.1.0 and
//! later). This file must not judge what follows from it.

use crate::core::agent::log::{self, LogSign};
use crate::core::agent::processes::worker;
use crate::core::observe::{Observations, ProcessSeen, Unanswered, Unavailable};
use std::path::Path;

/// Whether the agent does without this directory: something else stands in its place, or it is not there although the
/// agent, which makes it at its start, runs and says that it could not.
///
/// # Errors
/// [`Unanswered`] when something still has to be looked at.
pub(super) fn is_unusable(
    see: &Observations,
    dir: &Path,
    log: &Path,
    processes: &[ProcessSeen],
) -> Result<bool, Unanswered> {
    match see.dir(dir)? {
        // Root may open what we may not, and a dead mount tells nothing.
        Ok(_) | Err(Unavailable::NotAllowed | Unavailable::TimedOut | Unavailable::Untrusted(_)) => Ok(false),
        Err(Unavailable::NotAFile(_) | Unavailable::Other(_)) => Ok(see.present(dir)?.is_ok()),
        Err(Unavailable::Absent) if worker(processes).is_some() => {
            let Ok(tail) = see.tail(log)? else { return Ok(false) };
            let text = tail.text();
            // Of the last start alone: what an earlier one said may have been put right.
            let last = log::entries(&text)
                .filter_map(|entry| log::sign_of(&entry))
                .filter(|sign| matches!(sign, LogSign::SysConfDirFallback | LogSign::Started | LogSign::Stopped))
                .fold((false, false), |(before, said), sign| match sign {
                    LogSign::SysConfDirFallback => (before, true),
                    // The worker says it on the way up, before the line that ends its start.
                    LogSign::Started => (said, false),
                    _ => (false, false),
                });
            Ok(last.0 || last.1)
        }
        Err(Unavailable::Absent) => Ok(false),
    }
}
