//! What a simulated host does.
