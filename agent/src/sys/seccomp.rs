//! System call filters (seccomp(2)): a table of the calls that a program may make, compiled to classic BPF.
//!
//! A filter is an allow-list. A call that is not in it returns ENOSYS, as on a kernel without that call, so that libraries fall back to
//! an older one. The 32-bit and x32 interfaces use different call numbers, so a process that uses one of them is killed.

use super::check_long;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

/// `AUDIT_ARCH_X86_64` of `linux/audit.h`: 64 bits, little endian, EM_X86_64.
pub const X86_64: u32 = 0xc000_003e;
/// `__X32_SYSCALL_BIT` of `asm/unistd.h`; every x32 number is at least this.
pub const X32: u32 = 0x4000_0000;

// struct seccomp_data of linux/seccomp.h: int nr, u32 arch, u64 instruction_pointer, u64 args[6]
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const ARGUMENTS: u32 = 16;

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const AND: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K
const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
const IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const IF_AT_LEAST: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

const ALLOW: u32 = 0x7fff_0000;
const USER_NOTIF: u32 = 0x7fc0_0000;
const KILL_PROCESS: u32 = 0x8000_0000;
const ERRNO: u32 = 0x0005_0000;

/// A test of one argument, counted from 0. The kernel reads `int` arguments from the low 32 bits, and so does a test unless stated
/// otherwise.
#[derive(Clone, Copy, Debug)]
pub enum Test {
    OneOf(u32, &'static [u32]),
    /// `argument & mask == value`
    Bits { argument: u32, mask: u32, value: u32 },
    /// all 64 bits are 0
    Null(u32),
    /// the pid that the filter is compiled for
    Pid(u32),
}

/// A call that a program may make.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub number: libc::c_long,
    /// the call is accepted if all tests of one of these lists pass; empty: always
    pub any: &'static [&'static [Test]],
    /// whether a supervisor (`supervision`) decides about an accepted call, instead of the kernel making it
    pub is_supervised: bool,
    /// `errno` otherwise
    pub refusal: libc::c_int,
}

/// Allows a call with any arguments.
pub const fn allow(number: libc::c_long) -> Rule {
    Rule { number, any: &[], is_supervised: false, refusal: 0 }
}

/// Returns EPERM for other arguments.
pub const fn allow_if(number: libc::c_long, any: &'static [&'static [Test]]) -> Rule {
    Rule { number, any, is_supervised: false, refusal: libc::EPERM }
}

/// Leaves a call to the supervisor, and returns EPERM for other arguments. Without a supervisor the call returns ENOSYS.
pub const fn supervise_if(number: libc::c_long, any: &'static [&'static [Test]]) -> Rule {
    Rule { number, any, is_supervised: true, refusal: libc::EPERM }
}

/// Makes a system call fail with `errno` whatever its arguments, for programs that can't handle ENOSYS.
pub const fn refuse(number: libc::c_long, errno: libc::c_int) -> Rule {
    Rule { number, any: NEVER, is_supervised: false, refusal: errno }
}

const NEVER: &[&[Test]] = &[&[Test::OneOf(0, &[])]];

fn instruction(code: u16, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf, k }
}

/// The program that decides by `profile`, with `pid` for `Test::Pid`.
///
/// # Panics
/// If a rule has more than about a hundred tests: a jump covers 255 instructions.
pub fn compile(profile: &[&[Rule]], pid: u32) -> Vec<libc::sock_filter> {
    let mut program = vec![
        instruction(LOAD, 0, 0, ARCH),
        instruction(IF_EQUAL, 1, 0, X86_64),
        instruction(RETURN, 0, 0, KILL_PROCESS),
        instruction(LOAD, 0, 0, NUMBER),
        instruction(IF_AT_LEAST, 0, 1, X32),
        instruction(RETURN, 0, 0, KILL_PROCESS),
    ];
    for rule in profile.iter().copied().flatten() {
        let verdict = verdict_of(rule, pid);
        let past = u8::try_from(verdict.len()).expect("a rule fits into one jump");
        program.push(instruction(IF_EQUAL, 0, past, rule.number as u32));
        program.extend(verdict);
    }
    program.push(instruction(RETURN, 0, 0, ERRNO | libc::ENOSYS as u32));
    program
}

/// The instructions for a call with the rule's number; every path through them returns.
fn verdict_of(rule: &Rule, pid: u32) -> Vec<libc::sock_filter> {
    let accept = instruction(RETURN, 0, 0, if rule.is_supervised { USER_NOTIF } else { ALLOW });
    if rule.any.is_empty() {
        return vec![accept];
    }
    let mut verdict = Vec::new();
    for tests in rule.any {
        let mut way: Vec<_> = tests.iter().flat_map(|test| test_instructions(test, pid)).collect();
        way.push(accept);
        let end = way.len();
        for (at, step) in way.iter_mut().enumerate().filter(|(_, step)| step.code == JUMP) {
            step.k = (end - at - 1) as u32;
        }
        verdict.extend(way);
    }
    verdict.push(instruction(RETURN, 0, 0, ERRNO | rule.refusal as u32));
    verdict
}

/// Falls through if the test passes; otherwise takes a jump whose target the caller fills in.
fn test_instructions(test: &Test, pid: u32) -> Vec<libc::sock_filter> {
    let low = |argument: u32| instruction(LOAD, 0, 0, ARGUMENTS + 8 * argument);
    let high = |argument: u32| instruction(LOAD, 0, 0, ARGUMENTS + 8 * argument + 4);
    let equal = |value: u32| instruction(IF_EQUAL, 1, 0, value);
    let fail = instruction(JUMP, 0, 0, 0);
    match *test {
        Test::OneOf(argument, values) => {
            // each match jumps over the rest of the list and the failure
            let matches = values.iter().enumerate().map(|(at, value)| {
                let past = u8::try_from(values.len() - at).expect("a list fits into one jump");
                instruction(IF_EQUAL, past, 0, *value)
            });
            std::iter::once(low(argument)).chain(matches).chain([fail]).collect()
        }
        Test::Bits { argument, mask, value } => vec![low(argument), instruction(AND, 0, 0, mask), equal(value), fail],
        Test::Null(argument) => vec![low(argument), equal(0), fail, high(argument), equal(0), fail],
        Test::Pid(argument) => vec![low(argument), equal(pid), fail],
    }
}

/// Installs the filter for this thread and everything that it execs, for good. Needs no_new_privs.
pub fn install(program: &[libc::sock_filter]) -> io::Result<()> {
    set(program, 0).map(drop)
}

/// The same; returns the close-on-exec descriptor by which a supervisor answers calls. EBUSY: another filter of this process has one.
pub fn install_supervised(program: &[libc::sock_filter]) -> io::Result<OwnedFd> {
    let fd = set(program, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER)?;
    // SAFETY: the descriptor is ours.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

fn set(program: &[libc::sock_filter], flags: libc::c_ulong) -> io::Result<libc::c_long> {
    let length = u16::try_from(program.len()).map_err(|_| io::Error::from_raw_os_error(libc::E2BIG))?;
    let filter = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    // SAFETY: a sock_fprog over instructions that live until the call returns; the kernel only reads them.
    check_long(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const filter) })
}

/// Whether the kernel has filters that can kill a process (Linux 4.14).
pub fn is_available() -> bool {
    let action = KILL_PROCESS;
    // SAFETY: the kernel reads one u32.
    unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0, &raw const action) == 0 }
}

#[cfg(test)]
#[path = "seccomp_tests.rs"]
pub mod tests;
