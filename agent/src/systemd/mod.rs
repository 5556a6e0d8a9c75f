//! D-Bus calls to systemd's managers, the system's and those of users, without running a program.

mod manager;
mod message;
pub mod user;

pub use manager::Manager;
