/** `banger vm logs`. A guest writes its console: on a terminal, what could command the terminal is taken out. */
import { fail } from "../../base/errors/error.ts";
import { cancellable, Interrupted } from "../abort.ts";
import type { CliContext } from "../context.ts";
import { running } from "../work.ts";

export type LogFlags = { follow?: boolean; console?: boolean; vmm?: boolean };

export async function logs(this: CliContext, flags: LogFlags, name: string): Promise<void> {
  await running(this, {}, async () => {
    if (flags.console && flags.vmm)
      throw fail("USAGE", { problem: "--console and --vmm exclude each other", next: "give one of them" });
    const query = `?source=${flags.vmm ? "vmm" : "console"}${flags.follow ? "&follow=1" : ""}`;
    const path = `/v1/vms/${encodeURIComponent(name)}/logs${query}`;
    try {
      await cancellable(this.signals, async (signal) => {
        for await (const chunk of await this.api.bytes(path, signal)) {
          await this.stdio.write("stdout", this.stdio.stdoutIsTerminal ? harmless(chunk) : chunk);
        }
      });
    } catch (error) {
      if (error instanceof Interrupted) return error.code;
      if ((error as { code?: unknown }).code !== "EPIPE") throw error;
    }
    return 0;
  });
}

/** Tabs, line ends and printable bytes stay. */
function harmless(chunk: Uint8Array): Uint8Array {
  return chunk.filter((byte) => byte === 9 || byte === 10 || (byte >= 32 && byte !== 127));
}
