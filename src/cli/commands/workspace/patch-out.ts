/** Where a patch goes: to a terminal without what could control it, anywhere else byte for byte. */
import { stripControl } from "../../../base/untrusted-text.ts";
import { showPath } from "../../../workspace/names.ts";
import type { Patch } from "../../../workspace/pull/patch.ts";
import type { CliContext } from "../../context.ts";
import type { EventSink } from "../../ui/events.ts";

/** @param to a file, or `-` */
export async function writePatch(context: CliContext, { bytes }: Patch, to: string): Promise<void> {
  if (to === "-" && context.stdio.stdoutIsTerminal) return context.page(patchText(bytes));
  await context.saveTo(to, single(bytes));
}

/** For a terminal. */
export function patchText(bytes: Uint8Array): string {
  return stripControl(new TextDecoder().decode(bytes));
}

export function noteWithoutBase({ withoutBase }: Patch, sink: EventSink): void {
  for (const path of withoutBase) {
    const text = `${showPath(path)} has changed here since it was sent, so it is shown as a new file`;
    sink.emit({ kind: "note", level: "warn", text });
  }
}

async function* single(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  if (bytes.length > 0) yield bytes;
}
