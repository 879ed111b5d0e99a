//! Closing an entry of the journal of which nothing is left to take back, in whichever journal it stands.

use super::apply::close_own;
use super::helper;
use super::store::Store;
use crate::core::journal::JournalEntry;
use crate::core::observe::{Answer, Question};
use crate::host::MutableHost;

/// Closes an entry of which nothing is left to take back: it counts as taken back from now on, and its backups go. An
/// entry of root's journal is closed by the process that sudo starts without a password. One that has something to take
/// back again by now, or that cannot be reached, stays as it is: that does no harm.
pub(super) async fn close(host: &dyn MutableHost, store: &Store, done: &JournalEntry) {
    if !done.is_roots {
        return close_own(host, store, &done.id).await;
    }
    if let Answer::Identity(identity) = host.observe(Question::Identity).await
        && let Some(sudo) = identity.sudo
    {
        helper::close(&sudo, &done.id).await;
    }
}
