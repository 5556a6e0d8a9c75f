//! systemd's manager, spoken to without running a program.

mod message;
mod manager;

pub use manager::Manager;
