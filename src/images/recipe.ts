/**
 * Builds a Debian root file system on this host with the user's own rights, as one tar stream: mmdebstrap's tree plus
 * our files and `mise`. It writes only to a scratch folder and runs only these programs.
 */
import { type DebianArchive, findArchive } from "../artifacts/debian/archive.ts";
import { networkEnv } from "../artifacts/debian/network-env.ts";
import { sourcesFile } from "../artifacts/debian/sources.ts";
import type { RecipeDeps } from "../artifacts/deps.ts";
import { lastLine, statusText } from "../artifacts/tools.ts";
import { fail } from "../base/errors/error.ts";
import { editTar, type TarAddition } from "../formats/tar/edit.ts";
import { removeTree } from "../host/files/files.ts";
import type { PipedProcess } from "../host/process/children.ts";
import { type ProcessGroup, spawnGroup } from "../host/process/group.ts";
import type { Emit } from "../model/event.ts";
import { fileAdditions } from "./debian/additions.ts";
import { type ImageFile, imageFiles, isDropped } from "./debian/files.ts";
import { downloadMise, miseProgram } from "./debian/mise.ts";
import { mmdebstrapArgv, proxyEnv, stepOf } from "./debian/mmdebstrap.ts";
import { checkSubordinateIds } from "./debian/subids.ts";

export type Rootfs = { tar: AsyncIterable<Uint8Array>; source: string };

/**
 * Resolves once the build has started; `tar` throws its failures. Closing `tar` early, or the signal, ends the
 * programs.
 * @throws RECIPE_UNAVAILABLE, TOOL_MISSING
 */
export async function openDebianRootfs(
  deps: RecipeDeps,
  { suite }: { suite: string },
  emit: Emit,
  signal: AbortSignal,
): Promise<Rootfs> {
  await deps.exec(["mmdebstrap", "--version"]);
  const archive = await findArchive(deps, suite);
  if (deps.uid !== 0) await checkSubordinateIds(deps);
  const scratch = await deps.scratch();
  const stopped = new AbortController();
  const either = AbortSignal.any([signal, stopped.signal]);
  const mise = downloadMise(deps, scratch, either);
  mise.catch(() => {});
  const day = Math.floor(deps.now() / 86_400_000) * 86_400;
  const bootstrap = startBootstrap(deps, { archive, suite, day }, emit, either);
  const end = async () => {
    stopped.abort();
    await Promise.allSettled([bootstrap.interrupt(), mise]);
    await removeTree(scratch);
  };
  const program = async () => miseProgram(await mise, "usr/local/bin/mise", day);
  const build = { bootstrap, files: imageFiles(archive), program, day, name: `debian-${suite}`, signal };
  return { tar: streamOf(build, end), source: `recipe debian-${suite}` };
}

type Bootstrap = { archive: DebianArchive; suite: string /** seconds: the latest time of any file */; day: number };

function startBootstrap(
  deps: RecipeDeps,
  { archive, suite, day }: Bootstrap,
  emit: Emit,
  signal: AbortSignal,
): ProcessGroup {
  // A user namespace can't always enter a private TMPDIR, and /tmp may be in memory: this takes more than a gigabyte.
  const fixed = { TMPDIR: "/var/tmp", SOURCE_DATE_EPOCH: String(day) };
  const env = { ...networkEnv(deps.env), ...proxyEnv(archive), ...fixed };
  const options = { env, signal, stdin: "pipe", onStderr: reportSteps(emit) } as const;
  const bootstrap = spawnGroup(mmdebstrapArgv(archive, suite, deps.uid), options);
  // If the program exits before reading this, its status says why.
  bootstrap.stdin.write(new TextEncoder().encode(sourcesFile(archive.mirrors, archive.keyring))).catch(() => {});
  bootstrap.stdin.end();
  return bootstrap;
}

type Build = {
  bootstrap: PipedProcess;
  files: ImageFile[];
  program: () => Promise<TarAddition>;
  /** seconds */
  day: number;
  name: string;
  signal: AbortSignal;
};

async function* streamOf(build: Build, end: () => Promise<void>): AsyncGenerator<Uint8Array, void, void> {
  const { bootstrap, files, program, day } = build;
  const added = new Set(files.map((file) => file.name));
  const present = new Set<string>();
  const additions = async function* () {
    yield* fileAdditions(files, present, day);
    yield await program();
  };
  const drop = (name: string) => {
    if (isDropped(name, added)) return true;
    present.add(name);
    return false;
  };
  try {
    yield* editTar(whole(bootstrap, build), { drop, additions });
  } finally {
    await end();
  }
}

/** The program's stdout, valid only if the program succeeds. */
async function* whole(bootstrap: PipedProcess, build: Build): AsyncGenerator<Uint8Array, void, void> {
  yield* bootstrap.stdout;
  const ended = await bootstrap.done;
  build.signal.throwIfAborted();
  if (ended.exitCode === 0) return;
  const message = errorOf(bootstrap.stderrTail());
  throw fail("IMAGE_BUILD_FAILED", {
    name: build.name,
    reason: `mmdebstrap exited with ${statusText(ended)}: ${message}`,
  });
}

/** apt's `E:` lines come first and say more than mmdebstrap's own. */
function errorOf(stderr: string): string {
  const errors = stderr.split(/[\r\n]+/).filter((line) => /^E: /.test(line) && !/died|exited|setup failed/.test(line));
  return lastLine(errors.at(0) ?? stderr);
}

function reportSteps(emit: Emit): (chunk: Uint8Array) => void {
  let line = "";
  return (chunk) => {
    const lines = (line + new TextDecoder().decode(chunk)).split(/[\r\n]/);
    line = (lines.pop() ?? "").slice(-500);
    for (const one of lines) {
      const step = stepOf(one);
      if (step) emit({ kind: "progress", step: "packages", text: step });
    }
  };
}
