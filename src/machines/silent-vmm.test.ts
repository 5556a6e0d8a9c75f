/** A VMM that runs and answers nothing: the daemon serves without it, and the VM can still be ended. */
import { expect, test } from "bun:test";
import type { VmId } from "../base/names.ts";
import { addLive } from "./guest/live.ts";
import type { LifeContext } from "./life/context.ts";
import type { Machines } from "./machines.ts";
import { created, emit, signal, started } from "./testing/crash.ts";
import { newHost, shortTimings, startDaemon } from "./testing/daemon.ts";
import { assertTruth } from "./testing/truth.ts";

const hour = 3_600_000;
/** only the end of the VMM can end a wait in these tests */
const patient = { ...shortTimings, graceMs: hour, tellMs: hour, syncMs: hour, agentMs: hour, adoptMs: hour };

async function withVm(timings = patient) {
  const host = newHost();
  host.world.canSave = true;
  const machines = await startDaemon(host, undefined, { timings });
  await started(machines);
  const [inWorld] = host.world.living();
  if (!inWorld) throw new Error("it does not run");
  const silence = () => void host.world.silent.add(inWorld.process.pid);
  return { host, machines, inWorld, silence };
}

const acts: [string, (m: Machines) => Promise<unknown>][] = [
  ["pause", (m) => m.pause("web")],
  ["suspend", (m) => m.suspend("web", emit, signal)],
  ["snapshot", (m) => m.snapshot("web", "s1", emit, signal)],
  ["fork", (m) => m.fork("web", { names: ["child"] }, emit, signal)],
  ["stop", (m) => m.stop("web", {}, emit)],
  ["restart", (m) => m.restart("web", { wait: "agent" }, emit, signal)],
];

test.each(acts)("vm kill and vm delete end a VM whose VMM answers nothing to vm %s", async (_, act) => {
  for (const end of ["kill", "delete"] as const) {
    const { host, machines, inWorld, silence } = await withVm();
    silence();
    const asked = host.world.nextAsked();
    const acting = act(machines).catch((error: unknown) => error);
    await asked;
    await machines[end]("web");
    await acting;
    expect(inWorld.guest.exit).toEqual({ kind: "killed" });
    if (end === "kill") expect(machines.find("web")).toMatchObject({ state: "stopped", failure: null });
    else expect(() => machines.find("web")).toThrow("web");
    await machines.idle();
    assertTruth(host, `${end} while it is silent`);
    machines.release();
  }
});

test("a daemon serves though a VMM does not answer, reports it, and ends it on request", async () => {
  for (const end of ["kill", "delete"] as const) {
    const { host, machines, inWorld, silence } = await withVm();
    await machines.create({ name: "good", ephemeral: false }, { wait: "agent" }, emit, signal);
    machines.release();
    silence();
    const next = await startDaemon(host, undefined, { timings: { ...patient, adoptMs: 5 } });
    expect(next.find("web").state).toBe("running");
    const { pid } = inWorld.process;
    await expect(next.session("web")).rejects.toMatchObject({ code: "VMM_UNREACHABLE", details: { pid } });
    await expect(next.pause("web")).rejects.toMatchObject({ code: "VMM_UNREACHABLE", details: { pid } });
    (await next.session("good")).end();
    await next[end]("web");
    expect(inWorld.guest.exit).toEqual({ kind: "killed" });
    if (end === "kill") expect(next.find("web")).toMatchObject({ state: "stopped", failure: null });
    await next.idle();
    assertTruth(host, `${end} by a daemon that never adopted it`);
    next.release();
  }
});

test("one that answers eventually is adopted", async () => {
  const { host, machines, inWorld } = await withVm();
  machines.release();
  const answers = Promise.withResolvers<void>();
  host.world.answer = () => answers.promise;
  const next = await startDaemon(host, undefined, { timings: { ...patient, adoptMs: 5 } });
  await expect(next.session("web")).rejects.toMatchObject({ code: "VMM_UNREACHABLE" });
  answers.resolve();
  await next.idle();
  (await next.session("web")).end();
  expect(inWorld.guest.exit).toBeNull();
});

test("one that falls silent while it is being adopted does not prevent the daemon from serving", async () => {
  const { host, machines, inWorld } = await withVm();
  await machines.pause("web");
  machines.release();
  const isAdopted = Promise.withResolvers<void>();
  let asked = 0;
  host.world.answer = async () => {
    asked += 1;
    if (asked === 1) return;
    isAdopted.resolve();
    await inWorld.guest.exited.promise;
    throw new Error("its monitor was closed");
  };
  const next = await startDaemon(host, undefined, { timings: { ...patient, adoptMs: 5 } });
  await isAdopted.promise;
  await next.kill("web");
  expect(next.find("web").state).toBe("stopped");
  await next.idle();
});

test("a start that a daemon resumes is interrupted by vm kill", async () => {
  const host = newHost();
  const reached = Promise.withResolvers<void>();
  const connectAgent = () => {
    reached.resolve();
    return new Promise<never>(() => {});
  };
  const first = await startDaemon(host, undefined, { timings: patient, connectAgent });
  await created(first);
  void first.start("web", { wait: "agent" }, emit, signal).catch(() => {});
  await reached.promise;
  first.release();
  const next = await startDaemon(host, undefined, { timings: patient, connectAgent });
  await next.kill("web");
  expect(host.world.living()).toEqual([]);
  expect(next.find("web")).toMatchObject({ state: "stopped", failure: null });
});

test("a VMM that repeatedly reports that it stopped its guest has one report handled at a time", () => {
  let [notes, tell] = [0, () => {}];
  const ctx = {
    live: new Map(),
    onLive() {},
    onEnd() {},
    onStopped() {
      notes += 1;
      return new Promise(() => {});
    },
  };
  const vm = {
    wait: () => new Promise(() => {}),
    onTrouble() {},
    onStopped(listener: () => void) {
      tell = listener;
    },
    stopped: () => null,
  };
  addLive(ctx as unknown as LifeContext, "aaaaaaaa" as VmId, vm as never);
  for (let time = 0; time < 1000; time++) tell();
  expect(notes).toBe(1);
});
