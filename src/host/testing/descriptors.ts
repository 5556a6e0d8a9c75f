/** What a process does that receives a descriptor, for tests that play its part. */
import { dlopen, FFIType, ptr } from "bun:ffi";

function load() {
  return dlopen("libc.so.6", {
    fcntl: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    recvmsg: { args: [FFIType.i32, FFIType.ptr, FFIType.i32], returns: FFIType.i64_fast },
  }).symbols;
}

let loaded: ReturnType<typeof load> | undefined;
function libc(): ReturnType<typeof load> {
  loaded ??= load();
  return loaded;
}

const F_DUPFD_CLOEXEC = 1030;

/** A copy of `fd`, as the receiving process has it. */
export function duplicate(fd: number): number {
  return libc().fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

const MSG_CMSG_CLOEXEC = 0x40000000;

/** One recvmsg(2): text, and the descriptor that came with it, if any. */
export function receive(socket: number, bytes = 65_536): { text: string; descriptor: number | null } {
  const buffer = new Uint8Array(bytes);
  const control = new Uint8Array(24);
  const iov = new BigUint64Array([BigInt(ptr(buffer)), BigInt(bytes)]);
  const header = new BigUint64Array(7);
  header.set([0n, 0n, BigInt(ptr(iov)), 1n, BigInt(ptr(control)), 24n, 0n]);
  const length = Number(libc().recvmsg(socket, ptr(header), MSG_CMSG_CLOEXEC));
  const descriptor = header[5] === 0n ? null : new DataView(control.buffer).getInt32(16, true);
  return { text: Buffer.from(buffer.subarray(0, Math.max(length, 0))).toString(), descriptor };
}
