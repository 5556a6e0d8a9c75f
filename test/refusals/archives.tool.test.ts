/** What `image import`, `image register` and `image export` refuse: each error names the problem, its hint the way out. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { archive, file, folder } from "../../src/formats/tar/testing/archive.ts";
import { gate } from "../../src/host/testing/gate.ts";
import { Home, programs } from "../e2e/home.ts";
import { type ImageOptions, Layout, layoutOf, rootfs, tarOf, types } from "./layout.ts";
import { type Refusal, refusalOf, walk } from "./walk.ts";

const reason = gate("tool:sqfstar") ?? (existsSync(join(programs, "banger")) ? null : "the program is not built");
const signature = "application/vnd.dev.cosign.simplesigning.v1+json";
const attestation = "application/vnd.in-toto+json";
const nowhere = { os: "unknown", architecture: "unknown" };
const arm = { os: "linux", architecture: "arm64" };

describe.skipIf(reason !== null)(reason === null ? "refusals of archives" : `refusals of archives [${reason}]`, () => {
  let home: Home;
  const put = (name: string, bytes: Uint8Array | string) => {
    const path = join(home.folder, name);
    writeFileSync(path, bytes);
    return path;
  };
  const layout = (options: ImageOptions = {}) => layoutOf(home.folder, options);
  const tar = (options: ImageOptions = {}) => tarOf(layout(options));

  beforeAll(async () => {
    home = new Home("refu");
    await home.ok(["image", "ls"]);
  }, 60_000);
  afterAll(async () => home?.close(), 60_000);

  const cases = (refusals: () => Refusal[]) => async () => {
    for (const refusal of refusals()) {
      await walk(home, refusal).catch((error: Error) => {
        throw new Error(`${refusal.name}: ${error.message}`, { cause: error });
      });
    }
  };
  /** Refused by `image import`, whatever the options. */
  const imports = (name: string, path: string, says: RegExp, hints: RegExp, code = "IMAGE_INVALID"): Refusal => ({
    ...{ name, args: ["image", "import", path], code, says, hints },
  });

  test(
    "a root file system is not an archive, and an archive not a root file system: each hint leads to the other command",
    cases(() => {
      const says = /is a root file system, not an image archive/;
      const hints = /`banger image register NAME --rootfs /;
      const tree = join(home.folder, "tree");
      mkdirSync(join(tree, "bin"), { recursive: true });
      writeFileSync(join(tree, "bin/sh"), "x", { mode: 0o755 });
      const wrong = (name: string, path: string, input?: Uint8Array): Refusal => {
        const code = name === "a squashfs" ? "FILE_INVALID" : "IMAGE_INVALID";
        const options = input ? { input } : {};
        return { ...imports(name, path, says, hints, code), options, fill: { NAME: "box", FILE: path }, ends: null };
      };
      const squashfs = join(home.folder, "root.squashfs");
      Bun.spawnSync(["sqfstar", "-quiet", squashfs], { stdin: rootfs() });
      const register = (name: string, path: string): Refusal => ({
        ...{ name, args: ["image", "register", "box", "--rootfs", path], code: "IMAGE_INVALID" },
        ...{ says: /it is an archive of images/, hints: /`banger image import FILE --name NAME`/ },
        ...{ fill: { NAME: "box", FILE: path }, ends: null },
      });
      return [
        wrong("a tar", put("rootfs.tar", rootfs())),
        wrong("a compressed tar", put("rootfs.tar.gz", gzipSync(rootfs()))),
        wrong("stdin", "-", rootfs()),
        wrong("a folder", tree),
        wrong("a squashfs", squashfs),
        register("an archive", put("saved.tar", tar())),
        register("a layout", layout()),
      ];
    }),
    120_000,
  );

  test(
    "for encrypted layers and the first schema, the hint leads to an archive that is accepted",
    cases(() => {
      const schemaOne = (mediaType: string) => {
        const made = new Layout(home.folder);
        const document = { schemaVersion: 1, name: "tool", tag: "1", fsLayers: [], history: [], signatures: [] };
        return made.write(made.blob(document, mediaType));
      };
      const image = put("image.tar", tar());
      const led = { fill: { "image.tar": image }, ends: null };
      const old = /its manifest uses Docker's schema 1/;
      const convert = /`skopeo copy docker:\/\/NAME oci-archive:image.tar`, then `banger image import image.tar`/;
      const encrypted = layout({ layerType: `${types.layer}+encrypted`, layer: new Uint8Array(1000).fill(7) });
      return [
        { ...imports("encrypted", encrypted, /layers are encrypted/, /--decryption-key KEY/), ...led },
        {
          ...imports("schema 1", schemaOne("application/vnd.docker.distribution.manifest.v1+prettyjws"), old, convert),
          ...led,
        },
        { ...imports("schema 1 as a manifest", schemaOne(types.manifest), old, convert), ...led },
      ];
    }),
    120_000,
  );

  test(
    "an artifact is named as such",
    cases(() => {
      const empty = "application/vnd.oci.empty.v1+json";
      const beside = /the image that it belongs to/;
      const helm = layout({
        configType: "application/vnd.cncf.helm.config.v1+json",
        layerType: "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
      });
      const sbom = layout({ configType: empty, layerType: "application/spdx+json" });
      const typed = layout({ configType: empty, more: { artifactType: "application/vnd.cyclonedx+json" } });
      const alone = new Layout(home.folder);
      const nested = alone.write(alone.index(alone.image({ platform: nowhere, layerType: attestation })));
      return [
        imports("a chart", helm, /it is a Helm chart, not an image/, /helm show values/),
        imports("a signature", layout({ layerType: signature }), /it is a signature, not an image/, beside),
        imports("an SBOM", sbom, /\(SBOM\), not an image/, beside),
        imports("an artifact's type", typed, /\(SBOM\), not an image/, beside),
        imports("an attestation", layout({ layerType: attestation }), /it is an attestation, not an image/, beside),
        imports("an attestation of nowhere", layout({ platform: nowhere }), /it is an attestation, not/, beside),
        imports("an index of attestations", nested, /it is an attestation, not an image/, beside),
        imports("wasm", layout({ layerType: "application/wasm" }), /it is a WebAssembly module/, /runtime/),
        imports(
          "another",
          layout({ manifestType: "application/vnd.x+json" }),
          /has the type "application\/vnd.x/,
          /tag/,
        ),
      ];
    }),
    120_000,
  );

  test(
    "for an image of another machine, the error names the machine",
    cases(() => {
      const index = new Layout(home.folder);
      const hints = /`--platform linux\/amd64`/;
      const windows = { os: "windows", architecture: "amd64" };
      const armed = index.write(
        index.index(index.image({ ...arm, platform: arm }), index.image({ platform: windows })),
      );
      return [
        imports("by its config", layout(arm), /it is for "linux\/arm64", not for linux\/amd64/, hints),
        imports("by the index", layout({ ...arm, platform: arm }), /it is for "linux\/arm64", not for/, hints),
        imports("windows", layout({ ...windows, platform: windows }), /it is for "windows\/amd64"/, hints),
        imports("by an index in the index", armed, /it is for "linux\/arm64", "windows\/amd64", not for/, hints),
      ];
    }),
    120_000,
  );

  test(
    "what is not a tar, or a truncated one, is named as such",
    cases(() => {
      const again = /get it again, or make it again|make it again/;
      const filler = crypto.getRandomValues(new Uint8Array(100_000));
      const large = tar({ layer: gzipSync(filler) });
      const xz = Bun.spawnSync(["xz", "-c"], { stdin: large }).stdout;
      const refused = (name: string, bytes: Uint8Array | string, says: RegExp, hints = again) =>
        imports(name, put(name, bytes), says, hints, "FILE_INVALID");
      const lz4 = put("image.tar.lz4", "\x04\x22\x4d\x18");
      return [
        imports("text", put("text.tar", "hello"), /it is not a tar archive/, again),
        refused("text.tgz", gzipSync("hello"), /its content is not a tar archive/, /unpack it first \(`gzip -d`\)/),
        imports("cut short", put("cut.tar", large.subarray(0, 3000)), /it is cut short/, again),
        refused("cut.tar.gz", gzipSync(large).subarray(0, 50_000), /its compressed data is damaged/),
        refused("cut.tar.zst", zstdCompressSync(large).subarray(0, 50_000), /is cut short or damaged/),
        refused("cut.tar.xz", xz.subarray(0, 50_000), /can't be unpacked: xz/),
        refused("empty.tar", "", /is empty/, /check the output of the program/),
        refused("page.tar", "<!DOCTYPE html><html>sign in</html>", /is a web page/, /download it again/),
        refused("image.zip", "PK\x03\x04", /is a zip archive/, /unpack it into a folder/),
        refused("disk.qcow2", Buffer.from("QFI\xfb".padEnd(70_000, "\0"), "latin1"), /a qcow2 disk image/, /qemu-img/),
        {
          ...imports("lz4", lz4, /is compressed with lz4/, /`lz4 -dc \S+ \| banger image import -`/, "FILE_INVALID"),
          ...{ way: { input: tar() }, ends: null },
        },
        {
          ...{
            name: "nothing on stdin",
            args: ["image", "import", "-"],
            code: "FILE_INVALID",
            says: /stdin: is empty/,
          },
          ...{ hints: /check the output of the program/, way: { input: tar() }, ends: null },
        },
      ];
    }),
    120_000,
  );

  test(
    "for an archive that contradicts itself, the error says where",
    cases(() => {
      const again = /get it again, or make it again/;
      const spoilt = (change: (bytes: Uint8Array) => Uint8Array | null) => {
        const made = new Layout(home.folder);
        const image = made.image();
        made.spoil(image, change);
        return made.write(image);
      };
      const longer = spoilt((bytes) => Buffer.concat([bytes, Buffer.from(" ")]));
      const other = layout({
        config: { architecture: "amd64", os: "linux", rootfs: { diff_ids: [`sha256:${"0".repeat(64)}`] } },
      });
      const none = layout({ config: { architecture: "amd64", os: "linux", rootfs: { diff_ids: [] } } });
      const both = layout({ more: { manifests: [] } });
      const empty = new Layout(home.folder).write();
      const saved = (content: string) => put(`saved-${content.length}.tar`, archive([file("manifest.json", content)]));
      const plain = put("plain.tar", archive([folder("data"), file("data/x", "x")]));
      return [
        imports("another digest", longer, /has the digest sha256:/, again),
        imports(
          "no manifest",
          spoilt(() => null),
          /is missing/,
          again,
        ),
        imports("another layer", other, /instead of sha256:0000/, again),
        imports("a layer too many", none, /has 1 layers, its config 0/, again),
        imports("layers and manifests", both, /is both an image manifest and an index/, again),
        imports("no layers", layout({ layers: [] }), /it has no layers/, again),
        imports("a config that is none", layout({ config: "x" }), /that is not JSON/, again),
        imports("no image", empty, /it lists no images/, again),
        imports("no JSON", saved("x"), /manifest.json is not JSON/, again),
        imports("another's JSON", saved("{}"), /not what `docker save` writes/, again),
        imports(
          "a tar of something",
          plain,
          /neither index.json nor manifest.json/,
          /write an image archive with `docker save NAME`/,
        ),
      ];
    }),
    120_000,
  );

  test(
    "for a choice, a name and a path, the hint leads to an existing one",
    cases(() => {
      const many = new Layout(home.folder);
      const several = many.write(many.image({ name: "one:1" }), many.image({ name: "two:2" }));
      const same = new Layout(home.folder);
      const twice = same.write(same.image({ name: "latest" }), same.image({ name: "latest" }));
      const choice = (name: string, args: string[], path: string, options = {}): Refusal => ({
        ...{ name, args, options, code: "IMAGE_CHOICE", says: /it has \S+, \S+$/ },
        ...{ hints: /^choose one: `banger image import FILE --image \S+/, fill: { FILE: path }, ends: null },
      });
      const unnamed = new Layout(home.folder);
      const input = tarOf(unnamed.write(unnamed.image({ name: null })));
      return [
        choice("a name for two", ["image", "import", several, "--name", "mine"], several),
        choice("none of them", ["image", "import", several, "--image", "three"], several),
        choice("a tag of none", ["image", "import", `${several}:9`], several),
        choice("a name that both have", ["image", "import", twice, "--image", "latest"], twice),
        choice("on stdin", ["image", "import", "-", "--name", "mine"], "-", { input: tarOf(several) }),
        {
          ...{ name: "without a name", args: ["image", "import", "-"], options: { input }, code: "IMAGE_UNNAMED" },
          ...{ says: /its image has no name/, hints: /^name it: /, fill: { FILE: "-", NAME: "mine" } },
          ends: null,
        },
        imports("a path", join(home.folder, "none.tar"), /does not exist/, /spelling and permissions/, "FILE_INVALID"),
        {
          ...{ name: "a name", args: ["image", "import", several, "--name", "UPPER"], code: "IMAGE_NAME_INVALID" },
          ...{ says: /"UPPER" is not/, hints: /did you mean upper\? .*`banger image ls`/, ends: null },
        },
        {
          ...{ name: "an address", args: ["image", "pull", "docker://docker.io/x"], code: "IMAGE_NAME_INVALID" },
          ...{ says: /is not an image name/, hints: /did you mean docker.io\/x\?/, ends: null },
        },
        {
          ...{ name: "a kernel", args: ["image", "register", "box", "--rootfs", "-", "--kernel", "none"] },
          ...{ options: { input: rootfs() }, code: "KERNEL_NOT_FOUND", says: /"none"/, hints: /`banger kernel ls`/ },
          ends: null,
        },
        {
          ...{ name: "an image", args: ["image", "show", "none"], code: "IMAGE_NOT_FOUND", says: /"none"/ },
          hints: /`banger image ls` .*`banger image catalog` .*`banger image pull docker.io\/none`/,
        },
      ];
    }),
    120_000,
  );

  test(
    "for what can't be exported, is too large or damaged, the hint leads to a solution",
    cases(() => {
      const wh = put("wh.tar", archive([folder("bin"), file("bin/.wh.x", "x"), file("bin/sh", "x", 0o755)]));
      const large = archive([folder("bin"), file("bin/sh", new Uint8Array(3_000_000), 0o755)]);
      const kept = put("kept.tar", rootfs());
      const break_ = async () => {
        await home.ok(["image", "register", "kept", "--rootfs", kept]);
        const { layers } = await home.json<{ layers: { digest: string }[] }>(["image", "show", "kept"]);
        put(`c/banger/layers/${layers[0]?.digest.slice(7)}.sqfs`, "broken");
      };
      return [
        {
          ...{ name: "a whiteout's name", args: ["image", "export", "wh", "x.tar"], code: "IMAGE_NOT_PORTABLE" },
          ...{ says: /marks a deletion/, hints: /`banger image bundle wh FOLDER`/, fill: { FOLDER: "bundle" } },
          ...{ before: () => home.ok(["image", "register", "wh", "--rootfs", wh]), ends: null },
        },
        {
          ...{ name: "too large", args: ["image", "register", "large", "--rootfs", "-"], code: "IMAGE_TOO_LARGE" },
          ...{ options: { input: large }, says: /larger than 1 MiB/, hints: /`image_max_size = "200G"`/ },
          before: () => home.configure('spare_vm = false\nimage_max_size = "1M"\n'),
          mend: () => home.configure('spare_vm = false\nimage_max_size = "200G"\n'),
          ends: null,
        },
        {
          ...{ name: "damaged", args: ["image", "export", "kept", "y.tar"], code: "IMAGE_DAMAGED" },
          ...{ before: break_, says: /is damaged: /, hints: /make or import it again under the same name/ },
          ...{ mend: () => home.ok(["image", "register", "kept", "--rootfs", kept]), ends: null },
        },
      ];
    }),
    120_000,
  );

  test("nothing that was refused is kept", async () => {
    await refusalOf(home, ["image", "import", layout({ layers: [] }), "--name", "never"]);
    const names = (await home.json<{ name: string }[]>(["image", "ls"])).map(({ name }) => name);
    expect(names).not.toContain("never");
    expect(readdirSync(join(home.folder, "c/banger/partial"))).toEqual([]);
  });
});
