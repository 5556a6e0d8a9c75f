import { expect, test } from "bun:test";
import { actionFor, knownEvents } from "./events.ts";

const ignored = { kind: "pass" };
const act = (on: string) => ({ kind: "act", on });
const trouble = (kind: string, reason: string) => ({ kind: "trouble", trouble: { kind, reason } });

const rows: [string, Record<string, unknown>, unknown][] = [
  ["SHUTDOWN", { guest: true, reason: "guest-reset" }, act("shutdown")],
  ["STOP", {}, act("stop")],
  ["SUSPEND", {}, act("stop")],
  ["RESUME", {}, act("resume")],
  ["WAKEUP", {}, act("resume")],
  ["BLOCK_IO_ERROR", { action: "stop", operation: "write", device: "", reason: "No space left on device" }, ignored],
  [
    "BLOCK_IO_ERROR",
    { action: "report", operation: "read", device: "", "node-name": "disk-layer0", reason: "Input/output error" },
    trouble("disk-error", "the host could not read disk layer0: Input/output error; the guest got the error"),
  ],
  [
    "BLOCK_IO_ERROR",
    { action: "ignore", operation: "write" },
    trouble("disk-error", "the host could not write to disk a disk: an I/O error; the guest was not notified"),
  ],
  [
    "BLOCK_IMAGE_CORRUPTED",
    { msg: "bad\u001b[31m" },
    trouble("disk-error", expect.stringMatching(/^a disk image is damaged: bad/) as never),
  ],
  [
    "MEMORY_FAILURE",
    { recipient: "guest", action: "inject", flags: {} },
    trouble("memory-failure", "the host's hardware reports an error in the guest's memory (action inject)"),
  ],
  [
    "MEMORY_FAILURE",
    { recipient: "hypervisor", action: "ignore" },
    trouble("memory-failure", "the host's hardware reports an error in memory of the VMM (action ignore)"),
  ],
  ["WATCHDOG", { action: "none" }, trouble("watchdog", "the guest's watchdog expired (action none)")],
  ["WATCHDOG", { action: "reset" }, ignored],
  ["WATCHDOG", { action: "pause" }, ignored],
  ["GUEST_PANICKED", { action: "run" }, trouble("guest-panic", "the guest's kernel panicked and was left running")],
  ["GUEST_PANICKED", { action: "poweroff" }, ignored],
  ["GUEST_CRASHLOADED", { action: "run" }, trouble("guest-panic", expect.stringContaining("crash kernel") as never)],
  [
    "RESET",
    { guest: false, reason: "host-qmp-system-reset" },
    trouble("reset", "the VMM reset the machine (host-qmp-system-reset)"),
  ],
  [
    "NETDEV_STREAM_DISCONNECTED",
    { "netdev-id": "net" },
    trouble("network-lost", "the process that carries its network has ended"),
  ],
];

test.each(rows)("%s %j", (name, data, action) => {
  expect(actionFor(name, data)).toEqual(action as never);
});

test("harmless and unknown events are ignored", () => {
  for (const name of [
    "POWERDOWN",
    "MIGRATION",
    "VSERPORT_CHANGE",
    "RTC_CHANGE",
    "NO_SUCH_EVENT",
    "constructor",
    "__proto__",
    "",
  ])
    expect(actionFor(name, {})).toEqual({ kind: "pass" });
});

test("malformed data of a hostile QEMU causes no exception, and is truncated", () => {
  for (const name of knownEvents)
    for (const value of [null, 7, [], {}, "x".repeat(100_000), "\u001b]0;x\u0007\n"]) {
      const keys = ["action", "operation", "device", "node-name", "reason", "msg", "recipient"];
      const action = actionFor(name, Object.fromEntries(keys.map((key) => [key, value])));
      if (action.kind !== "trouble") continue;
      expect(action.trouble.reason.length).toBeLessThan(600);
      expect(action.trouble.reason).not.toMatch(/\p{Cc}/u);
    }
});
