//! The decisions of each profile about the calls that matter.

use super::*;
use crate::sys::seccomp::tests::{verdict, Verdict};
use crate::sys::seccomp::{compile, X86_64};

const PROFILES: [&str; 8] = ["qemu", "qemu-tap", "qemu-user-net", "firecracker", "firecracker-tap", "tool", "netguard", "netguard-vsock"];
const VMMS: [&str; 5] = ["qemu", "qemu-tap", "qemu-user-net", "firecracker", "firecracker-tap"];
const TOOLS: [&str; 2] = ["tool", "tool-with-children"];
const RELAYS: [&str; 2] = ["netguard", "netguard-vsock"];
const OWN_PID: u32 = 4711;
/// linux/sched.h: time, mount, cgroup, UTS, IPC, user, PID and network
const EVERY_NAMESPACE: [u64; 8] =
    [0x80, 0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000];

fn ask(profile: &str, number: c_long, arguments: &[u64]) -> Verdict {
    let mut all = [0; 6];
    all[..arguments.len()].copy_from_slice(arguments);
    verdict(&compile(named(profile, SignalScope::None).unwrap(), OWN_PID), X86_64, number, all)
}

#[test]
fn tkill_is_allowed_only_where_signals_stay_within_the_program() {
    let ask = |profile, scope, signal| verdict(&compile(named(profile, scope).unwrap(), OWN_PID), X86_64, SYS_tkill, [1, signal, 0, 0, 0, 0]);
    let scopes = [SignalScope::None, SignalScope::Landlock, SignalScope::Supervisor];
    let verdicts = [Verdict::Refused(ENOSYS), Verdict::Allowed, Verdict::Supervised];
    for (scope, verdict) in scopes.into_iter().zip(verdicts) {
        assert_eq!(ask("firecracker", scope, 35), verdict);
        for profile in ["qemu", "qemu-user-net", "netguard", "supervisor"] {
            assert_eq!(ask(profile, scope, 35), Verdict::Refused(ENOSYS), "{profile}");
        }
    }
    for scope in [SignalScope::Landlock, SignalScope::Supervisor] {
        for signal in [0, SIGKILL, SIGSTOP, SIGABRT, 34, 36] {
            assert_eq!(ask("firecracker", scope, signal as u64), Verdict::Refused(EPERM), "{signal}");
        }
    }
}

#[test]
fn a_supervisor_answers_and_signals_one_process_and_does_nothing_else() {
    let own = u64::from(OWN_PID);
    for command in [RECEIVE, SEND] {
        assert_eq!(ask("supervisor", SYS_ioctl, &[3, command]), Verdict::Allowed, "{command:#x}");
    }
    // SECCOMP_IOCTL_NOTIF_ADDFD, TIOCSTI
    for command in [0x4018_2103, TIOCSTI] {
        assert_eq!(ask("supervisor", SYS_ioctl, &[3, command]), Verdict::Refused(EPERM), "{command:#x}");
    }
    assert_eq!(ask("supervisor", SYS_tgkill, &[own, 1, 35]), Verdict::Allowed);
    for arguments in [[1, 1, 35], [own, 1, 9], [own + 1, own, 35]] {
        assert_eq!(ask("supervisor", SYS_tgkill, &arguments), Verdict::Refused(EPERM), "{arguments:?}");
    }
    assert_eq!(ask("supervisor", SYS_sendto, &[3, 4096, 1, 0, 0]), Verdict::Allowed);
    for address in [4096, 1 << 32] {
        assert_eq!(ask("supervisor", SYS_sendto, &[3, 4096, 1, 0, address]), Verdict::Refused(EPERM));
    }
    for number in [SYS_open, SYS_openat, SYS_read, SYS_mmap, SYS_clone, SYS_execve, SYS_kill, SYS_tkill, SYS_socket, SYS_seccomp, SYS_prctl] {
        assert_eq!(ask("supervisor", number, &[]), Verdict::Refused(ENOSYS), "{number}");
    }
}

#[test]
fn a_later_filter_has_no_supervisor_of_its_own() {
    for profile in VMMS.into_iter().chain(TOOLS) {
        for flags in [0, SECCOMP_FILTER_FLAG_TSYNC, SECCOMP_FILTER_FLAG_LOG] {
            assert_eq!(ask(profile, SYS_seccomp, &[1, flags]), Verdict::Allowed, "{profile}: {flags:#x}");
        }
        for flags in [SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC] {
            assert_eq!(ask(profile, SYS_seccomp, &[1, flags]), Verdict::Refused(EPERM), "{profile}: {flags:#x}");
        }
    }
}

#[test]
fn blocks_are_allocated_only_within_the_size_of_a_file() {
    for profile in VMMS {
        for mode in [0, 0x10, 0x03] {
            assert_eq!(ask(profile, SYS_fallocate, &[3, mode, 0, 4096]), Verdict::Allowed, "{mode:#x}");
        }
        // KEEP_SIZE, ZERO_RANGE with it, COLLAPSE_RANGE, INSERT_RANGE, UNSHARE_RANGE
        for mode in [0x01, 0x11, 0x08, 0x20, 0x40, 0x41] {
            assert_eq!(ask(profile, SYS_fallocate, &[3, mode, 0, 4096]), Verdict::Refused(EPERM), "{mode:#x}");
        }
    }
}

#[test]
fn no_profile_has_calls_that_affect_other_files_and_processes() {
    let absent = [
        SYS_chmod, SYS_fchmod, SYS_fchmodat, SYS_fchmodat2, SYS_chown, SYS_fchown, SYS_lchown, SYS_fchownat,
        SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, SYS_removexattr, SYS_utime, SYS_utimes, SYS_futimesat, SYS_utimensat,
        463, 466, 469, // setxattrat, removexattrat, file_setattr
        SYS_truncate, SYS_creat, SYS_openat2, SYS_kill, SYS_setrlimit, SYS_setpriority, SYS_sched_setaffinity,
        SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_open, SYS_pidfd_getfd, SYS_pidfd_send_signal,
        SYS_inotify_init, SYS_inotify_init1, SYS_fanotify_init, SYS_mount, SYS_fsopen, SYS_open_tree, SYS_move_mount,
        SYS_mount_setattr, SYS_unshare, SYS_setns, SYS_clone3, SYS_fork, SYS_vfork, SYS_execveat, SYS_bpf,
        SYS_io_uring_setup, SYS_keyctl, SYS_add_key, SYS_userfaultfd, SYS_perf_event_open,
        SYS_socketpair, SYS_shmget, SYS_mknod, SYS_link, SYS_symlink,
    ];
    for profile in PROFILES {
        for number in absent {
            assert_eq!(ask(profile, number, &[]), Verdict::Refused(ENOSYS), "{profile}: {number}");
        }
    }
}

#[test]
fn a_program_may_create_threads_and_nothing_else() {
    let thread = 0x003d_0f00; // glibc's pthread_create
    for profile in PROFILES {
        assert_eq!(ask(profile, SYS_clone, &[thread]), Verdict::Allowed);
        for flags in [SIGCHLD as u64, 0x4000_0000, thread & !0x1_0000, thread & !0x100, thread & !0x800] {
            assert_eq!(ask(profile, SYS_clone, &[flags]), Verdict::Refused(EPERM), "{flags:#x}");
        }
        for namespace in EVERY_NAMESPACE {
            assert_eq!(ask(profile, SYS_clone, &[thread | namespace]), Verdict::Refused(EPERM), "{namespace:#x}");
        }
    }
}

#[test]
fn a_relay_opens_connects_and_executes_nothing() {
    for number in [SYS_open, SYS_openat, SYS_socket, SYS_connect, SYS_bind, SYS_accept4, SYS_execve, SYS_unlink, SYS_stat, SYS_sendmsg] {
        for profile in RELAYS {
            assert_eq!(ask(profile, number, &[]), Verdict::Refused(ENOSYS), "{profile}: {number}");
        }
    }
    assert_eq!(ask("netguard", SYS_recvmsg, &[]), Verdict::Refused(ENOSYS));
    assert_eq!(ask("netguard-vsock", SYS_recvmsg, &[]), Verdict::Allowed);
}

#[test]
fn a_relay_sends_only_to_its_peer_and_signals_only_itself() {
    for profile in RELAYS {
        assert_eq!(ask(profile, SYS_sendto, &[3, 0, 0, 0, 0]), Verdict::Allowed);
        for address in [4096, 1 << 32] {
            assert_eq!(ask(profile, SYS_sendto, &[3, 0, 0, 0, address]), Verdict::Refused(EPERM));
        }
        assert_eq!(ask(profile, SYS_tgkill, &[u64::from(OWN_PID), 1, 10]), Verdict::Allowed);
        assert_eq!(ask(profile, SYS_tgkill, &[1, 1, 10]), Verdict::Refused(EPERM));
        assert_eq!(ask(profile, SYS_fcntl, &[3, F_GETFL as u64]), Verdict::Allowed);
        for command in [F_SETOWN, 10, 15] {
            // F_SETSIG, F_SETOWN_EX
            assert_eq!(ask(profile, SYS_fcntl, &[3, command as u64]), Verdict::Refused(EPERM));
        }
        assert_eq!(ask(profile, SYS_prctl, &[PR_SET_NAME as u64]), Verdict::Allowed);
        for command in [PR_SET_DUMPABLE, PR_SET_PTRACER, PR_SET_SECCOMP] {
            assert_eq!(ask(profile, SYS_prctl, &[command as u64]), Verdict::Refused(EPERM), "{command:#x}");
        }
    }
}

#[test]
fn a_program_cannot_change_who_traces_it_or_what_it_may_do() {
    for profile in VMMS.into_iter().chain(TOOLS) {
        assert_eq!(ask(profile, SYS_prctl, &[PR_SET_NO_NEW_PRIVS as u64]), Verdict::Allowed);
        // who may trace it, what ends it, its executable, its rights
        for command in [PR_SET_PTRACER, PR_SET_DUMPABLE, PR_SET_PDEATHSIG, PR_SET_MM, PR_SET_SECUREBITS, PR_CAP_AMBIENT] {
            assert_eq!(ask(profile, SYS_prctl, &[command as u64]), Verdict::Refused(EPERM), "{profile}: {command:#x}");
        }
    }
}

#[test]
fn there_is_no_profile_of_another_name() {
    for name in ["", "QEMU", "qemu ", "netguard-", "none"] {
        assert!(named(name, SignalScope::Landlock).is_none(), "{name:?}");
    }
}

#[test]
fn a_dialer_connects_to_unix_sockets_and_does_nothing_else() {
    let unix = [AF_UNIX as u64, (SOCK_STREAM | SOCK_CLOEXEC) as u64];
    assert_eq!(ask("netguard-dialer", SYS_socket, &unix), Verdict::Allowed);
    for other in [[AF_INET as u64, unix[1]], [AF_VSOCK as u64, unix[1]], [unix[0], SOCK_DGRAM as u64]] {
        assert_eq!(ask("netguard-dialer", SYS_socket, &other), Verdict::Refused(EPERM), "{other:?}");
    }
    for number in [SYS_open, SYS_openat, SYS_bind, SYS_accept4, SYS_execve, SYS_clone, SYS_kill, SYS_unlink, SYS_write, SYS_recvmsg] {
        assert_eq!(ask("netguard-dialer", number, &[]), Verdict::Refused(ENOSYS), "{number}");
    }
}

#[test]
fn a_program_can_signal_and_limit_only_itself() {
    for profile in VMMS.into_iter().chain(TOOLS) {
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
fn only_firecracker_makes_files_without_a_name_in_memory() {
    assert_eq!(ask("firecracker", SYS_memfd_create, &[0, (MFD_CLOEXEC | MFD_ALLOW_SEALING).into()]), Verdict::Allowed);
    assert_eq!(ask("firecracker", SYS_memfd_create, &[0, 0x10]), Verdict::Refused(EPERM));
    assert_eq!(ask("firecracker", SYS_fcntl, &[3, F_ADD_SEALS as u64]), Verdict::Allowed);
    for profile in ["qemu", "qemu-user-net", "tool", "netguard"] {
        assert_eq!(ask(profile, SYS_fcntl, &[3, F_ADD_SEALS as u64]), Verdict::Refused(EPERM), "{profile}");
    }
    for profile in ["qemu", "qemu-user-net", "tool", "netguard"] {
        assert_eq!(ask(profile, SYS_memfd_create, &[0, MFD_CLOEXEC.into()]), Verdict::Refused(ENOSYS), "{profile}");
    }
}

#[test]
fn only_firecracker_truncates_a_file_that_it_opens_for_writing() {
    let truncating = (O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC) as u64;
    assert_eq!(ask("firecracker", SYS_openat, &[0, 0, truncating]), Verdict::Allowed);
    assert_eq!(ask("firecracker", SYS_open, &[0, truncating]), Verdict::Allowed);
    for flags in [O_RDONLY | O_TRUNC, O_RDWR | O_TRUNC, O_WRONLY | O_TRUNC | O_TMPFILE] {
        assert_eq!(ask("firecracker", SYS_openat, &[0, 0, flags as u64]), Verdict::Refused(EPERM), "{flags:#o}");
        assert_eq!(ask("firecracker", SYS_open, &[0, flags as u64]), Verdict::Refused(EPERM), "{flags:#o}");
    }
}

#[test]
fn a_vmm_asks_disks_and_kvm_and_no_other_device() {
    for profile in VMMS {
        // BLKSSZGET, BLKPBSZGET, BLKGETSIZE64; KVM_RUN, KVM_CREATE_VM, KVM_SET_CPUID2
        for command in [0x1268, 0x127b, 0x8008_1272, 0xae80, 0xae01, 0x4008_ae90] {
            assert_eq!(ask(profile, SYS_ioctl, &[3, command]), Verdict::Allowed, "{command:#x}");
        }
        // BLKRRPART, BLKDISCARD, VHOST_SET_OWNER, VFIO_GET_API_VERSION, neighbours of KVM's
        for command in [0x125f, 0x1277, 0xaf01, 0x3b64, 0xad80, 0xaf80, 0x2e80, 0xa680] {
            assert_eq!(ask(profile, SYS_ioctl, &[3, command]), Verdict::Refused(EPERM), "{command:#x}");
        }
    }
}

#[test]
fn a_vmm_with_a_tap_interface_sets_no_more_than_its_frames() {
    // TUNGETIFF, TUNSETOFFLOAD, TUNSETSNDBUF, TUNGETVNETHDRSZ, TUNSETVNETHDRSZ
    for command in [0x8004_54d2, 0x4004_54d0, 0x4004_54d4, 0x8004_54d7, 0x4004_54d8] {
        for profile in ["qemu-tap", "firecracker-tap"] {
            assert_eq!(ask(profile, SYS_ioctl, &[3, command]), Verdict::Allowed, "{profile}: {command:#x}");
        }
        for profile in ["qemu", "qemu-user-net", "firecracker"] {
            assert_eq!(ask(profile, SYS_ioctl, &[3, command]), Verdict::Refused(EPERM), "{profile}: {command:#x}");
        }
    }
    // TUNSETNOCSUM, TUNSETDEBUG, TUNSETPERSIST, TUNSETOWNER, TUNSETLINK, TUNSETGROUP, TUNATTACHFILTER, TUNSETQUEUE, TUNSETIFINDEX,
    // TUNSETSTEERINGEBPF, TUNSETCARRIER, SIOCSIFHWADDR
    let others = [
        0x4004_54c8, 0x4004_54c9, 0x4004_54cb, 0x4004_54cc, 0x4004_54cd, 0x4004_54ce, 0x4010_54d5, 0x4004_54d9, 0x4004_54da, 0x8004_54e0,
        0x4004_54e2, 0x8924,
    ];
    for command in others {
        for profile in VMMS {
            assert_eq!(ask(profile, SYS_ioctl, &[3, command]), Verdict::Refused(EPERM), "{profile}: {command:#x}");
        }
    }
}

#[test]
fn only_firecracker_attaches_to_a_tap_interface() {
    for profile in VMMS {
        let verdict = if profile == "firecracker-tap" { Verdict::Allowed } else { Verdict::Refused(EPERM) };
        assert_eq!(ask(profile, SYS_ioctl, &[3, 0x4004_54ca]), verdict, "{profile}");
    }
}

#[test]
fn opening_a_file_does_not_truncate_it() {
    for profile in ["qemu", "qemu-tap", "qemu-user-net"] {
        let flags = (O_WRONLY | O_CREAT | O_APPEND) as u64;
        assert_eq!(ask(profile, SYS_openat, &[0, 0, flags]), Verdict::Allowed);
        assert_eq!(ask(profile, SYS_openat, &[0, 0, flags | O_TRUNC as u64]), Verdict::Refused(EPERM));
        assert_eq!(ask(profile, SYS_open, &[0, O_TRUNC as u64]), Verdict::Refused(EPERM));
    }
}

#[test]
fn nothing_is_removed_by_name() {
    for profile in VMMS {
        assert_eq!(ask(profile, SYS_unlink, &[4096]), Verdict::Refused(ENOENT));
        for number in [SYS_rename, SYS_unlinkat, SYS_rmdir, SYS_mkdir] {
            assert_eq!(ask(profile, number, &[]), Verdict::Refused(ENOSYS));
        }
    }
}

#[test]
fn files_without_a_name_are_not_created() {
    for profile in VMMS {
        assert_eq!(ask(profile, SYS_openat, &[0, 0, (O_TMPFILE | O_RDWR) as u64]), Verdict::Refused(EPERM));
        assert_eq!(ask(profile, SYS_open, &[0, (O_TMPFILE | O_RDWR) as u64]), Verdict::Refused(EPERM));
        assert_eq!(ask(profile, SYS_openat, &[0, 0, O_DIRECTORY as u64]), Verdict::Allowed);
    }
}

#[test]
fn each_program_has_only_the_socket_families_that_it_needs() {
    let inet = [AF_INET as u64, SOCK_STREAM as u64];
    for number in [SYS_socket, SYS_connect, SYS_bind] {
        assert_eq!(ask("qemu", number, &inet), Verdict::Refused(ENOSYS));
    }
    assert_eq!(ask("qemu-user-net", SYS_socket, &[AF_UNIX as u64]), Verdict::Refused(EPERM));
    assert_eq!(ask("qemu-user-net", SYS_socket, &inet), Verdict::Allowed);
    assert_eq!(ask("qemu-user-net", SYS_socket, &[AF_NETLINK as u64]), Verdict::Refused(EPERM));
    assert_eq!(ask("qemu-user-net", SYS_socket, &[AF_INET6 as u64]), Verdict::Refused(EPERM));
    assert_eq!(ask("firecracker", SYS_socket, &inet), Verdict::Refused(EPERM));
    let [stream, datagram] = [SOCK_STREAM, SOCK_DGRAM].map(|kind| [AF_UNIX as u64, (kind | SOCK_CLOEXEC) as u64]);
    assert_eq!(ask("firecracker", SYS_socket, &stream), Verdict::Allowed);
    assert_eq!(ask("firecracker", SYS_socket, &datagram), Verdict::Refused(EPERM));
    assert_eq!(ask("firecracker", SYS_sendto, &[3, 0, 0, 0, 4096]), Verdict::Refused(EPERM));
    assert_eq!(ask("firecracker", SYS_connect, &[]), Verdict::Refused(ENOSYS));
    assert_eq!(ask("qemu", SYS_sendto, &[3, 0, 0, 0, 4096]), Verdict::Refused(EPERM));
    assert_eq!(ask("qemu-user-net", SYS_sendto, &[3, 0, 0, 0, 4096]), Verdict::Allowed);
}

#[test]
fn a_tool_has_no_sockets() {
    for profile in TOOLS {
        for number in [SYS_socket, SYS_socketpair, SYS_connect, SYS_bind] {
            assert_eq!(ask(profile, number, &[AF_UNIX as u64]), Verdict::Refused(ENOSYS), "{profile}: {number}");
        }
        assert_eq!(ask(profile, SYS_sendto, &[3, 0, 0, 0, 4096]), Verdict::Refused(EPERM));
    }
}

#[test]
fn a_tool_truncates_only_what_it_may_write() {
    for profile in TOOLS {
        for (flags, verdict) in [
            (O_RDONLY, Verdict::Allowed),
            (O_WRONLY | O_CREAT | O_TRUNC, Verdict::Allowed),
            (O_RDWR | O_TRUNC, Verdict::Allowed),
            (O_RDONLY | O_TRUNC, Verdict::Refused(EPERM)),
            (O_ACCMODE | O_TRUNC, Verdict::Refused(EPERM)),
        ] {
            assert_eq!(ask(profile, SYS_openat, &[0, 0, flags as u64]), verdict, "{profile}: {flags:#o}");
            assert_eq!(ask(profile, SYS_open, &[0, flags as u64]), verdict, "{profile}: {flags:#o}");
        }
        for number in [SYS_truncate, SYS_creat, SYS_chmod, SYS_fchmodat, SYS_chown, SYS_utimensat, SYS_setxattr, SYS_kill, SYS_link] {
            assert_eq!(ask(profile, number, &[]), Verdict::Refused(ENOSYS), "{profile}: {number}");
        }
    }
}

#[test]
fn only_a_tool_with_children_may_fork() {
    let child = SIGCHLD as u64;
    assert_eq!(ask("tool", SYS_clone, &[child]), Verdict::Refused(EPERM));
    assert_eq!(ask("tool-with-children", SYS_clone, &[child]), Verdict::Allowed);
    for namespace in EVERY_NAMESPACE {
        assert_eq!(ask("tool-with-children", SYS_clone, &[child | namespace]), Verdict::Refused(EPERM), "{namespace:#x}");
    }
    assert_eq!(ask("tool-with-children", SYS_clone3, &[]), Verdict::Refused(ENOSYS));
}

/// linux/sockios.h: every socket takes them, whatever its family.
#[test]
fn a_vmm_asks_nothing_about_interfaces_and_changes_none() {
    for profile in VMMS {
        // SIOCGIFCONF, SIOCGIFHWADDR, SIOCSIFHWADDR, SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNAME, SIOCETHTOOL, SIOCGSKNS, SIOCBRADDIF
        for command in [0x8912, 0x8927, 0x8924, 0x8914, 0x8916, 0x8923, 0x8946, 0x894c, 0x89a2] {
            assert_eq!(ask(profile, SYS_ioctl, &[3, command]), Verdict::Refused(EPERM), "{profile}: {command:#x}");
        }
    }
}

/// sendmsg, whose address a filter can't see, names a peer only on sockets of other types.
#[test]
fn firecracker_makes_unix_sockets_of_one_type() {
    for kind in [SOCK_STREAM, SOCK_DGRAM | SOCK_CLOEXEC, SOCK_SEQPACKET | SOCK_CLOEXEC, SOCK_RAW | SOCK_CLOEXEC] {
        assert_eq!(ask("firecracker", SYS_socket, &[AF_UNIX as u64, kind as u64]), Verdict::Refused(EPERM), "{kind:#x}");
    }
}

/// linux/memfd.h
#[test]
fn firecrackers_files_in_memory_are_of_one_kind() {
    let own = u64::from(MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_eq!(ask("firecracker", SYS_memfd_create, &[0, own]), Verdict::Allowed);
    for flags in [0, 1, 2, own | 4, own | 8, own | 0x10] {
        assert_eq!(ask("firecracker", SYS_memfd_create, &[0, flags]), Verdict::Refused(EPERM), "{flags:#x}");
    }
}
