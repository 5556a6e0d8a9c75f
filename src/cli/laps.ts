/** Measures the phases of a command. They are reported only with `--json`. */
import type { Phase } from "../model/event.ts";
import type { CliContext } from "./context.ts";
import type { EventSink } from "./ui/events.ts";

export class Laps {
  readonly #context: Pick<CliContext, "sinceStart">;
  readonly #phases: Phase[] = [];
  #last = 0;

  /** The first lap begins with the process. */
  constructor(context: Pick<CliContext, "sinceStart">) {
    this.#context = context;
  }

  /** Ends the current lap. */
  end(name: string): void {
    const now = this.#context.sinceStart();
    this.#phases.push({ name: `cli.${name}`, ms: now - this.#last });
    this.#last = now;
  }

  emit(sink: EventSink): void {
    sink.emit({ kind: "timing", phases: this.#phases });
  }
}
