/**
 * What banger determines about an image before it boots: its init and its shell. The agent checks again in the guest.
 */
import type { InitKind } from "../model/artifact.ts";
import { ImageProblem } from "./problem.ts";
import type { Union } from "./union/union.ts";

export type ImageFacts = { init: InitKind; shell: boolean /** false if nothing could be run */; hasFiles: boolean };

/** Where the agent looks, in this order (`agent/src/init/inits.rs`). */
const inits = ["sbin/init", "usr/sbin/init", "lib/systemd/systemd", "usr/lib/systemd/systemd"];
const shells = ["bin/bash", "bin/sh"];
const maxPasswd = 1024 * 1024;

/** @throws ImageProblem if it is not a root file system */
export async function inspect(union: Union): Promise<ImageFacts> {
  if (await isArchive(union)) {
    throw new ImageProblem("it is an archive of images", "import it: `banger image import FILE --name NAME`");
  }
  return { init: await initOf(union), shell: await hasShell(union), hasFiles: await hasFiles(union) };
}

/** True if its top level is that of `docker save` or an OCI layout rather than of a root file system. */
async function isArchive(union: Union): Promise<boolean> {
  const marks = [await union.lookup("oci-layout"), await union.lookup("manifest.json")];
  const isRoot = (await union.lookup("bin")) ?? (await union.lookup("usr")) ?? (await union.lookup("etc"));
  return !isRoot && marks.some((mark) => mark?.kind === "file");
}

async function initOf(union: Union): Promise<InitKind> {
  for (const path of inits) {
    const real = await programAt(union, path);
    if (real === null) continue;
    const name = real.slice(real.lastIndexOf("/") + 1);
    // a busybox init that has nothing to start
    if (name.startsWith("busybox") && !(await hasInitScripts(union))) continue;
    return name === "systemd" ? "systemd" : "other";
  }
  return "none";
}

async function hasInitScripts(union: Union): Promise<boolean> {
  if (!(await union.resolve("etc/inittab"))) return false;
  return Boolean((await union.resolve("sbin/openrc")) ?? (await union.resolve("etc/init.d/rcS")));
}

async function hasShell(union: Union): Promise<boolean> {
  for (const path of [...(await rootShell(union)), ...shells]) if ((await programAt(union, path)) !== null) return true;
  return false;
}

/** The shell of user 0 in the image's passwd. */
async function rootShell(union: Union): Promise<string[]> {
  const found = await union.resolve("etc/passwd");
  if (found?.node.kind !== "file" || found.node.size > maxPasswd) return [];
  const chunks: Uint8Array[] = [];
  for await (const chunk of union.content(found.node)) chunks.push(chunk.slice());
  const lines = Buffer.concat(chunks).toString("latin1").split("\n");
  const shell = lines.map((line) => line.split(":")).find((fields) => fields[2] === "0")?.[6];
  return shell?.startsWith("/") ? [shell.slice(1)] : [];
}

/** The real path of a program, or null. */
async function programAt(union: Union, path: string): Promise<string | null> {
  const found = await union.resolve(path);
  return found?.node.kind === "file" && (found.node.mode & 0o111) !== 0 ? found.path : null;
}

async function hasFiles(union: Union): Promise<boolean> {
  for await (const { node } of union.walk()) if (node.kind === "file") return true;
  return false;
}
