/** `make install`: a versioned folder, links that change in one step, and the previous version kept. */
import { afterAll, expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const scratch = mkdtempSync(join(tmpdir(), "install-"));
const prefix = join(scratch, "prefix");
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A checkout with the install script and a build of that version. */
function install(version: string, content = version, to = prefix) {
  const checkout = join(scratch, "checkout");
  mkdirSync(join(checkout, "build/bin"), { recursive: true });
  mkdirSync(join(checkout, "scripts"), { recursive: true });
  cpSync(join(import.meta.dirname, "../scripts/install"), join(checkout, "scripts/install"));
  for (const name of ["banger", "banger-vsock-agent"])
    writeFileSync(join(checkout, "build/bin", name), content, { mode: 0o755 });
  const done = Bun.spawnSync([join(checkout, "scripts/install"), to, version], { cwd: scratch });
  return { code: done.exitCode, stdout: done.stdout.toString(), stderr: done.stderr.toString() };
}

const installed = (path: string) => readFileSync(join(prefix, path), "utf8");

test("a first install: folder, links, one file under two names", () => {
  const done = install("1.0.0");
  expect([done.code, done.stderr]).toEqual([0, ""]);
  expect(done.stdout).toContain(`hint: add ${prefix}/bin to your PATH`);
  expect(readdirSync(join(prefix, "lib/banger")).sort()).toEqual(["1.0.0", "current"]);
  expect([installed("bin/banger"), installed("bin/bangerd")]).toEqual(["1.0.0", "1.0.0"]);
  expect(readlinkSync(join(prefix, "bin/banger"))).toBe("../lib/banger/current/banger");
  const inode = (name: string) => statSync(join(prefix, "lib/banger/current", name)).ino;
  expect(inode("bangerd")).toBe(inode("banger"));
});

test("an update keeps the previous version as previous; the same version again does not", () => {
  install("1.1.0");
  expect([readlinkSync(join(prefix, "lib/banger/current")), readlinkSync(join(prefix, "lib/banger/previous"))]).toEqual(
    ["1.1.0", "1.0.0"],
  );
  install("1.1.0", "rebuilt");
  expect(installed("bin/banger")).toBe("rebuilt");
  expect(readlinkSync(join(prefix, "lib/banger/previous"))).toBe("1.0.0");
  expect(readdirSync(join(prefix, "lib/banger")).sort()).toEqual(["1.0.0", "1.1.0", "current", "previous"]);
});

test("a relative prefix is relative to the current folder", () => {
  expect(install("1.0.0", "x", "elsewhere").code).toBe(0);
  expect(existsSync(join(scratch, "elsewhere/bin/banger"))).toBe(true);
});

test("an install that fails leaves the old one active and nothing half-made", () => {
  const checkout = join(scratch, "checkout/build/bin/banger-vsock-agent");
  install("1.1.0");
  rmSync(checkout);
  const done = Bun.spawnSync([join(scratch, "checkout/scripts/install"), prefix, "2.0.0"]);
  expect(done.exitCode).not.toBe(0);
  expect(readlinkSync(join(prefix, "lib/banger/current"))).toBe("1.1.0");
  expect(readdirSync(join(prefix, "lib/banger")).sort()).toEqual(["1.0.0", "1.1.0", "current", "previous"]);
});
