/** What catalogs offer, pulled and shown: what is printed where, and the exit codes. */
import { afterEach, expect, test } from "bun:test";
import { fail } from "../base/errors/error.ts";
import type { CatalogEntry } from "../model/catalog.ts";
import { digestOf } from "../store/testing/records.ts";
import type { CliContext } from "./context.ts";
import { type CliWorld, cliWorld } from "./testing/cli.ts";

let world: CliWorld | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});

const catalog = "https://c.example/catalog.toml";

function entry(kind: "image" | "kernel", name: string, kernel: string | null = null): CatalogEntry {
  const bundle = { url: `https://c.example/${name}/`, digest: digestOf("7"), size: 120 * 1024 ** 2 };
  const facts = { kind, name: name as never, description: `${name} for tests`, catalog };
  return { ...facts, kernel: kernel as never, from: { bundle } };
}

async function fresh(): Promise<CliWorld> {
  world = await cliWorld();
  world.served.host.world.catalog.unshift(entry("image", "tools"), entry("kernel", "mine"));
  return world;
}

const unreachable = fail("CATALOG_UNREACHABLE", {
  url: "https://d.example/c.toml",
  problem: "the connection was refused",
});

test("image catalog shows what can be pulled, what is already here, and the source", async () => {
  const { cli } = await fresh();
  expect(await cli("image catalog")).toEqual({
    code: 0,
    stderr: "",
    stdout: `NAME             SIZE     HERE  FROM                            DESCRIPTION
tools            120 MiB  no    https://c.example/catalog.toml  tools for tests
debian-bookworm  -        yes   built here                      Debian 12
`,
  });
  expect((await cli("image search TOOL")).stdout).toContain("tools");
  expect((await cli("kernel search")).code).toBe(0);
  expect(await cli("image catalog nothing-like-it")).toMatchObject({
    code: 0,
    stdout: "",
    stderr: 'no image in the catalogs matches "nothing-like-it"\n',
  });
  await cli("image pull tools");
  expect((await cli("image catalog tools")).stdout).toMatch(/tools +120 MiB +yes/);
  await cli("image tag debian-bookworm tools");
  expect((await cli("image catalog tools")).stdout).toMatch(/tools +120 MiB +other/);
  const [shown] = JSON.parse((await cli("image catalog tools --json")).stdout);
  expect(shown).toMatchObject({
    kind: "image",
    name: "tools",
    here: "other",
    from: { bundle: { digest: digestOf("7") } },
  });
});

test("kernel catalog and kernel pull", async () => {
  const { cli } = await fresh();
  expect((await cli("kernel catalog")).stdout).toMatch(/^NAME +SIZE.*\nmine +120 MiB +no/);
  expect(await cli("kernel pull mine")).toMatchObject({ code: 0, stdout: "mine 6.1.0-cloud\n" });
  expect((await cli("kernel catalog")).stdout).toMatch(/mine +120 MiB +yes/);
  expect(await cli("kernel pull mien")).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('did you mean "mine"?'),
  });
});

test("the CLI fetches a distribution's kernel, and reports it", async () => {
  const { cli } = await fresh();
  const change = (context: CliContext) => {
    context.fetchKernel = async (name) => ({ name, source: "apt", tar: (async function* () {})() });
  };
  expect(await cli("kernel pull debian-trixie-cloud", { change })).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("fetching kernel debian-trixie-cloud from Debian, once"),
  });
});

test("a catalog that is not available is reported, and the entries of the others are still listed", async () => {
  const { cli, served } = await fresh();
  served.host.world.catalogFailures.push(unreachable);
  const warning = "warning: the catalog https://d.example/c.toml is not available: the connection was refused\n";
  expect(await cli("image catalog tools")).toMatchObject({ code: 0, stderr: warning });
  expect(await cli("image pull tools")).toMatchObject({ code: 0, stderr: expect.stringContaining(warning) });
  expect(await cli("image pull debian-bookworm")).toMatchObject({ code: 0, stderr: warning });
  // it may have had that one
  const missed = await cli("image pull elsewhere");
  expect([missed.code, missed.stderr]).toEqual([
    5,
    expect.stringContaining("error: the catalog https://d.example/c.toml"),
  ]);
  expect((await cli("kernel pull elsewhere")).code).toBe(5);
  expect(await cli("vm create --name x")).toMatchObject({ code: 0, stderr: expect.not.stringContaining("warning") });
});

test("vm create pulls an image that only a catalog has, and its kernel", async () => {
  const { cli, served } = await fresh();
  served.host.world.catalog.unshift(entry("image", "special", "mine"));
  const created = await cli("vm create --name x --image special");
  expect([created.code, created.stderr]).toEqual([0, expect.stringContaining("image special, kernel mine")]);
  expect((await cli("image show special")).stdout).toContain(`catalog ${catalog}`);
  const missing = await cli("vm create --name y --image speciel");
  expect([missing.code, missing.stderr]).toEqual([3, expect.stringContaining('did you mean "special"?')]);
});

test("a bundle's entry is TOML on stdout, everything else goes to stderr", async () => {
  const { cli } = await fresh();
  const asked: Parameters<CliContext["makeBundle"]>[0][] = [];
  const change = (context: CliContext) => {
    context.makeBundle = async (wanted) => {
      asked.push(wanted);
      for (const { tar } of wanted.parts) for await (const chunk of tar) void chunk;
      const entry = { name: wanted.name, url: "tool/", digest: digestOf("7"), size: 1024 };
      return { entry, toml: `[[${wanted.kind}]]\nname = "${wanted.name}"\n` };
    };
  };
  expect(await cli("image bundle debian-bookworm /tmp/tool --description x", { change })).toEqual({
    code: 0,
    stdout: '[[image]]\nname = "debian-bookworm"\n',
    stderr: "the bundle is in /tmp/tool, 1 KiB; add the entry to a catalog\n",
  });
  expect(asked[0]).toMatchObject({
    kind: "image",
    folder: "/tmp/tool",
    description: "x",
    kernel: null,
    parts: [{ part: "rootfs" }],
  });
  expect(await cli("kernel bundle debian-bookworm-cloud /tmp/k --name k --json", { change })).toMatchObject({
    code: 0,
    stderr: "",
    stdout: expect.stringContaining('"name": "k"'),
  });
  expect(asked[1]).toMatchObject({ kind: "kernel", facts: { kind: "kernel", release: "6.1.0-cloud" } });
  await cli("image pull r.example/tool:v1");
  expect(await cli("image bundle r.example/tool:v1 /tmp/tool", { change })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--name tool"),
  });
  expect((await cli("image bundle none /tmp/tool", { change })).code).toBe(3);
  expect((await cli("image bundle debian-bookworm", { change })).code).toBe(2);
  expect((await cli(["image", "bundle", "debian-bookworm", "/x", "--description", "a\nb"], { change })).code).toBe(2);
});
