/**
 * A root file system of one busybox and the distribution's kernel, for tests that need a virtual machine but no Debian in
 * it. Made once for each user of this host (a download of 30 MB, some seconds) and kept between runs.
 */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { openApt } from "../../artifacts/debian/apt.ts";
import { findArchive } from "../../artifacts/debian/archive.ts";
import { VerifiedFiles } from "../../artifacts/verified.ts";
import { tarEvents } from "../../formats/tar/events.ts";
import { plainName } from "../../formats/tar/names.ts";
import { anyTar } from "../../formats/tar/testing/archive.ts";
import { encodeHeader, endOfArchive, padding } from "../../formats/tar/writer.ts";
import { ensureFolder, exists, readText, removeTree, tempPath, writeAtomic } from "../../host/files/files.ts";
import { makeScratch } from "../../host/files/scratch.ts";
import { spawnPiped } from "../../host/process/children.ts";
import type { Exec } from "../../host/process/exec.ts";
import { createExec } from "../../host/process/exec-node.ts";
import { realCage } from "../../host/testing/tool-cage.ts";
import { importKernelPackage } from "../../kernels/import.ts";
import { ensureInitramfs } from "../../kernels/initramfs.ts";
import { defaultKernel } from "../../kernels/names.ts";
import { openDebianKernel } from "../../kernels/recipe.ts";
import type { ImageRecord, KernelRecord } from "../../model/artifact.ts";
import { type Paths, pathsOf } from "../../model/paths.ts";
import { importRootfs } from "../import.ts";
import { imageDeps } from "./image-deps.ts";

export type TinyArtifacts = {
  image: ImageRecord;
  kernel: KernelRecord;
  /** where their files are: `paths.layer(image.layers[0].digest)`, `paths.kernel(kernel.digest)` */
  paths: Paths;
  /** @param agent path of `banger-vsock-agent` @returns path of an initramfs with it */
  initramfs(agent: string): Promise<string>;
};

let made: Promise<TinyArtifacts> | null = null;

/** The same for every caller in this process. */
export function tinyArtifacts(): Promise<TinyArtifacts> {
  made ??= load();
  return made;
}

function cacheFolder(): string {
  return process.env["BANGER_TEST_CACHE"] || `/var/tmp/banger-test-${process.getuid?.() ?? 0}`;
}

async function load(): Promise<TinyArtifacts> {
  const folder = `${cacheFolder()}/tiny-${contentKey()}`;
  if (!(await exists(folder))) await make(folder);
  const { image, kernel } = JSON.parse(await readText(`${folder}/records.json`)) as Records;
  const paths = pathsBelow(folder);
  return {
    image,
    kernel,
    paths,
    initramfs: (agent) =>
      ensureInitramfs({ paths, verified: new VerifiedFiles(), requireWhole: async () => {} }, { kernel, agent }),
  };
}

type Records = { image: ImageRecord; kernel: KernelRecord };

/** If two make it at once, the second to finish discards its own. */
async function make(folder: string): Promise<void> {
  await ensureFolder(cacheFolder());
  const work = tempPath(cacheFolder(), "making");
  await ensureFolder(work);
  try {
    const exec = createExec(process.env as Record<string, string>);
    const deps = { exec, cage: realCage(), paths: pathsBelow(work), now: () => Date.now() };
    const signal = AbortSignal.timeout(300_000);
    const recipe = {
      ...{ exec, cage: deps.cage, env: process.env, uid: process.getuid?.() ?? 0, now: deps.now },
      scratch: () => makeScratch(`${work}/scratch`),
      fetchBytes: () => Promise.reject(new Error("nothing is fetched here")),
    };
    const kernel = await importKernelPackage(
      deps,
      await openDebianKernel(recipe, defaultKernel, () => {}, signal),
      () => {},
      signal,
    );
    const upload = {
      name: "tiny",
      source: "busybox",
      tar: tinyTar(exec, await fetchBusybox(exec, `${work}/apt`, signal)),
    };
    const image = await importRootfs(imageDeps(deps.paths), upload, () => {}, signal);
    await writeAtomic(`${work}/records.json`, JSON.stringify({ image, kernel } satisfies Records));
    await Promise.all(["apt", "scratch"].map((name) => removeTree(`${work}/${name}`)));
    await exec(["mv", "--no-target-directory", work, folder]);
  } finally {
    await removeTree(work);
  }
}

function pathsBelow(folder: string): Paths {
  return pathsOf({ state: `${folder}/s`, cache: `${folder}/c`, config: `${folder}/e`, runtime: `${folder}/r` });
}

function contentKey(): string {
  const sources = [
    "./tiny.ts",
    "../import.ts",
    "../record.ts",
    "../layer/convert.ts",
    "../layer/entries.ts",
    "../../kernels/import.ts",
    "../../kernels/boot-modules.ts",
    "../../kernels/boot-folder.ts",
  ];
  const hash = createHash("sha256");
  for (const source of sources) hash.update(readFileSync(new URL(source, import.meta.url)));
  return hash.digest("hex").slice(0, 12);
}

async function fetchBusybox(exec: Exec, folder: string, signal: AbortSignal): Promise<Uint8Array> {
  const apt = await openApt({ exec, env: process.env }, await findArchive({ exec }, "bookworm"), folder, signal);
  const tool = spawnPiped(["dpkg-deb", "--fsys-tarfile", await apt.download("busybox-static")]);
  const chunks: Uint8Array[] = [];
  let wanted = false;
  for await (const event of tarEvents(tool.stdout, anyTar)) {
    if (event.kind === "entry") wanted = plainName(event.entry.name) === "bin/busybox";
    else if (event.kind === "data" && wanted) chunks.push(event.chunk.slice());
  }
  return Buffer.concat(chunks);
}

const owner = { uid: 0, gid: 0, mtime: 0 };
const folders = ["bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "var", "var/lib"];
const files: Record<string, string> = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
  "etc/group": "root:x:0:\nnogroup:x:65534:\n",
  "etc/os-release": 'ID=tiny\nPRETTY_NAME="tiny"\n',
  "etc/hosts": "127.0.0.1 localhost\n",
};

/** No init program: the agent stays process 1. */
export async function* tinyTar(exec: Exec, busybox: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  const file = function* (name: string, mode: number, content: Uint8Array) {
    yield encodeHeader({ ...owner, name, kind: "file", mode, size: content.length, link: "" });
    yield content;
    yield padding(content.length);
  };
  for (const name of folders) {
    const mode = name === "tmp" ? 0o1777 : 0o755;
    yield encodeHeader({ ...owner, name, kind: "folder", mode, size: 0, link: "" });
  }
  yield* file("bin/busybox", 0o755, busybox);
  for (const applet of await appletsOf(exec, busybox)) {
    const [name, link] = [`bin/${applet}`, "busybox"];
    yield encodeHeader({ ...owner, name, kind: "symlink", mode: 0o777, size: 0, link });
  }
  for (const [name, text] of Object.entries(files)) yield* file(name, 0o644, new TextEncoder().encode(text));
  yield endOfArchive;
}

/** Asked of the program itself, run from a copy. */
async function appletsOf(exec: Exec, busybox: Uint8Array): Promise<string[]> {
  const copy = tempPath("/var/tmp", "busybox");
  await writeAtomic(copy, busybox, 0o700);
  try {
    const { stdout } = await exec([copy, "--list"]);
    return new TextDecoder()
      .decode(stdout)
      .split("\n")
      .filter((name) => /^[\w[-]+$/.test(name) && name !== "busybox" && name !== "init");
  } finally {
    await removeTree(copy);
  }
}
