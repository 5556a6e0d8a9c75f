/** `banger vm logs`. The guest writes its console: on a terminal, control sequences are removed. */

import { fail } from "../../../base/errors/error.ts";
import { DisplayStream } from "../../../base/untrusted-text.ts";
import { cancellable, Interrupted } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { running } from "../../work.ts";

export type LogFlags = { follow?: boolean; console?: boolean; vmm?: boolean };

export async function logs(this: CliContext, flags: LogFlags, name: string): Promise<void> {
  await running(this, {}, async () => {
    if (flags.console && flags.vmm)
      throw fail("USAGE", { problem: "--console and --vmm exclude each other", next: "give one of them" });
    const query = { source: flags.vmm ? ("vmm" as const) : ("console" as const), follow: flags.follow ?? false };
    try {
      await cancellable(this.signals, (signal) => show(this, this.api.log(name, query, signal)));
    } catch (error) {
      // the usual way to end -f
      if (error instanceof Interrupted) return error.exit;
      throw error;
    }
    return 0;
  });
}

/** To a pipe or a file the log is written byte for byte, as by `docker logs`. */
async function show({ stdio }: CliContext, log: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of stdio.stdoutIsTerminal ? displayed(log) : log) {
    // the reader has gone: `main` chooses the exit code
    const isTaken = await stdio.write("stdout", chunk).then(
      () => true,
      () => false,
    );
    if (!isTaken) return;
  }
}

async function* displayed(log: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, void> {
  const display = new DisplayStream();
  for await (const chunk of log) yield display.push(chunk);
  yield display.end();
}
