/** Copies the modules that the initramfs needs out of a kernel's unpacked modules, with the order to load them in. */
import type { ArtifactDeps } from "../artifacts/deps.ts";
import { mustSucceed } from "../artifacts/tools.ts";
import { unpackWhole } from "../artifacts/unpack-whole.ts";
import { fail } from "../base/errors/error.ts";
import type { ImageName } from "../base/names.ts";
import { readBytes, readText, readTextIfAny, writeAtomic } from "../host/files/files.ts";
import { bootLists, indexModules, moduleName } from "./boot-modules.ts";
import { missingModules } from "./requirements.ts";

const maxModule = 64 * 1024 * 1024;
/** bytes of all of them: the initramfs is assembled in memory, here and in the guest */
const maxBootModules = 256 * 1024 * 1024;
const maxText = 16 * 1024 * 1024;

export type BootModules = {
  /** a release's module folder, after depmod */
  modules: string;
  /** target folder */
  folder: string;
  /** names of modules that are built in according to the kernel's configuration */
  builtin: ReadonlySet<string>;
};

type Unpacking = Pick<ArtifactDeps, "exec" | "cage">;

/** @throws KERNEL_UNUSABLE naming what is missing */
export async function storeBootModules(
  deps: Unpacking,
  name: ImageName,
  { modules, folder, builtin }: BootModules,
  maxBytes = maxBootModules,
): Promise<void> {
  const index = indexModules({
    dep: await readText(`${modules}/modules.dep`, maxText),
    builtin: (await readTextIfAny(`${modules}/modules.builtin`, maxText)) ?? "",
    softdep: (await readTextIfAny(`${modules}/modules.softdep`, maxText)) ?? "",
  });
  const missing = missingModules((module) => [index.paths, index.builtin, builtin].some((known) => known.has(module)));
  if (missing.length > 0) throw fail("KERNEL_UNUSABLE", { name, problem: `it has no module ${missing.join(", ")}` });
  const { always, withVsock } = bootLists(index);
  let bytes = 0;
  for (const path of [...always, ...withVsock]) {
    const content = await unpackModule(deps, `${modules}/${path}`);
    bytes += content.length;
    if (bytes > maxBytes)
      throw fail("KERNEL_UNUSABLE", { name, problem: "the modules that it needs at boot are too large" });
    await writeAtomic(`${folder}/${fileOf(path)}`, content);
  }
  await writeAtomic(`${folder}/modules.list`, always.map((path) => `${fileOf(path)}\n`).join(""));
  await writeAtomic(`${folder}/vsock.list`, withVsock.map((path) => `${fileOf(path)}\n`).join(""));
}

function fileOf(path: string): string {
  return `${moduleName(path)}.ko`;
}

async function unpackModule(deps: Unpacking, path: string): Promise<Uint8Array> {
  const bytes = await readBytes(path, maxModule);
  if (path.endsWith(".gz")) return unpackWhole(bytes, "gzip", maxModule);
  if (path.endsWith(".zst")) return unpackWhole(bytes, "zstd", maxModule);
  if (!path.endsWith(".xz")) return bytes;
  const options = { input: bytes, maxBytes: maxModule, cage: await deps.cage.around("xz", {}) };
  return mustSucceed(await deps.exec(["xz", "--decompress", "--stdout"], options)).stdout;
}
