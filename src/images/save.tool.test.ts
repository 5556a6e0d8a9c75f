/** A saved VM's image: what is stored of two tar streams, what is left out, what is refused. */
import { expect } from "bun:test";
import { readdirSync } from "node:fs";
import type { ImageName } from "../base/names.ts";
import type { TarEntry } from "../formats/tar/header.ts";
import { archive, chunked, file, folder, type Member } from "../formats/tar/testing/archive.ts";
import { gatedTest } from "../host/testing/gate.ts";
import { tempFolder } from "../host/testing/temp.ts";
import type { ImageRecord } from "../model/artifact.ts";
import { type Paths, pathsOf } from "../model/paths.ts";
import { checkImage } from "./check.ts";
import { importRootfs } from "./import.ts";
import type { Budget } from "./layer/reading.ts";
import { withUnion } from "./open-union.ts";
import { isPerVmFile } from "./per-vm-files.ts";
import { saveImage } from "./save.ts";
import { imageDeps } from "./testing/image-deps.ts";
import { listUnion } from "./testing/listing.ts";

const never = new AbortController().signal;
const name = "saved" as ImageName;
const certificates = ["-----BEGIN CERTIFICATE-----\nhost 1\n-----END CERTIFICATE-----\n", "host 2\n"];
const docker = folder("./var/lib/docker", 0o710);

function member(path: string, changes: Partial<TarEntry>): Member {
  const made = file(path, "");
  return { entry: { ...made.entry, ...changes } };
}

/** A whiteout, as overlayfs stores it in its upper folder. */
function gone(path: string): Member {
  return member(path, { kind: "character", mode: 0, device: { major: 0, minor: 0 } });
}

function opaque(path: string, mode = 0o755): Member {
  return { entry: { ...folder(path, mode).entry, xattrs: new Map([["trusted.overlay.opaque", "y"]]) } };
}

async function world(budget?: Budget) {
  const temp = tempFolder();
  const paths = pathsOf({ state: temp.path, cache: temp.path, config: temp.path, runtime: temp.path });
  const deps = imageDeps(paths, { now: () => 42, ...(budget ? { budget } : {}) });
  const tree = [
    folder("etc"),
    file("etc/machine-id", "base"),
    file("etc/keep", "k"),
    folder("opt"),
    file("opt/a", "a"),
  ];
  const tar = chunked(archive(tree));
  const base = await importRootfs(imageDeps(paths), { name: "base", source: "test", tar }, () => {}, never);
  const save = (
    changes: Member[] | Uint8Array,
    direct: Member[] = [],
    from: ImageRecord = base,
    {
      told = certificates,
      local = [],
      synced = [] as string[],
    }: Partial<Record<"told" | "synced", readonly string[]> & { local: Member[] }> = {},
  ) => {
    const bytes = changes instanceof Uint8Array ? changes : archive(changes);
    const streams = {
      changes: () => chunked(bytes, [777]),
      direct: () => chunked(archive(direct)),
      localCertificates: () => chunked(archive(local)),
    };
    const saved = { name, source: "vm web", base: from, config: from.config, certificates: told, synced, ...streams };
    return saveImage(deps, saved, () => {}, never);
  };
  return { temp, paths, base, save };
}

async function listed(paths: Paths, layers: ImageRecord["layers"]): Promise<string[]> {
  const lines = await withUnion(paths, layers, listUnion);
  return lines.map(({ path, kind, mode, rest, xattrs }) => `${path} ${kind} ${mode} ${rest} ${xattrs}`.trim());
}

const only = (title: string, body: () => Promise<void>) => gatedTest("tool:sqfstar", title, body);

only("one more layer: files, whiteouts, opaque folders; the base's layers stay the same", async () => {
  const { temp, paths, base, save } = await world();
  using _ = temp;
  const saved = await save([
    folder("./"),
    folder("./etc"),
    gone("./etc/keep"),
    file("./etc/new", "new", 0o4755),
    opaque("./opt", 0o700),
    file("./opt/b", "b"),
  ]);
  await checkImage({ paths }, saved);
  expect(saved).toMatchObject({ name: "saved", source: "vm web", kernel: null, direct: null, createdAt: 42 });
  expect(saved.layers.slice(0, -1)).toEqual(base.layers);
  expect(saved.layers).toHaveLength(2);
  expect(saved.digest).not.toBe(base.digest);
  const names = (await listed(paths, saved.layers)).map((line) => line.split(" ").slice(0, 3).join(" "));
  expect(names).toEqual([
    "etc folder 755",
    "etc/machine-id file 644",
    "etc/new file 4755",
    "opt folder 700",
    "opt/b file 644",
  ]);
});

for (const twice of [[], [file("./twice", "1"), folder("./twice"), file("./twice/x", "2")]]) {
  only(`a name like a layer's mark is an ordinary name${twice.length > 0 ? ", also read whole" : ""}`, async () => {
    const { temp, paths, base, save } = await world();
    using _ = temp;
    const saved = await save([
      folder("./"),
      folder("./.wh..wh.d"),
      file("./.wh..wh.d/f", "f"),
      file("./.wh.etc", "e"),
      folder("./etc"),
      file("./etc/.wh.keep", "k"),
      gone("./etc/machine-id"),
      member("./linked", { kind: "hardlink", link: "./.wh..wh.d/f" }),
      opaque("./opt"),
      file("./opt/.wh..wh..opq", "o"),
      ...twice,
    ]);
    await checkImage({ paths }, saved);
    const lines = await listed(paths, saved.layers);
    const names = lines.map((line) => line.split(" ").slice(0, 2).join(" "));
    expect(names.filter((line) => !line.startsWith("twice"))).toEqual([
      ".wh..wh.d folder",
      ".wh..wh.d/f file",
      ".wh.etc file",
      "etc folder",
      "etc/.wh.keep file",
      "etc/keep file",
      "linked file",
      "opt folder",
      "opt/.wh..wh..opq file",
    ]);
    expect(await listed(paths, base.layers)).toContain(lines.find((line) => line.startsWith("etc/keep ")) ?? "");
  });
}

only("nothing changed: a layer without a file, and the same tree", async () => {
  const { temp, paths, base, save } = await world();
  using _ = temp;
  const saved = await save([folder("./")]);
  expect(saved.layers).toHaveLength(2);
  expect(await listed(paths, saved.layers)).toEqual(await listed(paths, base.layers));
});

only("files that belong to one VM are left out, and similar ones are kept", async () => {
  const { temp, paths, save } = await world();
  using _ = temp;
  const own = [
    ...["machine-id", "hostname", "resolv.conf", "ssh/ssh_host_ed25519_key", "ssh/ssh_host_rsa_key.pub"],
    ...["profile.d/banger-env.sh", "systemd/system.conf.d/banger.conf", "../var/lib/systemd/random-seed"],
    "../var/lib/dbus/machine-id",
  ].map((path) => `etc/${path}`.replace("etc/../", ""));
  expect(isPerVmFile("usr/local/share/ca-certificates/banger-12.crt")).toBe(true);
  expect(isPerVmFile("usr/local/share/ca-certificates/banger.pem")).toBe(true);
  expect(isPerVmFile("usr/local/share/ca-certificates/mybanger.pem")).toBe(false);
  const others = ["etc/hosts", "etc/ssh/ssh_host_key_notes", "etc/ssh/sshd_config", "root/.ssh/config"];
  for (const path of own) expect([path, isPerVmFile(path)]).toEqual([path, true]);
  for (const path of others) expect([path, isPerVmFile(path)]).toEqual([path, false]);
  const folders = [
    "var",
    "var/lib",
    "var/lib/systemd",
    "var/lib/dbus",
    "etc",
    "etc/ssh",
    "etc/profile.d",
    "etc/systemd",
    "etc/systemd/system.conf.d",
    "root",
    "root/.ssh",
  ];
  const saved = await save([
    ...folders.map((path) => folder(`./${path}`)),
    ...[...own, "root/.ssh/authorized_keys", ...others].map((path) => file(`./${path}`, "secret")),
  ]);
  const lines = await listed(paths, saved.layers.slice(-1));
  const files = lines.filter((line) => line.includes(" file ")).map((line) => line.split(" ")[0] ?? "");
  expect(files).toEqual(others);
  // where /etc and /root are links, they are what their links lead to
  const first = await save([
    folder("./usr"),
    folder("./usr/etc"),
    folder("./var"),
    folder("./var/roothome"),
    member("./etc", { kind: "symlink", link: "usr/etc" }),
    member("./root", { kind: "symlink", link: "/var/roothome" }),
  ]);
  const moved = await save(
    [
      folder("./usr/etc"),
      file("./usr/etc/machine-id", "secret"),
      file("./usr/etc/mine", "m"),
      folder("./var/roothome"),
      folder("./var/roothome/.ssh"),
      file("./var/roothome/.ssh/authorized_keys", "secret"),
    ],
    [],
    first,
  );
  const there = (await listed(paths, moved.layers.slice(-1))).filter((line) => !line.includes(" folder "));
  expect(there.map((line) => line.split(" ")[0])).toEqual(["usr/etc/mine"]);
  // a hard link to one of them counts as one, and a symlink does not
  const linked = await save([
    ...folders.map((path) => folder(`./${path}`)),
    file("./etc/hostname", "web"),
    member("./etc/other-name", { kind: "hardlink", link: "./etc/hostname" }),
    member("./var/lib/dbus/machine-id", { kind: "symlink", link: "/etc/machine-id" }),
  ]);
  const kept = (await listed(paths, linked.layers.slice(-1))).filter((line) => !line.includes(" folder "));
  expect(kept).toEqual([expect.stringMatching(/^var\/lib\/dbus\/machine-id symlink .*\/etc\/machine-id$/)]);
});

only(
  "what file_sync copied is left out, also where the image's own links lead, and what it replaced stays",
  async () => {
    const { temp, paths, save } = await world();
    using _ = temp;
    const linked = await save([
      { entry: { ...file("root", "").entry, kind: "symlink", link: "var/roothome" } },
      folder("var"),
      folder("var/roothome"),
      file("var/roothome/.kept", "the image's"),
    ]);
    const changes = [
      folder("var/roothome"),
      file("var/roothome/.gitconfig", "secret"),
      file("var/roothome/.kept", "secret"),
      folder("var/roothome/.config"),
      folder("var/roothome/.config/gh"),
      file("var/roothome/.config/gh/hosts.yml", "secret"),
      file("var/roothome/.config/gh2", "mine"),
      member("var/roothome/link", { kind: "hardlink", link: "var/roothome/.gitconfig" }),
    ];
    const saved = await save(changes, [], linked, { synced: ["/root/.gitconfig", "/root/.kept", "/root/.config/gh"] });
    expect((await listed(paths, saved.layers.slice(-1))).map((line) => line.split(" ")[0])).toEqual([
      "var",
      "var/roothome",
      "var/roothome/.config",
      "var/roothome/.config/gh2",
    ]);
    const whole = await save(changes, [], linked);
    expect((await listed(paths, whole.layers)).join("\n")).toContain("var/roothome/.config/gh/hosts.yml");
  },
);

only("the host's CA certificates are removed from the bundles, and nothing else is", async () => {
  const { temp, paths, save } = await world();
  using _ = temp;
  const parents = ["etc", "etc/ssl", "etc/ssl/certs", "srv"].map((path) => folder(path));
  const bundle = `own a\n${certificates.join("")}own b\n`;
  const saved = await save([
    ...parents,
    file("etc/ssl/certs/ca-certificates.crt", bundle),
    file("etc/ssl/ca-bundle.pem", "own a\n"),
    file("srv/ca-certificates.crt", bundle),
    file("srv/after", "content"),
  ]);
  const texts = await withUnion(paths, saved.layers, async (union) => {
    const found: string[] = [];
    for (const path of [
      "etc/ssl/certs/ca-certificates.crt",
      "etc/ssl/ca-bundle.pem",
      "srv/ca-certificates.crt",
      "srv/after",
    ]) {
      const node = await union.lookup(path);
      if (node) for await (const chunk of union.content(node)) found.push(Buffer.from(chunk).toString());
    }
    return found;
  });
  expect(texts).toEqual(["own a\nown b\n", "own a\n", bundle, "content"]);
});

const bundlePath = "etc/ssl/certs/ca-certificates.crt";
const bundleParents = ["etc", "etc/ssl", "etc/ssl/certs"].map((path) => folder(path));

async function bundleOf(paths: Paths, { layers }: ImageRecord): Promise<string> {
  return withUnion(paths, layers, async (union) => {
    const node = await union.lookup(bundlePath);
    let text = "";
    if (node) for await (const chunk of union.content(node)) text += Buffer.from(chunk).toString();
    return text;
  });
}

only("the VM's own name is removed from /etc/hosts, and nothing else is", async () => {
  const { temp, paths, save } = await world();
  using _ = temp;
  const hosts = "127.0.0.1 localhost\n127.0.1.1\tweb\n127.0.1.10 x\n192.0.2.1 mine # 127.0.1.1 web\n";
  const saved = await save([folder("etc"), file("etc/hosts", hosts)]);
  const text = await withUnion(paths, saved.layers, async (union) => {
    const node = await union.lookup("etc/hosts");
    let found = "";
    if (node) for await (const chunk of union.content(node)) found += Buffer.from(chunk).toString();
    return found;
  });
  expect(text).toBe("127.0.0.1 localhost\n127.0.1.10 x\n192.0.2.1 mine # 127.0.1.1 web\n");
});

only("a CA certificate that the user added too stays, and one that only the host gave is removed", async () => {
  const { temp, paths, base, save } = await world();
  using _ = temp;
  const [host = "", other = ""] = certificates;
  const changes = [...bundleParents, file(bundlePath, `own\n${host}${other}`)];
  const local = [
    folder("./"),
    file("./corp.crt", `a note\r\n${host.replaceAll("\n", "\r\n")}`),
    file("./banger-2.crt", other),
    file("./readme.txt", other),
  ];
  expect(await bundleOf(paths, await save(changes, [], base, { local }))).toBe(`own\n${host}`);
  expect(await bundleOf(paths, await save(changes))).toBe("own\n");
});

only("a CA certificate that is in the base's bundle stays", async () => {
  const { temp, paths, save } = await world();
  using _ = temp;
  const [host = "", other = ""] = certificates;
  const base = await save([...bundleParents, file(bundlePath, `own\n${host}`)], [], undefined, { told: [] });
  const saved = await save([...bundleParents, file(bundlePath, `own\n${host}new\n${other}`)], [], base);
  expect(await bundleOf(paths, saved)).toBe(`own\n${host}new\n`);
});

only(
  "a layer's name covers what is changed during the save: a second save replaces nothing that the first stored",
  async () => {
    const { temp, paths, base, save } = await world();
    using _ = temp;
    const parents = ["etc", "etc/ssl", "etc/ssl/certs"].map((path) => folder(path));
    const changes = [...parents, file("etc/ssl/certs/ca-certificates.crt", `own\n${certificates.join("")}`)];
    const first = await save(changes);
    const second = await save(changes, [], base, { told: ["another\n"] });
    expect(second.layers.at(-1)?.digest).not.toBe(first.layers.at(-1)?.digest);
    expect(second.digest).not.toBe(first.digest);
    await checkImage({ paths }, first);
    await checkImage({ paths }, second);
    expect(await save(changes)).toEqual(first);
    expect(await listed(paths, second.layers)).not.toEqual(await listed(paths, first.layers));
  },
);

only("folders of the disk itself: kept whole with their overlay marks, and null while they are empty", async () => {
  const { temp, paths, base, save } = await world();
  using _ = temp;
  const parents = [folder("./"), folder("./var"), folder("./var/lib"), docker];
  expect((await save([folder("./")], parents)).direct).toBeNull();
  const overlay = folder("./var/lib/docker/overlay2");
  const marked: Member = { entry: { ...overlay.entry, xattrs: new Map([["trusted.overlay.opaque", "y"]]) } };
  const whiteout = member("./var/lib/docker/gone", { kind: "character", device: { major: 0, minor: 0 } });
  const odd = file("./var/lib/docker/.wh.name", "n");
  const full = await save([folder("./")], [...parents, marked, whiteout, odd, file("./var/lib/docker/id", "1")]);
  expect(full.direct).not.toBeNull();
  expect(full.digest).not.toBe(base.digest);
  const lines = await listed(paths, full.direct ? [full.direct] : []);
  expect(lines).toContain("var/lib/docker folder 710");
  expect(lines).toContain("var/lib/docker/.wh.name file 644 1 1b16b1df538ba12d");
  // saved from a VM that emptied them: they are empty, and not what the earlier image had
  const emptied = await save([folder("./")], parents, full);
  expect(emptied.direct).not.toBeNull();
  expect(await listed(paths, emptied.direct ? [emptied.direct] : [])).toEqual([
    "var folder 755",
    "var/lib folder 755",
    "var/lib/docker folder 710",
  ]);
});

only(
  "folders of the disk that were emptied stay empty, also where the image's own tree has something there",
  async () => {
    const { temp, paths, save } = await world();
    using _ = temp;
    const parents = [folder("./"), folder("./var"), folder("./var/lib"), docker];
    const base = await save([...parents, file("./var/lib/docker/seed", "s")]);
    expect(base.direct).toBeNull();
    const emptied = await save([folder("./")], parents, base);
    expect(emptied.direct).not.toBeNull();
    expect(await listed(paths, emptied.direct ? [emptied.direct] : [])).toContain("var/lib/docker folder 710");
  },
);

only("a stream that is cut, not a tar or too large has its own error; nothing is left", async () => {
  const whole = archive([folder("./"), file("./big", "x".repeat(5000))]);
  for (const [bytes, code] of [
    [whole.slice(0, 3000), "IMAGE_INVALID"],
    [new Uint8Array(2048).fill(65), "IMAGE_INVALID"],
    [archive([file("new\nline", "x")]), "IMAGE_INVALID"],
    [whole, "IMAGE_TOO_LARGE"],
  ] as const) {
    const { temp, paths, save } = await world({ bytes: code === "IMAGE_TOO_LARGE" ? 4000 : 2 ** 20, entries: 100 });
    using _ = temp;
    const error = await save(bytes).catch((thrown: { code: string }) => thrown);
    expect(error).toMatchObject({ code });
    expect([readdirSync(paths.layers).length, readdirSync(paths.partial)]).toEqual([1, []]);
  }
});
