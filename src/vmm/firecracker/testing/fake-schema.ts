/**
 * The API of Firecracker 1.14.1 as far as banger uses it, closed: what the real one refuses before it looks at the VM, with its texts.
 * Pure.
 */

import { checkCpuConfig } from "./fake-cpu.ts";

type Kind = "string" | "number" | "boolean" | "object";
type Fields = Record<string, { kind: Kind; isRequired?: true; oneOf?: readonly string[] }>;

const text = { kind: "string" } as const;
const needed = { kind: "string", isRequired: true } as const;
const flag = { kind: "boolean" } as const;
const count = { kind: "number", isRequired: true } as const;

const snapshotTypes = ["Diff", "Full"];

/** by method and the first words of the path */
const bodies: Record<string, Fields> = {
  "PUT boot-source": { kernel_image_path: needed, initrd_path: text, boot_args: text },
  "PUT machine-config": {
    vcpu_count: count,
    mem_size_mib: count,
    smt: flag,
    cpu_template: text,
    track_dirty_pages: flag,
    huge_pages: text,
  },
  "PUT cpu-config": {
    kvm_capabilities: { kind: "object" },
    cpuid_modifiers: { kind: "object" },
    msr_modifiers: { kind: "object" },
  },
  "PUT drives": {
    drive_id: needed,
    partuuid: text,
    is_root_device: { kind: "boolean", isRequired: true },
    cache_type: { kind: "string", oneOf: ["Unsafe", "Writeback"] },
    is_read_only: flag,
    path_on_host: text,
    rate_limiter: { kind: "object" },
    io_engine: text,
    socket: text,
  },
  "PATCH drives": { drive_id: needed, path_on_host: text, rate_limiter: { kind: "object" } },
  "PUT vsock": { vsock_id: text, guest_cid: count, uds_path: needed },
  "PUT network-interfaces": {
    iface_id: needed,
    host_dev_name: needed,
    guest_mac: text,
    rx_rate_limiter: { kind: "object" },
    tx_rate_limiter: { kind: "object" },
  },
  "PUT entropy": { rate_limiter: { kind: "object" } },
  "PUT balloon": {
    amount_mib: count,
    deflate_on_oom: { kind: "boolean", isRequired: true },
    stats_polling_interval_s: { kind: "number" },
    free_page_hinting: flag,
    free_page_reporting: flag,
  },
  "PUT actions": { action_type: { ...needed, oneOf: ["FlushMetrics", "InstanceStart", "SendCtrlAltDel"] } },
  "PATCH vm": { state: { ...needed, oneOf: ["Paused", "Resumed"] } },
  "PUT snapshot/create": {
    snapshot_type: { kind: "string", oneOf: snapshotTypes },
    snapshot_path: needed,
    mem_file_path: needed,
  },
  "PUT snapshot/load": {
    snapshot_path: needed,
    mem_file_path: text,
    mem_backend: { kind: "object" },
    enable_diff_snapshots: flag,
    track_dirty_pages: flag,
    resume_vm: flag,
    network_overrides: { kind: "object" },
  },
};

export type FakeRequest = { method: string; path: string; body: string };

/** `PUT drives`, and what else the path and the body say. */
export type Parsed = { action: string; id: string; fields: Record<string, unknown> };

/** @throws Error with Firecracker's fault message */
export function parseRequest({ method, path, body }: FakeRequest): Parsed {
  const words = path.replace(/^\/+/, "").split("/");
  const action = `${method} ${words[0] === "snapshot" ? words.join("/") : words[0]}`;
  if (action === "GET ") return { action, id: "", fields: {} };
  const allowed = Object.hasOwn(bodies, action) ? bodies[action] : undefined;
  if (!allowed) throw new Error(`Invalid request method and/or path: ${method} ${words.join("/")}.`);
  const fields = fieldsOf(body, allowed);
  const id = words[1] ?? "";
  if (action === "PUT cpu-config") checkCpuConfig(fields, malformed);
  if (action.endsWith(" drives")) checkId(id, fields["drive_id"]);
  if (action.endsWith(" network-interfaces")) checkId(id, fields["iface_id"]);
  return { action, id, fields };
}

function checkId(inPath: string, inBody: unknown): void {
  if (inPath !== inBody) throw new Error("The id from the path does not match the id from the body!");
  if (!/^\w+$/.test(inPath))
    throw new Error("API Resource IDs can only contain alphanumeric characters and underscores.");
}

function fieldsOf(body: string, allowed: Fields): Record<string, unknown> {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(body);
  } catch {
    throw malformed("expected value at line 1 column 1");
  }
  const names = Object.keys(allowed);
  for (const [name, value] of Object.entries(fields)) {
    const field = Object.hasOwn(allowed, name) ? allowed[name] : undefined;
    if (!field)
      throw malformed(`unknown field \`${name}\`, expected one of ${names.map((each) => `\`${each}\``).join(", ")}`);
    checkValue(name, value, field);
  }
  for (const name of names)
    if (allowed[name]?.isRequired && !(name in fields)) throw malformed(`missing field \`${name}\``);
  return fields;
}

function checkValue(name: string, value: unknown, { kind, oneOf }: Fields[string]): void {
  if (typeof value !== kind) throw malformed(`invalid type: ${typeof value} for \`${name}\`, expected ${kind}`);
  if (oneOf && !oneOf.includes(String(value)))
    throw malformed(`unknown variant \`${value}\`, expected one of ${oneOf.map((each) => `\`${each}\``).join(", ")}`);
}

/** Serde's words. */
function malformed(problem: string): Error {
  return new Error(`An error occurred when deserializing the json body of a request: ${problem} at line 1 column 2.`);
}
