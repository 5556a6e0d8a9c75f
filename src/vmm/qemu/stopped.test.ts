import { expect, test } from "bun:test";
import type { Qmp } from "../../wire/qmp/client.ts";
import { blockErrorOf, readStop } from "./stopped.ts";

const answering = (answers: Record<string, unknown>) =>
  ({ execute: async (command: string) => answers[command] }) as unknown as Qmp;
const event = { action: "stop", operation: "write", nospace: false, reason: "Input/output error" };

test("a BLOCK_IO_ERROR that stops the guest is recorded, one that is reported to the guest is not", () => {
  expect(blockErrorOf(event)).toEqual({ kind: "io-error", reason: "Input/output error" });
  expect(blockErrorOf({ ...event, nospace: true, reason: "No space left on device" })?.kind).toBe("disk-full");
  expect(blockErrorOf({ ...event, reason: "Disk quota exceeded" })?.kind).toBe("disk-full");
  expect(blockErrorOf({ ...event, reason: "File too large" })?.kind).toBe("file-limit");
  expect(blockErrorOf({ ...event, action: "report" })).toBeNull();
});

test("values of another type are ignored", () => {
  expect(blockErrorOf({ action: "stop", nospace: "true", reason: ["x"] })).toEqual({ kind: "io-error", reason: "" });
  const long = blockErrorOf({ ...event, reason: `\u001b[31m${"x".repeat(9000)}` });
  expect(long?.reason).toHaveLength(200);
  expect(long?.reason).not.toContain("\u001b");
});

test.each([
  ["io-error", { kind: "disk-full", reason: "No space left on device" }, { kind: "disk-full", reason: "" }],
  ["io-error", { kind: "io-error", reason: "Input/output error" }, { kind: "io-error", reason: "Input/output error" }],
  ["io-error", { kind: "file-limit", reason: "File too large" }, { kind: "file-limit", reason: "File too large" }],
  ["internal-error", { kind: "dead", shutdown: { guest: false, reason: "internal-error" } }, null],
  ["watchdog", { kind: "vmm-error", reason: "the guest's watchdog expired" }, null],
  ["guest-panicked", { kind: "dead", shutdown: { guest: true, reason: "guest-panic" } }, null],
  ["suspended", { kind: "vmm-error", reason: "the guest suspended its machine, and nothing can wake it" }, null],
  ["constructor", null, null],
  ["paused", null, null],
  ["running", null, { kind: "disk-full", reason: "" }],
  ["postmigrate", null, null],
  [7, null, null],
] as const)("run state %s", async (status, stop, error) => {
  expect(await readStop(answering({ "query-status": { status } }), error)).toEqual(stop as never);
});

test("without an event, the reason is read from the disks", async () => {
  const state = { "query-status": { status: "io-error" } };
  const disks = (...states: unknown[]) => ({ ...state, "query-block": states.map((one) => ({ "io-status": one })) });
  expect(await readStop(answering(disks("ok", "nospace")), null)).toMatchObject({ kind: "disk-full" });
  expect(await readStop(answering(disks("failed", null)), null)).toMatchObject({ kind: "io-error" });
  expect(await readStop(answering({ ...state, "query-block": "no list" }), null)).toMatchObject({ kind: "io-error" });
  expect(await readStop(answering({ "query-status": null }), null)).toBeNull();
});
