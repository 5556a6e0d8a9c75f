/**
 * The requests of Firecracker's API that banger makes, and their bytes. Names and types of fields are those of
 * `src/firecracker/swagger/firecracker.yaml` of Firecracker 1.14.1. Pure.
 */

export type ApiRequest = { method: "GET" | "PUT" | "PATCH"; path: string; body?: Record<string, unknown> };

/** Bits of a register of CPUID, in a leaf without subleaves. */
export type HiddenBits = {
  leaf: number;
  /** `eax`, … */
  register: string;
  bits: number;
};

/** Paths are resolved by Firecracker, in its working directory. */
export const requests = {
  instance: (): ApiRequest => ({ method: "GET", path: "/" }),
  bootSource: (source: { kernel: string; initrd: string; args: string }) =>
    put("/boot-source", { kernel_image_path: source.kernel, initrd_path: source.initrd, boot_args: source.args }),
  machine: (machine: { vcpus: number; memoryMib: number }) =>
    put("/machine-config", { vcpu_count: machine.vcpus, mem_size_mib: machine.memoryMib }),
  /** bits that the guest reads as zero */
  cpu: (hidden: readonly HiddenBits[]) =>
    put("/cpu-config", {
      cpuid_modifiers: hidden.map(({ leaf, register, bits }) => ({
        leaf: `0x${leaf.toString(16)}`,
        subleaf: "0x0",
        flags: 0,
        modifiers: [{ register, bitmap: bitmapOf(bits) }],
      })),
    }),
  drive: (drive: { id: string; path: string; readOnly: boolean; cache: "Unsafe" | "Writeback" }) =>
    put(`/drives/${drive.id}`, {
      drive_id: drive.id,
      path_on_host: drive.path,
      is_root_device: false,
      is_read_only: drive.readOnly,
      cache_type: drive.cache,
    }),
  /** opens the drive's file anew, and tells a running guest its size */
  changeDrive: (drive: { id: string; path: string }): ApiRequest => ({
    method: "PATCH",
    path: `/drives/${drive.id}`,
    body: { drive_id: drive.id, path_on_host: drive.path },
  }),
  /** @param cid the guest's context id; host-side, only `socket` counts */
  vsock: (vsock: { cid: number; socket: string }) => put("/vsock", { guest_cid: vsock.cid, uds_path: vsock.socket }),
  /** a TAP interface of Firecracker's network namespace */
  network: (network: { id: string; tap: string; mac: string }) =>
    put(`/network-interfaces/${network.id}`, {
      iface_id: network.id,
      host_dev_name: network.tap,
      guest_mac: network.mac,
    }),
  entropy: () => put("/entropy", {}),
  /** empty: it is there for free page reporting, since 1.14 */
  balloon: () =>
    put("/balloon", {
      amount_mib: 0,
      deflate_on_oom: true,
      stats_polling_interval_s: 0,
      free_page_reporting: true,
    }),
  start: () => put("/actions", { action_type: "InstanceStart" }),
  /** the keys Ctrl, Alt and Del: the guest's request to reboot */
  ctrlAltDel: () => put("/actions", { action_type: "SendCtrlAltDel" }),
  setState: (state: "Paused" | "Resumed"): ApiRequest => ({ method: "PATCH", path: "/vm", body: { state } }),
  save: (save: { type: "Full" | "Diff"; state: string; memory: string }) =>
    put("/snapshot/create", {
      snapshot_type: save.type,
      snapshot_path: save.state,
      mem_file_path: save.memory,
    }),
  /**
   * The VM is paused afterwards. Its dirty pages are counted, for saves of type `Diff`. @param save.network takes the place of the TAP interface
   * that the network device with that id was saved with
   */
  load: (save: { state: string; memory: string; network?: { id: string; tap: string } }) =>
    put("/snapshot/load", {
      snapshot_path: save.state,
      mem_backend: { backend_type: "File", backend_path: save.memory },
      track_dirty_pages: true,
      resume_vm: false,
      ...(save.network && {
        network_overrides: [{ iface_id: save.network.id, host_dev_name: save.network.tap }],
      }),
    }),
};

/** `x` is left as it is. */
function bitmapOf(cleared: number): string {
  const digits = (cleared >>> 0).toString(2).padStart(32, "0");
  return `0b${digits.replace(/\d/g, (digit) => (digit === "1" ? "0" : "x"))}`;
}

function put(path: string, body: Record<string, unknown>): ApiRequest {
  return { method: "PUT", path, body };
}

const encoder = new TextEncoder();

/** The bytes of a request, for a connection that stays open. */
export function encodeRequest({ method, path, body }: ApiRequest): Uint8Array {
  const text = body === undefined ? "" : JSON.stringify(body);
  const content =
    body === undefined ? "" : `Content-Type: application/json\r\nContent-Length: ${encoder.encode(text).length}\r\n`;
  return encoder.encode(
    `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n${content}\r\n${text}`,
  );
}
