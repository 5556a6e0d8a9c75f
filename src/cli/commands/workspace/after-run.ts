/** `vm run --pull`: takes the work out when the command has ended. */
import { BangerError } from "../../../base/errors/error.ts";
import type { CliContext } from "../../context.ts";
import type { EventSink } from "../../ui/events.ts";
import { pullWork } from "./pull-work.ts";
import { withWork } from "./work.ts";

/** Never throws: the exit code is the command's. @returns whether everything was taken out */
export async function pullAfterRun(context: CliContext, vm: string, sink: EventSink): Promise<boolean> {
  try {
    await withWork(context, vm, sink.emit, (work) => pullWork(context, work, {}, sink));
    return true;
  } catch (error) {
    const hint = error instanceof BangerError ? ` (${error.hint})` : "";
    const text = `the work was not pulled, or not all of it: ${(error as Error).message}${hint}`;
    sink.emit({ kind: "note", level: "warn", text });
    sink.emit({ kind: "note", level: "warn", text: keptForPull(vm) });
    return false;
  } finally {
    sink.done();
  }
}

/** For a VM that `--rm` does not delete. */
export function keptForPull(vm: string): string {
  return `VM "${vm}" is kept with the work in it: \`banger vm workspace pull ${vm}\`, then \`banger vm delete ${vm}\``;
}
