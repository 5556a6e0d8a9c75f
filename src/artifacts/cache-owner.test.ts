/** Which state folder owns a cache: never two at a time, and always one. */
import { expect, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { spawnPiped } from "../host/process/children.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { type Paths, pathsOf } from "../model/paths.ts";
import { type CacheOwner, claimCache, decideOwner, type OwnerFacts, parseOwner } from "./cache-owner.ts";

const owner: CacheOwner = { cache: "1", state: "/s", since: 10 };
const facts: OwnerFacts = { owner, cache: "1", state: "/s", isNew: false, ownerLives: true, now: 99 };
const claimed = { cache: "1", state: "/s", since: 99 };

test.each<[string, Partial<OwnerFacts>, CacheOwner | null]>([
  ["our own", {}, owner],
  ["a cache without an owner", { owner: null }, claimed],
  ["our own, whose state folder was made again", { isNew: true }, claimed],
  ["another's, who lives", { state: "/other" }, null],
  ["another's, for a new state folder", { state: "/other", isNew: true }, null],
  ["another's, who is gone", { state: "/other", ownerLives: false }, { ...claimed, state: "/other" }],
  ["a copy of another's", { cache: "2", state: "/other" }, { ...claimed, cache: "2", state: "/other" }],
  ["a copy of our own", { cache: "2" }, { ...claimed, cache: "2" }],
])("%s", (_, change, decided) => expect(decideOwner({ ...facts, ...change })).toEqual(decided));

const noOwners = [
  ...["", "null", "[]", "{", '"x"', '{"cache":"1","state":"s","since":1}', '{"cache":1,"state":"/s","since":1}'],
  ...['{"cache":"1","state":"/s","since":"1"}', '{"cache":"1","state":"/s","since":1e999}'],
];
test.each(noOwners)("%p names no owner", (text) => expect(parseOwner(text)).toBeNull());

/** State folders `a` and `b` on one cache, each with its database. */
function world() {
  const temp = tempFolder("owner");
  const at = (state: string, cache = "cache") =>
    pathsOf({
      state: `${temp.path}/${state}`,
      cache: `${temp.path}/${cache}`,
      config: temp.path,
      runtime: temp.path,
    });
  for (const folder of ["a", "b", "cache"]) mkdirSync(`${temp.path}/${folder}`);
  const start = async (paths: Paths, now: number) => {
    const claim = await claimCache(paths, now);
    writeFileSync(paths.database, "");
    return claim;
  };
  const once = async (paths: Paths, now: number) => {
    const { since, release } = await start(paths, now);
    release();
    return since;
  };
  return { temp, at, start, once };
}

test("a second state folder is refused, whether the first one's daemon runs or not", async () => {
  const { temp, at, start, once } = world();
  using _ = temp;
  const [a, b] = [at("a"), at("b")];
  const refused = { code: "CACHE_OWNED", details: { cache: a.roots.cache, state: a.roots.state } };
  const first = await start(a, 1);
  const before = readFileSync(a.cacheOwner, "utf8");
  await expect(once(b, 2)).rejects.toMatchObject(refused);
  first.release();
  await expect(once(b, 3)).rejects.toMatchObject(refused);
  expect(readFileSync(a.cacheOwner, "utf8")).toBe(before);
  expect(await once(a, 4)).toBe(1);
});

test("our own exiting daemon is waited for as usual", async () => {
  const { temp, at, start, once } = world();
  using _ = temp;
  const { release } = await start(at("a"), 1);
  await expect(once(at("a"), 2)).rejects.toMatchObject({ code: "DAEMON_RUNNING", details: { pid: process.pid } });
  release();
  expect(await once(at("a"), 3)).toBe(1);
});

test("a state folder that was deleted and recreated takes its cache over, and then another one can too", async () => {
  const { temp, at, once } = world();
  using _ = temp;
  await once(at("a"), 1);
  rmSync(`${temp.path}/a`, { recursive: true });
  mkdirSync(`${temp.path}/a`);
  expect(await once(at("a"), 2)).toBe(2);
  rmSync(`${temp.path}/a`, { recursive: true });
  expect(await once(at("b"), 3)).toBe(3);
  mkdirSync(`${temp.path}/a`);
  await expect(once(at("a"), 4)).rejects.toMatchObject({ code: "CACHE_OWNED" });
});

test("an owner whose folder can't be read is not gone: its files stay", async () => {
  const { temp, at, once } = world();
  using _ = temp;
  await once(at("a"), 1);
  renameSync(`${temp.path}/a`, `${temp.path}/away`);
  // what is behind it can't be looked at, not even by root
  symlinkSync("a", `${temp.path}/a`);
  const refused = { code: "CACHE_OWNED", details: { state: `${temp.path}/a` } };
  await expect(once(at("b"), 2)).rejects.toMatchObject(refused);
  rmSync(`${temp.path}/a`);
  renameSync(`${temp.path}/away`, `${temp.path}/a`);
  expect(await once(at("a"), 3)).toBe(1);
});

test("a moved state folder keeps its cache; a link to it is the same folder; a copy of both is independent", async () => {
  const { temp, at, once } = world();
  using _ = temp;
  await once(at("a"), 1);
  symlinkSync(`${temp.path}/a`, `${temp.path}/link`);
  expect(await once(at("link"), 2)).toBe(1);
  renameSync(`${temp.path}/a`, `${temp.path}/moved`);
  expect(await once(at("moved"), 3)).toBe(3);
  for (const [from, to] of [
    ["moved", "copy"],
    ["cache", "cache2"],
  ])
    cpSync(`${temp.path}/${from}`, `${temp.path}/${to}`, { recursive: true });
  await expect(once(at("copy"), 4)).rejects.toMatchObject({ code: "CACHE_OWNED" });
  expect(await once(at("copy", "cache2"), 5)).toBe(5);
  expect(await once(at("moved"), 6)).toBe(3);
});

test("a damaged owner file does not prevent a claim", async () => {
  const { temp, at, once } = world();
  using _ = temp;
  writeFileSync(at("a").cacheOwner, '{"cache":');
  expect(await once(at("a"), 7)).toBe(7);
});

test("a daemon that is killed leaves no lock", async () => {
  const { temp, at, once } = world();
  using _ = temp;
  const source = `
    import { claimCache } from ${JSON.stringify(new URL("./cache-owner.ts", import.meta.url).pathname)};
    import { pathsOf } from ${JSON.stringify(new URL("../model/paths.ts", import.meta.url).pathname)};
    await claimCache(pathsOf(${JSON.stringify(at("a").roots)}), 1);
    await Bun.write(${JSON.stringify(at("a").database)}, "");
    console.log("claimed");
    setInterval(() => {}, 1000);`;
  const daemon = spawnPiped([process.execPath, "-e", source]);
  await daemon.stdout[Symbol.asyncIterator]().next();
  await expect(once(at("b"), 2)).rejects.toMatchObject({ code: "CACHE_OWNED" });
  daemon.kill("SIGKILL");
  await daemon.done;
  await expect(once(at("b"), 3)).rejects.toMatchObject({ code: "CACHE_OWNED" });
  expect(await once(at("a"), 4)).toBe(1);
});
