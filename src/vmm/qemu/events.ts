/**
 * What QEMU says by itself, and what becomes of it: one row for each event that a QEMU from 7.2 to 10.1 can send with the devices
 * that it has here (its QMP reference: qemu-qmp-ref(7)). Pure.
 */
import { oneLine } from "../../base/display.ts";
import { textOf } from "../../base/foreign.ts";
import type { VmmTrouble } from "../driver.ts";

type Data = Record<string, unknown>;

export type EventAction =
  /** the driver acts on it */
  | { kind: "act"; on: "shutdown" | "stop" | "resume" }
  /** the guest runs on, and its user should know */
  | { kind: "trouble"; trouble: VmmTrouble }
  /** nothing is lost, or something else says the same */
  | { kind: "pass" };

const pass: EventAction = { kind: "pass" };
const stop: EventAction = { kind: "act", on: "stop" };

/** An event that is not in the table is one of a newer QEMU, or of a device that no VM of ours has: it is passed over. */
export function actionFor(name: string, data: Data): EventAction {
  return (Object.hasOwn(table, name) ? table[name]?.(data) : undefined) ?? pass;
}

const table: Record<string, (data: Data) => EventAction> = {
  SHUTDOWN: () => ({ kind: "act", on: "shutdown" }),
  // why is in the run state; STOP also comes for stops that were asked for
  STOP: () => stop,
  // of a guest that sleeps (ACPI S3): no STOP comes
  SUSPEND: () => stop,
  RESUME: () => ({ kind: "act", on: "resume" }),
  WAKEUP: () => ({ kind: "act", on: "resume" }),

  BLOCK_IO_ERROR: (data) => (data["action"] === "stop" ? pass : trouble("disk-error", diskError(data))),
  BLOCK_IMAGE_CORRUPTED: ({ msg }) => trouble("disk-error", `a disk image is damaged: ${words(msg)}`),
  MEMORY_FAILURE: ({ recipient, action }) => trouble("memory-failure", memoryFailure(recipient, action)),
  // actions that end or stop the guest are told by SHUTDOWN and STOP
  WATCHDOG: ({ action }) =>
    action === "none" || action === "inject-nmi" || action === "debug"
      ? trouble("watchdog", `the guest's watchdog expired (action ${words(action)})`)
      : pass,
  GUEST_PANICKED: ({ action }) =>
    action === "run" ? trouble("guest-panic", "the guest's kernel panicked and was left running") : pass,
  GUEST_CRASHLOADED: () => trouble("guest-panic", "the guest's kernel panicked and has loaded its crash kernel"),
  // with -no-reboot every reset that a guest makes is a SHUTDOWN
  RESET: ({ reason }) => trouble("reset", `the VMM reset the machine (${words(reason) || "no reason given"})`),
  NETDEV_STREAM_DISCONNECTED: () => trouble("network-lost", "the process that carries its network has ended"),
  NETDEV_VHOST_USER_DISCONNECTED: () => trouble("network-lost", "the process that carries its network has ended"),

  // asked for, or the guest's own business
  POWERDOWN: () => pass,
  // QEMU ends, and says SHUTDOWN
  SUSPEND_DISK: () => pass,
  GUEST_PVSHUTDOWN: () => pass,
  MIGRATION: () => pass,
  MIGRATION_PASS: () => pass,
  JOB_STATUS_CHANGE: () => pass,
  VSERPORT_CHANGE: () => pass,
  RTC_CHANGE: () => pass,
  NIC_RX_FILTER_CHANGED: () => pass,
  NETDEV_STREAM_CONNECTED: () => pass,
  DEVICE_DELETED: () => pass,
  ACPI_DEVICE_OST: () => pass,
};

/** Events that the table has. */
export const knownEvents: readonly string[] = Object.keys(table);

function trouble(kind: VmmTrouble["kind"], reason: string): EventAction {
  return { kind: "trouble", trouble: { kind, reason } };
}

/** qapi/block-core.json. The guest was told (`report`), or nobody was (`ignore`). */
function diskError(data: Data): string {
  const operation = data["operation"] === "read" ? "read" : "write to";
  const disk = words(data["device"]) || words(data["node-name"]).replace(/^disk-/, "") || "a disk";
  const why = words(data["reason"]) || "an I/O error";
  return `the host could not ${operation} disk ${disk}: ${why}; the guest was ${data["action"] === "report" ? "" : "not "}told`;
}

/** qapi/run-state.json: memory that the host's hardware reports as broken (a machine check). */
function memoryFailure(recipient: unknown, action: unknown): string {
  const whose = recipient === "guest" ? "the guest's memory" : "memory of the VMM";
  return `the host's hardware reports an error in ${whose} (action ${words(action) || "unknown"})`;
}

const maxWords = 200;

function words(value: unknown): string {
  return oneLine(textOf(value, 4 * maxWords) ?? "").slice(0, maxWords);
}
