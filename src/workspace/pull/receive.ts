/**
 * Takes what a guest answers (`guest-script.ts`): a pack and names. Nothing of it comes near the repository here: the pack goes into
 * banger's own git directory, where git checks every object and every link between them as it would on a push to a careful server.
 */
import { BangerError, fail } from "../../base/errors/error.ts";
import { formatSize } from "../../base/units.ts";
import { isDiskFull, openWrite } from "../../host/files/files.ts";
import { makeScratchFolder } from "../../host/files/scratch.ts";
import { type Answer, AnswerError, AnswerHead } from "./answer.ts";
import { type HostRepository, typesOf } from "./host-repository.ts";
import type { Files } from "./sent.ts";
import { filesOf, mostFiles } from "./trees.ts";

export type Received = {
  host: HostRepository;
  answer: Answer;
  trees: { sent: Files; sentHead: Files; head: Files; work: Files };
  /** paths of submodules, here or there: their files do not come */
  submodules: readonly string[];
};

export const receiveLimits = { packBytes: 8 * 1024 ** 3, files: mostFiles };

/** @throws WORKSPACE_PULL_UNSAFE, WORKSPACE_PULL, DISK_FULL, errors of `stream` */
export async function receiveWork(
  host: HostRepository,
  stream: AsyncIterable<Uint8Array>,
  limits = receiveLimits,
): Promise<Received> {
  const folder = `${host.open.gitDir}/objects/pack`;
  await makeScratchFolder(folder);
  const pack = `${folder}/pack-received.pack`;
  try {
    const answer = await takeStream(pack, stream, limits.packBytes);
    if (answer.format !== host.sent.format) throw new AnswerError("its repository has another object format");
    await checkObjects(host, answer, pack);
    return await readTrees(host, answer, limits.files);
  } catch (error) {
    throw explained(error, pack);
  }
}

async function takeStream(pack: string, stream: AsyncIterable<Uint8Array>, most: number): Promise<Answer> {
  const head = new AnswerHead();
  const file = await openWrite(pack);
  let bytes = 0;
  try {
    for await (const chunk of stream) {
      const rest = head.push(chunk);
      bytes += rest.length;
      if (bytes > most) throw new AnswerError(`it is larger than ${formatSize(most)}`);
      if (rest.length > 0) await file.write(rest);
    }
  } finally {
    await file.close();
  }
  if (head.answer === null) throw new AnswerError("it ends before it has begun");
  return head.answer;
}

/** In a partial clone objects may be missing that new ones refer to. */
async function checkObjects({ open }: HostRepository, answer: Answer, pack: string): Promise<void> {
  const isPartial = open.settings.promisor !== null;
  const memory = ["-c", "core.bigFileThreshold=32m", "-c", "pack.threads=2"];
  const strict = isPartial ? [] : ["--strict"];
  await damagedIf(open.git([...memory, "index-pack", ...strict, "--fsck-objects", pack]));
  const tips = [...new Set([answer.work, ...answer.refs.values(), ...(answer.head.oid ? [answer.head.oid] : [])])];
  const types = await typesOf(open, tips);
  if (tips.some((oid) => types.get(oid) !== "commit")) throw new AnswerError("a branch of its is no commit");
  const input = tips.map((oid) => `${oid}\n`).join("");
  const missing = isPartial ? ["--missing=allow-any"] : [];
  await damagedIf(open.git(["rev-list", "--objects", "--quiet", ...missing, "--stdin", "--not", "--all"], { input }));
}

/** What git says of a stranger's objects is no fault of the repository's. */
async function damagedIf(run: Promise<unknown>): Promise<void> {
  await run.catch((error: unknown) => {
    if (!(error instanceof BangerError) || !/^WORKSPACE_(?:GIT|INCOMPLETE)$/.test(error.code)) throw error;
    throw new AnswerError(`git refuses its objects: ${String(error.details["problem"])}`, { cause: error });
  });
}

async function readTrees(host: HostRepository, answer: Answer, most: number): Promise<Received> {
  const { open, sent, sentHead } = host;
  const gitlinks = new Set(sent.submodules);
  const { oid } = answer.head;
  const head = oid === sent.head ? sentHead : oid === null ? new Map() : await filesOf(open, oid, gitlinks, most);
  const work = await filesOf(open, answer.work, gitlinks, most);
  return { host, answer, trees: { sent: sent.files ?? sentHead, sentHead, head, work }, submodules: [...gitlinks] };
}

function explained(error: unknown, pack: string): unknown {
  if (isDiskFull(error)) return fail("DISK_FULL", { path: pack, during: "taking the work out of the VM" }, error);
  return error instanceof AnswerError ? fail("WORKSPACE_PULL_UNSAFE", { problem: error.message }, error) : error;
}
