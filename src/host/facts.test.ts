import { describe, expect, test } from "bun:test";
import * as fs from "node:fs";
import { systemClock } from "./clock.ts";
import { hostFacts, which } from "./facts.ts";
import { missingTool } from "./packages.ts";
import { randomBytes, randomId, sha256 } from "./random.ts";
import { fakeClock } from "./testing/clock.ts";
import { tempFolder } from "./testing/temp.ts";

test("facts of this host", async () => {
  const facts = await hostFacts();
  expect(facts.cpus).toBeGreaterThan(0);
  expect(facts.memoryBytes).toBeGreaterThan(2 ** 20);
  expect(facts.home).toStartWith("/");
  expect(facts.uid).toBe(process.getuid?.() ?? -1);
});

test("which: programs only, in the order of PATH, then in sbin folders", async () => {
  using folder = tempFolder();
  fs.mkdirSync(`${folder.path}/a`);
  fs.mkdirSync(`${folder.path}/a/dir`);
  fs.writeFileSync(`${folder.path}/a/plain`, "");
  fs.writeFileSync(`${folder.path}/a/tool`, "", { mode: 0o755 });
  const path = `.:${folder.path}/none:${folder.path}/a`;
  expect(await which("tool", path)).toBe(`${folder.path}/a/tool`);
  expect(await which("plain", path)).toBeNull();
  expect(await which("dir", path)).toBeNull();
  expect(await which("mount", "/nowhere:/usr/bin")).toBe("/usr/bin/mount");
});

describe("packages", () => {
  for (const [program, line] of [
    ["/usr/bin/apt-get", "sudo apt install qemu-system-x86"],
    ["/usr/bin/dnf", "sudo dnf install qemu-system-x86-core"],
    ["/usr/bin/pacman", "sudo pacman -S qemu-system-x86"],
    ["/usr/bin/zypper", "sudo zypper install qemu-x86"],
  ]) {
    test(line as string, () => {
      const hint = missingTool("qemu-system-x86_64", (path) => path === program);
      expect(hint).toEqual({ why: "to run VMs", install: `install it with \`${line}\`` });
    });
  }

  test("a program that only some package managers have", () => {
    const on = (program: string) => missingTool("firecracker", (path) => path === program).install;
    expect(on("/usr/bin/pacman")).toBe("install it with `sudo pacman -S firecracker`");
    expect(on("/sbin/apk")).toBe("install it with `sudo apk add firecracker`");
    for (const other of ["/usr/bin/apt-get", "/usr/bin/dnf", "/usr/bin/zypper", "none"])
      expect(on(other)).toStartWith("download its release for x86_64 from https://github.com/firecracker-microvm/");
    expect(missingTool("passt", (path) => path === "/sbin/apk").install).toBe("install the package that has passt");
  });

  test("unknown manager, unknown program", () => {
    expect(missingTool("passt", () => false).install).toBe("install the package that has passt");
    expect(missingTool("frobnicate").install).toBe("install frobnicate and run the same command again");
  });
});

test("randomness and digests", () => {
  expect(randomBytes(7).length).toBe(7);
  expect(randomId()).toMatch(/^[a-z0-9]{8}$/);
  expect(randomId()).not.toBe(randomId());
  const abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  expect(sha256("abc")).toBe(abc as ReturnType<typeof sha256>);
});

test("clocks", () => {
  const clock = fakeClock(1000);
  clock.advance(5);
  expect([clock.now(), clock.monotonic()]).toEqual([1005, 5]);
  expect(systemClock.now()).toBeGreaterThan(1e12);
  expect(systemClock.monotonic()).toBeGreaterThanOrEqual(0);
});
