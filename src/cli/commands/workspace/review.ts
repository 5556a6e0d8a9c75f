/** Shows changes file by file on the terminal and asks about each, as `git add -p` does about hunks. */
import { count } from "../../../base/text.ts";
import { showPath } from "../../../workspace/names.ts";
import { patchOf } from "../../../workspace/pull/patch.ts";
import type { Judged } from "../../../workspace/pull/work.ts";
import { askLine } from "../../confirm.ts";
import type { CliContext } from "../../context.ts";
import type { EventSink } from "../../ui/events.ts";
import { patchText } from "./patch-out.ts";
import type { Choose } from "./pull-work.ts";
import { changeLine } from "./show.ts";
import type { Work } from "./work.ts";

export type Answer = "yes" | "no" | "quit" | "all" | "help";

/** The first letter counts; the end of the input is `q`. */
export function parseAnswer(line: string | null): Answer {
  if (line === null) return "quit";
  const letter = line.trim().toLowerCase()[0] ?? "";
  return ({ y: "yes", n: "no", q: "quit", a: "all" } as const)[letter] ?? "help";
}

const help =
  "y - apply this file\nn - do not apply it\nq - quit: neither this file nor those that follow\na - apply this file and all that follow\n";

/** What can't be applied is listed first and left out. Accepted files are applied together, after the last answer. */
export function reviewer(context: CliContext, { received, changes }: Work, sink: EventSink): Choose {
  return async (usable) => {
    sink.done();
    const write = (text: string) => context.process.stderr.write(text);
    const left = changes.filter((change) => !usable.includes(change) && change.verdict.kind !== "same");
    if (left.length > 0) write(`left out:\n${left.map((change) => `  ${changeLine(change)}\n`).join("")}`);
    const accepted: Judged[] = [];
    for (const [i, change] of usable.entries()) {
      write(patchText((await patchOf(received.host, [change], false)).bytes));
      const answer = await decide(context, `(${i + 1}/${usable.length}) apply ${showPath(change.path)} [y,n,q,a,?]? `);
      if (answer === "quit") break;
      if (answer === "all") return [...accepted, ...usable.slice(i)];
      if (answer === "yes") accepted.push(change);
    }
    write(`${count(accepted.length, "file")} accepted\n`);
    return accepted;
  };
}

async function decide(context: CliContext, question: string): Promise<Exclude<Answer, "help">> {
  for (;;) {
    const answer = parseAnswer(await askLine(context, question));
    if (answer !== "help") return answer;
    context.process.stderr.write(help);
  }
}
