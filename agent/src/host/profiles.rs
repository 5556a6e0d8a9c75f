//! What each confined program may ask of the kernel: one table a program, over `sys::seccomp`.
//!
//! Left out on purpose, because Landlock does not cover them or because they reach other processes of the same user:
//! the families of chmod, chown, setxattr and utimensat; truncate, `O_TRUNC` and creat; kill, prlimit64 on others, ptrace,
//! process_vm_readv, pidfd_open, `F_SETOWN` (signals by way of a descriptor); mount, unshare, setns, clone3 and clone with
//! namespaces or for a process; bpf, io_uring, keyctl, userfaultfd, perf_event_open, inotify, fanotify, memfd_create.

use crate::sys::seccomp::{allow, allow_if, Rule, Test};
use libc::*;

/// The rules of a profile, in the order in which they are looked up; None: no such profile.
pub fn named(name: &str) -> Option<&'static [&'static [Rule]]> {
    match name {
        "qemu" => Some(&[COMMON, EXEC, QEMU]),
        // QEMU's user-mode network opens the guest's connections itself
        "qemu-user-net" => Some(&[QEMU_USER_NET, COMMON, EXEC, QEMU]),
        "firecracker" => Some(&[COMMON, EXEC, FIRECRACKER]),
        _ => None,
    }
}

/// `CLONE_NEW*` of linux/sched.h, `CLONE_NEWTIME` included.
const NAMESPACES: u32 = 0x7e02_0080;
/// what makes a thread
const THREAD: u32 = (CLONE_THREAD | CLONE_VM | CLONE_SIGHAND) as u32;

/// Emptying a file by opening it needs no right to write under Landlock before version 3.
const NO_TRUNCATION: u32 = O_TRUNC as u32;

const DESCRIPTOR_COMMANDS: &[u32] = &[
    F_DUPFD as u32,
    F_GETFD as u32,
    F_SETFD as u32,
    F_GETFL as u32,
    F_SETFL as u32,
    F_GETLK as u32,
    F_SETLK as u32,
    F_SETLKW as u32,
    F_OFD_GETLK as u32,
    F_OFD_SETLK as u32,
    F_OFD_SETLKW as u32,
    F_DUPFD_CLOEXEC as u32,
];

/// Of any file or socket, and the questions that QEMU asks a disk. TIOCSTI, TIOCLINUX and FIOSETOWN are not among them.
const DEVICE_COMMANDS: &[u32] = &[
    FIONBIO as u32,
    FIONREAD as u32,
    FIOCLEX as u32,
    FIONCLEX as u32,
    TCGETS as u32,
    TIOCGWINSZ as u32,
    0x1268,      // BLKSSZGET
    0x127b,      // BLKPBSZGET
    0x8008_1272, // BLKGETSIZE64
];

const PROCESS_COMMANDS: &[u32] = &[
    PR_SET_NAME as u32,
    PR_GET_NAME as u32,
    PR_SET_TIMERSLACK as u32,
    PR_GET_TIMERSLACK as u32,
    PR_GET_DUMPABLE as u32,
    PR_CAPBSET_READ as u32,
    PR_GET_NO_NEW_PRIVS as u32,
    PR_SET_NO_NEW_PRIVS as u32,
    PR_GET_SECCOMP as u32,
    PR_SET_SECCOMP as u32,
];

/// Memory, threads, time, and descriptors that are open. Which files may be opened is Landlock's business.
const COMMON: &[Rule] = &[
    // the hot path
    allow(SYS_ppoll),
    allow(SYS_read),
    allow(SYS_write),
    allow(SYS_futex),
    allow(SYS_readv),
    allow(SYS_writev),
    allow(SYS_preadv),
    allow(SYS_pwritev),
    allow(SYS_pread64),
    allow(SYS_pwrite64),
    allow(SYS_recvmsg),
    allow(SYS_sendmsg),
    allow_if(SYS_ioctl, &[&[Test::Bits { argument: 1, mask: 0xff00, value: 0xae00 }], &[Test::OneOf(1, DEVICE_COMMANDS)]]), // 0xae: KVM
    allow(SYS_clock_gettime),
    allow(SYS_rt_sigprocmask),
    // memory
    allow(SYS_brk),
    allow(SYS_mmap),
    allow(SYS_munmap),
    allow(SYS_mprotect),
    allow(SYS_mremap),
    allow(SYS_madvise),
    allow(SYS_mincore),
    allow(SYS_msync),
    allow(SYS_membarrier),
    // threads of its own
    allow_if(SYS_clone, &[&[Test::Bits { argument: 0, mask: THREAD | NAMESPACES, value: THREAD }]]),
    allow_if(SYS_tgkill, &[&[Test::OwnPid(0)]]),
    allow(SYS_arch_prctl),
    allow(SYS_set_tid_address),
    allow(SYS_set_robust_list),
    allow(SYS_rseq),
    allow(SYS_gettid),
    allow(SYS_getpid),
    allow(SYS_getppid),
    allow(SYS_sched_yield),
    allow(SYS_sched_getaffinity),
    allow(SYS_getcpu),
    allow_if(SYS_prctl, &[&[Test::OneOf(0, PROCESS_COMMANDS)]]),
    // glibc's getrlimit: of itself, reading only
    allow_if(SYS_prlimit64, &[&[Test::OneOf(0, &[0]), Test::Null(2)]]),
    allow(SYS_getrlimit),
    allow(SYS_exit),
    allow(SYS_exit_group),
    // a filter on top of this one can only take away
    allow(SYS_seccomp),
    // signals to itself
    allow(SYS_rt_sigaction),
    allow(SYS_rt_sigreturn),
    allow(SYS_rt_sigpending),
    allow(SYS_rt_sigtimedwait),
    allow(SYS_rt_sigsuspend),
    allow(SYS_sigaltstack),
    allow(SYS_restart_syscall),
    allow(SYS_signalfd4),
    // time
    allow(SYS_clock_getres),
    allow(SYS_clock_nanosleep),
    allow(SYS_nanosleep),
    allow(SYS_gettimeofday),
    allow(SYS_time),
    allow(SYS_times),
    allow(SYS_timerfd_create),
    allow(SYS_timerfd_settime),
    allow(SYS_timerfd_gettime),
    // waiting
    allow(SYS_poll),
    allow(SYS_select),
    allow(SYS_pselect6),
    allow(SYS_epoll_create1),
    allow(SYS_epoll_ctl),
    allow(SYS_epoll_wait),
    allow(SYS_epoll_pwait),
    allow(SYS_epoll_pwait2),
    allow(SYS_eventfd2),
    allow(SYS_pipe2),
    // files
    allow_if(SYS_openat, &[&[Test::Bits { argument: 2, mask: NO_TRUNCATION, value: 0 }]]),
    allow_if(SYS_open, &[&[Test::Bits { argument: 1, mask: NO_TRUNCATION, value: 0 }]]),
    allow(SYS_close),
    allow(SYS_close_range),
    allow(SYS_lseek),
    allow(SYS_stat),
    allow(SYS_fstat),
    allow(SYS_lstat),
    allow(SYS_newfstatat),
    allow(SYS_statx),
    allow(SYS_statfs),
    allow(SYS_fstatfs),
    allow(SYS_access),
    allow(SYS_faccessat),
    allow(SYS_faccessat2),
    allow(SYS_readlink),
    allow(SYS_readlinkat),
    allow(SYS_getdents64),
    allow(SYS_getcwd),
    allow(SYS_dup),
    allow(SYS_dup2),
    allow(SYS_dup3),
    allow_if(SYS_fcntl, &[&[Test::OneOf(1, DESCRIPTOR_COMMANDS)]]),
    allow(SYS_preadv2),
    allow(SYS_pwritev2),
    allow(SYS_fsync),
    allow(SYS_fdatasync),
    allow(SYS_ftruncate),
    allow(SYS_fallocate),
    allow(SYS_fadvise64),
    allow(SYS_unlink),
    // sockets that it has
    allow(SYS_listen),
    allow(SYS_accept4),
    allow(SYS_accept),
    allow(SYS_shutdown),
    allow(SYS_getsockname),
    allow(SYS_getpeername),
    allow(SYS_getsockopt),
    allow(SYS_setsockopt),
    allow(SYS_recvfrom),
    allow_if(SYS_sendto, &[&[Test::Null(4)]]), // to nobody but its peer
    // what it is and where it runs
    allow(SYS_uname),
    allow(SYS_sysinfo),
    allow(SYS_getrandom),
    allow(SYS_getrusage),
    allow(SYS_getuid),
    allow(SYS_geteuid),
    allow(SYS_getgid),
    allow(SYS_getegid),
    allow(SYS_getresuid),
    allow(SYS_getresgid),
    allow(SYS_getgroups),
    allow(SYS_capget),
];

/// The filter is there before the program is, so its own exec has to pass. What could be executed later is in the same cage;
/// QEMU's `-sandbox spawn=deny` and Firecracker's own filters end a process that tries.
const EXEC: &[Rule] = &[allow(SYS_execve)];

const QEMU: &[Rule] = &[
    allow_if(SYS_socket, &[&[Test::OneOf(0, &[AF_UNIX as u32])]]),
    allow(SYS_connect),
    allow(SYS_bind),
];

const QEMU_USER_NET: &[Rule] = &[
    allow_if(SYS_socket, &[&[Test::OneOf(0, &[AF_UNIX as u32, AF_INET as u32])]]),
    allow(SYS_sendto),
    allow(SYS_connect),
    allow(SYS_bind),
];

/// It makes its API and vsock sockets itself, where Landlock lets it, and connects to none.
const FIRECRACKER: &[Rule] = &[
    allow_if(SYS_socket, &[&[Test::OneOf(0, &[AF_UNIX as u32]), Test::OneOf(1, &[(SOCK_STREAM | SOCK_CLOEXEC) as u32])]]),
    allow(SYS_bind),
    // musl's pthread_kill knows no other call; SIGRTMIN is how Firecracker stops a virtual CPU
    allow_if(SYS_tkill, &[&[Test::OneOf(1, &[FIRECRACKER_VCPU_SIGNAL])]]),
];

/// `sigrtmin() + VCPU_RTSIG_OFFSET` with musl
const FIRECRACKER_VCPU_SIGNAL: u32 = 35;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::seccomp::tests::{verdict, Verdict};
    use crate::sys::seccomp::{compile, X86_64};

    const PROFILES: [&str; 3] = ["qemu", "qemu-user-net", "firecracker"];
    const OWN_PID: u32 = 4711;

    fn ask(profile: &str, number: c_long, arguments: &[u64]) -> Verdict {
        let mut all = [0; 6];
        all[..arguments.len()].copy_from_slice(arguments);
        verdict(&compile(named(profile).unwrap(), OWN_PID), X86_64, number, all)
    }

    #[test]
    fn what_reaches_the_users_files_and_processes_is_in_no_profile() {
        let absent = [
            SYS_chmod, SYS_fchmod, SYS_fchmodat, SYS_fchmodat2, SYS_chown, SYS_fchown, SYS_lchown, SYS_fchownat,
            SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, SYS_removexattr, SYS_utime, SYS_utimes, SYS_futimesat, SYS_utimensat,
            463, 466, 469, // setxattrat, removexattrat, file_setattr
            SYS_truncate, SYS_creat, SYS_openat2, SYS_kill, SYS_setrlimit, SYS_setpriority, SYS_sched_setaffinity,
            SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_open, SYS_pidfd_getfd, SYS_pidfd_send_signal,
            SYS_inotify_init, SYS_inotify_init1, SYS_fanotify_init, SYS_mount, SYS_fsopen, SYS_open_tree, SYS_move_mount,
            SYS_mount_setattr, SYS_unshare, SYS_setns, SYS_clone3, SYS_fork, SYS_vfork, SYS_execveat, SYS_bpf,
            SYS_io_uring_setup, SYS_keyctl, SYS_add_key, SYS_userfaultfd, SYS_perf_event_open, SYS_memfd_create,
            SYS_socketpair, SYS_shmget,
        ];
        for profile in PROFILES {
            for number in absent {
                assert_eq!(ask(profile, number, &[]), Verdict::Refused(ENOSYS), "{profile}: {number}");
            }
        }
    }

    #[test]
    fn a_program_may_make_threads_and_nothing_else() {
        let thread = 0x003d_0f00; // glibc's pthread_create
        for profile in PROFILES {
            assert_eq!(ask(profile, SYS_clone, &[thread]), Verdict::Allowed);
            for flags in [SIGCHLD as u64, thread | 0x1000_0000, thread | 0x80, 0x4000_0000] {
                assert_eq!(ask(profile, SYS_clone, &[flags]), Verdict::Refused(EPERM), "{flags:#x}");
            }
        }
    }

    #[test]
    fn it_signals_and_limits_nobody_else() {
        for profile in PROFILES {
            assert_eq!(ask(profile, SYS_tgkill, &[u64::from(OWN_PID), 1, 10]), Verdict::Allowed);
            assert_eq!(ask(profile, SYS_tgkill, &[1, 1, 10]), Verdict::Refused(EPERM));
            assert_eq!(ask(profile, SYS_prlimit64, &[0, 7, 0, 4096]), Verdict::Allowed);
            assert_eq!(ask(profile, SYS_prlimit64, &[0, 7, 4096, 0]), Verdict::Refused(EPERM));
            assert_eq!(ask(profile, SYS_prlimit64, &[u64::from(OWN_PID), 7, 0, 4096]), Verdict::Refused(EPERM));
            for command in [F_SETOWN, 10, 15] {
                // F_SETSIG, F_SETOWN_EX
                assert_eq!(ask(profile, SYS_fcntl, &[0, command as u64]), Verdict::Refused(EPERM));
            }
            for command in [TIOCSTI, 0x541c, 0x8901, 0x8902] {
                // TIOCLINUX, FIOSETOWN, SIOCSPGRP
                assert_eq!(ask(profile, SYS_ioctl, &[0, command as u64]), Verdict::Refused(EPERM), "{command:#x}");
            }
        }
    }

    #[test]
    fn files_are_not_emptied_by_opening_them() {
        for profile in PROFILES {
            let flags = (O_WRONLY | O_CREAT | O_APPEND) as u64;
            assert_eq!(ask(profile, SYS_openat, &[0, 0, flags]), Verdict::Allowed);
            assert_eq!(ask(profile, SYS_openat, &[0, 0, flags | O_TRUNC as u64]), Verdict::Refused(EPERM));
            assert_eq!(ask(profile, SYS_open, &[0, O_TRUNC as u64]), Verdict::Refused(EPERM));
        }
    }

    #[test]
    fn sockets_are_of_the_families_that_each_program_needs() {
        let inet = [AF_INET as u64, SOCK_STREAM as u64];
        assert_eq!(ask("qemu", SYS_socket, &inet), Verdict::Refused(EPERM));
        assert_eq!(ask("qemu-user-net", SYS_socket, &inet), Verdict::Allowed);
        assert_eq!(ask("qemu-user-net", SYS_socket, &[AF_NETLINK as u64]), Verdict::Refused(EPERM));
        assert_eq!(ask("firecracker", SYS_socket, &inet), Verdict::Refused(EPERM));
        assert_eq!(ask("firecracker", SYS_connect, &[]), Verdict::Refused(ENOSYS));
        assert_eq!(ask("qemu", SYS_sendto, &[3, 0, 0, 0, 4096]), Verdict::Refused(EPERM));
        assert_eq!(ask("qemu-user-net", SYS_sendto, &[3, 0, 0, 0, 4096]), Verdict::Allowed);
    }
}
