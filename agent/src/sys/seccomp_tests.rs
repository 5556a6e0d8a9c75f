//! Runs filters in an interpreter of the few instructions that they use.

use super::*;
use crate::sys::privileges::set_no_new_privileges;
use crate::sys::process::{wait_for, Ended};

/// A filter's decision about a call.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    Allowed,
    Supervised,
    Killed,
    Refused(libc::c_int),
}

/// Interprets a filter like the kernel.
pub fn verdict(program: &[libc::sock_filter], arch: u32, number: libc::c_long, arguments: [u64; 6]) -> Verdict {
    let word = |offset: u32| match offset {
        NUMBER => number as u32,
        ARCH => arch,
        _ => {
            let argument = arguments[((offset - ARGUMENTS) / 8) as usize];
            (if offset % 8 == 0 { argument } else { argument >> 32 }) as u32
        }
    };
    let (mut at, mut value) = (0, 0);
    loop {
        let step = program[at];
        at += 1;
        match step.code {
            LOAD => value = word(step.k),
            AND => value &= step.k,
            JUMP => at += step.k as usize,
            IF_EQUAL => at += usize::from(if value == step.k { step.jt } else { step.jf }),
            IF_AT_LEAST => at += usize::from(if value >= step.k { step.jt } else { step.jf }),
            RETURN if step.k == ALLOW => return Verdict::Allowed,
            RETURN if step.k == USER_NOTIF => return Verdict::Supervised,
            RETURN if step.k == KILL_PROCESS => return Verdict::Killed,
            RETURN => return Verdict::Refused((step.k & 0xffff) as libc::c_int),
            other => panic!("instruction {other:#x}"),
        }
    }
}

const TABLE: &[Rule] = &[
    allow(libc::SYS_read),
    allow_if(libc::SYS_tgkill, &[&[Test::Pid(0)]]),
    allow_if(libc::SYS_prlimit64, &[&[Test::OneOf(0, &[0]), Test::Null(2)]]),
    allow_if(libc::SYS_ioctl, &[&[Test::OneOf(1, &[1, 2, 3])], &[Test::Bits { argument: 1, mask: 0xff00, value: 0xae00 }]]),
    allow(libc::SYS_write),
];

fn ask(number: libc::c_long, arguments: &[u64]) -> Verdict {
    let mut all = [0; 6];
    all[..arguments.len()].copy_from_slice(arguments);
    verdict(&compile(&[TABLE], 77), X86_64, number, all)
}

#[test]
fn calls_outside_the_table_return_enosys() {
    assert_eq!(ask(libc::SYS_read, &[]), Verdict::Allowed);
    assert_eq!(ask(libc::SYS_write, &[]), Verdict::Allowed);
    for number in [libc::SYS_open, libc::SYS_clone3, 9999, i64::from(X32) - 1] {
        assert_eq!(ask(number, &[]), Verdict::Refused(libc::ENOSYS), "{number}");
    }
}

#[test]
fn other_system_call_interfaces_kill_the_process() {
    let program = compile(&[TABLE], 77);
    let i386 = 0x4000_0003;
    assert_eq!(verdict(&program, i386, libc::SYS_read, [0; 6]), Verdict::Killed);
    assert_eq!(verdict(&program, X86_64, i64::from(X32) | libc::SYS_read, [0; 6]), Verdict::Killed);
}

#[test]
fn arguments_are_tested_by_the_bits_that_the_kernel_reads() {
    let refused = Verdict::Refused(libc::EPERM);
    assert_eq!(ask(libc::SYS_tgkill, &[77]), Verdict::Allowed);
    assert_eq!(ask(libc::SYS_tgkill, &[78]), refused);
    assert_eq!(ask(libc::SYS_prlimit64, &[1 << 32, 7, 0]), Verdict::Allowed);
    assert_eq!(ask(libc::SYS_prlimit64, &[0, 7, 1]), refused);
    assert_eq!(ask(libc::SYS_prlimit64, &[0, 7, 1 << 32]), refused);
    assert_eq!(ask(libc::SYS_prlimit64, &[1, 7, 0]), refused);
}

#[test]
fn each_list_of_tests_is_tried() {
    for command in [1, 2, 3, 0xae00, 0xaeff, 0x4008_ae01] {
        assert_eq!(ask(libc::SYS_ioctl, &[0, command]), Verdict::Allowed, "{command:#x}");
    }
    for command in [0, 4, 0xaf00, 0x5412] {
        assert_eq!(ask(libc::SYS_ioctl, &[0, command]), Verdict::Refused(libc::EPERM), "{command:#x}");
    }
}

#[test]
fn a_supervised_call_ends_in_the_kernels_own_action() {
    assert_eq!(USER_NOTIF, libc::SECCOMP_RET_USER_NOTIF);
}

#[test]
fn the_kernel_supports_filters() {
    assert!(is_available());
}

/// What the kernel does about a call of a child process that has installed the filter. The exit status is the call's errno, or 0.
fn really(number: libc::c_long, arguments: [u64; 3]) -> Ended {
    const END: &[Rule] = &[allow(libc::SYS_exit_group)];
    let program = compile(&[TABLE, END], 77);
    let [first, second, third] = arguments;
    // SAFETY: the child of a process with threads only makes system calls, and ends; pointers are null or are refused before they are read.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let is_installed = set_no_new_privileges().and_then(|()| install(&program)).is_ok();
        let result = unsafe { libc::syscall(number, first, second, third, 0u64, 0u64, 0u64) };
        let errno = if result < 0 { unsafe { *libc::__errno_location() } } else { 0 };
        unsafe { libc::_exit(if is_installed { errno } else { 255 }) };
    }
    wait_for(pid).unwrap()
}

#[test]
fn the_kernel_decides_like_the_interpreter() {
    const NO_FILE: u64 = u64::MAX;
    for (number, arguments, errno) in [
        (libc::SYS_read, [NO_FILE, 0, 0], libc::EBADF),
        (libc::SYS_getppid, [0, 0, 0], libc::ENOSYS),
        (libc::SYS_ioctl, [NO_FILE, 3, 0], libc::EBADF),
        (libc::SYS_ioctl, [NO_FILE, 4, 3], libc::EPERM),
        (libc::SYS_ioctl, [NO_FILE, 0xae80, 0], libc::EBADF),
        (libc::SYS_ioctl, [NO_FILE, 0xaf00, 0], libc::EPERM),
        (libc::SYS_prlimit64, [0, libc::RLIMIT_NOFILE.into(), 0], 0),
        (libc::SYS_prlimit64, [1, libc::RLIMIT_NOFILE.into(), 0], libc::EPERM),
        (libc::SYS_prlimit64, [0, libc::RLIMIT_NOFILE.into(), 1 << 32], libc::EPERM),
        (libc::SYS_tgkill, [78, 78, 0], libc::EPERM),
    ] {
        assert_eq!(really(number, arguments), Ended::Exit(errno), "{number} {arguments:?}");
    }
    let x32 = 0x4000_0000;
    for number in [x32 | libc::SYS_read, x32 | libc::SYS_getppid] {
        assert!(matches!(really(number, [0; 3]), Ended::Signal { number: libc::SIGSYS, .. }), "{number:#x}");
    }
}
