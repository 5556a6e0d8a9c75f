import { expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { isAlive, signalProcess, spawnDetached, spawnPiped } from "../process/children.ts";
import { tempFolder } from "../testing/temp.ts";
import { isLockedBy, tryLock } from "./lock.ts";

function held(path: string): { release(): void } {
  const lock = tryLock(path);
  if ("heldBy" in lock) throw new Error(`held by ${lock.heldBy}`);
  return lock;
}

test("one holder at a time, reported by its pid; after the release it is free", () => {
  using folder = tempFolder();
  const path = `${folder.path}/lock`;
  const lock = held(path);
  expect(tryLock(path)).toEqual({ heldBy: process.pid });
  lock.release();
  lock.release();
  held(path).release();
});

test("a copy of the file has the same content, and is not locked", () => {
  using folder = tempFolder();
  const path = `${folder.path}/lock`;
  const lock = held(path);
  copyFileSync(path, `${path}.copy`);
  expect([isLockedBy(path, process.pid), isLockedBy(`${path}.copy`, process.pid)]).toEqual([true, false]);
  lock.release();
  expect(isLockedBy(path, process.pid)).toBe(false);
});

test("a child process does not keep the lock", async () => {
  using folder = tempFolder();
  const path = `${folder.path}/lock`;
  const lock = held(path);
  const log = `${folder.path}/log`;
  const options = { cwd: "/", env: { PATH: "/usr/bin:/bin" }, stdoutFile: log, stderrFile: log };
  const { ref, exited } = await spawnDetached(["sleep", "60"], options);
  const piped = spawnPiped(["sh", "-c", "echo; exec sleep 60"]);
  await piped.stdout[Symbol.asyncIterator]().next();
  lock.release();
  held(path).release();
  expect(isAlive(ref)).toBe(true);
  signalProcess(ref, "SIGKILL");
  piped.kill("SIGKILL");
  await Promise.all([exited, piped.done]);
});

test("it ends with its process", async () => {
  using folder = tempFolder();
  const path = `${folder.path}/lock`;
  const source = `
    import { tryLock } from ${JSON.stringify(new URL("./lock.ts", import.meta.url).pathname)};
    console.log(JSON.stringify(tryLock(${JSON.stringify(path)})));
    setInterval(() => {}, 1000);`;
  const other = spawnPiped([process.execPath, "-e", source]);
  for await (const line of other.stdout) {
    expect(JSON.parse(Buffer.from(line).toString())).toEqual({});
    break;
  }
  expect(tryLock(path)).toEqual({ heldBy: other.pid });
  other.kill("SIGKILL");
  await other.done;
  held(path).release();
});
