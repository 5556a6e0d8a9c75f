/** Puts a guest's checked commits into the host's repository: one pack that the host's git makes, then refs. */
import { fail } from "../../base/errors/error.ts";
import { makeDurable, readStream } from "../../host/files/files.ts";
import { FolderWriter, PathRefused } from "../../host/files/folder-writer.ts";
import { byteTextOf, listNames, lookAt, realPath, textOfBytes } from "../../host/files/tree.ts";
import { showPath } from "../names.ts";
import type { OpenRepository } from "../open-repository.ts";
import { isRefName, readRefs } from "../refs.ts";
import type { Answer } from "./answer.ts";
import { type HostRepository, keepsRefsInTables } from "./host-repository.ts";

/** A ref that a pull makes or moves. */
export type RefChange = {
  /** full name, byte text */
  name: string;
  /** null: it is new */
  old: string | null;
  oid: string;
};

/** The refs of a pull: `refs/banger/VM/BRANCH`, and with a detached HEAD `refs/banger/VM/HEAD`. Pure. */
export function pulledRefs({ head, refs }: Pick<Answer, "head" | "refs">, vm: string): Map<string, string> {
  const pulled = new Map(
    [...refs].map(([name, oid]) => [`refs/banger/${vm}/${name.slice("refs/heads/".length)}`, oid]),
  );
  if (head.ref === null && head.oid !== null) pulled.set(`refs/banger/${vm}/HEAD`, head.oid);
  return pulled;
}

/**
 * A branch that has no commit of the guest's gets no ref. Everything is checked before anything is written; the objects are there, and durable, before a ref names them.
 * @param branch short name of a new branch at the guest's HEAD
 * @returns refs that are new or have moved
 * @throws WORKSPACE_PULL
 */
export async function importCommits(
  host: HostRepository,
  answer: Answer,
  { vm, branch }: { vm: string; branch?: string | undefined },
): Promise<RefChange[]> {
  const { open } = host;
  const wanted = pulledRefs(answer, vm);
  if (branch !== undefined) wanted.set(`refs/heads/${byteTextOf(branch)}`, branchTarget(answer));
  const { all } = readRefs(open.repository);
  const changes = [...wanted].flatMap(([name, oid]): RefChange[] => {
    const old = all.get(name) ?? null;
    const isKnown = old === null && name.startsWith("refs/banger/") && host.sent.tips.includes(oid);
    return old === oid || isKnown ? [] : [{ name, old, oid }];
  });
  for (const change of changes) checkRef(change, [...all.keys(), ...wanted.keys()]);
  if (changes.length === 0) return [];
  if (keepsRefsInTables(open)) throw tables(vm);
  await importObjects(host, [...new Set(changes.map(({ oid }) => oid))]);
  writeRefs(open, changes);
  return changes;
}

function branchTarget({ head }: Answer): string {
  if (head.oid !== null) return head.oid;
  throw fail("WORKSPACE_PULL", { problem: "the guest has no commit for a branch", next: "leave --branch out" });
}

function checkRef({ name, old }: RefChange, others: readonly string[]): void {
  const shown = showPath(name);
  if (!isRefName(name) || name.startsWith("refs/heads/-"))
    throw fail("WORKSPACE_PULL", { problem: `${shown} is not a name that git allows`, next: "name another branch" });
  if (old !== null && name.startsWith("refs/heads/"))
    throw fail("WORKSPACE_PULL", {
      problem: `the branch ${showPath(name.slice("refs/heads/".length))} exists already, with another commit`,
      next: "name another branch; the guest's commits are in refs/banger/ without --branch, too",
    });
  const inTheWay = others.find((other) => other.startsWith(`${name}/`) || name.startsWith(`${other}/`));
  if (inTheWay === undefined) return;
  throw fail("WORKSPACE_PULL", {
    problem: `${shown} can't be beside ${showPath(inTheWay)}`,
    next: `if that is not needed any more: \`git update-ref -d ${showPath(inTheWay)}\``,
  });
}

function tables(vm: string): Error {
  return fail("WORKSPACE_PULL", {
    problem: "this repository keeps its refs in tables (reftable), which banger only reads",
    next: `have git fetch them: \`git fetch ${vm}.vm:repo\` after \`banger ssh-config --install\`; --no-commits takes the uncommitted work alone`,
  });
}

/** A new pack of what the repository lacks, made of objects that were checked; never the guest's own bytes. */
async function importObjects({ open, known }: HostRepository, tips: readonly string[]): Promise<void> {
  const lines = [...tips, ...known.map((oid) => `^${oid}`)].map((line) => `${line}\n`).join("");
  const prefix = `${open.gitDir}/objects/pack/made`;
  const argv = ["pack-objects", "--revs", "--non-empty", "--quiet", "--delta-base-offset", prefix];
  const missing = open.settings.promisor === null ? [] : ["--missing=allow-any"];
  await open.git([...argv.slice(0, 1), ...missing, ...argv.slice(1)], { input: lines });
  const folder = `${open.gitDir}/objects/pack`;
  const made = listNames(realPath(byteTextOf(folder))).filter((name) => /^made-[0-9a-f]+\.(?:pack|idx)$/.test(name));
  // git finds a pack by its index, which comes last
  const names = made.toSorted((a, b) => Number(a.endsWith(".idx")) - Number(b.endsWith(".idx")));
  const { objects } = open.repository;
  const writer = new FolderWriter(objects);
  try {
    for (const name of names)
      await copyPack(writer, `${folder}/${name}`, objects, `pack/${name.replace(/^made/, "pack")}`);
  } finally {
    writer.close();
  }
}

async function copyPack(writer: FolderWriter, from: string, objects: string, name: string): Promise<void> {
  if (lookAt(`${objects}/${name}`) !== null) return;
  const file = writer.startFile(name);
  try {
    for await (const chunk of readStream(from)) file.write(chunk);
    file.finish(0o444, BigInt(Date.now()) * 1_000_000n);
  } finally {
    file.drop();
  }
  await makeDurable([textOfBytes(`${objects}/${name}`)]);
}

/** As git does it: `NAME.lock`, made exclusively, is renamed to `NAME` (gitrepository-layout(5), lockfile.h). */
function writeRefs({ repository }: OpenRepository, changes: readonly RefChange[]): void {
  const writer = new FolderWriter(repository.commonDir);
  try {
    for (const { name, oid } of changes) {
      const wrote = writer.replaceLocked(name, `${name}.lock`, Buffer.from(`${oid}\n`, "latin1"));
      if (!wrote)
        throw fail("WORKSPACE_PULL", {
          problem: `${showPath(name)} is locked by another git`,
          next: `run the command again; if no git is running, remove ${showPath(`${textOfBytes(repository.commonDir)}/${name}.lock`)}`,
        });
    }
  } catch (error) {
    if (!(error instanceof PathRefused)) throw error;
    throw fail(
      "WORKSPACE_PULL",
      {
        problem: `refs could not be written: ${showPath(error.path)} ${error.problem}`,
        next: "look at the repository's refs folder",
      },
      error,
    );
  } finally {
    writer.close();
  }
}
