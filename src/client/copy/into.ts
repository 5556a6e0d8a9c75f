/** Copies files of this host into a guest. */
import { fail, isError } from "../../base/errors/error.ts";
import { firstOf, quoteArgs } from "../../base/text.ts";
import { byteTextOf, textOfBytes } from "../../host/files/tree.ts";
import type { Emit } from "../../model/event.ts";
import type { AgentClient, AgentStream } from "../../wire/agent/types.ts";
import type { WorkspacePacker } from "../dependencies.ts";
import { putTar } from "../workspace/put-tar.ts";
import { type Gathered, gather, type HostSource, hostSource } from "./gather.ts";
import { type GuestUser, guestPath } from "./guest-user.ts";
import { type Found, isMisplaced, type Place, placeOf } from "./place.ts";
import { errnoOfRefusal, failedPut, problemOf } from "./refusals.ts";

/** The guest's side of a copy. */
export type Guest = { vm: string; client: AgentClient; user: GuestUser };

export type Copied = { /** files, folders and links */ entries: number; bytes: number };

type CopyIn = { /** as typed */ sources: readonly string[] /** as typed */; target: string };

/**
 * The signal ends the session; the file that was on its way is not there then.
 * @throws COPY_MISSING, COPY_TARGET, COPY_FAILED, SESSION_LOST, the signal's reason
 */
export async function copyIn(
  packer: WorkspacePacker,
  guest: Guest,
  { sources, target }: CopyIn,
  emit: Emit,
  signal: AbortSignal,
): Promise<Copied> {
  const drop = () => guest.client.destroy();
  signal.addEventListener("abort", drop, { once: true });
  try {
    signal.throwIfAborted();
    const found = sources.map((source) => hostSource(byteTextOf(source)));
    const { stream, names } = await openPlace(guest, target, found);
    try {
      return await send(packer, stream, names, `${guest.vm}:${target}`, emit);
    } finally {
      stream.close();
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", drop);
  }
}

type Named = { source: HostSource; name: string | null };

async function send(
  packer: WorkspacePacker,
  stream: AgentStream,
  names: readonly Named[],
  target: string,
  emit: Emit,
): Promise<Copied> {
  const gathered = names.map(({ source, name }) => gather(source, name));
  for (const { leftOut } of gathered) noteLeftOut(leftOut, emit);
  const entries = gathered.flatMap((one: Gathered) => one.entries);
  const bytes = entries.reduce((sum, { size }) => sum + size, 0);
  const progress = { kind: "progress", step: "copy", text: `copying to ${target}`, total: bytes } as const;
  const plan = { async prepare() {}, entries, git: async function* () {} };
  const tar = packer.workspaceTar(plan, {
    onProgress: (done) => emit({ ...progress, done }),
    onVanished: (path) => emit({ kind: "note", level: "warn", text: `${path} vanished while it was copied` }),
  });
  await putTar(stream, tar, target).catch((error: unknown) => {
    throw failedPut(error, target);
  });
  return { entries: entries.length, bytes };
}

const mostNamed = 3;

function noteLeftOut(paths: readonly string[], emit: Emit): void {
  if (paths.length === 0) return;
  const named = firstOf(paths, mostNamed, textOfBytes);
  emit({ kind: "note", level: "warn", text: `left out, as no file, folder or link: ${named}` });
}

/** Opens a `put` at the folder of the copy. The target itself is tried first: whether that is one tells where the copy goes. */
async function openPlace(
  guest: Guest,
  typed: string,
  sources: readonly HostSource[],
): Promise<{ stream: AgentStream; names: Named[] }> {
  const path = byteTextOf(guestPath(guest.user, typed));
  const tried = await openPut(guest, path);
  const kind = typeof tried === "string" ? tried : "folder";
  const places = sources.map((source) => ({ source, place: placeOf(source, { path, kind }, sources.length > 1) }));
  const names = places.map(({ source, place }) => {
    if (isMisplaced(place)) throw misplaced(guest, source, typed, place.isMissing);
    return { source, name: place.name };
  });
  if (typeof tried !== "string") return { stream: tried, names };
  const [{ place } = { place: null }] = places;
  const { folder } = place as Place;
  const stream = await openPut(guest, folder);
  if (typeof stream !== "string") return { stream, names };
  if (stream === "missing") throw noFolder(guest, folder);
  throw fail("COPY_FAILED", {
    path: `${guest.vm}:${textOfBytes(folder)}`,
    problem: "it is a file, and a folder is needed",
    next: "name another target",
  });
}

/** @param path byte text @returns what is there if it is not a folder */
async function openPut({ client, user, vm }: Guest, path: string): Promise<AgentStream | Exclude<Found, "folder">> {
  const { uid, gid } = user;
  try {
    return await client.open("put", { path: textOfBytes(path), uid, gid });
  } catch (error) {
    const errno = errnoOfRefusal(error);
    if (errno === "ENOENT") return "missing";
    if (errno === "ENOTDIR") return "other";
    if (errno === null) throw error;
    throw fail("COPY_FAILED", { path: `${vm}:${textOfBytes(path)}`, problem: problemOf(errno) }, error);
  }
}

function misplaced(guest: Guest, source: HostSource, typed: string, isMissing: boolean): Error {
  const path = guestPath(guest.user, typed);
  return fail("COPY_TARGET", {
    source: textOfBytes(source.path),
    target: `${guest.vm}:${typed}`,
    problem: isMissing ? "there is no such folder" : "the target is a file, and a folder is needed",
    next: isMissing ? `make it first: ${makeIt(guest.vm, path)}` : "name a folder, or another name",
  });
}

function noFolder({ vm }: Guest, folder: string): Error {
  const path = textOfBytes(folder);
  return fail("COPY_MISSING", { path: `${vm}:${path}`, next: `make it first: ${makeIt(vm, path)}` });
}

function makeIt(vm: string, path: string): string {
  return `\`banger vm exec ${vm} -- mkdir -p ${quoteArgs([path])}\``;
}

/** Unpacks a tar of the user's in a folder of the guest. @param feed hands over stdin, and awaits each piece @throws as `copyIn` */
export async function copyTarIn(
  guest: Guest,
  target: string,
  feed: (onChunk: (chunk: Uint8Array) => Promise<void>, onEnd: () => void) => { stop(): void },
  signal: AbortSignal,
): Promise<Copied> {
  const drop = () => guest.client.destroy();
  signal.addEventListener("abort", drop, { once: true });
  let done: Copied | null = null;
  try {
    const stream = await openPut(guest, byteTextOf(guestPath(guest.user, target)));
    if (typeof stream === "string") throw tarTarget(guest, target, stream === "missing");
    stream.onEvent((event) => {
      if (event["event"] === "done") done = { entries: countOf(event["entries"]), bytes: countOf(event["bytes"]) };
    });
    const input = feed(
      async (chunk) => stream.write(0, chunk),
      () => stream.eof(0),
    );
    try {
      await stream.closed;
    } finally {
      input.stop();
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!isError(error, "AGENT_REFUSED")) throw error;
    const problem = problemOf(String(error.details["reason"]));
    throw fail("COPY_FAILED", { path: `${guest.vm}:${target}`, problem }, error);
  } finally {
    signal.removeEventListener("abort", drop);
  }
  if (done !== null) return done;
  throw fail("COPY_FAILED", { path: `${guest.vm}:${target}`, problem: "the guest stopped receiving it" });
}

function tarTarget(guest: Guest, target: string, isMissing: boolean): Error {
  return fail("COPY_TARGET", {
    source: "the tar on stdin",
    target: `${guest.vm}:${target}`,
    problem: isMissing ? "there is no such folder" : "the target is a file, and a folder is needed",
    next: isMissing ? `make it first: ${makeIt(guest.vm, guestPath(guest.user, target))}` : "name a folder",
  });
}

function countOf(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
