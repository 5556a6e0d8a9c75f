/** Opens the host's repository for a pull: a git directory of banger's own beside it, in which what comes from the guest is checked first. */
import { fail } from "../../base/errors/error.ts";
import { removeTree } from "../../host/files/files.ts";
import { makeScratch } from "../../host/files/scratch.ts";
import { byteTextOf, lookAt } from "../../host/files/tree.ts";
import { repositoryAt } from "../locate.ts";
import { type OpenRepository, openRepository } from "../open-repository.ts";
import type { WorkspaceDeps } from "../types.ts";
import type { Files, Sent } from "./sent.ts";
import { filesOf, mostFiles } from "./trees.ts";

export type HostRepository = {
  open: OpenRepository;
  sent: Sent;
  /** of the commit that was sent; empty if the repository does not have that any more */
  sentHead: Files;
  /** commits that the guest need not send, as both have them */
  known: readonly string[];
  dispose(): Promise<void>;
};

/** @param vm the VM's name @throws WORKSPACE_PULL when the repository is not there any more, WORKSPACE_GIT, TOOL_MISSING */
export async function openHost(
  deps: WorkspaceDeps,
  sent: Sent,
  vm: string,
  signal: AbortSignal,
): Promise<HostRepository> {
  const repository = repositoryAt(byteTextOf(sent.root), sent.root);
  if (repository === null) throw gone(sent.root);
  const scratch = await makeScratch(deps.scratch);
  const dispose = () => removeTree(scratch);
  try {
    const user = { home: deps.home, env: deps.env ?? {} };
    const places = { path: "", guestGitDir: ".git", scratch: `${scratch}/0`, user, signal };
    const open = await openRepository(deps, repository, places);
    if (open.settings.sha256 !== (sent.format === "sha256")) throw gone(sent.root);
    const known = await knownCommits(open, sent, vm);
    const hasHead = sent.head !== null && known.includes(sent.head);
    const sentHead = hasHead ? await filesOf(open, sent.head ?? "", new Set(), mostFiles) : new Map();
    return { open, sent, sentHead, known, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Commits named to the guest, in one argument of at most 128 KiB: with fewer it sends more than it has to. */
const mostNamed = 1000;

/** What the guest's script (`guest-script.ts`) is asked: its argument, and its stdin. */
export function questionTo({ sent, sentHead, known }: Pick<HostRepository, "sent" | "sentHead" | "known">) {
  const first = known.filter((oid) => oid === sent.head);
  const others = known.filter((oid) => oid !== sent.head);
  const files = [...(sent.files ?? [])].filter(([path]) => !sentHead.has(path));
  const lines = files.map(([path, { mode, oid }]) => `${mode} ${oid}\t${path}\0`).join("");
  return { argument: [...first, ...others].slice(0, mostNamed).join("\n"), input: Buffer.from(lines, "latin1") };
}

/** Whether its refs are in tables, which only git itself writes. */
export function keepsRefsInTables({ repository }: OpenRepository): boolean {
  return lookAt(`${repository.commonDir}/reftable`) !== null;
}

function gone(root: string): Error {
  const problem = `the repository that was sent is not at ${root} any more`;
  return fail("WORKSPACE_PULL", {
    problem,
    next: "move it back there, or copy files with `banger vm cp VM:repo/FILE .`",
  });
}

/** Of the commits that were sent or pulled before, those that the repository still has. */
async function knownCommits(open: OpenRepository, sent: Sent, vm: string): Promise<string[]> {
  const pulled = [...open.refs.all].filter(([name]) => name.startsWith(`refs/banger/${vm}/`)).map(([, oid]) => oid);
  const oids = [...new Set([...sent.tips, ...pulled])];
  if (oids.length === 0) return [];
  const types = await typesOf(open, oids);
  return oids.filter((oid) => types.get(oid) === "commit");
}

/** The types of the objects that exist. */
export async function typesOf({ git }: OpenRepository, oids: readonly string[]): Promise<Map<string, string>> {
  const input = oids.map((oid) => `${oid}\n`).join("");
  const { stdout } = await git(["cat-file", "--batch-check=%(objectname) %(objecttype)"], { input });
  const found = Buffer.from(stdout)
    .toString("latin1")
    .matchAll(/^([0-9a-f]{40,64}) (\w+)$/gm);
  return new Map([...found].filter(([, , type]) => type !== "missing").map(([, oid = "", type = ""]) => [oid, type]));
}
