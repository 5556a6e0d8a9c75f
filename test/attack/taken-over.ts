/** A process whose code the attacker has replaced: system calls of the attacker's choice run in it (`inject.c`). */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { callNumbers } from "./calls.ts";

/** A buffer in the process, in which calls leave their answers. */
export const buffer = Symbol("buffer");

export type Argument = number | bigint | string | Uint8Array | typeof buffer;

/** A system call by its name, by its number, or by its number at the 32-bit entry. */
export type Call = [name: keyof typeof callNumbers | number | { i386: number }, ...Argument[]];

/** What a call came to: its result, `-errno` for an error, or the end of the process. */
export type Answer = { result: bigint } | { ended: string };

/** Compiles the injector into `folder`. @throws when there is no C compiler */
export function buildInjector(folder: string): string {
  const program = join(folder, "inject");
  execFileSync("cc", ["-O1", "-w", "-o", program, join(import.meta.dir, "inject.c")]);
  return program;
}

export class TakenOver {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #errors = "";
  #end: string | null = null;

  /** @param pid of a process of our own, whose main thread is held until `release` */
  constructor(injector: string, pid: number) {
    this.#child = spawn(injector, [String(pid)], { stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stderr?.on("data", (text) => (this.#errors += text));
    // a process that ended takes its injector along
    this.#child.stdin?.on("error", () => {});
    const { stdout } = this.#child;
    if (stdout === null) throw new Error("no pipe");
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  async call(...[name, ...args]: Call): Promise<Answer> {
    const [kind, number] = numberOf(name);
    const line = await this.#line([kind, number, ...args.map(word)].join(" "));
    if (line.startsWith("= ")) return { result: BigInt(line.slice(2)) };
    this.#end = line;
    return { ended: signalName(Number(line.slice(2)) & 0x7f) };
  }

  async buffered(length: number): Promise<Buffer> {
    return Buffer.from(await this.#line(`peek ${length}`), "hex");
  }

  /** Fills the buffer. @param bytes made for the address at which it is */
  async fill(bytes: (address: bigint) => Uint8Array): Promise<void> {
    const address = BigInt(await this.#line("poke "));
    await this.#line(`poke ${Buffer.from(bytes(address)).toString("hex")}`);
  }

  get hasEnded(): boolean {
    return this.#end !== null;
  }

  /** The process runs on. */
  async release(): Promise<void> {
    const closed = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.stdin?.end();
    if (this.#child.exitCode === null) await closed;
  }

  async #line(request: string): Promise<string> {
    this.#child.stdin?.write(`${request}\n`);
    const next = await this.#lines.next();
    if (next.done && this.#end !== null) return this.#end;
    if (next.done) throw new Error(`the injector ended: ${this.#errors}`);
    return next.value;
  }
}

function numberOf(name: Call[0]): [kind: string, number: number] {
  if (typeof name === "object") return ["call32", name.i386];
  return ["call64", typeof name === "number" ? name : callNumbers[name]];
}

function word(argument: Argument): string {
  if (argument === buffer) return "&";
  if (typeof argument === "string") return word(Buffer.from(`${argument}\0`));
  return argument instanceof Uint8Array ? `@${Buffer.from(argument).toString("hex")}` : String(argument);
}

/** `ENOENT`, `ended by SIGSYS`, or the number that a call that worked returned. */
export function wordsOf(answer: Answer): string {
  if ("ended" in answer) return `ended by ${answer.ended}`;
  const { result } = answer;
  if (result >= 0n || result < -4095n) return `returned ${result}`;
  const errno = Object.entries(constants.errno).find(([, number]) => number === Number(-result));
  return errno?.[0] ?? `errno ${-result}`;
}

export function failed(answer: Answer): boolean {
  return "ended" in answer || (answer.result < 0n && answer.result >= -4095n);
}

function signalName(number: number): string {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;
}
