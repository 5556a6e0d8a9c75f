/** Environments other than a login shell's: the right daemon is found, or the error says why not. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Home } from "./home.ts";

let home: Home;
beforeAll(() => {
  home = new Home("envi");
  for (const name of ["r2", "folder"]) mkdirSync(join(home.folder, name), { mode: 0o700 });
});
afterAll(() => home.close());

const runtime = (path: string) => ({ XDG_RUNTIME_DIR: path });
const pidWith = async (env: Record<string, string>) =>
  (await home.json<{ pid: number }>(["daemon", "status"], { env })).pid;

test("a daemon is found from any other runtime folder, no matter which one it was started with", async () => {
  const places = [join(home.folder, "r"), "", join(home.folder, "r2"), "/nowhere/of/ours"];
  for (const first of places.slice(0, 2)) {
    await home.ok(["vm", "ls"], { env: runtime(first) });
    const pid = await pidWith(runtime(first));
    for (const place of places) {
      const { ms } = await home.ok(["vm", "ls"], { env: runtime(place) });
      expect([await pidWith(runtime(place)), ms < 10_000]).toEqual([pid, true]);
    }
    await home.ok(["daemon", "stop"], { env: runtime(join(home.folder, "r2")) });
  }
});

test("several that start at once with different runtime folders reach one daemon", async () => {
  const places = ["r", "r2", "r", "r2"].map((name) => runtime(join(home.folder, name)));
  await Promise.all(places.map((env) => home.ok(["vm", "ls"], { env })));
  expect(new Set(await Promise.all(places.map(pidWith))).size).toBe(1);
});

test("a daemon of another state folder does nothing, and the error names that folder", async () => {
  // one that listens in this home's own runtime folder
  await home.ok(["daemon", "stop"]);
  await home.ok(["vm", "ls"]);
  const env = { XDG_STATE_HOME: join(home.folder, "s2"), XDG_CACHE_HOME: join(home.folder, "c2") };
  for (const args of [
    ["vm", "ls"],
    ["daemon", "stop"],
    ["daemon", "status"],
  ]) {
    const refused = await home.banger(args, { env });
    expect([refused.code, refused.stderr]).toEqual([
      6,
      expect.stringContaining(`keeps its VMs in ${home.folder}/s/banger`),
    ]);
  }
  const socket = join(home.folder, "r/banger/bangerd.sock");
  await home.ok(["vm", "ls"], { env: { ...env, BANGER_SOCKET: socket } });
  await home.ok(["daemon", "status"]);
});

test("a home that is not an absolute path is refused at once, and nothing is made", async () => {
  const { code, stderr, ms } = await home.banger(["vm", "ls"], { env: { HOME: "rel" } });
  expect([code, stderr.split("\n")[0]]).toEqual([5, 'error: HOME is not an absolute path: "rel"']);
  expect([ms < 10_000, existsSync(join(home.folder, "rel")), existsSync("/rel")]).toEqual([true, false, false]);
});

test("a folder in place of a command is reported before anything is made", async () => {
  const { code, stderr } = await home.banger(["vm", "run", "--", "./folder"]);
  expect([code, stderr]).toEqual([2, expect.stringContaining('"./folder" is a folder')]);
});
