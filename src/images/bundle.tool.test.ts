/** Bundles of real images: what goes in comes out the same, and a bundle that can't be finished leaves nothing. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { zstdDecompressSync } from "node:zlib";
import { makeBundle } from "../artifacts/bundle/make.ts";
import { siteOf } from "../artifacts/bundle/testing/site.ts";
import { BangerError } from "../base/errors/error.ts";
import type { Digest } from "../base/names.ts";
import { archive, chunked, file, folder } from "../formats/tar/testing/archive.ts";
import { gate } from "../host/testing/gate.ts";
import { tempFolder } from "../host/testing/temp.ts";
import type { ImageRecord, LayerRef } from "../model/artifact.ts";
import type { Paths } from "../model/paths.ts";
import { parseImageManifest } from "./bundle.ts";
import { withUnion } from "./open-union.ts";
import { exportRootfs } from "./rootfs/export.ts";
import { saveImage } from "./save.ts";
import { type BundleWorld, bundleWorld, marked, random } from "./testing/bundle-world.ts";
import { imageDeps } from "./testing/image-deps.ts";
import { listUnion } from "./testing/listing.ts";

const never = new AbortController().signal;
const reason = gate("tool:sqfstar") ?? gate("tool:zstd");

describe.skipIf(reason !== null)(reason === null ? "bundles" : `bundles [${reason}]`, () => {
  const temp = tempFolder("bundle");
  let world: BundleWorld;
  beforeAll(async () => {
    world = await bundleWorld(temp.path);
  });
  afterAll(() => temp[Symbol.dispose]());

  test("an image of several layers comes out as one layer with the same tree and the same run configuration", async () => {
    const site = await siteOf("image", world.place, world.made);
    await using _ = site.server;
    const { paths, events, pull } = world.puller();
    const record = await pull(site);
    expect(record).toMatchObject({ name: "tool", source: `catalog ${site.entry.catalog}`, config: world.image.config });
    expect(record.layers).toHaveLength(1);
    expect(record.layers[0]?.root).toEqual(world.image.layers[0]?.root as never);
    const before = await withUnion(world.here, world.image.layers, listUnion);
    expect(before.map((line) => line.path)).toContain("data-again");
    expect(await withUnion(paths, record.layers, listUnion)).toEqual(before);
    expect(events).toContainEqual(expect.objectContaining({ done: world.made.size, total: world.made.size }));
    expect(readdirSync(paths.blobs)).toEqual([]);
    // the image is here already: only the manifest is requested
    await pull(site);
    expect(site.server.asked.map((one) => one.url)).toEqual([
      "/tool/manifest.json",
      "/tool/rootfs.tar.zst",
      "/tool/manifest.json",
    ]);
  });

  test("bundling an image twice gives equal bundles, and a bundle of the pulled image has the same tree", async () => {
    expect(await world.bundled(`${temp.path}/again`)).toEqual(world.made);
    expect(readFileSync(`${temp.path}/again/rootfs.tar.zst`)).toEqual(readFileSync(`${world.place}/rootfs.tar.zst`));
    const site = await siteOf("image", world.place, world.made);
    await using _ = site.server;
    const { paths, pull } = world.puller();
    const pulled = await pull(site);
    const facts = { kind: "image", created: "x", config: world.image.config };
    const tar = exportRootfs(paths, pulled, "rootfs", never);
    await makeBundle(`${temp.path}/third`, facts, [{ part: "rootfs", tar }], () => {}, never);
    const digests = ["third", "again"].map((name) => {
      const { rootfs } = parseImageManifest(readFileSync(`${temp.path}/${name}/manifest.json`));
      return rootfs.tar.digest;
    });
    expect(digests[0]).toBe(digests[1] as Digest);
  });

  test("a saved VM's own folders are bundled as they are: marks of another overlayfs are data there", async () => {
    const inDocker = "docker/overlay2/x/diff";
    const direct = archive([
      ...["docker", "docker/overlay2", "docker/overlay2/x", inDocker].map((name) => folder(name, 0o710)),
      { entry: { ...file(`${inDocker}/gone`, "").entry, kind: "character", device: { major: 0, minor: 0 } } },
      file(`${inDocker}/.wh.plain`, "data"),
      marked(folder(`${inDocker}/opaque`)),
      file(`${inDocker}/opaque/x`, "x"),
    ]);
    const changes = archive([file("etc-note", "changed")]);
    const { image: base } = world;
    const vm = { name: "saved" as never, source: "vm x", base, config: base.config, certificates: [], synced: [] };
    const streams = {
      changes: () => chunked(changes),
      direct: () => chunked(direct),
      localCertificates: () => chunked(archive([])),
    };
    const saved = await saveImage(imageDeps(world.here), { ...vm, ...streams }, () => {}, never);
    const at = `${temp.path}/saved`;
    const parts = (["rootfs", "direct"] as const).map((part) => ({
      part,
      tar: exportRootfs(world.here, saved, part, never),
    }));
    const facts = { kind: "image", created: "x", config: saved.config };
    const site = await siteOf("image", at, await makeBundle(at, facts, parts, () => {}, never));
    await using _ = site.server;
    const { paths, pull } = world.puller();
    const record = await pull(site);
    const lines = (of: Paths, one: ImageRecord) =>
      withUnion(of, [one.direct as LayerRef], (union) => listUnion(union), { isFlat: true });
    const before = await lines(world.here, saved);
    expect(before.map(({ path, kind }) => `${path} ${kind}`)).toContain(`${inDocker}/gone character`);
    expect(before.find(({ path }) => path.endsWith("opaque"))?.xattrs).toContain("trusted.overlay.opaque=79");
    expect(before.map(({ path }) => path)).toContain(`${inDocker}/.wh.plain`);
    expect(await lines(paths, record)).toEqual(before);
    expect(await withUnion(paths, record.layers, listUnion)).toEqual(
      await withUnion(world.here, saved.layers, listUnion),
    );
  });

  test("two simultaneous pulls download once, and both get the image", async () => {
    const site = await siteOf("image", world.place, world.made);
    await using _ = site.server;
    const { pull } = world.puller();
    const [one, other] = await Promise.all([pull(site), pull(site)]);
    expect(one.digest).toBe(other.digest);
    expect(site.server.asked).toHaveLength(2);
  });

  /** Sends half of the file the first time, and keeps the connection open. */
  async function stalling() {
    const half = Math.floor(world.made.size / 2);
    let open: ServerResponse | null = null;
    const site = await siteOf("image", world.place, world.made, (name, bytes) => {
      if (name !== "rootfs.tar.zst" || open) return bytes;
      return (_, response) => {
        open = response;
        response.writeHead(200, { "content-length": String(bytes.length) });
        response.write(bytes.subarray(0, half));
      };
    });
    return { half, site, cut: () => open?.destroy() };
  }

  test("a download whose connection breaks in the middle resumes where it broke", async () => {
    const { half, site, cut } = await stalling();
    await using _ = site.server;
    await world.puller((done) => done === half && cut()).pull(site);
    expect(site.server.asked.at(-1)?.headers.range).toBe(`bytes=${half}-`);
  });

  test("a cancelled pull leaves its partial download, and the next one resumes it", async () => {
    const { half, site } = await stalling();
    await using _ = site.server;
    const stop = new AbortController();
    const { paths, pull } = world.puller((done) => done === half && stop.abort(new Error("enough")));
    await expect(pull(site, stop.signal)).rejects.toThrow("enough");
    expect(existsSync(paths.layers) ? readdirSync(paths.layers) : []).toEqual([]);
    await pull(site);
    expect(site.server.asked.at(-1)?.headers.range).toBe(`bytes=${half}-`);
  });

  test("a file that can't be written, and a stream that breaks, leave no bundle", async () => {
    writeFileSync(`${temp.path}/a-file`, "");
    const facts = { kind: "image" };
    const bad = makeBundle(
      `${temp.path}/a-file/x`,
      facts,
      [{ part: "rootfs", tar: chunked(random(1000)) }],
      () => {},
      never,
    );
    await expect(bad).rejects.toMatchObject({ code: "FILE_INVALID" });
    const breaking = (async function* () {
      yield random(1000);
      throw new BangerError({ code: "DAEMON_UNREACHABLE", message: "gone", hint: "", exit: 6, details: {} });
    })();
    const to = `${temp.path}/broken`;
    const broken = makeBundle(to, facts, [{ part: "rootfs", tar: breaking }], () => {}, never);
    await expect(broken).rejects.toMatchObject({ code: "DAEMON_UNREACHABLE" });
    expect(readdirSync(to)).toEqual([]);
    rmSync(to, { recursive: true });
  });

  test("its file unpacks to the tar, also with the zstd program", () => {
    const tar = zstdDecompressSync(readFileSync(`${world.place}/rootfs.tar.zst`));
    expect(`sha256:${createHash("sha256").update(tar).digest("hex")}` as Digest).toBe(
      parseImageManifest(readFileSync(`${world.place}/manifest.json`)).rootfs.tar.digest,
    );
    const listed = Bun.spawnSync(["tar", "--zstd", "-tf", `${world.place}/rootfs.tar.zst`]);
    expect(listed.stdout.toString()).toContain("bin/ping");
  });
});
