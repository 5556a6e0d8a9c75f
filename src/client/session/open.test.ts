/** Coming back to a VM after its daemon was replaced: what is asked of which daemon, and who hears of the VM from then on. */
import { expect, test } from "bun:test";
import type { Json } from "../../wire/agent/types.ts";
import type { Api } from "../api.ts";
import type { DaemonAccess } from "../dependencies.ts";
import type { VmNotice } from "./notices.ts";
import { openSession, reopenSession } from "./open.ts";

const never = new AbortController().signal;

type FakeDaemon = {
  version?: string;
  state?: string;
  /** resolves with the state in which the VM ended; absent: it does not end */
  end?: Promise<string>;
  /** fails when the signal is aborted, and only then */
  isAgentSilent?: boolean;
};

/** An agent whose session `notify` speaks to. */
function daemon({ version = "1", state = "running", end, isAgentSilent = false }: FakeDaemon) {
  const asked: string[] = [];
  let notify: (notice: Json) => void = () => {};
  const client = {
    onNotice(listener: typeof notify) {
      notify = listener;
    },
  };
  const api = {
    async json(route: string) {
      asked.push(route);
      return route === "daemonInfo" ? { version } : { state };
    },
    async work() {
      return { value: { state: await (end ?? new Promise(() => {})) } };
    },
    agent(_name: string, signal: AbortSignal, { wakes = true } = {}) {
      asked.push(wakes ? "agent, wakes" : "agent");
      if (!isAgentSilent) return Promise.resolve(client);
      return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  } as unknown as Api;
  const needs: DaemonAccess = { api, version: "1", runningApi: async () => null };
  return { api, needs, asked, notify: (notice: Json) => notify(notice) };
}

const paused = { notice: "vm", state: "paused", text: "the disk is full\u001b[2J\nnothing else" };

test("a session wakes a suspended VM; one that replaces it does not, and is heard of in the same place", async () => {
  const { needs, asked, notify } = daemon({});
  const heard: VmNotice[] = [];
  const session = await openSession(needs, "web", (notice) => void heard.push(notice), never);
  notify(paused);
  await reopenSession(needs, session, never);
  notify({ ...paused, state: "running", text: "there is room again" });
  expect(asked).toEqual(["agent, wakes", "daemonInfo", "showVm", "agent"]);
  expect(heard).toEqual([
    { name: "web", state: "paused", text: expect.stringMatching(/^the disk is full[ -~]*nothing else$/) },
    { name: "web", state: "running", text: "there is room again" },
  ]);
});

test("notices of another kind or form are passed over", async () => {
  const { needs, notify } = daemon({});
  const heard: VmNotice[] = [];
  await openSession(needs, "web", (notice) => void heard.push(notice), never);
  for (const other of [{ notice: "up" }, { notice: "vm", state: "paused" }, { ...paused, state: "gone" }])
    notify(other);
  expect(heard).toEqual([]);
});

test("a newer daemon is spoken to in its own version", async () => {
  const newer = daemon({ version: "2" });
  const old = daemon({ version: "2" });
  const versions: (string | undefined)[] = [];
  const needs: DaemonAccess = {
    ...old.needs,
    async runningApi(version) {
      versions.push(version);
      return newer.api;
    },
  };
  await reopenSession(needs, { name: "web", onNotice() {} }, never);
  expect([versions, old.asked, newer.asked]).toEqual([["2"], ["daemonInfo"], ["showVm", "agent"]]);
});

test("a VM that does not run, or ends while its agent is waited for, is not waited for any longer", async () => {
  const suspended = daemon({ state: "suspended" });
  const session = { name: "web", onNotice() {} };
  const ofState = (state: string) => ({ code: "VM_STATE", details: expect.objectContaining({ state }) });
  await expect(reopenSession(suspended.needs, session, never)).rejects.toMatchObject(ofState("suspended"));
  expect(suspended.asked).not.toContain("agent");
  const ending = daemon({ end: Promise.resolve("failed"), isAgentSilent: true });
  await expect(reopenSession(ending.needs, session, never)).rejects.toMatchObject(ofState("failed"));
});
