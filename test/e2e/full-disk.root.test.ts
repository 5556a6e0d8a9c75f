/** A disk that fills in the middle of a pull: reported as such, and nothing half-made is left. On a small tmpfs of its own. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { archive, file, folder } from "../../src/formats/tar/testing/archive.ts";
import { gate } from "../../src/host/testing/gate.ts";
import { type LayoutRegistry, serveLayout } from "../../src/images/testing/layout-registry.ts";
import { writeLayout } from "../../src/images/testing/oci-layout.ts";
import { Home } from "./home.ts";

const reason = gate("root") ?? gate("tool:sqfstar") ?? gate("tool:openssl") ?? gate("tool:zstd");
const mib = 1024 * 1024;

describe.skipIf(reason !== null)(reason === null ? "a full disk" : `a full disk [${reason}]`, () => {
  let place: Home;
  let registry: LayoutRegistry;

  beforeAll(async () => {
    place = new Home("fdsk");
    const random = crypto.getRandomValues(new Uint8Array(65_536));
    const large = new Uint8Array(24 * mib).map((_, at) => (random[at % 65_536] ?? 0) ^ (at >> 16));
    const tree = [folder("bin"), file("bin/sh", "#!", 0o755), file("large", large)];
    writeLayout(join(place.folder, "layout"), [archive(tree)], { compress: "none" });
    writeFileSync(join(place.folder, "rootfs.tar"), archive(tree));
    registry = await serveLayout(join(place.folder, "layout"));
  }, 60_000);
  afterAll(async () => {
    await registry?.[Symbol.asyncDispose]();
    await place?.close();
  }, 60_000);

  /** @param megabytes size of its cache */
  async function crowded(megabytes: number, work: (home: Home) => Promise<void>): Promise<void> {
    const home = new Home("tiny");
    const cache = join(home.folder, "c");
    mkdirSync(cache);
    const mount = ["mount", "-t", "tmpfs", "-o", `size=${megabytes}M`, "tmpfs", cache];
    expect(Bun.spawnSync(mount).exitCode).toBe(0);
    try {
      await work(home);
    } finally {
      await home.banger(["daemon", "stop"], { timeoutMs: 20_000 });
      Bun.spawnSync(["umount", "-l", cache]);
      await home.close();
    }
  }

  async function refused(home: Home, args: string[]): Promise<void> {
    const done = await home.banger([...args, "--json"]);
    expect([done.code, done.stderr]).toEqual([5, expect.stringContaining('"code":"DISK_FULL"')]);
    expect(done.stderr).toContain("free some space");
    const below = (name: string) => readdirSync(join(home.folder, "c/banger", name));
    expect([below("layers"), below("partial")]).toEqual([[], []]);
    expect(await home.json<unknown[]>(["image", "ls"])).toEqual([]);
  }

  test("while a layer is fetched from a registry", async () => {
    await crowded(8, (home) => refused(home, ["image", "pull", `${registry.host}/team/tool:v1`]));
  }, 60_000);

  test("while what was fetched is stored", async () => {
    await crowded(32, async (home) => {
      await refused(home, ["image", "pull", `${registry.host}/team/tool:v1`]);
      // there is space for only one of the two: fetched data can be discarded, and the hint says so
      expect(await home.json<object>(["image", "prune"])).toMatchObject({ leftovers: { files: expect.any(Number) } });
      expect(readdirSync(join(home.folder, "c/banger/blobs"))).toEqual([]);
    });
  }, 60_000);

  test("while a root file system is registered", async () => {
    await crowded(8, (home) => refused(home, ["image", "register", "x", "--rootfs", join(place.folder, "rootfs.tar")]));
  }, 60_000);

  test("while a catalog's bundle is fetched", async () => {
    const site = join(place.folder, "site");
    mkdirSync(site);
    await place.ok(["image", "register", "tool", "--rootfs", join(place.folder, "rootfs.tar")]);
    const { stdout } = await place.ok(["image", "bundle", "tool", join(site, "tool")]);
    writeFileSync(join(site, "catalog.toml"), `format = 1\n${stdout}`);
    const lines = [
      "openssl ecparam -name prime256v1 -genkey -noout -out catalog.key",
      "openssl ec -in catalog.key -pubout -out catalog.pub",
      "openssl dgst -sha256 -sign catalog.key catalog.toml | base64 -w0 > catalog.toml.sig",
    ];
    expect(Bun.spawnSync(["sh", "-ec", lines.join("\n")], { cwd: site }).exitCode).toBe(0);
    await crowded(8, async (home) => {
      mkdirSync(join(home.folder, "k/banger"), { recursive: true });
      const source = `catalog_urls = [{ url = "file://${site}/catalog.toml", key = "${site}/catalog.pub" }]\n`;
      writeFileSync(join(home.folder, "k/banger/config.toml"), source);
      await refused(home, ["image", "pull", "tool"]);
    });
  }, 60_000);
});
