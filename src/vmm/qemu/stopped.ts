/**
 * A guest that QEMU stopped by itself. Its STOP event doesn't say why: the run state does (qapi/run-state.json), and for a
 * disk the BLOCK_IO_ERROR event before it (qapi/block-core.json).
 */
import { oneLine } from "../../base/display.ts";
import type { Qmp } from "../../wire/qmp/client.ts";
import type { VmmStop } from "../driver.ts";

/** Of the last BLOCK_IO_ERROR that stopped the guest. */
export type BlockError = { kind: "disk-full" | "file-limit" | "io-error"; reason: string };

const maxReason = 200;

/** Null for an error that was reported to the guest, which continues to run. */
export function blockErrorOf(data: Record<string, unknown>): BlockError | null {
  if (data["action"] !== "stop") return null;
  const said = data["reason"];
  const reason = typeof said === "string" ? oneLine(said).slice(0, maxReason) : "";
  return { kind: data["nospace"] === true ? "disk-full" : kindOf(reason), reason };
}

/** @param reason strerror(3) in the C locale: `nospace` stands for ENOSPC alone, not for EDQUOT or EFBIG */
function kindOf(reason: string): BlockError["kind"] {
  if (reason === "Disk quota exceeded") return "disk-full";
  return reason === "File too large" ? "file-limit" : "io-error";
}

/** What the present run state means. @param error what a disk said last, if anything */
export async function readStop(qmp: Qmp, error: BlockError | null): Promise<VmmStop | null> {
  const { status } = fields(await qmp.execute("query-status"));
  if (status === "io-error") return ioStop(error ?? (await readBlockError(qmp)));
  const reason = typeof status === "string" && Object.hasOwn(stopReasons, status) ? stopReasons[status] : undefined;
  return reason === undefined ? null : { kind: "vmm-error", reason };
}

/** Run states that nobody asked for and that no command of ours ends. */
const stopReasons: Record<string, string> = {
  "internal-error": "QEMU met an error that it can't go on from",
  "guest-panicked": "the guest's kernel panicked",
  watchdog: "the guest's watchdog expired",
  suspended: "the guest put its machine to sleep, and nothing wakes it",
};

function ioStop({ kind, reason }: BlockError): VmmStop {
  const plain = kind === "disk-full" ? "No space left on device" : "an I/O error on the host";
  return { kind, reason: reason || plain };
}

/** Of a QEMU whose events another daemon got. */
async function readBlockError(qmp: Qmp): Promise<BlockError> {
  const answer = await qmp.execute("query-block");
  const devices = Array.isArray(answer) ? answer.map(fields) : [];
  const isFull = devices.some((device) => device["io-status"] === "nospace");
  return { kind: isFull ? "disk-full" : "io-error", reason: "" };
}

/** What a value has of fields, whatever it is. */
function fields(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
