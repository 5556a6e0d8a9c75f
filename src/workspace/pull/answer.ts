/** Reads the head of a guest's answer (`guest-script.ts`): a stranger's bytes. Pure. */
import { isOid, isRefName } from "../refs.ts";
import type { ObjectFormat } from "./sent.ts";

export type Answer = {
  format: ObjectFormat;
  head: { /** null: no commit yet */ oid: string | null /** full name; null: detached */; ref: string | null };
  /** a commit whose tree is the work tree as it is */
  work: string;
  /** branches by their full names, `refs/heads/…` */
  refs: ReadonlyMap<string, string>;
};

export const answerLimits = { headBytes: 8 * 1024 * 1024, refs: 10_000 };

/** What is wrong with a guest's answer: a clause. */
export class AnswerError extends Error {}

/** Cuts a stream at the empty line that ends the head. */
export class AnswerHead {
  #text = Buffer.alloc(0);
  #answer: Answer | null = null;

  get answer(): Answer | null {
    return this.#answer;
  }

  /** @returns bytes of the pack @throws AnswerError */
  push(chunk: Uint8Array): Uint8Array {
    if (this.#answer !== null) return chunk;
    const text = Buffer.concat([this.#text, chunk]);
    const end = text.indexOf("\n\n");
    if ((end < 0 ? text.length : end) > answerLimits.headBytes)
      throw new AnswerError("its list of branches is too long");
    this.#text = text;
    if (end < 0) return new Uint8Array();
    this.#answer = parseAnswer(text.toString("latin1", 0, end));
    this.#text = Buffer.alloc(0);
    return text.subarray(end + 2);
  }
}

/** @throws AnswerError */
export function parseAnswer(text: string): Answer {
  const [magic, formatLine = "", headLine = "", workLine = "", ...refLines] = text.split("\n");
  if (magic !== "banger-work 1") throw new AnswerError("it is not an answer to what was asked");
  const format = /^format (sha1|sha256)$/.exec(formatLine)?.[1] as ObjectFormat | undefined;
  const [, oid = "", ref = ""] = /^head (\S+) (.+)$/.exec(headLine) ?? [];
  const work = /^work (\S+)$/.exec(workLine)?.[1] ?? "";
  if (format === undefined) throw new AnswerError("it names no object format");
  const isId = (id: string) => isOid(id) && id.length === (format === "sha256" ? 64 : 40);
  if (!(oid === "-" || isId(oid)) || !(ref === "-" || isBranch(ref)) || !isId(work))
    throw new AnswerError("its HEAD is none of git's");
  if (refLines.length > answerLimits.refs) throw new AnswerError(`it has more than ${answerLimits.refs} branches`);
  const refs = new Map<string, string>();
  for (const line of refLines) {
    const [, id = "", name = ""] = /^ref (\S+) (.+)$/s.exec(line) ?? [];
    if (!isId(id) || !isBranch(name) || refs.has(name))
      throw new AnswerError("a branch of its has a name that git does not allow");
    refs.set(name, id);
  }
  return { format, head: { oid: oid === "-" ? null : oid, ref: ref === "-" ? null : ref }, work, refs };
}

/** A part that begins with `-` would be taken for an option where a user types the short name. */
function isBranch(name: string): boolean {
  return (
    name.startsWith("refs/heads/") && isRefName(name) && !name.startsWith("refs/heads/-") && name !== "refs/heads/HEAD"
  );
}
