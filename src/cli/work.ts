/** How commands run: events on stderr, failures told once, an exit code at the end. */
import type { CliContext } from "./context.ts";
import { type EventSink, eventSink } from "./ui/events.ts";
import { report } from "./ui/report.ts";

export type JsonFlag = { json?: boolean | undefined };

/** Events of a command on stderr. */
export function sinkOf(context: CliContext, flags: JsonFlag): EventSink {
  const { stdio } = context;
  return eventSink({
    write: (text) => context.process.stderr.write(text),
    terminal: stdio.stderrIsTerminal && context.env["TERM"] !== "dumb",
    cols: stdio.size().cols,
    json: flags.json ?? false,
  });
}

/** Root is a user like any other, but one whose VMMs run as root: said once. */
export function warnRoot(context: CliContext, sink: EventSink): void {
  if (context.isRoot)
    sink.emit({ kind: "note", level: "warn", text: "you are root: VMMs are confined, but run as root" });
}

/** Tells a failure and sets the exit code; never throws. @param exitOf for commands whose codes are the guest's */
export async function running(
  context: CliContext,
  flags: JsonFlag,
  body: () => Promise<unknown>,
  exitOf: (exit: number) => number = (exit) => exit,
): Promise<void> {
  try {
    const code = await body();
    context.process.exitCode = typeof code === "number" ? code : 0;
  } catch (error) {
    const write = (text: string) => context.process.stderr.write(text);
    const debug = Boolean(context.env["BANGER_DEBUG"]);
    context.process.exitCode = exitOf(report(error, { json: flags.json ?? false, debug, write }));
  }
}

export function printJson(context: CliContext, value: unknown): void {
  context.process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

export function print(context: CliContext, text: string): void {
  context.process.stdout.write(text);
}
