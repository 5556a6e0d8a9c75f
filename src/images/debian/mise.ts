/**
 * The `mise` program: downloaded from the user's configured npm registry and checked against the digest pinned here.
 */

import { createHash } from "node:crypto";
import { networkEnv } from "../../artifacts/debian/network-env.ts";
import type { RecipeDeps } from "../../artifacts/deps.ts";
import { lastLine, statusText } from "../../artifacts/tools.ts";
import { fail, isError } from "../../base/errors/error.ts";
import { trimEndOf } from "../../base/trim.ts";
import type { TarAddition } from "../../formats/tar/edit.ts";
import { tarEvents } from "../../formats/tar/events.ts";
import { readStream, writeAtomic } from "../../host/files/files.ts";
import { spawnPiped } from "../../host/process/children.ts";

const pinned = {
  name: "@jdxcode/mise-linux-x64",
  version: "2026.9.15",
  file: "mise-linux-x64-2026.9.15.tgz",
  sha512: "ButPFGyztN0Rk/HOHvHuf+W80CkvQRAjbDWHvhGJc3PnL3e2KhCYZIOyjx8wPkhr9VJa/7sJZXpxtt5JLjsfaQ==",
} as const;

const maxBytes = 256 * 1024 * 1024;
/** of the unpacked package */
const limits = { entries: 10_000, bytes: 4 * maxBytes };

export type MiseDeps = Pick<RecipeDeps, "exec" | "env" | "fetchBytes">;

/** Downloads the package into `folder` and checks that it is the pinned one. @returns its path */
export async function downloadMise(deps: MiseDeps, folder: string, signal: AbortSignal): Promise<string> {
  const path = (await packByNpm(deps, folder, signal)) ?? (await packByFetch(deps, folder, signal));
  const hash = createHash("sha512");
  for await (const chunk of readStream(path)) hash.update(chunk);
  const found = hash.digest("base64");
  if (found !== pinned.sha512) {
    throw fail("DOWNLOAD_DAMAGED", { what: `${pinned.name} ${pinned.version}`, problem: `its sha512 is ${found}` });
  }
  return path;
}

/** Uses the user's npm, with its registry, proxy and credentials; null if that does not work on this host. */
async function packByNpm(deps: MiseDeps, folder: string, signal: AbortSignal): Promise<string | null> {
  const wanted = `${pinned.name}@${pinned.version}`;
  const argv = ["npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", folder, wanted];
  try {
    const result = await deps.exec(argv, {
      cwd: folder,
      signal,
      timeoutMs: 180_000,
      env: { ...networkEnv(deps.env), ...npmEnv(deps.env) },
    });
    if (result.exitCode !== 0) return null;
    const printed = lastLine(new TextDecoder().decode(result.stdout));
    return /^[\w.-]+\.tgz$/.test(printed) ? `${folder}/${printed}` : null;
  } catch (error) {
    if (isError(error, "TOOL_MISSING")) return null;
    throw error;
  }
}

function npmEnv(env: MiseDeps["env"]): Record<string, string> {
  const own = Object.entries(env).filter(
    (pair): pair is [string, string] => /^npm_config_/i.test(pair[0]) && !!pair[1],
  );
  return Object.fromEntries(own);
}

async function packByFetch(deps: MiseDeps, folder: string, signal: AbortSignal): Promise<string> {
  const path = `${folder}/${pinned.file}`;
  const registry = trimEndOf(deps.env["npm_config_registry"] || "https://registry.npmjs.org", "/");
  const bytes = await deps.fetchBytes(`${registry}/${pinned.name}/-/${pinned.file}`, maxBytes, signal);
  await writeAtomic(path, bytes);
  return path;
}

/** The program from the package, as a tar entry for the image. */
export async function miseProgram(path: string, name: string, mtime: number): Promise<TarAddition> {
  const events = tarEvents(gunzip(path), limits);
  for (let next = await events.next(); !next.done; next = await events.next()) {
    if (next.value.kind !== "entry") continue;
    const { entry } = next.value;
    if (entry.name !== "package/bin/mise" || entry.kind !== "file") continue;
    return {
      entry: { name, kind: "file", mode: 0o755, uid: 0, gid: 0, size: entry.size, mtime, link: "" },
      content: contentOf(events, entry.size),
    };
  }
  throw fail("DOWNLOAD_DAMAGED", { what: pinned.name, problem: "it contains no bin/mise" });
}

async function* contentOf(events: ReturnType<typeof tarEvents>, size: number): AsyncGenerator<Uint8Array, void, void> {
  let left = size;
  try {
    while (left > 0) {
      const next = await events.next();
      if (next.done || next.value.kind !== "data") return;
      left -= next.value.chunk.length;
      yield next.value.chunk;
    }
  } finally {
    await events.return();
  }
}

async function* gunzip(path: string): AsyncGenerator<Uint8Array, void, void> {
  const tool = spawnPiped(["gzip", "--decompress", "--stdout", path]);
  try {
    yield* tool.stdout;
    const ended = await tool.done;
    if (ended.exitCode !== 0) {
      throw fail("TOOL_FAILED", { tool: "gzip", status: statusText(ended), said: lastLine(tool.stderrTail()) });
    }
  } finally {
    tool.kill("SIGKILL");
  }
}
