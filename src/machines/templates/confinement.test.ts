import { expect, test } from "bun:test";
import { newHost, recorder, startDaemon } from "../testing/daemon.ts";
import { request, saving, setUp } from "../testing/saving.ts";

const agent = { wait: "agent" } as const;
const gap = { layer: "landlock", why: "not in this kernel", leavesOpen: "it reads every file" } as const;
const sharing = { layer: "memory isolation", why: "QEMU is old", leavesOpen: "it changes other VMs" } as const;

test("the first start of a daemon reports the cage's gaps, and later ones do not", async () => {
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

test("a complete cage is not mentioned", async () => {
  const machines = await startDaemon(newHost());
  const { events, emit, signal } = recorder();
  await machines.create({ name: "web", ephemeral: false }, agent, emit, signal);
  expect(events.filter((event) => event.kind === "note" && event.level === "warn")).toEqual([]);
});

test("a VMM that can write to the memory of other VMs is reported as a missing layer of its own", async () => {
  const host = newHost();
  Object.assign(host.world, { gaps: [gap], sharing });
  const machines = await startDaemon(host);
  const { events, emit, signal } = recorder();
  await machines.create({ name: "web", ephemeral: false }, agent, emit, signal);
  expect(events.filter((event) => event.kind === "note" && event.level === "warn")).toMatchObject([
    { text: expect.stringMatching(/: no landlock .*; no memory isolation \(QEMU is old\): it changes other VMs$/) },
  ]);
});

test("when confinement is required, memory that is not shared is not mentioned", async () => {
  const host = newHost();
  Object.assign(host.world, { sharing, confinement: "required" });
  const machines = await startDaemon(host);
  const { events, emit, signal } = recorder();
  await machines.create({ name: "web", ephemeral: false }, agent, emit, signal);
  expect(events.filter((event) => event.kind === "note" && event.level === "warn")).toEqual([]);
});

test("when confinement is required, VMs that would share memory boot, and report why", async () => {
  const host = saving();
  Object.assign(host.world, { sharing, confinement: "required" });
  const { run } = await setUp(host);
  const how = /^cold \(confinement is required, and QEMU is old\)/;
  for (const name of ["one", "two"]) expect((await run(name)).startedHow).toMatch(how);
  Object.assign(host.world, { confinement: "auto" });
  expect((await run("three")).startedHow).toMatch(/^restored from template/);
});

test("when no template is possible none is made ahead of time, and the reason is reported", async () => {
  const host = saving();
  Object.assign(host.world, { sharing, confinement: "required" });
  const machines = await startDaemon(host);
  const { emit, signal } = recorder();
  await expect(machines.warmTemplate(request("one"), emit, signal)).rejects.toMatchObject({
    code: "TEMPLATE_FAILED",
    message: expect.stringContaining("confinement is required, and QEMU is old"),
  });
  expect(host.world.vmms.size).toBe(0);
});
