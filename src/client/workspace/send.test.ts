/** A workspace on its way into a guest in memory, packed by a function of the test's. */
import { expect, test } from "bun:test";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import type { WorkEvent } from "../../model/event.ts";
import { plainClient } from "../../wire/agent/client.ts";
import { type FakeAgentOptions, fakeAgent } from "../../wire/agent/testing/fake.ts";
import type { PlanEntry, WorkspacePlan } from "../../workspace/types.ts";
import type { WorkspacePacker } from "../dependencies.ts";
import { planSize, sendWorkspace } from "./send.ts";

const never = new AbortController().signal;
const entry = (kind: PlanEntry["kind"], size: number) => ({ kind, size }) as PlanEntry;

function planOf(change: Partial<WorkspacePlan>): WorkspacePlan {
  const totals = { files: 1, bytes: 2048 };
  const place = { root: "/home/me/repo", name: "repo", guestPath: "/root/repo", totals };
  return { ...place, after: [], tooling: null, ...change } as unknown as WorkspacePlan;
}

const packer: WorkspacePacker = {
  async *workspaceTar(_plan, { onProgress, onVanished }) {
    onVanished?.("gone.txt");
    onProgress?.(1024);
    yield new Uint8Array(1024);
    yield new Uint8Array(1024);
  },
};

/** @returns what was put, and the events of it */
async function send(plan: Partial<WorkspacePlan>, options: FakeAgentOptions = {}, by = packer, signal = never) {
  const [ours, theirs] = memoryPair();
  const puts: string[] = [];
  fakeAgent(theirs, {
    plain: true,
    onPut: (request, tar) => void puts.push(`${request["path"]} ${tar.length}`),
    ...options,
  });
  const events: WorkEvent[] = [];
  const client = plainClient(ours, "web");
  try {
    await sendWorkspace(by, client, planOf(plan), (event) => void events.push(event), signal);
  } finally {
    client.destroy();
  }
  return { puts, events };
}

test("the tar goes to its place; progress and what vanished are events", async () => {
  const { puts, events } = await send({});
  expect(puts).toEqual(["/root/repo 2048"]);
  const progress = { kind: "progress", step: "workspace", text: "copying repo into the VM" };
  expect(events).toEqual([
    progress,
    { kind: "note", level: "warn", text: expect.stringContaining("gone.txt") },
    { ...progress, done: 1024, total: 2048 },
  ] as WorkEvent[]);
});

test("a command that fails afterwards is quoted with its last line", async () => {
  const after = [{ argv: ["checkout", "a b"], cwd: "/root/repo", what: "check out HEAD" }];
  const checkout: NonNullable<FakeAgentOptions["commands"]>[string] = async (stream) => {
    await stream.write(2, new TextEncoder().encode("first\nno such commit\n"));
    return { code: 128 };
  };
  await expect(send({ after }, { commands: { checkout } })).rejects.toMatchObject({
    code: "WORKSPACE_COPY",
    details: expect.objectContaining({
      problem: "could not check out HEAD: checkout 'a b' ended with 128: no such commit",
    }),
  });
});

test("tools that can't be installed are a note", async () => {
  const tooling = { argv: ["make"], cwd: "/root/repo", what: "install the tools", env: {}, log: "/root/log" };
  const verbs: FakeAgentOptions["verbs"] = { exec: (served) => served.refuse("io", "the guest says why") };
  const { events } = await send({ tooling }, { verbs });
  expect(events.at(-1)).toMatchObject({ level: "warn", text: expect.stringContaining("could not install the tools") });
});

test("the signal ends it in the middle, with its own reason", async () => {
  const stop = new AbortController();
  const reason = new Error("enough");
  const by: WorkspacePacker = {
    async *workspaceTar() {
      yield new Uint8Array(512);
      stop.abort(reason);
      yield new Uint8Array(512);
    },
  };
  await expect(send({}, {}, by, stop.signal)).rejects.toBe(reason);
  await expect(send({}, {}, packer, AbortSignal.abort(reason))).rejects.toBe(reason);
});

test("a plan's size counts whole blocks, one for each folder and empty file, none for links", () => {
  const entries = [entry("file", 0), entry("file", 4097), entry("folder", 0), entry("link", 9)];
  expect(planSize({ entries })).toEqual({ bytes: 4 * 4096, entries: 4 });
});
