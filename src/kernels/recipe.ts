/**
 * Downloads Debian's cloud kernel for virtual machines: apt downloads and verifies the package, which is unpacked as a
 * stream and never installed on the host.
 */
import { openApt } from "../artifacts/debian/apt.ts";
import { findArchive } from "../artifacts/debian/archive.ts";
import type { RecipeDeps } from "../artifacts/deps.ts";
import { lastLine, statusText } from "../artifacts/tools.ts";
import { fail } from "../base/errors/error.ts";
import { editTar } from "../formats/tar/edit.ts";
import { removeTree } from "../host/files/files.ts";
import { spawnPiped } from "../host/process/children.ts";
import type { Emit } from "../model/event.ts";
import { suiteOf } from "./names.ts";

export type KernelPackage = {
  /** the kernel's name in banger */
  name: string;
  tar: AsyncIterable<Uint8Array>;
  source: string;
};

const metaPackage = "linux-image-cloud-amd64";

/**
 * Resolves once the package is downloaded and verified. @param name `debian-SUITE-cloud` @throws KERNEL_NOT_FOUND,
 * RECIPE_UNAVAILABLE, TOOL_MISSING, TOOL_FAILED
 */
export async function openDebianKernel(
  deps: RecipeDeps,
  name: string,
  emit: Emit,
  signal: AbortSignal,
): Promise<KernelPackage> {
  const suite = suiteOf(name);
  if (suite === null) throw fail("KERNEL_NOT_FOUND", { name });
  const archive = await findArchive(deps, suite);
  const scratch = await deps.scratch();
  try {
    emit({ kind: "progress", step: "kernel", text: "reading Debian's package lists" });
    const apt = await openApt(deps, archive, scratch, signal);
    const real = (await apt.dependencies(metaPackage)).find((name) => name.startsWith("linux-image-"));
    if (!real) throw fail("KERNEL_NOT_FOUND", { name: metaPackage });
    emit({ kind: "progress", step: "kernel", text: `downloading ${real}` });
    const deb = await apt.download(real);
    const version = /_([^_]+)_[^_]+\.deb$/.exec(deb)?.[1]?.replace("%3a", ":") ?? "";
    return { name, tar: unpack(deps, deb, scratch, signal), source: `debian ${real} ${version}`.trim() };
  } catch (error) {
    await removeTree(scratch);
    throw error;
  }
}

/** The files that banger uses from the package: kernel, configuration and modules. */
function isKernelFile(name: string): boolean {
  return /^(?:boot(?:\/(?:vmlinuz|config)-[^/]+)?|(?:usr\/)?lib(?:\/modules(?:\/.*)?)?|usr)?$/.test(name);
}

async function* unpack(
  deps: RecipeDeps,
  deb: string,
  scratch: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const stopped = new AbortController();
  const either = AbortSignal.any([signal, stopped.signal]);
  const cage = await deps.cage.around("dpkg-deb", { readOnly: [deb], hasChildren: true });
  const tool = spawnPiped(["dpkg-deb", "--fsys-tarfile", deb], { signal: either, cage });
  const whole = async function* () {
    yield* tool.stdout;
    const ended = await tool.done;
    signal.throwIfAborted();
    if (ended.exitCode === 0) return;
    throw fail("TOOL_FAILED", { tool: "dpkg-deb", status: statusText(ended), said: lastLine(tool.stderrTail()) });
  };
  try {
    yield* editTar(whole(), { drop: (name) => !isKernelFile(name), additions: async function* () {} });
  } finally {
    stopped.abort();
    await tool.done;
    await removeTree(scratch);
  }
}
