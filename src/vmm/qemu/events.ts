/**
 * QEMU's events and how each is handled: one row for each event that QEMU 7.2 to 10.1 can send with the devices of our VMs
 * (qemu-qmp-ref(7)). Pure.
 */

import { textOf } from "../../base/untrusted-json.ts";
import { oneLine } from "../../base/untrusted-text.ts";
import type { VmmTrouble } from "../driver.ts";

type Data = Record<string, unknown>;

export type EventAction =
  /** the driver acts on it */
  | { kind: "act"; on: "shutdown" | "stop" | "resume" }
  /** the guest runs on, but its user should know */
  | { kind: "trouble"; trouble: VmmTrouble }
  /** ignored: harmless, or reported by another event too */
  | { kind: "pass" };

const pass: EventAction = { kind: "pass" };
const stop: EventAction = { kind: "act", on: "stop" };

/** Events that are not in the table are ignored: they are of a newer QEMU, or of a device that our VMs don't have. */
export function actionFor(name: string, data: Data): EventAction {
  return (Object.hasOwn(table, name) ? table[name]?.(data) : undefined) ?? pass;
}

const table: Record<string, (data: Data) => EventAction> = {
  SHUTDOWN: () => ({ kind: "act", on: "shutdown" }),
  // the run state has the reason; `stop` commands cause this event too
  STOP: () => stop,
  // a guest that sleeps (ACPI S3) causes no STOP
  SUSPEND: () => stop,
  RESUME: () => ({ kind: "act", on: "resume" }),
  WAKEUP: () => ({ kind: "act", on: "resume" }),

  BLOCK_IO_ERROR: (data) => (data["action"] === "stop" ? pass : trouble("disk-error", diskError(data))),
  BLOCK_IMAGE_CORRUPTED: ({ msg }) => trouble("disk-error", `a disk image is damaged: ${text(msg)}`),
  MEMORY_FAILURE: ({ recipient, action }) => trouble("memory-failure", memoryFailure(recipient, action)),
  // actions that end or stop the guest cause SHUTDOWN and STOP too
  WATCHDOG: ({ action }) =>
    action === "none" || action === "inject-nmi" || action === "debug"
      ? trouble("watchdog", `the guest's watchdog expired (action ${text(action)})`)
      : pass,
  GUEST_PANICKED: ({ action }) =>
    action === "run" ? trouble("guest-panic", "the guest's kernel panicked and was left running") : pass,
  GUEST_CRASHLOADED: () => trouble("guest-panic", "the guest's kernel panicked and has loaded its crash kernel"),
  // with -no-reboot, resets by the guest are SHUTDOWN events
  RESET: ({ reason }) => trouble("reset", `the VMM reset the machine (${text(reason) || "no reason given"})`),
  NETDEV_STREAM_DISCONNECTED: () => trouble("network-lost", "the process that carries its network has ended"),
  NETDEV_VHOST_USER_DISCONNECTED: () => trouble("network-lost", "the process that carries its network has ended"),

  // requested, or the guest's own concern
  POWERDOWN: () => pass,
  // QEMU ends, and sends SHUTDOWN
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

/** Names of the events in the table. */
export const knownEvents: readonly string[] = Object.keys(table);

function trouble(kind: VmmTrouble["kind"], reason: string): EventAction {
  return { kind: "trouble", trouble: { kind, reason } };
}

/** qapi/block-core.json. The error was passed to the guest (`report`) or dropped (`ignore`). */
function diskError(data: Data): string {
  const operation = data["operation"] === "read" ? "read" : "write to";
  const disk = text(data["device"]) || text(data["node-name"]).replace(/^disk-/, "") || "a disk";
  const why = text(data["reason"]) || "an I/O error";
  return `the host could not ${operation} disk ${disk}: ${why}; the guest ${data["action"] === "report" ? "got the error" : "was not notified"}`;
}

/** qapi/run-state.json: a memory error reported by the host's hardware (machine check). */
function memoryFailure(recipient: unknown, action: unknown): string {
  const whose = recipient === "guest" ? "the guest's memory" : "memory of the VMM";
  return `the host's hardware reports an error in ${whose} (action ${text(action) || "unknown"})`;
}

const maxText = 200;

function text(value: unknown): string {
  return oneLine(textOf(value, 4 * maxText) ?? "").slice(0, maxText);
}
