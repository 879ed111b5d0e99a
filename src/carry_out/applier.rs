//! The handle by which the rest of the program has changes made. It keeps the host that can be changed to itself.

use super::store::Store;
use super::{apply, close, helper};
use crate::core::journal::{Applied, JournalEntry, Order, Progress};
use crate::host::{Host, MutableHost};
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;

/// What makes changes on one host and journals them in one state directory.
#[derive(Clone)]
pub struct Applier {
    host: Arc<dyn MutableHost>,
    store: Store,
}

impl Applier {
    pub fn new(host: Arc<dyn MutableHost>, store: Store) -> Applier {
        Applier { host, store }
    }

    /// The same host, to look at.
    pub fn host(&self) -> Arc<dyn Host> {
        Arc::clone(&self.host) as _
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Carries out an order, and when its plan takes a journal entry back, marks that entry as taken back once it is.
    pub async fn carry_out(&self, order: &Order, progress: UnboundedSender<Progress>) -> Applied {
        apply::carry_out(self.host.as_ref(), &self.store, order, progress).await
    }

    /// Closes an entry of which nothing is left to take back: it counts as taken back from now on, and its backups go.
    pub async fn close(&self, entry: &JournalEntry) {
        close::close(self.host.as_ref(), &self.store, entry).await;
    }

    /// Receives a request of an ordinary user's process and carries it out; what happens is said on standard output.
    /// Returns whether a request came.
    pub async fn receive(&self, from: impl std::io::BufRead) -> bool {
        helper::receive(self.host.as_ref(), &self.store, from).await
    }
}
