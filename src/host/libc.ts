/** The few libc calls that the runtime has no API for; loaded at first use, so that programs that don't need them start fast. */
import { dlopen, FFIType, type Pointer, ptr, read } from "bun:ffi";
import { constants } from "node:os";

function load() {
  return dlopen("libc.so.6", {
    __errno_location: { args: [], returns: FFIType.ptr },
    flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    ioctl: { args: [FFIType.i32, FFIType.u64, FFIType.u64], returns: FFIType.i32 },
    prlimit: { args: [FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
    lseek: { args: [FFIType.i32, FFIType.i64_fast, FFIType.i32], returns: FFIType.i64_fast },
    fallocate: { args: [FFIType.i32, FFIType.i32, FFIType.i64, FFIType.i64], returns: FFIType.i32 },
    sendmsg: { args: [FFIType.i32, FFIType.ptr, FFIType.i32], returns: FFIType.i64_fast },
    getpgrp: { args: [], returns: FFIType.i32 },
    signal: { args: [FFIType.i32, FFIType.i64], returns: FFIType.i64 },
    socketpair: { args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
    syscall: { args: [FFIType.i64, FFIType.i64, FFIType.i64], returns: FFIType.i32 },
  }).symbols;
}

let loaded: ReturnType<typeof load> | undefined;
function libc(): ReturnType<typeof load> {
  loaded ??= load();
  return loaded;
}

/** Separate, because the CLI needs it for each connection, and each function takes time to load. */
function loadSockopt() {
  const signature = { args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 };
  return dlopen("libc.so.6", { getsockopt: signature } as const).symbols.getsockopt;
}

let getsockopt: ReturnType<typeof loadSockopt> | undefined;

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;

/** flock(2), exclusive, without waiting. False when another open file has the lock. */
export function flockNow(fd: number): boolean {
  return libc().flock(fd, LOCK_EX | LOCK_NB) === 0;
}

/** flock(2), shared, without waiting. False while another open file has the lock exclusively. */
export function flockSharedNow(fd: number): boolean {
  return libc().flock(fd, LOCK_SH | LOCK_NB) === 0;
}

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;

export type Peer = { pid: number; uid: number; gid: number };

/** The process at the other end of a unix socket: unix(7), SO_PEERCRED. Null when the kernel does not tell. */
export function peerCredentials(fd: number): Peer | null {
  const credentials = new Int32Array(3);
  const length = new Uint32Array([12]);
  getsockopt ??= loadSockopt();
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ptr(credentials), ptr(length)) !== 0 || length[0] !== 12) return null;
  const [pid = 0, uid = 0, gid = 0] = credentials;
  return { pid, uid: uid >>> 0, gid: gid >>> 0 };
}

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;

/** socketpair(2): two connected unix stream sockets, close-on-exec; null when no descriptors are left. */
export function socketPair(): [number, number] | null {
  const pair = new Int32Array(2);
  if (libc().socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ptr(pair)) !== 0) return null;
  const [one = -1, two = -1] = pair;
  return [one, two];
}

const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/**
 * sendmsg(2) of `bytes`, with a copy of `descriptor` attached to the first of them (unix(7), SCM_RIGHTS).
 * @returns how many bytes were sent; negative when neither bytes nor the descriptor were sent
 */
export function sendDescriptor(socket: number, descriptor: number, bytes: Uint8Array): number {
  // one block, so that none of it moves: struct msghdr, iovec, cmsghdr with an int, then the bytes
  const [iovAt, controlAt, bytesAt] = [56, 72, 96];
  const block = new Uint8Array(bytesAt + bytes.length);
  block.set(bytes, bytesAt);
  const view = new DataView(block.buffer);
  const address = BigInt(ptr(block));
  const u64 = (at: number, value: number | bigint) => view.setBigUint64(at, BigInt(value), true);
  u64(16, address + BigInt(iovAt));
  u64(24, 1);
  u64(32, address + BigInt(controlAt));
  u64(40, 24);
  u64(iovAt, address + BigInt(bytesAt));
  u64(iovAt + 8, bytes.length);
  u64(controlAt, 20);
  view.setInt32(controlAt + 8, SOL_SOCKET, true);
  view.setInt32(controlAt + 12, SCM_RIGHTS, true);
  view.setInt32(controlAt + 16, descriptor, true);
  return Number(libc().sendmsg(socket, ptr(block), MSG_DONTWAIT | MSG_NOSIGNAL));
}

const KVM_CREATE_VM = 0xae01;

/** The VM's file descriptor, or the name of the error (linux/kvm.h). @param fd /dev/kvm, open */
export function kvmCreateVm(fd: number): { vm: number } | { error: string } {
  const { ioctl, __errno_location } = libc();
  // the address stays the same for this thread: nothing is called between the failure and the reading
  const errno = __errno_location() as Pointer;
  const vm = ioctl(fd, KVM_CREATE_VM, 0);
  return vm >= 0 ? { vm } : { error: errnoName(read.i32(errno)) };
}

const KVM_GET_SUPPORTED_CPUID = 0xc008ae05;
/** KVM_MAX_CPUID_ENTRIES of linux/kvm_host.h */
const maxCpuidEntries = 256;

/** `struct kvm_cpuid_entry2` one behind the other; null when the kernel refuses. @param fd /dev/kvm, open */
export function kvmSupportedCpuid(fd: number): Uint8Array | null {
  // struct kvm_cpuid2: the number of entries, padding, then 40 bytes each
  const answer = new Uint8Array(8 + 40 * maxCpuidEntries);
  const count = new DataView(answer.buffer);
  count.setUint32(0, maxCpuidEntries, true);
  if (libc().ioctl(fd, KVM_GET_SUPPORTED_CPUID, ptr(answer)) !== 0) return null;
  return answer.subarray(8, 8 + 40 * Math.min(count.getUint32(0, true), maxCpuidEntries));
}

function errnoName(number: number): string {
  return Object.entries(constants.errno).find(([, value]) => value === number)?.[0] ?? `error ${number}`;
}

const SYS_capget = 125;
const SYS_capset = 126;
const LINUX_CAPABILITY_VERSION_3 = 0x20080522;
/** CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: capabilities(7) */
const fileOverrides = (1 << 1) | (1 << 2);

/**
 * This thread's capabilities as two of `struct __user_cap_data_struct` (effective, permitted, inheritable), the first for capabilities 0 to 31;
 * null when the kernel does not tell. `apply` makes what was changed in them take effect; false when the kernel refuses.
 */
function ownCapabilities(): { data: Uint32Array; apply(): boolean } | null {
  // struct __user_cap_header_struct
  const header = new Uint32Array([LINUX_CAPABILITY_VERSION_3, 0]);
  const data = new Uint32Array(6);
  const { syscall } = libc();
  if (syscall(SYS_capget, ptr(header), ptr(data)) !== 0) return null;
  return { data, apply: () => syscall(SYS_capset, ptr(header), ptr(data)) === 0 };
}

/**
 * Calls `open` with this thread's rights to files as its user and groups have them, without root's capability to pass over modes.
 * `open` must be synchronous.
 */
export function withoutFileOverrides<T>(open: () => T): T {
  const own = ownCapabilities();
  const [effective = 0] = own?.data ?? [];
  if (own === null || (effective & fileOverrides) === 0) return open();
  own.data[0] = effective & ~fileOverrides;
  if (!own.apply()) return open();
  try {
    return open();
  } finally {
    own.data[0] = effective;
    own.apply();
  }
}

/**
 * Gives up this thread's inheritable capabilities, and with them the ambient ones (capabilities(7): a capability is ambient only while it is
 * inheritable), so that no program that it starts has any. Its own stay. False when the kernel refuses.
 */
export function giveUpInheritable(): boolean {
  const own = ownCapabilities();
  if (own === null) return false;
  own.data[2] = 0;
  own.data[5] = 0;
  return own.apply();
}

/** Separate, because only services send datagrams. */
function loadDatagram() {
  return dlopen("libc.so.6", {
    socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    sendto: {
      args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32, FFIType.ptr, FFIType.u32],
      returns: FFIType.i64_fast,
    },
    close: { args: [FFIType.i32], returns: FFIType.i32 },
  }).symbols;
}

const SOCK_DGRAM = 2;

/**
 * One datagram to a unix socket, without waiting for anybody to read it. False when it could not be sent.
 * @param path in the file system; in the abstract namespace with a leading NUL (unix(7))
 */
export function sendDatagram(path: string, bytes: Uint8Array): boolean {
  const name = Buffer.from(path);
  // struct sockaddr_un: the family, then 108 bytes
  const address = new Uint8Array(110);
  if (name.length === 0 || name.length > 107 || bytes.length === 0) return false;
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, 2);
  const length = 2 + name.length + (name[0] === 0 ? 0 : 1);
  const { socket, sendto, close } = loadDatagram();
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const sent = Number(sendto(fd, ptr(bytes), bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL, ptr(address), length));
  close(fd);
  return sent === bytes.length;
}

/** the same number on every architecture: it came after numbers were unified */
const SYS_pidfd_open = 434;

/** A close-on-exec descriptor for the process that has `pid` now; negative when there is none. */
export function pidfdOpen(pid: number): number {
  return libc().syscall(SYS_pidfd_open, pid, 0);
}

const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/** Offset of the next data in an open file, from `offset` on; negative when there is none. Moves the file's position. */
export function nextData(fd: number, offset: number): number {
  return Number(libc().lseek(fd, offset, SEEK_DATA));
}

/** Where the data at `offset` ends: at a hole or at the end of the file. Moves the file's position. */
export function nextHole(fd: number, offset: number): number {
  return Number(libc().lseek(fd, offset, SEEK_HOLE));
}

const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;

/** fallocate(2): frees the blocks of a part of an open file, which reads as zeros then. False where that is not possible. */
export function punchHole(fd: number, offset: number, length: number): boolean {
  return libc().fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length) === 0;
}

const TCGETS = 0x5401;
const TCSETSW = 0x5403;

/** The kernel's `struct termios`: four flag words, the line discipline and the control characters; null if it is not a terminal. */
export function terminalMode(fd: number): Uint8Array | null {
  const mode = new Uint8Array(36);
  return libc().ioctl(fd, TCGETS, ptr(mode)) === 0 ? mode : null;
}

/** Applies after pending output was sent. False when it is not a terminal (any more). */
export function setTerminalMode(fd: number, mode: Uint8Array): boolean {
  return libc().ioctl(fd, TCSETSW, ptr(mode)) === 0;
}

const TIOCGPGRP = 0x540f;

/** The foreground process group of a terminal; null if it is not our controlling terminal. tty_ioctl(4) */
export function foregroundGroup(fd: number): number | null {
  const group = new Int32Array(1);
  return libc().ioctl(fd, TIOCGPGRP, ptr(group)) === 0 ? (group[0] ?? null) : null;
}

/** The process group of this process. */
export function ownGroup(): number {
  return libc().getpgrp();
}

const SIGTTIN = 21;
const SIG_IGN = 1;

/** From now on, reading the terminal from the background fails with EIO instead of stopping this process. Children inherit this. */
export function ignoreTerminalInputSignal(): void {
  libc().signal(SIGTTIN, SIG_IGN);
}

export type Limit = { soft: bigint; hard: bigint };

/** prlimit(2): the previous limit, or null when the kernel refuses. @param next null: only query */
export function processLimit(pid: number, resource: number, next: Limit | null): Limit | null {
  const wanted = next && new BigUint64Array([next.soft, next.hard]);
  const former = new BigUint64Array(2);
  if (libc().prlimit(pid, resource, wanted && ptr(wanted), ptr(former)) !== 0) return null;
  const [soft = 0n, hard = 0n] = former;
  return { soft, hard };
}

/** Separate, because only what unpacks a stream on the host needs it. */
function loadTimes() {
  return dlopen("libc.so.6", {
    futimens: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
    utimensat: { args: [FFIType.i32, FFIType.ptr, FFIType.ptr, FFIType.i32], returns: FFIType.i32 },
  }).symbols;
}

let times: ReturnType<typeof loadTimes> | undefined;
/** two `struct timespec`: of the access, which is left as it is, and of the change */
const timePair = new BigInt64Array(4);

const AT_SYMLINK_NOFOLLOW = 0x100;
const UTIME_OMIT = (1n << 30n) - 2n;
const second = 1_000_000_000n;
const lastSecond = (1n << 40n) - 1n;

/**
 * Sets the modification time of an open file or folder, or of the link `name` in the open folder: utimensat(2). The runtime's own
 * calls take a number, which can't hold today's time in nanoseconds. False when the file system refuses.
 * @param ns Unix time in `ns`; what is out of a file system's range becomes the nearest time in it
 */
export function setModified(fd: number, ns: bigint, name?: Uint8Array): boolean {
  times ??= loadTimes();
  const fraction = ((ns % second) + second) % second;
  const whole = (ns - fraction) / second;
  const within = whole > lastSecond ? lastSecond : whole < -lastSecond ? -lastSecond : whole;
  timePair.set([0n, UTIME_OMIT, within, fraction]);
  if (name === undefined) return times.futimens(fd, ptr(timePair)) === 0;
  const text = new Uint8Array(name.length + 1);
  text.set(name);
  return times.utimensat(fd, ptr(text), ptr(timePair), AT_SYMLINK_NOFOLLOW) === 0;
}
