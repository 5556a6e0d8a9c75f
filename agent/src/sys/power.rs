//! The end of the machine: reboot(2).

/// What reboot(2) is asked for. `Halt` does not exist here: a halted VM is one that is off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Power {
    Off,
    Reboot,
}

/// Comes back only when the kernel refuses.
pub fn end_machine(power: Power) {
    let command = match power {
        Power::Off => libc::RB_POWER_OFF,
        Power::Reboot => libc::RB_AUTOBOOT,
    };
    // SAFETY: a command of reboot(2).
    unsafe {
        libc::sync();
        libc::reboot(command);
    }
}
