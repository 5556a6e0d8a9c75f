/** What is missing or broken on the host is reported with a code and a hint, and nothing half-made is left. */
import { expect, test } from "bun:test";
import { existsSync, globSync, mkdirSync, readlinkSync, rmSync, symlinkSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { vmSuite } from "./harness.ts";
import type { Home } from "./home.ts";

type WireError = { error?: { code: string }; code?: string };

vmSuite("failures", (home) => {
  const failsWith = async (args: string[], env: Record<string, string> = {}) => {
    const done = await home().banger([...args.slice(0, 2), "--json", ...args.slice(2)], { env, timeoutMs: 120_000 });
    return { ...done, error: errorCode(`${done.stdout}\n${done.stderr}`) };
  };

  for (const [program, code] of [["qemu-system-x86_64", "VMM_NOT_FOUND"]] as const) {
    test(`without ${program}: ${code}, with the package that has it`, async () => {
      await home().ok(["daemon", "stop"]);
      const env = { PATH: pathWithout(home(), program) };
      const done = await home().banger(["vm", "run", "--rm", "--wait=agent", "--", "true"], { env });
      expect([done.code, done.stderr]).toEqual([125, expect.stringContaining("hint:")]);
      expect(done.stderr).toMatch(/qemu-system-x86/);
      await home().ok(["daemon", "stop"]);
      expect(home().vmFiles()).toEqual([]);
    }, 60_000);
  }

  test("without passt: no VM with a network, and the package that has it", async () => {
    await home().ok(["daemon", "stop"]);
    const env = { PATH: pathWithout(home(), "passt") };
    const done = await home().banger(["vm", "run", "--rm", "--wait=agent", "--", "true"], { env });
    expect([done.code, done.stderr]).toEqual([
      125,
      expect.stringMatching(/passt: it is not installed.*hint: .*install.*passt/s),
    ]);
    expect(home().vmFiles()).toEqual([]);
    const offline = ["vm", "run", "--rm", "--wait=agent", "--network=none", "--", "true"];
    expect((await home().banger(offline, { env })).code).toBe(0);
    await home().ok(["daemon", "stop"]);
  }, 120_000);

  test("without passt, where the config allows QEMU's own network: a VM with a warning, but never where something is denied", async () => {
    await home().ok(["daemon", "stop"]);
    const env = { PATH: pathWithout(home(), "passt") };
    home().configure("network_fallback = true\nwarm_vms = false\n");
    const run = ["vm", "run", "--rm", "--wait=agent"];
    const done = await home().banger([...run, "--", "true"], { env });
    expect([done.code, done.stderr]).toEqual([0, expect.stringMatching(/warning.*passt.*loopback/i)]);
    expect((await home().banger([...run, "--deny=lan", "--", "true"], { env })).code).toBe(125);
    home().configure("warm_vms = false\n");
    await home().ok(["daemon", "stop"]);
  }, 120_000);

  test("nonsense sizes name the flag and an example", async () => {
    for (const [flag, value] of [
      ["--memory", "lots"],
      ["--disk", "-1G"],
      ["--vcpu", "zero"],
      ["--memory", "1"],
      ["--network", "bridge9"],
      ["--wait", "forever"],
    ] as const) {
      const done = await home().banger(["vm", "create", flag, value]);
      expect([flag, value, done.code, done.stderr]).toEqual([flag, value, 2, expect.stringContaining(flag)]);
      expect(done.stderr).toMatch(/for example|hint:/);
    }
    expect(await home().json(["vm", "ls"])).toEqual([]);
  }, 60_000);

  test("an unknown image or kernel", async () => {
    expect((await failsWith(["vm", "create", "--image", "no-such-image"])).error).toBe("IMAGE_NOT_FOUND");
    expect((await failsWith(["vm", "create", "--kernel", "no-such-kernel"])).error).toBe("KERNEL_NOT_FOUND");
    expect((await failsWith(["vm", "show", "nobody"])).error).toBe("VM_NOT_FOUND");
  });

  test("a truncated image file is reported as damaged, and leaves nothing", async () => {
    const layer = globSync("c/banger/layers/*.sqfs", { cwd: home().folder })[0] ?? "";
    const file = join(home().folder, layer);
    unshare(file);
    truncateSync(file, 4096);
    const done = await failsWith(["vm", "run", "--rm", "--wait=agent", "--", "true"]);
    expect([done.code, done.error]).toEqual([125, "IMAGE_DAMAGED"]);
    expect(home().vmFiles()).toEqual([]);
  }, 120_000);
});

/** A PATH of links to everything in ours except one program. */
function pathWithout(home: Home, program: string): string {
  const folder = join(home.folder, `path-${program}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const parent of ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"]) {
    for (const name of globSync("*", { cwd: parent })) {
      if (name !== program && !name.startsWith(`${program}.`) && !existsSync(join(folder, name)))
        link(join(parent, name), join(folder, name));
    }
  }
  return folder;
}

function link(target: string, path: string): void {
  try {
    symlinkSync(target, path);
  } catch {
    // a dangling link of that name already exists
    readlinkSync(path);
  }
}

/** Makes a file the home's own copy: golden images are shared by hard links. */
function unshare(file: string): void {
  Bun.spawnSync(["cp", file, `${file}.own`]);
  Bun.spawnSync(["mv", "-f", `${file}.own`, file]);
}

/** The code in an error's JSON, anywhere in the output. */
function errorCode(output: string): string | null {
  for (const line of output.split("\n")) {
    try {
      const value = JSON.parse(line) as WireError;
      const code = value.error?.code ?? value.code;
      if (code) return code;
    } catch {
      // not a line of JSON: progress or a table
    }
  }
  return /"code":\s*"([A-Z_]+)"/.exec(output)?.[1] ?? null;
}
