//! systemd's managers, spoken to without running a program: the system's and those of users.

mod manager;
mod message;
pub mod user;

pub use manager::Manager;
