/**
 * Why QEMU stopped a guest on its own. The STOP event has no reason: the run state does (qapi/run-state.json), and for disks
 * the BLOCK_IO_ERROR event before it (qapi/block-core.json).
 */
import { oneLine } from "../../base/untrusted-text.ts";
import type { Qmp } from "../../wire/qmp/client.ts";
import type { VmmStop } from "../driver.ts";
import { internalError, type Shutdown } from "./exit.ts";

/** The last BLOCK_IO_ERROR that stopped the guest. */
export type BlockError = { kind: "disk-full" | "file-limit" | "io-error"; reason: string };

const maxReason = 200;

/** Null for an error that was reported to the guest, which continues to run. */
export function blockErrorOf(data: Record<string, unknown>): BlockError | null {
  if (data["action"] !== "stop") return null;
  const text = data["reason"];
  const reason = typeof text === "string" ? oneLine(text).slice(0, maxReason) : "";
  return { kind: data["nospace"] === true ? "disk-full" : kindOf(reason), reason };
}

/** @param reason from strerror(3) in the C locale, as `nospace` covers ENOSPC only, not EDQUOT and EFBIG */
function kindOf(reason: string): BlockError["kind"] {
  if (reason === "Disk quota exceeded") return "disk-full";
  return reason === "File too large" ? "file-limit" : "io-error";
}

/** The guest can't run again: QEMU refuses `cont` until the machine is reset, which no user wants. */
export type DeadState = { kind: "dead"; shutdown: Shutdown };

/** Run states that nothing leads out of, as the SHUTDOWN event that should have come. */
const deadStates: Record<string, Shutdown> = {
  "internal-error": { guest: false, reason: internalError },
  "guest-panicked": { guest: true, reason: "guest-panic" },
};

/** What the current run state means. @param error the last error of a disk, if any */
export async function readStop(qmp: Qmp, error: BlockError | null): Promise<VmmStop | DeadState | null> {
  const { status } = fields(await qmp.execute("query-status"));
  if (typeof status === "string" && Object.hasOwn(deadStates, status))
    return { kind: "dead", shutdown: deadStates[status] as Shutdown };
  if (status === "io-error") return ioStop(error ?? (await readBlockError(qmp)));
  const reason = typeof status === "string" && Object.hasOwn(stopReasons, status) ? stopReasons[status] : undefined;
  return reason === undefined ? null : { kind: "vmm-error", reason };
}

/** Run states that we never request and that no command of ours ends. */
const stopReasons: Record<string, string> = {
  watchdog: "the guest's watchdog expired",
  suspended: "the guest suspended its machine, and nothing can wake it",
};

function ioStop({ kind, reason }: BlockError): VmmStop {
  const plain = kind === "disk-full" ? "No space left on device" : "an I/O error on the host";
  return { kind, reason: reason || plain };
}

/** For an adopted QEMU, whose event went to an earlier daemon. */
async function readBlockError(qmp: Qmp): Promise<BlockError> {
  const answer = await qmp.execute("query-block");
  const devices = Array.isArray(answer) ? answer.map(fields) : [];
  const isFull = devices.some((device) => device["io-status"] === "nospace");
  return { kind: isFull ? "disk-full" : "io-error", reason: "" };
}

/** The fields of an object; none for any other value. */
function fields(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
