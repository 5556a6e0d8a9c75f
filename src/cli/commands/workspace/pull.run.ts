/** `banger vm workspace pull`. */
import { fail } from "../../../base/errors/error.ts";
import type { CliContext } from "../../context.ts";
import { type JsonFlag, printJson, running, sinkOf } from "../../work.ts";
import { type PullFlags, pullWork } from "./pull-work.ts";
import { reviewer } from "./review.ts";
import { withWork } from "./work.ts";

export async function pull(
  this: CliContext,
  flags: JsonFlag & PullFlags & { review?: boolean },
  vm: string,
): Promise<void> {
  const sink = sinkOf(this, flags);
  await running(this, flags, async () => {
    refuseTogether(this, flags);
    const pulled = await withWork(this, vm, sink.emit, (work) =>
      pullWork(this, work, flags, sink, flags.review ? reviewer(this, work, sink) : undefined),
    );
    sink.done();
    if (flags.json && flags.patch !== "-") printJson(this, pulled);
  }).finally(() => sink.done());
}

function refuseTogether({ stdio }: CliContext, flags: JsonFlag & PullFlags & { review?: boolean }): void {
  const usage = (problem: string, next: string) => fail("USAGE", { problem, next });
  if (flags.patch === "") throw usage("--patch is empty", "name a file, or - for stdout");
  if (flags.noCommits && flags.branch !== undefined)
    throw usage("--no-commits and --branch exclude each other", "leave one of them out");
  if (flags.patch !== undefined && flags.overwrite)
    throw usage("--patch and --overwrite exclude each other", "a patch replaces nothing: leave --overwrite out");
  if (!flags.review) return;
  if (flags.json) throw usage("--review and --json exclude each other", "leave one of them out");
  if (!stdio.stdinIsTerminal || !stdio.stderrIsTerminal)
    throw usage("--review needs a terminal", "write the changes as a patch instead, with --patch FILE");
}
