/** Where a command's own time went; told with `--json` alone. */
import type { Phase } from "../model/event.ts";
import type { CliContext } from "./context.ts";
import type { EventSink } from "./ui/events.ts";

export class Laps {
  readonly #context: Pick<CliContext, "sinceStart">;
  readonly #phases: Phase[] = [];
  #last = 0;

  /** The first lap began with the process. */
  constructor(context: Pick<CliContext, "sinceStart">) {
    this.#context = context;
  }

  /** Ends the lap that ran until now. */
  end(name: string): void {
    const now = this.#context.sinceStart();
    this.#phases.push({ name: `cli.${name}`, ms: now - this.#last });
    this.#last = now;
  }

  tell(sink: EventSink): void {
    sink.emit({ kind: "timing", phases: this.#phases });
  }
}
