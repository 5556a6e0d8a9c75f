/** Decides what goes into the guest's `/root/repo`: reads the folder, writes only scratch files, runs only git (`git.ts`). */
import { BangerError, fail } from "../base/errors/error.ts";
import { showBytes } from "../base/path-bytes.ts";
import { isDiskFull, removeTree } from "../host/files/files.ts";
import { makeScratch } from "../host/files/scratch.ts";
import { textOfBytes } from "../host/files/tree.ts";
import { Collector } from "./collect.ts";
import { listFolder } from "./folder.ts";
import { type GitPlaces, planRepository } from "./git-plan.ts";
import { locate } from "./locate.ts";
import { baseName, showPath } from "./names.ts";
import { Notes } from "./notes.ts";
import { planTooling } from "./tooling.ts";
import {
  guestWorkspace,
  type PlanEntry,
  type WorkspaceDeps,
  type WorkspacePlan,
  type WorkspaceRequest,
} from "./types.ts";

/**
 * The caller disposes the plan (`await using`), also after a failed run.
 * @throws WORKSPACE_REFUSED, WORKSPACE_GIT, WORKSPACE_REF, FLAG_INVALID, TOOL_MISSING
 */
export async function planWorkspace(deps: WorkspaceDeps, request: WorkspaceRequest): Promise<WorkspacePlan> {
  const { depth } = request;
  if (depth !== undefined && (!Number.isInteger(depth) || depth < 1)) {
    throw fail("FLAG_INVALID", {
      flag: "--depth",
      value: String(depth),
      problem: "is not a number of commits",
      example: "--depth 50",
    });
  }
  try {
    const located = locate(request.folder, deps.home);
    if (located.kind === "folder") return planFolder(request, located.root, located.note);
    return await planInScratch(deps, request, located);
  } catch (error) {
    throw explained(error, request.folder, deps.scratch);
  }
}

async function planInScratch(
  deps: WorkspaceDeps,
  request: WorkspaceRequest,
  located: GitPlaces["located"],
): Promise<WorkspacePlan> {
  const scratch = await makeScratch(deps.scratch);
  try {
    return await planRepository(deps, request, { located, scratch, dispose: () => removeTree(scratch) });
  } catch (error) {
    await removeTree(scratch);
    throw error;
  }
}

/** A system error while the folder was read, as an error for the user; any other error unchanged. */
function explained(error: unknown, folder: string, scratch: string): unknown {
  if (isDiskFull(error)) return fail("DISK_FULL", { path: scratch, during: "reading the repository" }, error);
  const { syscall, message } = error as { syscall?: unknown; message?: unknown };
  if (error instanceof BangerError || typeof syscall !== "string") return error;
  return fail("WORKSPACE_REFUSED", { path: folder, reason: `it can't be read: ${message}` }, error);
}

function planFolder(request: WorkspaceRequest, root: string, note: string | undefined): WorkspacePlan {
  const flags = { branch: "branch", from: "from", depth: "depth", branches: "with-branch" } as const;
  for (const [field, flag] of Object.entries(flags)) {
    if (request[field as keyof typeof flags] === undefined) continue;
    throw fail("WORKSPACE_REFUSED", {
      path: request.folder,
      reason: `--${flag} needs a git repository, and this is not one`,
    });
  }
  const notes = new Notes();
  if (note !== undefined) notes.add("info", note);
  const collector = new Collector(root, notes);
  listFolder(root, showBytes(request.folder), collector, notes);
  return {
    kind: "folder",
    root: textOfBytes(root),
    name: showPath(baseName(root)),
    guestPath: guestWorkspace,
    guestCwd: guestWorkspace,
    entries: collector.entries,
    totals: collector.totals,
    repositories: [],
    notes: notes.list(),
    after: [],
    sent: null,
    tooling: planTooling(root, collector.entries),
    prepare: async () => {},
    git: () => nothing(),
    checkedOut: async () => [],
    dispose: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}

async function* nothing(): AsyncGenerator<PlanEntry, void, void> {}
