/** Has the kernel drop what a socket receives: socket(7), SO_ATTACH_FILTER. */
import { dlopen, FFIType, ptr } from "bun:ffi";

const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const SO_DETACH_FILTER = 27;

/** `struct sock_filter`, one instruction: BPF_RET | BPF_K with 0 bytes of the packet */
const dropAll = new Uint8Array([6, 0, 0, 0, 0, 0, 0, 0]);

function load() {
  const args = [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.u32];
  return dlopen("libc.so.6", { setsockopt: { args, returns: FFIType.i32 } } as const).symbols.setsockopt;
}

let loaded: ReturnType<typeof load> | undefined;
function setsockopt(fd: number, option: number, value: NodeJS.TypedArray): boolean {
  loaded ??= load();
  return loaded(fd, SOL_SOCKET, option, ptr(value), value.byteLength) === 0;
}

/** From now on nothing more is queued for the socket; what is queued stays. False when the kernel refuses. */
export function dropArrivals(fd: number): boolean {
  // struct sock_fprog: the number of instructions, and a pointer to them
  return setsockopt(fd, SO_ATTACH_FILTER, new BigUint64Array([1n, BigInt(ptr(dropAll))]));
}

/** Takes `dropArrivals` back. */
export function queueArrivals(fd: number): void {
  setsockopt(fd, SO_DETACH_FILTER, new Int32Array(1));
}
