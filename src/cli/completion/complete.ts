/**
 * The hidden command `__complete`, which the shells' scripts call with `--` and the words of a command line, of which the last one
 * is being typed. It prints a line for each proposal, with a tab and what it is, and then `:files` or `:folders` if the shell
 * is to complete paths as well, and `:nospace` if the word goes on. It prints nothing on any failure, exits with 0, and starts no
 * daemon.
 */
import type { RouteMap } from "@stricli/core";
import { withTimeout } from "../../base/async.ts";
import { oneLine } from "../../base/untrusted-text.ts";
import type { CliContext } from "../context.ts";
import { liveNames } from "./names.ts";
import { type Candidate, type Proposal, propose } from "./propose.ts";

/** how long a person waits for a key */
const timeoutMs = 1000;

/** Longest list: a terminal shows no more. */
const maxWords = 1000;

export async function complete(
  root: RouteMap<CliContext>,
  context: CliContext,
  own: readonly string[],
): Promise<number> {
  const typed = context.guestArgv ?? [];
  // PowerShell before 7.3 does not pass an empty word
  const words = own.includes("--new-word") ? [...typed, ""] : typed;
  const found = propose(root, words);
  const live = await liveWords(context, found).catch(() => []);
  context.process.stdout.write(answer(found, [...found.words, ...live], words.at(-1) ?? ""));
  return 0;
}

async function liveWords(context: CliContext, { live }: Proposal): Promise<Candidate[]> {
  if (live === undefined) return [];
  const names = async () => {
    const api = await context.runningApi();
    return api === null ? [] : liveNames(api, live);
  };
  const all = await withTimeout(names(), timeoutMs, () => new Error("the daemon does not answer"));
  const fresh = all.filter(([name]) => !live.taken.includes(name));
  return fresh.map(([name, brief]) => [`${live.before}${name}${live.after}`, brief]);
}

function answer({ live, paths }: Proposal, candidates: readonly Candidate[], partial: string): string {
  const fitting = candidates.filter(([word]) => word.startsWith(partial) && isPlain(word)).slice(0, maxWords);
  const lines = fitting.map(([word, brief]) => `${word}\t${oneLine(brief)}`);
  const goesOn = live?.after === ":" && fitting.length > 0;
  // a path in a VM is not one here
  const isElsewhere = live?.after === ":" && /^[^/]*:/.test(partial);
  const asked = [...(paths && !isElsewhere ? [`:${paths}`] : []), ...(goesOn ? [":nospace"] : [])];
  return [...lines, ...asked].map((line) => `${line}\n`).join("");
}

/** What the daemon calls a name is only proposed if no shell and no terminal reads more into it: no name of ours is another. */
function isPlain(word: string): boolean {
  return /^[\w@%+=:,./[\]-]+$/.test(word);
}
