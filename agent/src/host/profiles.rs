//! What each confined program may ask of the kernel: one table a program, over `sys::seccomp`.
//!
//! Left out on purpose, because Landlock does not cover them or because they reach other processes of the same user:
//! the families of chmod, chown, setxattr and utimensat; truncate, `O_TRUNC` and creat; kill, prlimit64 on others, ptrace,
//! process_vm_readv, pidfd_open, `F_SETOWN` (signals by way of a descriptor); mount, unshare, setns, clone3 and clone with
//! namespaces or for a process; bpf, io_uring, keyctl, userfaultfd, perf_event_open, inotify, fanotify, memfd_create.

use crate::sys::seccomp::{allow, allow_if, refuse, Rule, Test};
use libc::*;

/// The rules of a profile, in the order in which they are looked up; None: no such profile.
///
/// `are_signals_bound`: Landlock keeps the program from signalling others, so it may use a call whose arguments don't say whom it
/// signals.
pub fn named(name: &str, are_signals_bound: bool) -> Option<&'static [&'static [Rule]]> {
    match name {
        // every socket that it has was handed to it
        "qemu" => Some(&[COMMON, EXEC]),
        // QEMU's user-mode network opens the guest's connections itself
        "qemu-user-net" => Some(&[QEMU_USER_NET, COMMON, EXEC]),
        "firecracker" if are_signals_bound => Some(&[COMMON, EXEC, FIRECRACKER, MUSL_SIGNALS]),
        "firecracker" => Some(&[COMMON, EXEC, FIRECRACKER]),
        // a host program that reads a stranger's bytes; its files are Landlock's and its root's business
        "tool" => Some(&[TOOL, COMMON, EXEC]),
        "tool-with-children" => Some(&[CHILDREN, TOOL, COMMON, EXEC]),
        "netguard" => Some(&[NETGUARD]),
        _ => None,
    }
}

/// `CLONE_NEW*` of linux/sched.h, `CLONE_NEWTIME` included.
const NAMESPACES: u32 = 0x7e02_0080;
/// what makes a thread
const THREAD: u32 = (CLONE_THREAD | CLONE_VM | CLONE_SIGHAND) as u32;

/// Emptying a file by opening it needs no right to write under Landlock before version 3.
const NO_TRUNCATION: u32 = O_TRUNC as u32;
/// `__O_TMPFILE` of asm-generic/fcntl.h: a file without a name, which Landlock allows where writing is allowed.
const UNNAMED: u32 = 0o20_000_000;

/// Modes of fallocate(2) that stay within the file's size, which RLIMIT_FSIZE bounds, or free blocks: what QEMU allocates, zeroes
/// and discards by. FALLOC_FL_KEEP_SIZE alone takes blocks beyond the end without any limit.
const ALLOCATIONS: &[u32] =
    &[0, FALLOC_FL_ZERO_RANGE as u32, (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) as u32];

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
    allow_if(SYS_openat, &[&[Test::Bits { argument: 2, mask: NO_TRUNCATION | UNNAMED, value: 0 }]]),
    allow_if(SYS_open, &[&[Test::Bits { argument: 1, mask: NO_TRUNCATION | UNNAMED, value: 0 }]]),
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
    allow_if(SYS_fallocate, &[&[Test::OneOf(1, ALLOCATIONS)]]),
    allow(SYS_fadvise64),
    // QEMU removes its sockets at its end, and reports an error other than this one
    refuse(SYS_unlink, ENOENT),
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

/// Emptying a file by opening it for writing, which Landlock's right to write covers in every version.
const TRUNCATION_BY_A_WRITER: [u32; 2] = [(O_TRUNC | O_WRONLY) as u32, (O_TRUNC | O_RDWR) as u32];
const TRUNCATION: u32 = (O_TRUNC | O_ACCMODE) as u32;

/// Making, naming and removing files in the folders that it has. No socket of any kind, and no signal to anybody else.
const TOOL: &[Rule] = &[
    allow_if(
        SYS_openat,
        &[
            &[Test::Bits { argument: 2, mask: NO_TRUNCATION, value: 0 }],
            &[Test::Bits { argument: 2, mask: TRUNCATION, value: TRUNCATION_BY_A_WRITER[0] }],
            &[Test::Bits { argument: 2, mask: TRUNCATION, value: TRUNCATION_BY_A_WRITER[1] }],
        ],
    ),
    allow_if(
        SYS_open,
        &[
            &[Test::Bits { argument: 1, mask: NO_TRUNCATION, value: 0 }],
            &[Test::Bits { argument: 1, mask: TRUNCATION, value: TRUNCATION_BY_A_WRITER[0] }],
            &[Test::Bits { argument: 1, mask: TRUNCATION, value: TRUNCATION_BY_A_WRITER[1] }],
        ],
    ),
    allow(SYS_unlink),
    allow(SYS_rename),
    allow(SYS_renameat),
    allow(SYS_renameat2),
    allow(SYS_mkdir),
    allow(SYS_mkdirat),
    allow(SYS_rmdir),
    allow(SYS_unlinkat),
    allow(SYS_chdir),
    allow(SYS_fchdir),
    // of itself
    allow(SYS_umask),
    allow(SYS_alarm),
    allow(SYS_setitimer),
    allow(SYS_pipe),
    // attributes of files, reading only
    allow(SYS_getxattr),
    allow(SYS_lgetxattr),
    allow(SYS_fgetxattr),
    allow(SYS_listxattr),
    allow(SYS_llistxattr),
    allow(SYS_flistxattr),
];

/// Processes beside threads, in the same namespaces.
const CHILDREN: &[Rule] = &[
    allow_if(SYS_clone, &[&[Test::Bits { argument: 0, mask: NAMESPACES, value: 0 }]]),
    allow(SYS_fork),
    allow(SYS_vfork),
    allow(SYS_wait4),
    allow(SYS_waitid),
];

const QEMU_USER_NET: &[Rule] = &[
    allow_if(SYS_socket, &[&[Test::OneOf(0, &[AF_INET as u32])]]),
    allow(SYS_sendto),
    allow(SYS_connect),
    allow(SYS_bind),
];

/// A relay between two sockets that it has, in two threads. It is installed after its set-up, and nothing is exec'ed.
const NETGUARD: &[Rule] = &[
    allow(SYS_read),
    allow(SYS_write),
    allow(SYS_recvfrom),
    allow_if(SYS_sendto, &[&[Test::Null(4)]]),
    allow(SYS_futex),
    allow(SYS_close),
    allow(SYS_shutdown),
    allow_if(SYS_fcntl, &[&[Test::OneOf(1, DESCRIPTOR_COMMANDS)]]),
    allow(SYS_poll),
    allow(SYS_brk),
    allow(SYS_mmap),
    allow(SYS_munmap),
    allow(SYS_mremap),
    allow(SYS_mprotect),
    allow(SYS_madvise),
    allow_if(SYS_clone, &[&[Test::Bits { argument: 0, mask: THREAD | NAMESPACES, value: THREAD }]]),
    allow(SYS_set_robust_list),
    allow(SYS_rseq),
    allow(SYS_gettid),
    allow(SYS_getpid),
    allow(SYS_sched_yield),
    allow(SYS_sched_getaffinity),
    allow_if(SYS_prctl, &[&[Test::OneOf(0, &[PR_SET_NAME as u32])]]),
    allow_if(SYS_tgkill, &[&[Test::OwnPid(0)]]),
    allow(SYS_rt_sigaction),
    allow(SYS_rt_sigprocmask),
    allow(SYS_rt_sigreturn),
    allow(SYS_sigaltstack),
    allow(SYS_restart_syscall),
    allow(SYS_clock_gettime),
    allow(SYS_getrandom),
    allow(SYS_exit),
    allow(SYS_exit_group),
];

/// It makes its API and vsock sockets itself, where Landlock lets it, and connects to none.
const FIRECRACKER: &[Rule] = &[
    allow_if(SYS_socket, &[&[Test::OneOf(0, &[AF_UNIX as u32]), Test::OneOf(1, &[(SOCK_STREAM | SOCK_CLOEXEC) as u32])]]),
    allow(SYS_bind),
];

/// Firecracker stops a virtual CPU by SIGRTMIN, and musl's pthread_kill has no call for it but this one. It names a thread of any
/// process, so it is refused where only the filter bounds signals; Firecracker can't pause a VM there.
const MUSL_SIGNALS: &[Rule] = &[allow_if(SYS_tkill, &[&[Test::OneOf(1, &[FIRECRACKER_VCPU_SIGNAL])]])];

/// `sigrtmin() + VCPU_RTSIG_OFFSET` with musl
const FIRECRACKER_VCPU_SIGNAL: u32 = 35;

#[cfg(test)]
#[path = "profiles_tests.rs"]
mod tests;
