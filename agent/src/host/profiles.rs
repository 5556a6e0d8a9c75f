//! The system calls that each confined program may make: one table per program, for `sys::seccomp`.
//!
//! Left out on purpose, because Landlock does not cover them or because they affect other processes of the same user:
//! the families of chmod, chown, setxattr and utimensat; truncate, `O_TRUNC` and creat; kill, prlimit64 on others, ptrace,
//! process_vm_readv, pidfd_open, `F_SETOWN` (signals through a descriptor); mount, unshare, setns, clone3 and clone with
//! namespaces or for a process; bpf, io_uring, keyctl, userfaultfd, perf_event_open, inotify, fanotify, memfd_create.

use crate::sys::seccomp::{allow, allow_if, refuse, supervise_if, Rule, Test};
use crate::sys::supervision::{RECEIVE, SEND};
use libc::*;

/// What keeps signals within the program when it sends them by a call whose arguments do not show which process it signals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SignalScope {
    /// nothing: the filter refuses such calls
    None,
    /// Landlock
    Landlock,
    /// a supervisor makes these calls (`confine::supervisor`)
    Supervisor,
}

/// The rules of a profile, in the order in which they are looked up; None if there is no such profile.
pub fn named(name: &str, scope: SignalScope) -> Option<&'static [&'static [Rule]]> {
    match name {
        // it gets all its sockets as descriptors
        "qemu" => Some(&[COMMON, EXEC]),
        // it gets its TAP interface as a descriptor, too
        "qemu-tap" => Some(&[QEMU_TAP, COMMON, EXEC]),
        // with its user-mode network, QEMU opens the guest's connections itself
        "qemu-user-net" => Some(&[QEMU_USER_NET, COMMON, EXEC]),
        "firecracker" => Some(match scope {
            SignalScope::None => &[FIRECRACKER, COMMON, EXEC],
            SignalScope::Landlock => &[FIRECRACKER, COMMON, EXEC, MUSL_SIGNALS],
            SignalScope::Supervisor => &[FIRECRACKER, COMMON, EXEC, SUPERVISED_SIGNALS],
        }),
        "firecracker-tap" => Some(match scope {
            SignalScope::None => &[FIRECRACKER_TAP, FIRECRACKER, COMMON, EXEC],
            SignalScope::Landlock => &[FIRECRACKER_TAP, FIRECRACKER, COMMON, EXEC, MUSL_SIGNALS],
            SignalScope::Supervisor => &[FIRECRACKER_TAP, FIRECRACKER, COMMON, EXEC, SUPERVISED_SIGNALS],
        }),
        "supervisor" => Some(&[SUPERVISOR]),
        // a host program that reads hostile input; Landlock and its root restrict its files
        "tool" => Some(&[TOOL, COMMON, EXEC]),
        "tool-with-children" => Some(&[CHILDREN, TOOL, COMMON, EXEC]),
        "netguard" => Some(&[NETGUARD]),
        "netguard-vsock" => Some(&[NETGUARD, DESCRIPTORS_IN]),
        "netguard-dialer" => Some(&[DIALER]),
        _ => None,
    }
}

/// `CLONE_NEW*` of linux/sched.h, `CLONE_NEWTIME` included.
const NAMESPACES: u32 = 0x7e02_0080;
/// flags of clone(2) for a thread
const THREAD: u32 = (CLONE_THREAD | CLONE_VM | CLONE_SIGHAND) as u32;

/// Before version 3, Landlock allows truncating a file by opening it without the right to write.
const NO_TRUNCATION: u32 = O_TRUNC as u32;
/// `__O_TMPFILE` of asm-generic/fcntl.h: a file without a name, which Landlock allows where it allows writing.
const UNNAMED: u32 = 0o20_000_000;

/// Modes of fallocate(2) that QEMU uses to allocate, zero and discard: they stay within the file's size, which RLIMIT_FSIZE limits, or
/// free blocks. FALLOC_FL_KEEP_SIZE alone allocates blocks beyond the end without any limit.
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

/// ioctls for any file or socket, and QEMU's queries of a disk. Not TIOCSTI, TIOCLINUX and FIOSETOWN.
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

const KVM_COMMANDS: Test = Test::Bits { argument: 1, mask: 0xff00, value: 0xae00 };

/// For a TAP interface that it is attached to: not TUNSETPERSIST, TUNSETOWNER, TUNSETLINK, TUNATTACHFILTER and SIOCSIFHWADDR.
const TAP_COMMANDS: &[u32] = &[
    0x8004_54d2, // TUNGETIFF
    0x4004_54d0, // TUNSETOFFLOAD
    0x4004_54d4, // TUNSETSNDBUF
    0x8004_54d7, // TUNGETVNETHDRSZ
    0x4004_54d8, // TUNSETVNETHDRSZ
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

/// Memory, threads, time, and open descriptors. Landlock restricts which files can be opened.
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
    allow_if(SYS_ioctl, &[&[KVM_COMMANDS], &[Test::OneOf(1, DEVICE_COMMANDS)]]),
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
    // its own threads
    allow_if(SYS_clone, &[&[Test::Bits { argument: 0, mask: THREAD | NAMESPACES, value: THREAD }]]),
    allow_if(SYS_tgkill, &[&[Test::Pid(0)]]),
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
    // glibc's getrlimit: only reading its own limits
    allow_if(SYS_prlimit64, &[&[Test::OneOf(0, &[0]), Test::Null(2)]]),
    allow(SYS_getrlimit),
    allow(SYS_exit),
    allow(SYS_exit_group),
    // an additional filter can only restrict more, unless it has a supervisor: that one could allow what is left to ours
    allow_if(SYS_seccomp, &[&[Test::Bits { argument: 1, mask: SECCOMP_FILTER_FLAG_NEW_LISTENER as u32, value: 0 }]]),
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
    // QEMU removes its sockets when it ends, and reports any error except this one
    refuse(SYS_unlink, ENOENT),
    // sockets that are already open
    allow(SYS_listen),
    allow(SYS_accept4),
    allow(SYS_accept),
    allow(SYS_shutdown),
    allow(SYS_getsockname),
    allow(SYS_getpeername),
    allow(SYS_getsockopt),
    allow(SYS_setsockopt),
    allow(SYS_recvfrom),
    allow_if(SYS_sendto, &[&[Test::Null(4)]]), // only to the socket's peer
    // facts about itself and the system
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

/// The filter is installed before the program is exec'ed, so that exec has to pass. A program that it execs later is in the same cage;
/// QEMU's `-sandbox spawn=deny` and Firecracker's own filters kill a process that tries.
const EXEC: &[Rule] = &[allow(SYS_execve)];

/// Truncating a file by opening it for writing, which Landlock's right to write covers in every version.
const TRUNCATION_BY_A_WRITER: [u32; 2] = [(O_TRUNC | O_WRONLY) as u32, (O_TRUNC | O_RDWR) as u32];
const TRUNCATION: u32 = (O_TRUNC | O_ACCMODE) as u32;

/// Creating, renaming and removing files in its folders. No sockets, and no signals to other processes.
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
    // its own process
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

/// Child processes, in the same namespaces.
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

/// A relay between two open sockets, in two threads. Installed after the set-up, and nothing is exec'ed.
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
    allow_if(SYS_tgkill, &[&[Test::Pid(0)]]),
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

/// For connections that another process opens.
const DESCRIPTORS_IN: &[Rule] = &[allow(SYS_recvmsg)];

/// Connects to unix sockets and passes them on, in one thread.
const DIALER: &[Rule] = &[
    allow(SYS_read),
    allow(SYS_poll),
    allow_if(SYS_socket, &[&[Test::OneOf(0, &[AF_UNIX as u32]), Test::OneOf(1, &[(SOCK_STREAM | SOCK_CLOEXEC) as u32])]]),
    allow(SYS_connect),
    allow(SYS_sendmsg),
    allow(SYS_recvfrom),
    allow(SYS_close),
    allow(SYS_brk),
    allow(SYS_mmap),
    allow(SYS_munmap),
    allow(SYS_rt_sigreturn),
    allow(SYS_restart_syscall),
    allow(SYS_exit_group),
];

/// It creates its API and vsock sockets itself, where Landlock allows it, and connects to none. It truncates the file of a save's state.
const FIRECRACKER: &[Rule] = &[
    allow_if(
        SYS_openat,
        &[
            &[Test::Bits { argument: 2, mask: NO_TRUNCATION | UNNAMED, value: 0 }],
            &[Test::Bits { argument: 2, mask: TRUNCATION | UNNAMED, value: TRUNCATION_BY_A_WRITER[0] }],
        ],
    ),
    allow_if(
        SYS_open,
        &[
            &[Test::Bits { argument: 1, mask: NO_TRUNCATION | UNNAMED, value: 0 }],
            &[Test::Bits { argument: 1, mask: TRUNCATION | UNNAMED, value: TRUNCATION_BY_A_WRITER[0] }],
        ],
    ),
    allow_if(SYS_socket, &[&[Test::OneOf(0, &[AF_UNIX as u32]), Test::OneOf(1, &[(SOCK_STREAM | SOCK_CLOEXEC) as u32])]]),
    allow(SYS_bind),
    // the vsock device maps a few pages twice, and seals them; without /proc such a file can't be executed
    allow_if(SYS_memfd_create, &[&[Test::OneOf(1, &[MFD_CLOEXEC | MFD_ALLOW_SEALING])]]),
    allow_if(SYS_fcntl, &[&[Test::OneOf(1, DESCRIPTOR_COMMANDS)], &[Test::OneOf(1, &[F_ADD_SEALS as u32])]]),
];

const QEMU_TAP: &[Rule] = &[allow_if(SYS_ioctl, &[&[KVM_COMMANDS], &[Test::OneOf(1, DEVICE_COMMANDS)], &[Test::OneOf(1, TAP_COMMANDS)]])];

/// It attaches to its TAP interface by name. Other VMs' are the user's too, but each takes one program only, and one that has none carries
/// nothing but its own VM's address.
const FIRECRACKER_TAP: &[Rule] = &[allow_if(
    SYS_ioctl,
    &[&[KVM_COMMANDS], &[Test::OneOf(1, DEVICE_COMMANDS)], &[Test::OneOf(1, TAP_COMMANDS)], &[Test::OneOf(1, &[TUNSETIFF])]],
)];

const TUNSETIFF: u32 = 0x4004_54ca;

/// Firecracker stops a virtual CPU with a real-time signal, and musl's pthread_kill uses tkill, which can signal a thread of any process.
/// Where nothing else restricts signals, it is refused, and Firecracker can't pause a VM.
const MUSL_SIGNALS: &[Rule] = &[allow_if(SYS_tkill, &[&[Test::OneOf(1, &[FIRECRACKER_VCPU_SIGNAL])]])];
const SUPERVISED_SIGNALS: &[Rule] = &[supervise_if(SYS_tkill, &[&[Test::OneOf(1, &[FIRECRACKER_VCPU_SIGNAL])]])];

/// `sigrtmin() + VCPU_RTSIG_OFFSET` with musl
const FIRECRACKER_VCPU_SIGNAL: u32 = 35;

/// Signals the threads of one process, whose pid the filter is compiled for.
const SUPERVISOR: &[Rule] = &[
    allow_if(SYS_ioctl, &[&[Test::OneOf(1, &[RECEIVE as u32, SEND as u32])]]),
    allow_if(SYS_tgkill, &[&[Test::Pid(0), Test::OneOf(2, &[FIRECRACKER_VCPU_SIGNAL])]]),
    // to say that it is ready
    allow_if(SYS_sendto, &[&[Test::Null(4)]]),
    allow(SYS_close),
    allow(SYS_exit_group),
];

#[cfg(test)]
#[path = "profiles_tests.rs"]
mod tests;
