/**
 * A disk that fills at every single write of each operation and stays full: the operation reports it or succeeds, the
 * daemon, which keeps running, has nothing half-made, and everything can be removed.
 */
import { expect, test } from "bun:test";
import { toBangerError } from "../../base/errors/error.ts";
import { emit, type Operation, signal } from "./crash.ts";
import { type Host, newHost, startDaemon } from "./daemon.ts";
import { Life } from "./life.ts";
import { assertTruth } from "./truth.ts";

/** What writes to the disk. The database has its own space: `host/files/sqlite.root.test.ts`. */
const writes =
  /^(?!store\.).*\b(ensureFolder|rename|makeDurable|createDisk|copySparse|boot|restore|save|prepare|initramfs|import\w+|pull\w+|saveImage|receiveDisk)$/;

/** A daemon's life on a disk that fills up. */
class FillingDisk extends Life {
  #fullFrom = Number.POSITIVE_INFINITY;
  #writes = 0;
  /** the first write that failed */
  firstFailed = "";

  /** Every write fails from the `count`th from now on. */
  fullAt(count: number): void {
    this.#writes = 0;
    this.#fullFrom = count;
  }

  override call(name: string, run: () => unknown): unknown {
    if (!writes.test(name) || ++this.#writes < this.#fullFrom) return super.call(name, run);
    this.firstFailed ||= name;
    return Promise.reject(Object.assign(new Error("no space left on device"), { code: "ENOSPC" }));
  }
}

/** Tests of a full disk at every write of every operation. */
export function testFullDisks(operations: readonly Operation[]): void {
  // a warm VM is not waited for when it can't be made
  for (const operation of operations.filter(({ keepsWarm }) => !keepsWarm)) {
    test(`${operation.name}: the disk is full at each write`, async () => {
      for (let at = 1; (await story(operation, at)) !== ""; at++);
    });
  }
}

/** @returns the first write that failed; empty: none did */
async function story(operation: Operation, at: number): Promise<string> {
  const host = newHost();
  host.world.canSave = operation.saves ?? false;
  const disk = new FillingDisk();
  const machines = await startDaemon(host, disk);
  await operation.before(machines);
  await machines.idle();
  disk.fullAt(at);
  const failure = await operation.run(machines, host).then(
    () => null,
    (error: unknown) => error,
  );
  const context = `${operation.name}, ${disk.firstFailed} (${at})`;
  if (failure !== null) expect([context, isSaid(failure)]).toEqual([context, true]);
  await rest(host, machines, context);
  await removeAll(machines);
  await rest(host, machines, `${context}, then removed`);
  machines.release();
  const next = await startDaemon(host, disk);
  await rest(host, next, `${context}, and the next daemon`);
  next.release();
  return disk.firstFailed;
}

/** What the user gets: that the disk is full, or that the VM did not start because of it. */
function isSaid(failure: unknown): boolean {
  const { code, message } = toBangerError(failure);
  return code === "DISK_FULL" || (code === "VM_BOOT_FAILED" && /no space left/.test(message));
}

async function rest(host: Host, machines: Awaited<ReturnType<typeof startDaemon>>, context: string): Promise<void> {
  await machines.idle();
  const ephemeral = machines.all().filter((vm) => vm.ephemeral);
  for (const { name } of ephemeral) await machines.delete(name);
  await machines.retire();
  await machines.idle();
  assertTruth(host, context);
}

async function removeAll(machines: Awaited<ReturnType<typeof startDaemon>>): Promise<void> {
  for (const { id } of machines.snapshots()) await machines.deleteSnapshot(id);
  for (const { key } of machines.templates()) await machines.deleteTemplate(key);
  for (const { name, state } of machines.all()) {
    if (state === "running") await machines.stop(name, { graceMs: 1 }, emit);
    if (state === "paused") await machines.kill(name);
    await machines.delete(name);
  }
  await machines.pruneImages({ all: true, dryRun: false });
  expect(machines.all()).toEqual([]);
  signal.throwIfAborted();
}
