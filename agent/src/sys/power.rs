//! Turning the VM off: reboot(2).

use std::ffi::CStr;

/// There is no `Halt`: a halted VM is turned off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Power {
    Off,
    Reboot,
}

/// The argument of a reset that means a power-off.
pub const OFF: &CStr = c"poweroff";

/// Returns only if the kernel refuses. `by_reset`: nothing else ends the machine, as with Firecracker. The kernel then prints what was meant
/// as its last words (`Restarting system with command 'poweroff'`), which the host reads.
pub fn end_machine(power: Power, by_reset: bool) {
    let command = match power {
        Power::Off if by_reset => libc::LINUX_REBOOT_CMD_RESTART2,
        Power::Off => libc::RB_POWER_OFF,
        Power::Reboot => libc::RB_AUTOBOOT,
    };
    // SAFETY: a command of reboot(2); its last argument, which only RESTART2 reads, is a C string.
    unsafe {
        libc::sync();
        libc::syscall(libc::SYS_reboot, libc::LINUX_REBOOT_MAGIC1, libc::LINUX_REBOOT_MAGIC2, command, OFF.as_ptr());
    }
}
