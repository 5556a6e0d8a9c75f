/** Copies files out of a guest: what comes is hostile, and is written below the target alone. */
import { fail } from "../../base/errors/error.ts";
import { quoteArgs } from "../../base/text.ts";
import { TarScanner } from "../../formats/tar/scanner.ts";
import { byteTextOf, lookAt, realPathIfAny, textOfBytes } from "../../host/files/tree.ts";
import type { Emit } from "../../model/event.ts";
import { getTar } from "../../wire/agent/get.ts";
import { Extraction } from "./extract.ts";
import { guestPath } from "./guest-user.ts";
import type { Copied, Guest } from "./into.ts";
import { asFolder, type End, endsAsFolder, type Found, isMisplaced, type Place, parentOf, placeOf } from "./place.ts";
import { errnoOfRefusal, failedExtraction } from "./refusals.ts";

/** Of one copy. A folder's mode and time are remembered to its end, about 300 bytes each. */
const limits = { entries: 5_000_000, bytes: 2 ** 50 };

type CopyOut = { /** as typed */ source: string /** as typed */; target: string; isOneOfSeveral: boolean };

/**
 * A file has its name when it is complete; what was complete before an error stays.
 * @throws COPY_MISSING, COPY_TARGET, COPY_FAILED, COPY_UNSAFE, DISK_FULL, SESSION_LOST, the signal's reason
 */
export async function copyOut(
  guest: Guest,
  { source, target, isOneOfSeveral }: CopyOut,
  emit: Emit,
  signal: AbortSignal,
): Promise<Copied> {
  const shown = `${guest.vm}:${source}`;
  const end = hostTarget(byteTextOf(target));
  const path = byteTextOf(guestPath(guest.user, source));
  const extraction = new Extraction({
    placeFor: (kind) => placeFor({ path, kind }, end, { shown, target, isOneOfSeveral }),
    onProgress: (done, total) =>
      emit({ kind: "progress", step: "copy", text: `copying ${shown}`, ...(total ? { done, total } : {}) }),
  });
  const scanner = new TarScanner(extraction, limits, true);
  try {
    for await (const chunk of getTar(guest.client, { path: askedPath(path) }, signal)) scanner.push(chunk);
    scanner.finish();
    if (!extraction.hasBegun)
      throw fail("COPY_FAILED", { path: shown, problem: "it is no file, folder or link", next: "name another path" });
    extraction.finish();
    return { entries: extraction.entries, bytes: extraction.bytes };
  } catch (error) {
    signal.throwIfAborted();
    if (!extraction.hasBegun) throw notSent(guest, source, error);
    throw failedExtraction(error, shown, targetOf(target, extraction.current));
  } finally {
    extraction.close();
  }
}

/** A guest's tar stream as it comes. @throws COPY_MISSING, COPY_FAILED, SESSION_LOST, the signal's reason */
export async function* tarOut(
  guest: Guest,
  source: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  let hasBegun = false;
  try {
    const path = askedPath(byteTextOf(guestPath(guest.user, source)));
    for await (const chunk of getTar(guest.client, { path }, signal)) {
      hasBegun = true;
      yield chunk;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw hasBegun ? failedExtraction(error, `${guest.vm}:${source}`, "-") : notSent(guest, source, error);
  }
}

/** `x/.` for `x/`, so that a link to a folder is followed where a folder is asked for. */
function askedPath(path: string): string {
  return textOfBytes(endsAsFolder(path) ? asFolder(path) : path);
}

/** What is at the target, links followed. */
function hostTarget(path: string): End<Found> {
  const real = realPathIfAny(path);
  const info = real === null ? null : lookAt(real);
  return { path, kind: info === null ? "missing" : info.kind === "folder" ? "folder" : "other" };
}

function placeFor(
  source: End<"folder" | "other">,
  end: End<Found>,
  { shown, target, isOneOfSeveral }: { shown: string; target: string; isOneOfSeveral: boolean },
): Place {
  const place = placeOf(source, end, isOneOfSeveral);
  if (isMisplaced(place)) {
    const next = place.isMissing
      ? `make it first: \`mkdir -p ${quoteArgs([target])}\``
      : "name a folder, or another name";
    throw fail("COPY_TARGET", { source: shown, target, problem: place.problem, next });
  }
  // the parent of a name that is new; a target that is a link to a file is replaced where that file is
  if (end.kind === "folder") return place;
  return end.kind === "other" ? throughLink(end.path, place) : existing(place);
}

function throughLink(path: string, place: Place): Place {
  const real = realPathIfAny(path);
  if (real === null) return existing(place);
  return { folder: parentOf(real), name: real.slice(real.lastIndexOf("/") + 1) };
}

function existing(place: Place): Place {
  const { folder } = place;
  if (hostTarget(folder).kind === "folder") return place;
  const path = textOfBytes(folder);
  throw fail("COPY_MISSING", { path, next: `make it first: \`mkdir -p ${quoteArgs([path])}\`` });
}

function targetOf(target: string, current: string): string {
  return current === "" ? target : `${target} (${textOfBytes(current)})`;
}

/** Before anything came: the path is not there, or not what was asked for. */
function notSent({ vm }: Guest, source: string, error: unknown): unknown {
  const shown = `${vm}:${source}`;
  const errno = errnoOfRefusal(error);
  const folder = source === "" ? "" : parentOf(source);
  const look = folder === "" ? "" : ` ${quoteArgs([folder])}`;
  if (errno === "ENOENT")
    return fail("COPY_MISSING", { path: shown, next: `see what is there: \`banger vm exec ${vm} -- ls -la${look}\`` });
  if (errno === "ENOTDIR")
    return fail("COPY_FAILED", { path: shown, problem: "it is not a folder", next: "leave the slash at its end out" });
  return failedExtraction(error, shown, "-");
}
