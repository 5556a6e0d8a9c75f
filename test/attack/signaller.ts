/** `signals.c` in the cage of a supervised Firecracker. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { processRef } from "../../src/host/process/children.ts";
import { type Cage, parseCage } from "../../src/model/cage.ts";
import type { ProcessRef } from "../../src/model/vm.ts";

export class Signaller {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: Bun.Subprocess<"pipe", "pipe", "inherit">) {
    this.#child = child;
    this.#lines = createInterface({ input: Readable.fromWeb(child.stdout as never) })[Symbol.asyncIterator]();
  }

  /** Resolves when the program runs, and with it its supervisor. */
  static async start(agent: string, program: string): Promise<Signaller> {
    const cage = parseCage(execFileSync(agent, ["confine", "--check"], { encoding: "utf8" }));
    const words = [...["--ro", program, "--network", "none", "--limit", "open-files=2048"], ...isolation(cage)];
    const argv = [agent, "confine", ...words, "--profile", "firecracker", "--signals", "supervised", "--", program];
    const signaller = new Signaller(Bun.spawn(argv, { stdin: "pipe", stdout: "pipe", stderr: "inherit" }));
    await signaller.ask("nothing");
    return signaller;
  }

  get ref(): ProcessRef {
    return refOf(this.#child.pid);
  }

  /** the program's only child, while it has one */
  get supervisor(): ProcessRef {
    const { pid } = this.#child;
    return refOf(Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")));
  }

  /** @returns the call's `errno`, or 0 */
  async ask(request: string): Promise<number> {
    this.#child.stdin.write(`${request}\n`);
    this.#child.stdin.flush();
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("the program has ended");
    return Number(value);
  }

  kill(signal: number): void {
    this.#child.kill(signal);
  }

  async end(): Promise<void> {
    this.#child.stdin.end();
    await this.#child.exited;
  }
}

function isolation(cage: Cage | null): string[] {
  if (cage === null || cage.namespaces !== null) return [];
  return ["--isolate", cage.network === null ? "all" : "all-but-network"];
}

function refOf(pid: number): ProcessRef {
  const ref = processRef(pid);
  if (ref === null) throw new Error(`there is no process ${pid}`);
  return ref;
}
