/** `banger vm logs`. A guest writes its console: on a terminal, what could command the terminal is taken out. */
import { DisplayStream } from "../../../base/display.ts";
import { fail } from "../../../base/errors/error.ts";
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
      // the usual way to leave -f
      if (error instanceof Interrupted) return error.exit;
      throw error;
    }
    return 0;
  });
}

/** To a pipe or a file the log's own bytes go, as with `docker logs`. */
async function show({ stdio }: CliContext, log: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of stdio.stdoutIsTerminal ? displayed(log) : log) {
    // whoever reads us has seen enough: `main` says what that means
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
