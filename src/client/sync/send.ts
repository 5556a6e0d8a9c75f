/** Copies what `file_sync` names into a running VM, after the VM's record says where to. */

import { fail, isError } from "../../base/errors/error.ts";
import { parentsOf } from "../../base/parents.ts";
import { byteTextOf, textOfBytes } from "../../host/files/tree.ts";
import type { Emit } from "../../model/event.ts";
import { pathProblem } from "../../model/file-sync.ts";
import type { PlanEntry } from "../../workspace/types.ts";
import type { Guest } from "../copy/into.ts";
import { errnoOfRefusal, problemOf } from "../copy/refusals.ts";
import type { DaemonAccess, WorkspacePacker } from "../dependencies.ts";
import { putTar } from "../workspace/put-tar.ts";
import type { SyncPart, SyncPlan } from "./plan.ts";

/** A folder of the guest that files go into, and whose they are. */
type Base = { folder: string; uid: number; gid: number };

export type Synced = { /** files and folders */ entries: number; bytes: number };

/**
 * The signal ends the whole session.
 * @param guest `user`: whose home `~/` is @throws SYNC_FAILED, SESSION_LOST, what the daemon reports, the signal's reason
 */
export async function sendSync(
  needs: WorkspacePacker & Pick<DaemonAccess, "api">,
  guest: Guest,
  plan: SyncPlan,
  emit: Emit,
  signal: AbortSignal,
): Promise<Synced> {
  const drop = () => guest.client.destroy();
  signal.addEventListener("abort", drop, { once: true });
  const done: Synced = { entries: 0, bytes: 0 };
  try {
    signal.throwIfAborted();
    const paths = plan.parts.map((part) => `${baseOf(guest, part).folder}/${part.name}`);
    const odd = paths.find((path) => pathProblem(path) !== null);
    if (odd !== undefined) throw failed(guest, odd, "the guest names a home that can't be one");
    // before a byte goes in: `vm save` leaves these paths out
    await needs.api.json("noteSyncedPaths", { name: guest.vm, body: { paths } });
    for (const [folder, parts] of byFolder(guest, plan.parts)) await sendInto(folder, parts);
    await needs.api.json("noteSyncedPaths", { name: guest.vm, body: { paths: [], isComplete: true } });
    return done;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", drop);
  }

  async function sendInto(base: Base, parts: readonly SyncPart[]): Promise<void> {
    const entries = [...(await missingParents(guest, base, parts)), ...parts.flatMap((part) => part.entries)];
    const { folder, uid, gid } = base;
    const total = entries.reduce((sum, { size }) => sum + size, 0);
    const progress = { kind: "progress", step: "sync", text: `copying your files into ${guest.vm}`, total } as const;
    const tar = needs.workspaceTar(
      { async prepare() {}, entries, git: async function* () {} },
      { onProgress: (bytes) => emit({ ...progress, done: bytes }), onVanished: (path) => emit(vanished(path)) },
    );
    try {
      const stream = await guest.client.open("put", { path: folder || "/", create: true, uid, gid });
      await putTar(stream, tar, folder);
    } catch (error) {
      throw explained(guest, folder, error);
    }
    done.entries += entries.length;
    done.bytes += total;
  }
}

function vanished(path: string) {
  const text = `file_sync left out ${path}: it was removed or replaced while it was copied`;
  return { kind: "note", level: "warn", text } as const;
}

function baseOf({ user }: Guest, { base }: Pick<SyncPart, "base">): Base {
  if (base === "root") return { folder: "/root", uid: 0, gid: 0 };
  const names = user.home.split("/").filter((name) => name !== "");
  return { folder: names.map((name) => `/${name}`).join(""), uid: user.uid, gid: user.gid };
}

/** One tar for each folder and owner. */
function byFolder(guest: Guest, parts: readonly SyncPart[]): Map<Base, SyncPart[]> {
  const groups = new Map<string, { base: Base; parts: SyncPart[] }>();
  for (const part of parts) {
    const base = baseOf(guest, part);
    const key = `${base.uid}:${base.gid}:${base.folder}`;
    const group = groups.get(key) ?? { base, parts: [] };
    group.parts.push(part);
    groups.set(key, group);
  }
  return new Map([...groups.values()].map((group) => [group.base, group.parts]));
}

/** Folders above the entries that the guest does not have: 0700, as synced ones are. Those that it has stay as they are. */
async function missingParents(guest: Guest, base: Base, parts: readonly SyncPart[]): Promise<PlanEntry[]> {
  const seen = new Set<string>();
  const missing: PlanEntry[] = [];
  for (const { name, entries } of parts) {
    const mtimeNs = entries[0]?.mtimeNs ?? 0n;
    for (const path of parentsOf(name)) {
      if (seen.has(path)) continue;
      seen.add(path);
      const isNew = missing.some((above) => byteTextOf(path).startsWith(`${above.path}/`));
      if (!isNew && !(await isMissing(guest, `${base.folder}/${path}`))) continue;
      const common = { path: byteTextOf(path), mode: 0o700, size: 0, mtimeNs };
      missing.push({ ...common, kind: "folder", origin: "folder", source: { kind: "none" } });
    }
  }
  return missing;
}

/** Asked by opening a `put` there, which is given up at once. */
async function isMissing({ client }: Guest, path: string): Promise<boolean> {
  try {
    const stream = await client.open("put", { path });
    stream.closed.catch(() => {});
    stream.close();
    return false;
  } catch (error) {
    const errno = errnoOfRefusal(error);
    if (errno === null) throw error;
    return errno === "ENOENT";
  }
}

function explained(guest: Guest, folder: string, error: unknown): unknown {
  if (isError(error, "AGENT_REFUSED")) return failed(guest, folder, problemOf(String(error.details["reason"])), error);
  if (!isError(error, "WORKSPACE_COPY")) return error;
  const { cause } = error;
  if (isError(cause, "SESSION_LOST") || isError(cause, "SYNC_REFUSED")) return cause;
  const reason = isError(cause, "AGENT_REFUSED") ? cause.details["reason"] : error.details["problem"];
  return failed(guest, String(error.details["path"] ?? folder), problemOf(String(reason)), error);
}

function failed({ vm }: Guest, path: string, problem: string, cause?: unknown): Error {
  return fail("SYNC_FAILED", { vm, path: textOfBytes(byteTextOf(path)), problem }, cause);
}
