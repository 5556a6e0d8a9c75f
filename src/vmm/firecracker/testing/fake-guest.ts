/** The guest of the fake Firecracker: its memory, its agent behind the vsock, and its console. */
import { writeSync } from "node:fs";
import type net from "node:net";
import { streamOf } from "../../../host/net/socket.ts";
import { type FakeAgentOptions, type FakeCommand, fakeAgent } from "../../../wire/agent/testing/fake.ts";

/** What a save keeps of a guest. */
export type Memory = {
  kernelArgs: string;
  /** of its CPU, as its kernel found them */
  cpuFlags: string;
  phase: "boot" | "up";
  generation: number;
  notes: Record<string, string>;
};

export type GuestEnds = {
  /** the guest resets the machine */
  reset(): void;
  /** bytes of the guest's disk at that place */
  diskBytes(device: string): number;
};

export class FakeGuest {
  readonly memory: Memory;
  readonly #ends: GuestEnds;
  readonly #lines = new Set<net.Socket>();
  /** connections that wait for the guest to run */
  #waiting: net.Socket[] = [];
  isListening = false;
  isRunning = false;
  /** the guest's kernel has yet to learn that its vsock was reset */
  isToReset: boolean;
  #hostPort = 1073741824;

  constructor(memory: Memory, ends: GuestEnds, isRestored: boolean) {
    this.memory = memory;
    this.#ends = ends;
    this.isToReset = isRestored;
    this.isListening = isRestored;
  }

  run(): void {
    this.isRunning = true;
    for (const line of this.#lines) line.resume();
    for (const line of this.#waiting.splice(0)) this.#accept(line);
  }

  pause(): void {
    this.isRunning = false;
    for (const line of this.#lines) line.pause();
  }

  /** Every connection ends when the VM is saved, also where it runs on. */
  dropConnections(): void {
    for (const line of this.#lines) line.destroy();
  }

  print(line: string): void {
    writeSync(1, `[    1.000000] ${line}\r\n`);
  }

  /** A connection to the vsock's socket. */
  connected(line: net.Socket): void {
    line.on("error", () => {});
    line.once("data", (first) => {
      line.pause();
      if (String(first) !== "CONNECT 1024\n") return void line.destroy();
      if (this.isRunning) this.#accept(line);
      else this.#waiting.push(line);
    });
  }

  #accept(line: net.Socket): void {
    if (!this.isListening) return void line.destroy();
    line.write(`OK ${this.#hostPort++}\n`);
    if (this.isToReset) {
      this.isToReset = false;
      return void line.end();
    }
    this.#lines.add(line);
    line.on("close", () => this.#lines.delete(line));
    fakeAgent(streamOf(line), this.#agent());
  }

  #agent(): FakeAgentOptions {
    const { phase, generation } = this.memory;
    return {
      hello: { phase, generation },
      commands: this.#commands(),
      onIdentity: (identity) => {
        this.memory.phase = "up";
        this.memory.generation = Number(identity["generation"]);
      },
      onPower: (mode) => this.#end(mode),
    };
  }

  /** What tests have the guest do, by the first word. */
  #commands(): Record<string, FakeCommand> {
    const command =
      (act: (word: string) => string | undefined): FakeCommand =>
      async (stream, request) => {
        const said = act(request.argv?.[1] ?? "");
        if (said !== undefined) await stream.write(1, new TextEncoder().encode(said));
        return { code: 0 };
      };
    return {
      print: command((line) => void this.print(line)),
      remember: command((note) => void Object.assign(this.memory.notes, { kept: note })),
      recall: command(() => this.memory.notes["kept"] ?? ""),
      cmdline: command(() => this.memory.kernelArgs),
      "cpu-flags": command(() => this.memory.cpuFlags),
      "disk-bytes": command((device) => String(this.#ends.diskBytes(device))),
      end: command((mode) => void this.#end(mode)),
    };
  }

  #end(how: string): void {
    if (how === "halt") return this.print("reboot: System halted");
    if (how === "panic") this.print("Kernel panic - not syncing: sysrq triggered crash");
    else this.print(`reboot: Restarting system${how === "poweroff" ? " with command 'poweroff'" : ""}`);
    // the answer to who asked for it comes first
    if (this.memory.kernelArgs.includes("reboot=k")) setTimeout(() => this.#ends.reset(), 1);
  }
}
