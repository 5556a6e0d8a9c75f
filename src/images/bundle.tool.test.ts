/** Bundles of real images: what goes in comes out the same, and a bundle that lies leaves nothing. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { type MadeBundle, makeBundle } from "../artifacts/bundle/make.ts";
import { fetchDeps, siteOf } from "../artifacts/bundle/testing/site.ts";
import { archive, chunked, file, folder, type Member, symlink } from "../artifacts/tar/testing/archive.ts";
import { BangerError } from "../base/errors/error.ts";
import type { Digest } from "../base/names.ts";
import { gate } from "../host/testing/gate.ts";
import { tempFolder } from "../host/testing/temp.ts";
import type { ImageRecord } from "../model/artifact.ts";
import type { WorkEvent } from "../model/event.ts";
import { type Paths, pathsOf } from "../model/paths.ts";
import { ImageBundles, parseImageManifest } from "./bundle.ts";
import { importArchive } from "./oci/archive.ts";
import { withUnion } from "./open-union.ts";
import { type Answer, send } from "./registry/testing/server.ts";
import { exportRootfs } from "./rootfs/export.ts";
import { openArchive } from "./rootfs/open.ts";
import { imageDeps } from "./testing/image-deps.ts";
import { listUnion } from "./testing/listing.ts";
import { writeLayout } from "./testing/oci-layout.ts";

const never = new AbortController().signal;
const reason = gate("tool:sqfstar") ?? gate("tool:zstd");
const random = (bytes: number) => new Uint8Array(createHash("shake256", { outputLength: bytes }).update("x").digest());

const hardlink = (name: string, link: string): Member => {
  const { entry } = symlink(name, link);
  return { entry: { ...entry, kind: "hardlink", mode: 0o644 } };
};
const capable = (member: Member): Member => ({
  ...member,
  entry: {
    ...member.entry,
    xattrs: new Map([["security.capability", "\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0"]]),
  },
});
const lower = archive([
  folder("./", 0o755),
  folder("bin"),
  capable(file("bin/ping", "ping", 0o755)),
  file("bin/su", "su", 0o4755),
  file("gone", "gone"),
  folder("emptied"),
  file("emptied/old", "old"),
  file("data", random(300_000)),
]);
const upper = archive([
  file(".wh.gone", ""),
  folder("emptied"),
  file("emptied/.wh..wh..opq", ""),
  file("emptied/new", "new"),
  hardlink("data-again", "data"),
  symlink("link", "bin/ping"),
  { entry: { ...file("null", "").entry, kind: "character", device: { major: 1, minor: 3 } } },
  file(`${"long/".repeat(40)}name`, "x"),
]);

function pathsIn(path: string): Paths {
  return pathsOf({ state: path, cache: path, config: path, runtime: path });
}

describe.skipIf(reason !== null)(reason === null ? "bundles" : `bundles [${reason}]`, () => {
  const temp = tempFolder("bundle");
  const here = pathsIn(`${temp.path}/here`);
  const place = `${temp.path}/bundle`;
  const config = { Env: ["A=1"], Cmd: ["run"], User: "app", WorkingDir: "/srv" };
  let image: ImageRecord;
  let made: MadeBundle;
  let count = 0;

  beforeAll(async () => {
    writeLayout(`${temp.path}/layout`, [lower, upper], { config });
    const stdin = (async function* () {})();
    const { tar, source } = await openArchive(`${temp.path}/layout`, { stdin, uid: 0, signal: never });
    const upload = { tar, source, name: "tool" as never, fallback: null };
    image = (await importArchive(imageDeps(here), upload, () => {}, never))[0] as ImageRecord;
    made = await bundled();
  });
  afterAll(() => temp[Symbol.dispose]());

  function bundled(to = place): Promise<MadeBundle> {
    const facts = { kind: "image", created: "2026-01-01T00:00:00Z", config: image.config };
    const tar = exportRootfs(here, image, "rootfs", never);
    return makeBundle(to, facts, [{ part: "rootfs", tar }], () => {}, never);
  }

  /** Pulls into a place of its own. */
  function puller(onDone: (bytes: number) => void = () => {}) {
    const paths = pathsIn(`${temp.path}/there-${count++}`);
    const events: WorkEvent[] = [];
    const emit = (event: WorkEvent) => {
      events.push(event);
      if (event.kind === "progress" && event.step === "pull") onDone(event.done ?? 0);
    };
    const bundles = new ImageBundles({ ...imageDeps(paths), ...fetchDeps(paths) });
    const pull = async (site: Awaited<ReturnType<typeof siteOf>>, signal = never) => {
      const { entry } = site;
      return bundles.pull(entry, entry.from.bundle, emit, signal);
    };
    return { paths, events, pull };
  }

  test("an image of several layers comes out as the one tree that it was, and how it is run", async () => {
    const site = await siteOf("image", place, made);
    await using _ = site.server;
    const { paths, events, pull } = puller();
    const record = await pull(site);
    expect(record).toMatchObject({ name: "tool", source: `catalog ${site.entry.catalog}`, config: image.config });
    expect(record.layers).toHaveLength(1);
    expect(record.layers[0]?.root).toEqual(image.layers[0]?.root as never);
    const before = await withUnion(here, image.layers, listUnion);
    expect(before.map((line) => line.path)).toContain("data-again");
    expect(await withUnion(paths, record.layers, listUnion)).toEqual(before);
    expect(events).toContainEqual(expect.objectContaining({ done: made.size, total: made.size }));
    expect(readdirSync(paths.blobs)).toEqual([]);
    // it is here: only the manifest is looked at
    await pull(site);
    expect(site.server.asked.map((one) => one.url)).toEqual([
      "/tool/manifest.json",
      "/tool/rootfs.tar.zst",
      "/tool/manifest.json",
    ]);
  });

  test("two bundles of one image are the same, and one of what was pulled has the same tree", async () => {
    expect(await bundled(`${temp.path}/again`)).toEqual(made);
    expect(readFileSync(`${temp.path}/again/rootfs.tar.zst`)).toEqual(readFileSync(`${place}/rootfs.tar.zst`));
    const site = await siteOf("image", place, made);
    await using _ = site.server;
    const { paths, pull } = puller();
    const pulled = await pull(site);
    const facts = { kind: "image", created: "x", config: image.config };
    const tar = exportRootfs(paths, pulled, "rootfs", never);
    await makeBundle(`${temp.path}/third`, facts, [{ part: "rootfs", tar }], () => {}, never);
    const digests = ["third", "again"].map((name) => {
      const { rootfs } = parseImageManifest(readFileSync(`${temp.path}/${name}/manifest.json`));
      return rootfs.tar.digest;
    });
    expect(digests[0]).toBe(digests[1] as Digest);
  });

  test("two pulls at once fetch once, and both hear of it", async () => {
    const site = await siteOf("image", place, made);
    await using _ = site.server;
    const { pull } = puller();
    const [one, other] = await Promise.all([pull(site), pull(site)]);
    expect(one.digest).toBe(other.digest);
    expect(site.server.asked).toHaveLength(2);
  });

  /** Sends half of the file the first time, and keeps the line. */
  async function stalling() {
    const half = Math.floor(made.size / 2);
    let open: ServerResponse | null = null;
    const site = await siteOf("image", place, made, (name, bytes) => {
      if (name !== "rootfs.tar.zst" || open) return bytes;
      return (_, response) => {
        open = response;
        response.writeHead(200, { "content-length": String(bytes.length) });
        response.write(bytes.subarray(0, half));
      };
    });
    return { half, site, cut: () => open?.destroy() };
  }

  test("a line that breaks in the middle is taken up where it broke", async () => {
    const { half, site, cut } = await stalling();
    await using _ = site.server;
    await puller((done) => done === half && cut()).pull(site);
    expect(site.server.asked.at(-1)?.headers.range).toBe(`bytes=${half}-`);
  });

  test("one that is given up leaves its part, and the next goes on with it", async () => {
    const { half, site } = await stalling();
    await using _ = site.server;
    const stop = new AbortController();
    const { paths, pull } = puller((done) => done === half && stop.abort(new Error("enough")));
    await expect(pull(site, stop.signal)).rejects.toThrow("enough");
    expect(existsSync(paths.layers) ? readdirSync(paths.layers) : []).toEqual([]);
    await pull(site);
    expect(site.server.asked.at(-1)?.headers.range).toBe(`bytes=${half}-`);
  });

  const manifest = () => JSON.parse(readFileSync(`${place}/manifest.json`, "utf8"));
  const html: Answer = (_, response) => send(response, 200, "<html>sign in</html>", { "content-type": "text/html" });
  type Lie = (name: string, bytes: Uint8Array) => Uint8Array | Answer;
  const only =
    (wanted: string, lie: Lie): Lie =>
    (name, bytes) =>
      name === wanted ? lie(name, bytes) : bytes;
  const rootfs = (lie: Lie) => only("rootfs.tar.zst", lie);
  const lies: [string, Lie, string, RegExp][] = [
    [
      "has another manifest",
      only("manifest.json", (_, b) => Buffer.concat([b, Buffer.from(" ")])),
      "DOWNLOAD_DAMAGED",
      /digest/,
    ],
    ["has a web page for a manifest", only("manifest.json", () => html), "DOWNLOAD_DAMAGED", /digest/],
    ["has no manifest", only("manifest.json", () => (_, r) => send(r, 404, "")), "DOWNLOAD_FAILED", /not there/],
    [
      "has an endless manifest",
      only("manifest.json", () => (_, r) => send(r, 200, "x".repeat(1_100_000))),
      "DOWNLOAD_DAMAGED",
      /longer than it should be/,
    ],
    ["has a web page for a file", rootfs(() => html), "DOWNLOAD_DAMAGED", /bytes instead of|ends after/],
    ["was changed", rootfs((_, b) => Buffer.from(b).fill(7, 100, 200)), "DOWNLOAD_DAMAGED", /digest/],
    ["is too long", rootfs((_, b) => Buffer.concat([b, b])), "DOWNLOAD_DAMAGED", /bytes instead of|longer than/],
    ["is cut short", rootfs((_, b) => b.subarray(0, 1000)), "DOWNLOAD_DAMAGED", /bytes instead of|ends after/],
    [
      "says another length than it sends",
      rootfs((_, b) => (_request, r) => send(r, 200, b, { "content-length": String(b.length + 7) })),
      "DOWNLOAD_DAMAGED",
      /bytes instead of/,
    ],
    [
      "is over the length that it says",
      rootfs((_, b) => (_request, r) => {
        r.writeHead(200, { "transfer-encoding": "chunked" });
        r.write(b);
        r.end(b);
      }),
      "DOWNLOAD_DAMAGED",
      /longer than/,
    ],
    ["is not there", rootfs(() => (_, r) => send(r, 404, "")), "DOWNLOAD_FAILED", /not there/],
    [
      "is behind a circle",
      rootfs(() => (_, r) => send(r, 302, "", { location: "/tool/rootfs.tar.zst" })),
      "DOWNLOAD_FAILED",
      /place to place/,
    ],
    [
      "is behind plain http",
      rootfs(() => (_, r) => send(r, 302, "", { location: "http://example.com/" })),
      "DOWNLOAD_FAILED",
      /not safe/,
    ],
    ["is behind a server that fails", rootfs(() => (_, r) => send(r, 500, "")), "DOWNLOAD_FAILED", /500/],
    ["is behind a silent server", rootfs(() => () => {}), "DOWNLOAD_FAILED", /does not answer/],
  ];
  for (const [what, lie, code, words] of lies) {
    test(`one that ${what} is refused, and nothing of it stays`, async () => {
      const site = await siteOf("image", place, made, lie);
      await using _ = site.server;
      await refused(site, code, words);
    });
  }

  async function refused(site: Awaited<ReturnType<typeof siteOf>>, code: string, words: RegExp): Promise<void> {
    const { paths, pull } = puller();
    const error = await pull(site).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(BangerError);
    expect([(error as BangerError).code, (error as BangerError).message]).toEqual([code, expect.stringMatching(words)]);
    const left = [paths.layers, paths.partial].flatMap((one) => (existsSync(one) ? readdirSync(one) : []));
    expect(left).toEqual([]);
    // parts may be the beginning of what is wanted, and are kept for another try
    const whole = readdirSync(paths.blobs).filter((name) => !name.endsWith(".part"));
    if (code !== "DOWNLOAD_FAILED") expect(whole).toEqual([]);
  }

  /** A bundle whose publisher lies: every digest is right. */
  async function forged(change: (manifest: ReturnType<typeof manifestOf>, file: Uint8Array) => Uint8Array | undefined) {
    const at = `${temp.path}/forged-${count++}`;
    await makeBundle(at, {}, [{ part: "rootfs", tar: chunked(new Uint8Array(1)) }], () => {}, never);
    const wanted = manifestOf();
    const packed = change(wanted, readFileSync(`${place}/rootfs.tar.zst`)) ?? readFileSync(`${place}/rootfs.tar.zst`);
    const { file: name } = wanted.rootfs;
    if (!name.includes("/")) writeFileSync(`${at}/${name}`, packed);
    const bytes = Buffer.from(JSON.stringify(wanted));
    writeFileSync(`${at}/manifest.json`, bytes);
    return { at, made: { digest: digestOf(bytes), size: wanted.rootfs.size } };
  }
  const hex = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
  const digestOf = (bytes: Uint8Array) => `sha256:${hex(bytes)}` as Digest;
  // biome-ignore lint/suspicious/noExplicitAny: it is to be spoilt in every way
  const manifestOf = (): any => manifest();

  const holding = (tar: Uint8Array) => (m: ReturnType<typeof manifestOf>) => {
    const packed = zstdCompressSync(tar);
    m.rootfs = {
      file: "rootfs.tar.zst",
      sha256: hex(packed),
      size: packed.length,
      tar: { sha256: hex(tar), size: tar.length },
    };
    return packed;
  };
  type Forgery = Parameters<typeof forged>[0];
  const set =
    (path: string, value: unknown): Forgery =>
    (m) => {
      const [last = "", ...above] = path.split(".").reverse();
      above.reverse().reduce((at, key) => at[key], m)[last] = value;
      return undefined;
    };
  const forgeries: [string, Forgery, string, RegExp][] = [
    ["a kernel's", set("kind", "kernel"), "BUNDLE_INVALID", /kind: is no image's/],
    ["for another machine", set("architecture", "arm64"), "BUNDLE_INVALID", /not amd64/],
    ["of another format", set("format", 2), "BUNDLE_INVALID", /another version/],
    ["with a path for a file", set("rootfs.file", "../../x"), "BUNDLE_INVALID", /no file's name/],
    ["with a field that nobody knows", set("extra", 1), "BUNDLE_INVALID", /extra: unknown key/],
    ["with a NUL in its command", set("config.cmd", ["a\0b"]), "BUNDLE_INVALID", /NUL/],
    ["whose folder leaves the root", set("config.workdir", "/a/../../b"), "BUNDLE_INVALID", /leaves the root/],
    ["of another tar than it says", set("rootfs.tar.sha256", "0".repeat(64)), "BUNDLE_INVALID", /instead of/],
    ["of a longer tar than it says", set("rootfs.tar.size", 1000), "BUNDLE_INVALID", /longer than 1000/],
    ["without files", holding(archive([])), "IMAGE_INVALID", /no files/],
    ["that is no tar", holding(random(5000)), "IMAGE_INVALID", /checksum|header/],
    ["that leaves the root", holding(archive([file("../../x", "x")])), "IMAGE_INVALID", /./],
    [
      "cut in its middle by who made it",
      (m, b) => {
        const cut = b.subarray(0, b.length - 5000);
        Object.assign(m.rootfs, { sha256: hex(cut), size: cut.length });
        return cut;
      },
      "BUNDLE_INVALID",
      /instead of|its compression is broken/,
    ],
    [
      "compressed in another way",
      (m, b) => {
        const packed = Buffer.from("BZh91AY&SY");
        Object.assign(m.rootfs, { sha256: hex(packed), size: packed.length });
        return b.length > 0 ? packed : undefined;
      },
      "IMAGE_INVALID",
      /bzip2/,
    ],
  ];
  for (const [what, change, code, words] of forgeries) {
    test(`one ${what} is refused, and nothing of it stays`, async () => {
      const { at, made: pinned } = await forged(change);
      const site = await siteOf("image", at, pinned);
      await using _ = site.server;
      await refused(site, code, words);
    });
  }

  test("one of another size than its catalog says is refused", async () => {
    const site = await siteOf("image", place, { ...made, size: made.size + 1 });
    await using _ = site.server;
    await refused(site, "BUNDLE_INVALID", /its catalog says/);
  });

  test("a file that can't be written, and a stream that breaks, leave no bundle", async () => {
    writeFileSync(`${temp.path}/a-file`, "");
    const facts = { kind: "image" };
    const bad = makeBundle(`${temp.path}/a-file/x`, facts, [{ part: "rootfs", tar: chunked(lower) }], () => {}, never);
    await expect(bad).rejects.toMatchObject({ code: "FILE_INVALID" });
    const breaking = (async function* () {
      yield lower;
      throw new BangerError({ code: "DAEMON_UNREACHABLE", message: "gone", hint: "", exit: 6, details: {} });
    })();
    const to = `${temp.path}/broken`;
    const broken = makeBundle(to, facts, [{ part: "rootfs", tar: breaking }], () => {}, never);
    await expect(broken).rejects.toMatchObject({ code: "DAEMON_UNREACHABLE" });
    expect(readdirSync(to)).toEqual([]);
    rmSync(to, { recursive: true });
  });

  test("what zstd's own program makes of it is the tar", () => {
    const tar = zstdDecompressSync(readFileSync(`${place}/rootfs.tar.zst`));
    expect(digestOf(tar)).toBe(parseImageManifest(readFileSync(`${place}/manifest.json`)).rootfs.tar.digest);
    const listed = Bun.spawnSync(["tar", "--zstd", "-tf", `${place}/rootfs.tar.zst`]);
    expect(listed.stdout.toString()).toContain("bin/ping");
  });
});
