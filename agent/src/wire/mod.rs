//! The encodings of the agent protocol (`protocol/agent.md`) and of frames in a stream. Nothing here does I/O of its own.

pub mod ether;
pub mod frame;
pub mod input;
pub mod json;
#[cfg(test)]
pub mod vectors;
