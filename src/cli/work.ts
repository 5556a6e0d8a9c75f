/** How commands run: events on stderr, each failure reported once, an exit code at the end. */

import { Exit } from "../base/exit.ts";
import { safeJson, stripControl } from "../base/untrusted-text.ts";
import type { NoteEvent } from "../model/event.ts";
import type { CliContext } from "./context.ts";
import { type EventSink, eventSink } from "./ui/events.ts";
import { report } from "./ui/report.ts";

export type JsonFlag = { json?: boolean | undefined };

/** Prints the events of a command on stderr. */
export function sinkOf(context: CliContext, flags: JsonFlag): EventSink {
  const { stdio } = context;
  return eventSink({
    write: (text) => context.process.stderr.write(text),
    terminal: stdio.stderrIsTerminal && context.env["TERM"] !== "dumb",
    cols: () => stdio.size().cols,
    json: flags.json ?? false,
  });
}

/** Root is a user like any other, but VMMs of its own daemon run as root: every command that starts VMMs warns once. */
export function rootWarning(context: CliContext): NoteEvent[] {
  if (!context.isRoot || context.serviceOwner !== null) return [];
  const texts = ["you are root: VMMs are confined, but run as root"];
  if (context.homeOf !== null)
    texts.push(`HOME is uid ${context.homeOf}'s: VMs and images are kept in root's own home`);
  return texts.map((text) => ({ kind: "note", level: "warn", text }));
}

/** Runs a command, reports its failure and sets the exit code; never throws. @param exitOf for commands that exit with the guest's codes */
export async function running(
  context: CliContext,
  flags: JsonFlag,
  body: () => Promise<unknown>,
  exitOf: (exit: number) => number = (exit) => exit,
): Promise<void> {
  try {
    const code = await body();
    context.process.exitCode = typeof code === "number" ? code : Exit.Ok;
  } catch (error) {
    context.process.exitCode = exitOf(reportFailure(context, flags, error));
  }
}

/** A failure of banger must not look like one of the guest's command: usage errors stay 2, all others are 125 or more. */
export function sessionExit(exit: number): number {
  return exit === Exit.Usage || exit >= Exit.Run ? exit : Exit.Run;
}

/** @returns the exit code */
export function reportFailure(context: CliContext, flags: JsonFlag, error: unknown): number {
  return report(error, {
    json: flags.json ?? false,
    debug: Boolean(context.env["BANGER_DEBUG"]),
    write: (text) => context.process.stderr.write(text),
  });
}

/** Prints data. */
export function print(context: CliContext, text: string): void {
  context.process.stdout.write(stripControl(text));
}

/** Prints what is not data, for people only. */
export function remark(context: CliContext, flags: JsonFlag, text: string): void {
  if (!flags.json) context.process.stderr.write(stripControl(text));
}

export function printJson(context: CliContext, value: unknown): void {
  print(context, `${safeJson(value, 2)}\n`);
}
