//! Which paths a plan relies on, and that nobody but root could have put something else there: asked when the plan is made,
//! so that a refusal stands in the place of a preview, and once more before the first change. The host judges again at
//! the very use. It changes nothing.

use crate::core::observe::{Answer, Observations, Question, Unanswered, Unavailable};
use crate::core::remedies::{Change, Planned};
use crate::core::text::Text;
use crate::host::Host;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The files that a change writes, removes or runs.
fn relies_on(change: &Change) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = change.path().map(Path::to_path_buf).into_iter().collect();
    match change {
        Change::RenameFile { to, .. } => paths.push(to.clone()),
        Change::Run { argv, .. } => {
            paths.extend(argv.first().map(PathBuf::from).filter(|program| program.is_absolute()));
        }
        Change::AwaitAgent { harder: Some(harder), .. } => paths.extend(relies_on(harder)),
        _ => {}
    }
    paths
}

fn all<'c>(changes: impl Iterator<Item = &'c Change>) -> BTreeSet<PathBuf> {
    changes.flat_map(relies_on).collect()
}

/// The plan, or the refusal where somebody else could change what it relies on. What is not there yet, or cannot be
/// judged by this user, is judged again by who carries it out.
///
/// # Errors
/// A path has not been judged yet; the question was noted.
pub fn judged(planned: Planned, see: &Observations) -> Result<Planned, Unanswered> {
    let Planned::Ready(plan) = &planned else { return Ok(planned) };
    let paths = all(plan.changes.iter().chain(&plan.restart).chain(&plan.revive));
    // All are asked for at once; the first that is missing ends the attempt.
    let asked: Vec<_> = paths.iter().map(|path| see.trusted(path)).collect();
    for judged in asked {
        if let Err(Unavailable::Untrusted(distrust)) = judged? {
            return Ok(Planned::Refused(distrust.sentences()));
        }
    }
    Ok(planned)
}

/// As [`judged`], asking the host itself right before the first change.
pub(super) async fn refusal(host: &dyn Host, changes: &[&Change]) -> Option<Text> {
    for path in all(changes.iter().copied()) {
        if let Some(doubt) = doubt(host, path).await {
            return Some(doubt);
        }
    }
    None
}

/// Why a path is not trusted; None when it is, or when that cannot be told.
pub async fn doubt(host: &dyn Host, path: PathBuf) -> Option<Text> {
    match host.observe(Question::Trusted(path)).await {
        Answer::Trusted(Err(Unavailable::Untrusted(distrust))) => Some(distrust.sentences()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::finding::{RemedyId, StepId};
    use crate::core::observe::{Distrust, DistrustBy, PlaceKind};
    use crate::core::remedies::Plan;
    use crate::core::text::Lang;
    use std::time::Duration;

    fn run(argv: &[&str]) -> Change {
        let argv = argv.iter().map(|word| word.to_string()).collect();
        let what = Text::same("x");
        Change::Run { argv, limit: Duration::from_secs(1), accept: vec![0], what, proxies: false }
    }

    #[test]
    fn a_plan_is_refused_for_any_path_that_somebody_else_could_change() {
        let mut plan = Plan::new(RemedyId::RestartAgent, StepId::Running, Text::same("why"));
        let harder = Some(Box::new(run(&["/etc/init.d/agent", "force-stop"])));
        let (install_dir, limit) = ("/x".into(), Duration::ZERO);
        plan.changes = vec![run(&["systemctl", "stop", "agent"])];
        plan.restart = vec![Change::AwaitAgent { running: false, install_dir, limit, app_info: None, harder }];
        plan.revive = vec![Change::MakeDir { path: "/made".into(), mode: 0o755 }];
        let mut seen = Observations::default();
        let ready = || Planned::Ready(Box::new(plan.clone()));
        let noted = seen.noting(|seen| judged(ready(), seen));
        assert_eq!(noted.result, Err(Unanswered));
        let wanted = noted.open;
        let paths = ["/etc/init.d/agent", "/made"];
        assert_eq!(wanted, paths.iter().map(|path| Question::Trusted(path.into())).collect());
        for (answer, is_refused) in [
            (Ok(()), false),
            (Err(Unavailable::Absent), false),
            (
                Err(Unavailable::Untrusted(Distrust {
                    at: "/etc/init.d/agent".into(),
                    kind: PlaceKind::File,
                    by: DistrustBy::Owner("ops".into()),
                })),
                true,
            ),
        ] {
            seen.keep(Question::Trusted("/made".into()), Answer::Trusted(Ok(())));
            seen.keep(Question::Trusted("/etc/init.d/agent".into()), Answer::Trusted(answer));
            let said = judged(ready(), &seen).unwrap();
            let refused = match &said {
                Planned::Refused(text) => text.get(Lang::En).contains("chown root /etc/init.d/agent"),
                _ => false,
            };
            assert_eq!(refused, is_refused, "{said:?}");
        }
    }
}
