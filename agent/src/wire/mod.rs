//! The agent protocol's bytes: `protocol/agent.md`. Nothing here does input or output by itself.

pub mod frame;
pub mod input;
pub mod json;
#[cfg(test)]
pub mod vectors;
