/** Two state folders, one cache: the second one is refused with a hint, and does no damage. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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

test("a cache whose state folder was deleted is taken over, and a prune removes its content", async () => {
  await home.ok(["daemon", "stop"]);
  const before = layers();
  rmSync(join(home.folder, "s"), { recursive: true });
  await home.ok(["image", "ls"], { env: other() });
  expect(layers()).toEqual(before);
  await home.ok(["image", "prune"], { env: other() });
  expect(layers()).toEqual([]);
  await home.ok(["daemon", "stop"], { env: other() });
});

/** Two homes, each with its own cache and state folder. */
async function withHomes(body: (first: Home, second: Home) => Promise<void>): Promise<void> {
  const homes = [new Home("linka"), new Home("linkb")] as const;
  try {
    await body(...homes);
  } finally {
    for (const one of homes) await one.close();
  }
}

function link(target: string, path: string): void {
  mkdirSync(join(path, ".."), { recursive: true });
  symlinkSync(target, path);
}

/** Files as a daemon has them in folders from which it removes unknown files. */
const swept: [folder: string, file: string][] = [
  ["c/banger/layers", `${"1".repeat(64)}.sqfs`],
  ["c/banger/kernels", "1".repeat(64)],
  ["c/banger/partial", "layer-0011223344556677"],
  ["c/banger/blobs", "1".repeat(64)],
  ["c/banger/initramfs", `${"1".repeat(64)}.cpio`],
  ["s/banger/vms", "0123456789ab"],
  ["s/banger/templates", "1".repeat(64)],
  ["s/banger/snapshots", "0123456789ab"],
];
test.each(swept)("a daemon whose %s leads to another's does not start, and removes nothing there", (folder, file) =>
  withHomes(async (first, second) => {
    await first.ok(["image", "ls"]);
    const [from, to] = [join(second.folder, folder), join(first.folder, folder)];
    mkdirSync(to, { recursive: true });
    link(to, from);
    writeFileSync(join(to, file), "the first daemon's");
    const refused = await second.banger(["image", "prune"]);
    expect(refused.stderr).toContain(`${from} is a symbolic link`);
    expect(refused.stderr).toContain(`make ${join(from, "..")} itself the link`);
    expect([refused.code, readdirSync(to)]).toEqual([6, [file]]);
  }),
);

test("when the layers of two caches are links to one folder, neither loses anything", () =>
  withHomes(async (first, second) => {
    const shared = join(first.folder, "shared");
    mkdirSync(shared);
    writeFileSync(join(shared, "layer"), "");
    for (const one of [first, second]) {
      link(shared, join(one.folder, "c/banger/layers"));
      expect((await one.banger(["image", "prune"])).stderr).toContain("layers is a symbolic link");
    }
    expect(readdirSync(shared)).toEqual(["layer"]);
  }));

test("of two caches that are links to one folder, the second is refused, and the error names the owner", () =>
  withHomes(async (first, second) => {
    const shared = join(first.folder, "shared");
    mkdirSync(shared);
    for (const one of [first, second]) link(shared, join(one.folder, "c/banger"));
    await first.ok(["image", "ls"]);
    expect((await second.banger(["image", "ls"])).stderr).toContain(`the state folder ${first.folder}/s/banger`);
    await first.ok(["image", "ls"]);
  }));
