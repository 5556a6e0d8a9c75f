import { expect, test } from "bun:test";
import type { Probe } from "../vmm/driver.ts";
import { templateLimit } from "./confinement.ts";
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

test("a whole cage is required: no templates where a VMM writes to the memory that others map", () => {
  const features = { pause: true, snapshots: true, keepsSessions: true, growDisk: true };
  const apart: Probe = { usable: true, version: "1", accel: "tcg", why: "", features, gaps: [] };
  const limit = (confinement: "auto" | "required", probe: Probe) =>
    templateLimit({ confinement, templateMaxBytes: 7 }, probe);
  expect(limit("required", { ...apart, sharing: gap })).toBe(0);
  expect(limit("auto", { ...apart, sharing: gap })).toBe(7);
  expect(limit("required", apart)).toBe(7);
});
