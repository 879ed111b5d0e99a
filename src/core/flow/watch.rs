//! Watching for the heartbeat: how old it is, look after look, until one comes that is newer than the cure. Where the
//! service cannot be asked, the operator looks at the console and says what it shows.

/// The watch as a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchLayer {
    /// Whether the service is asked; else the operator is.
    pub asks_service: bool,
    pub seconds_left: u64,
    /// How it ended: whether a heartbeat newer than the cure came.
    pub ended: Option<bool>,
}

/// What one look at the service told: the age of the last heartbeat in seconds, None when it knows of none.
pub type HeartbeatAge = Option<i64>;
