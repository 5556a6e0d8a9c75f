import { expect, test } from "bun:test";
import { listenForNotices } from "../client/session/notices.ts";
import type { AgentClient, Json } from "../wire/agent/types.ts";
import { stateText } from "./ui/state.ts";
import { noticePrinter } from "./vm-notices.ts";

function printed(isTerminal: boolean, notices: Json[]): string {
  let said = "";
  const write = async (to: string, data: Uint8Array | string) => {
    said += `${to}: ${data}`;
  };
  const stdio = { stderrIsTerminal: isTerminal, write } as never;
  const client = { onNotice: (tell: (notice: Json) => void) => notices.forEach(tell) } as unknown as AgentClient;
  listenForNotices(client, "web", noticePrinter({ stdio }));
  return said;
}

test("a notice about a session's VM is one line on stderr", () => {
  const paused = { notice: "vm", state: "paused", text: "the disk is full\u001b[2J\nbanger: all is well" };
  expect(printed(false, [paused])).toMatch(/^stderr: banger: VM "web" is paused: the disk is full.*all is well\n$/);
  expect(printed(false, [paused])).not.toContain("\u001b");
  expect(printed(true, [paused]).endsWith("\r\n")).toBe(true);
});

test("other and malformed notices are not printed", () => {
  const others = [{ notice: "up" }, { notice: "vm", state: "paused" }, { notice: "vm", state: "\n", text: "x" }];
  expect(printed(false, others)).toBe("");
});

test("the state of a VM includes what paused it", () => {
  const cause = { reason: "", next: "", log: [], at: 0 };
  expect(stateText({ state: "running", pausedBy: null })).toBe("running");
  const trouble = { kind: "network-lost", reason: "x", next: "y", at: 0 } as const;
  expect(stateText({ state: "running", pausedBy: null, troubles: [trouble] })).toBe("running (no network)");
  expect(stateText({ state: "stopped", pausedBy: null, troubles: [trouble] })).toBe("stopped");
  expect(stateText({ state: "paused", pausedBy: { ...cause, kind: "disk-full" } })).toBe("paused (disk full)");
});
