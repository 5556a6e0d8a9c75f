/** Two state folders, one cache: the second one is refused, told the way out, and harms nothing. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gatedTest } from "../../src/host/testing/gate.ts";
import { Home } from "./home.ts";

let home: Home;
beforeAll(() => {
  home = new Home("two");
});
afterAll(() => home.close());

const layers = () => readdirSync(join(home.folder, "c/banger/layers"));
const other = () => ({ XDG_STATE_HOME: join(home.folder, "s2"), XDG_RUNTIME_DIR: join(home.folder, "r2") });

gatedTest("tool:sqfstar", "a daemon of another state folder leaves the first one's layers alone", async () => {
  const root = join(home.folder, "root");
  mkdirSync(join(root, "bin"), { recursive: true });
  writeFileSync(join(root, "bin/sh"), "#!");
  mkdirSync(join(home.folder, "r2"), { mode: 0o700 });
  await home.ok(["image", "register", "--rootfs", root, "tiny"]);
  const before = layers();
  expect(before).toHaveLength(1);
  for (const stopped of [false, true]) {
    if (stopped) await home.ok(["daemon", "stop"]);
    const refused = await home.banger(["image", "ls"], { env: other() });
    expect(refused.stderr).toContain(
      `the cache ${home.folder}/c/banger belongs to the state folder ${home.folder}/s/banger`,
    );
    expect(refused.stderr).toContain("set XDG_CACHE_HOME as well as XDG_STATE_HOME");
    expect([refused.code, layers()]).toEqual([6, before]);
  }
  await home.ok(["image", "ls"], { env: { ...other(), XDG_CACHE_HOME: join(home.folder, "c2") } });
  await home.ok(["daemon", "stop"], { env: other() });
  expect((await home.json<{ name: string }[]>(["image", "ls"])).map(({ name }) => name)).toEqual(["tiny"]);
});

test("a cache whose state folder was deleted is taken over, and what it held goes when it is pruned", async () => {
  await home.ok(["daemon", "stop"]);
  const before = layers();
  rmSync(join(home.folder, "s"), { recursive: true });
  await home.ok(["image", "ls"], { env: other() });
  expect(layers()).toEqual(before);
  await home.ok(["image", "prune"], { env: other() });
  expect(layers()).toEqual([]);
  await home.ok(["daemon", "stop"], { env: other() });
});
