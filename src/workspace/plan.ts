/** Decides what goes into the guest's `/root/repo`: reads the folder, writes nothing but scratch, runs only `git.ts`. */
import { fail } from "../base/errors/error.ts";
import { removeTree } from "../host/files.ts";
import { makeScratch } from "../host/scratch.ts";
import { Collector } from "./collect.ts";
import { listFolder } from "./folder.ts";
import { planRepository } from "./git-plan.ts";
import { locate } from "./locate.ts";
import { baseName, showPath } from "./names.ts";
import { Notes } from "./notes.ts";
import { planTooling } from "./tooling.ts";
import { guestWorkspace, type PlanEntry, type WorkspaceDeps, type WorkspacePlan, type WorkspaceRequest } from "./types.ts";

/**
 * The caller disposes of the plan (`await using`), also after a failed run.
 * @throws WORKSPACE_REFUSED, WORKSPACE_GIT, WORKSPACE_REF, FLAG_INVALID, TOOL_MISSING
 */
export async function planWorkspace(deps: WorkspaceDeps, request: WorkspaceRequest): Promise<WorkspacePlan> {
  const { depth } = request;
  if (depth !== undefined && (!Number.isInteger(depth) || depth < 1)) {
    throw fail("FLAG_INVALID", { flag: "--depth", value: String(depth), problem: "is no number of commits", example: "--depth 50" });
  }
  const located = locate(request.folder, deps.home);
  if (located.kind === "folder") return planFolder(request, located.root, located.note);
  const scratch = await makeScratch(deps.scratch);
  try {
    return await planRepository(deps, request, { located, scratch, dispose: () => removeTree(scratch) });
  } catch (error) {
    await removeTree(scratch);
    throw error;
  }
}

function planFolder(request: WorkspaceRequest, root: string, note: string | undefined): WorkspacePlan {
  for (const flag of ["branch", "from", "depth"] as const) {
    if (request[flag] === undefined) continue;
    throw fail("WORKSPACE_REFUSED", { path: request.folder, reason: `--${flag} needs a git repository, and it is none` });
  }
  const notes = new Notes();
  if (note !== undefined) notes.add("info", note);
  const collector = new Collector(root, notes);
  listFolder(root, request.folder, collector, notes);
  return {
    kind: "folder",
    root: Buffer.from(root, "latin1").toString("utf8"),
    name: showPath(baseName(root)),
    guestPath: guestWorkspace,
    guestCwd: guestWorkspace,
    entries: collector.entries,
    totals: collector.totals,
    repositories: [],
    notes: notes.list(),
    after: [],
    tooling: planTooling(root, collector.entries),
    git: () => nothing(),
    dispose: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}

async function* nothing(): AsyncGenerator<PlanEntry, void, void> {}
