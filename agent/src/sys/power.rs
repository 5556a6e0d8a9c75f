//! Turning the VM off: reboot(2).

/// There is no `Halt`: a halted VM is turned off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Power {
    Off,
    Reboot,
}

/// Returns only if the kernel refuses.
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
