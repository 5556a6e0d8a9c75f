/** Corrupt and forged bundles of real images: each is refused, and nothing of it is kept. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { zstdCompressSync } from "node:zlib";
import { makeBundle } from "../artifacts/bundle/make.ts";
import { siteOf } from "../artifacts/bundle/testing/site.ts";
import { BangerError } from "../base/errors/error.ts";
import type { Digest } from "../base/names.ts";
import { archive, chunked, file } from "../formats/tar/testing/archive.ts";
import { gate } from "../host/testing/gate.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { type Answer, send } from "./registry/testing/server.ts";
import { type BundleWorld, bundleWorld, random } from "./testing/bundle-world.ts";

const never = new AbortController().signal;
const reason = gate("tool:sqfstar") ?? gate("tool:zstd");

describe.skipIf(reason !== null)(reason === null ? "hostile bundles" : `hostile bundles [${reason}]`, () => {
  const temp = tempFolder("bundle");
  let world: BundleWorld;
  beforeAll(async () => {
    world = await bundleWorld(temp.path);
  });
  afterAll(() => temp[Symbol.dispose]());

  let count = 0;

  const manifest = () => JSON.parse(readFileSync(`${world.place}/manifest.json`, "utf8"));
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
    ["has no manifest", only("manifest.json", () => (_, r) => send(r, 404, "")), "DOWNLOAD_FAILED", /does not exist/],
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
      "announces another length than it sends",
      rootfs((_, b) => (_request, r) => send(r, 200, b, { "content-length": String(b.length + 7) })),
      "DOWNLOAD_DAMAGED",
      /bytes instead of/,
    ],
    [
      "is longer than it should be, without an announced length",
      rootfs((_, b) => (_request, r) => {
        r.writeHead(200, { "transfer-encoding": "chunked" });
        r.write(b);
        r.end(b);
      }),
      "DOWNLOAD_DAMAGED",
      /longer than/,
    ],
    ["is not there", rootfs(() => (_, r) => send(r, 404, "")), "DOWNLOAD_FAILED", /does not exist/],
    [
      "is behind a redirect loop",
      rootfs(() => (_, r) => send(r, 302, "", { location: "/tool/rootfs.tar.zst" })),
      "DOWNLOAD_FAILED",
      /redirects too many times/,
    ],
    [
      "is behind a redirect to plain http",
      rootfs(() => (_, r) => send(r, 302, "", { location: "http://example.com/" })),
      "DOWNLOAD_FAILED",
      /unsafe/,
    ],
    ["is behind a server that fails", rootfs(() => (_, r) => send(r, 500, "")), "DOWNLOAD_FAILED", /500/],
    ["is behind a silent server", rootfs(() => () => {}), "DOWNLOAD_FAILED", /does not answer/],
  ];
  for (const [what, lie, code, words] of lies) {
    test(`a bundle that ${what} is refused, and nothing of it is kept`, async () => {
      const site = await siteOf("image", world.place, world.made, lie);
      await using _ = site.server;
      await refused(site, code, words);
    });
  }

  async function refused(site: Awaited<ReturnType<typeof siteOf>>, code: string, words: RegExp): Promise<void> {
    const { paths, pull } = world.puller();
    const error = await pull(site).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(BangerError);
    expect([(error as BangerError).code, (error as BangerError).message]).toEqual([code, expect.stringMatching(words)]);
    const left = [paths.layers, paths.partial].flatMap((one) => (existsSync(one) ? readdirSync(one) : []));
    expect(left).toEqual([]);
    // partial files can be the beginning of the right file, and are kept for another try
    const whole = readdirSync(paths.blobs).filter((name) => !name.endsWith(".part"));
    if (code !== "DOWNLOAD_FAILED") expect(whole).toEqual([]);
  }

  /** A bundle that its publisher forged: every digest is right. */
  async function forged(change: (manifest: ReturnType<typeof manifestOf>, file: Uint8Array) => Uint8Array | undefined) {
    const at = `${temp.path}/forged-${count++}`;
    await makeBundle(at, {}, [{ part: "rootfs", tar: chunked(new Uint8Array(1)) }], () => {}, never);
    const wanted = manifestOf();
    const packed =
      change(wanted, readFileSync(`${world.place}/rootfs.tar.zst`)) ?? readFileSync(`${world.place}/rootfs.tar.zst`);
    const { file: name } = wanted.rootfs;
    if (!name.includes("/")) writeFileSync(`${at}/${name}`, packed);
    const bytes = Buffer.from(JSON.stringify(wanted));
    writeFileSync(`${at}/manifest.json`, bytes);
    return { at, made: { digest: digestOf(bytes), size: wanted.rootfs.size } };
  }
  const hex = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
  const digestOf = (bytes: Uint8Array) => `sha256:${hex(bytes)}` as Digest;
  // biome-ignore lint/suspicious/noExplicitAny: tests change it in every way
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
    ["of a kernel", set("kind", "kernel"), "BUNDLE_INVALID", /kind: is not an image/],
    ["for another machine", set("architecture", "arm64"), "BUNDLE_INVALID", /not amd64/],
    ["of another format", set("format", 2), "BUNDLE_INVALID", /another version/],
    ["with a path for a file", set("rootfs.file", "../../x"), "BUNDLE_INVALID", /not a file name/],
    ["with an unknown field", set("extra", 1), "BUNDLE_INVALID", /extra: unknown key/],
    ["with a NUL in its command", set("config.cmd", ["a\0b"]), "BUNDLE_INVALID", /NUL/],
    ["whose folder leaves the root", set("config.workdir", "/a/../../b"), "BUNDLE_INVALID", /leaves the root/],
    ["with another tar than it declares", set("rootfs.tar.sha256", "0".repeat(64)), "BUNDLE_INVALID", /instead of/],
    ["with a longer tar than it declares", set("rootfs.tar.size", 1000), "BUNDLE_INVALID", /longer than 1000/],
    ["without files", holding(archive([])), "IMAGE_INVALID", /no files/],
    ["that is not a tar", holding(random(5000)), "IMAGE_INVALID", /not a tar archive/],
    ["with a file below a file", holding(archive([file("a", "x"), file("a/b", "x")])), "IMAGE_INVALID", /not a folder/],
    [
      "cut in its middle by its publisher",
      (m, b) => {
        const cut = b.subarray(0, b.length - 5000);
        Object.assign(m.rootfs, { sha256: hex(cut), size: cut.length });
        return cut;
      },
      "BUNDLE_INVALID",
      /instead of|its compressed data is damaged/,
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
    test(`a bundle ${what} is refused, and nothing of it is kept`, async () => {
      const { at, made: pinned } = await forged(change);
      const site = await siteOf("image", at, pinned);
      await using _ = site.server;
      await refused(site, code, words);
    });
  }

  test("a bundle whose size differs from its catalog is refused", async () => {
    const site = await siteOf("image", world.place, { ...world.made, size: world.made.size + 1 });
    await using _ = site.server;
    await refused(site, "BUNDLE_INVALID", /its catalog says/);
  });
});
