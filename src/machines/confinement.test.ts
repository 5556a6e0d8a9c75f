import { expect, test } from "bun:test";
import { newHost, recorder, startDaemon } from "./testing/daemon.ts";

const agent = { wait: "agent" } as const;
const gap = { layer: "landlock", why: "not in this kernel", leavesOpen: "it reads every file" } as const;

test("the first start of a daemon says what the cage leaves open, and the next ones say nothing", async () => {
  const host = newHost();
  host.world.gaps = [gap];
  const machines = await startDaemon(host);
  const { events, emit, signal } = recorder();
  for (const name of ["web", "db"]) await machines.create({ name, ephemeral: false }, agent, emit, signal);
  expect(events.filter((event) => event.kind === "note" && event.level === "warn")).toEqual([
    {
      kind: "note",
      level: "warn",
      text: "VMMs are not fully confined on this host: no landlock (not in this kernel): it reads every file",
    },
  ]);
});

test("a whole cage is not worth a word", async () => {
  const machines = await startDaemon(newHost());
  const { events, emit, signal } = recorder();
  await machines.create({ name: "web", ephemeral: false }, agent, emit, signal);
  expect(events.filter((event) => event.kind === "note" && event.level === "warn")).toEqual([]);
});
