/** Does the same to several things at once and reports each; one failure does not stop the others. */
import type { Emit } from "../model/event.ts";
import { cancellable } from "./abort.ts";
import type { CliContext } from "./context.ts";
import { type JsonFlag, print, printJson, reportFailure, rootWarning, running, sinkOf } from "./work.ts";

export type Each<T> = {
  one(name: string, emit: Emit, signal: AbortSignal): Promise<T>;
  /** what to print when one is done */
  done(value: T, name: string): string;
  /** whether it starts VMMs */
  starts?: boolean;
};

/** Reports in the order of the names. The exit code is that of the first failure. */
export async function each<T>(context: CliContext, flags: JsonFlag, names: string[], work: Each<T>): Promise<void> {
  const sink = sinkOf(context, flags);
  await running(context, flags, () =>
    cancellable(context.signals, async (signal) => {
      if (work.starts) for (const note of rootWarning(context)) sink.emit(note);
      const unique = [...new Set(names)];
      const started = unique.map((name) => outcomeOf(work.one(name, sink.emit, signal)));
      const values: T[] = [];
      let code = 0;
      for (const [index, result] of started.entries()) {
        const outcome = await result;
        signal.throwIfAborted();
        sink.done();
        if ("error" in outcome) {
          const exit = reportFailure(context, flags, outcome.error);
          code ||= exit;
          continue;
        }
        values.push(outcome.value);
        if (!flags.json) print(context, `${work.done(outcome.value, unique[index] ?? "")}\n`);
      }
      if (flags.json && values.length > 0) printJson(context, unique.length === 1 ? values[0] : values);
      return code;
    }).finally(() => sink.done()),
  );
}

async function outcomeOf<T>(work: Promise<T>): Promise<{ value: T } | { error: unknown }> {
  try {
    return { value: await work };
  } catch (error) {
    return { error };
  }
}
