/** `banger vm logs`. A guest writes its console: on a terminal, what could command the terminal is taken out. */
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

async function show({ stdio }: CliContext, log: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of log) {
    // whoever reads us has seen enough: `main` says what that means
    const isTaken = await stdio.write("stdout", stdio.stdoutIsTerminal ? harmless(chunk) : chunk).then(
      () => true,
      () => false,
    );
    if (!isTaken) return;
  }
}

/** Tabs, line ends and printable bytes stay. */
function harmless(chunk: Uint8Array): Uint8Array {
  return chunk.filter((byte) => byte === 9 || byte === 10 || (byte >= 32 && byte !== 127));
}
