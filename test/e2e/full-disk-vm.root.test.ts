/** A host disk that fills while a workspace streams into a VM: reported, waited for, nothing lost. On a small tmpfs; needs VMs. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gate } from "../../src/host/testing/gate.ts";
import { cloneGolden, linkCache } from "./golden.ts";
import { Home } from "./home.ts";
import { until } from "./processes.ts";

const reason = gate("root") ?? gate("vm");
const mib = 1024 * 1024;

describe.skipIf(reason !== null)(`a full disk below a VM${reason === null ? "" : ` [${reason}]`}`, () => {
  let golden: Home;
  let home: Home;
  let state: string;
  beforeAll(async () => {
    golden = new Home("gold");
    await cloneGolden(golden);
    home = new Home("full");
    state = join(home.folder, "s");
    mkdirSync(state);
    const mount = ["mount", "-t", "tmpfs", "-o", "size=400M", "tmpfs", state];
    expect(Bun.spawnSync(mount).exitCode).toBe(0);
    cpSync(join(golden.folder, "s"), state, { recursive: true, filter: (path) => !path.includes("/templates/") });
    linkCache(join(golden.folder, "c"), home);
  }, 900_000);
  afterAll(async () => {
    await home?.banger(["daemon", "stop"], { timeoutMs: 20_000 });
    Bun.spawnSync(["umount", "-l", state]);
    await home?.close();
    await golden?.close();
  }, 60_000);

  /** Leaves so much space free. */
  function fill(free: number): string {
    const { bavail, bsize } = statfsSync(state);
    const ballast = join(state, "ballast");
    writeFileSync(ballast, Buffer.alloc(bavail * bsize - free, 1));
    return ballast;
  }

  const stateOf = async () => {
    const [vm] = await home.json<{ state: string; pausedBy: { kind: string; reason: string } | null }[]>(["vm", "ls"]);
    return vm;
  };

  test("a workspace without enough space waits for it, reports so, and is complete afterwards", async () => {
    const folder = join(home.folder, "work");
    mkdirSync(folder);
    const random = crypto.getRandomValues(new Uint8Array(65_536));
    const content = new Uint8Array(120 * mib).map((_, at) => (random[at % 65_536] ?? 0) ^ (at >> 16));
    writeFileSync(join(folder, "large"), content);
    // little memory: the guest writes what does not fit there while the workspace arrives
    const flags = ["--name", "web", "--memory", "256M", "--cold", "--wait", "agent"];
    const run = home.banger(["vm", "run", ...flags, folder, "--", "sha256sum", "large"], { timeoutMs: 480_000 });
    await until("the VM boots", () => home.processes().some(({ name }) => name.startsWith("qemu")), 240_000);
    const ballast = fill(48 * mib);
    await until("the VM is stopped", async () => (await stateOf())?.state === "paused", 240_000);
    const paused = await stateOf();
    expect(paused?.pausedBy).toMatchObject({ kind: "disk-full", reason: expect.stringMatching(/ free$/) });
    rmSync(ballast);
    const { code, stdout, stderr } = await run;
    expect([code, stdout]).toEqual([0, `${createHash("sha256").update(content).digest("hex")}  large\n`]);
    expect(stderr).toMatch(/VM "web" is paused: the host has no room .*B free; free some space/);
    expect(stderr).toContain('VM "web" is running');
  }, 600_000);

  test("a VM can be deleted while the disk is full", async () => {
    // dd ends when the disk is full, however much the guest writes meanwhile
    Bun.spawnSync(["dd", "if=/dev/zero", `of=${join(state, "filler")}`, "bs=64K"]);
    await home.ok(["vm", "delete", "web"], { timeoutMs: 60_000 });
    expect(home.vmFiles()).toEqual([]);
  }, 120_000);
});
