//! The encoding of the agent protocol: `protocol/agent.md`. Nothing here does I/O of its own.

pub mod frame;
pub mod input;
pub mod json;
#[cfg(test)]
pub mod vectors;
