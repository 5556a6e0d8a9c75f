/** A program on a pseudo-terminal, as a user at a keyboard would have it. */
import { join } from "node:path";
import type { Home } from "./home.ts";
import { programs } from "./home.ts";
import { until } from "./processes.ts";

export type Terminal = {
  /** everything printed so far */
  text(): string;
  type(keys: string): void;
  resize(cols: number, rows: number): void;
  /** Resolves with the match once the pattern is in what was printed after the last `seen`. */
  see(pattern: RegExp | string, timeoutMs?: number): Promise<RegExpExecArray>;
  exited: Promise<number>;
  pid: number;
};

/** @param argv another program than `banger` with these arguments */
export function onTerminal(
  home: Home,
  args: string[],
  size = { cols: 80, rows: 24 },
  argv = [join(programs, "banger"), ...args],
): Terminal {
  let text = "";
  let from = 0;
  const decoder = new TextDecoder();
  const child = Bun.spawn(argv, {
    cwd: home.folder,
    env: { ...home.env, TERM: "xterm-256color" },
    terminal: {
      ...size,
      data: (_terminal: unknown, bytes: Uint8Array) => {
        text += decoder.decode(bytes, { stream: true });
      },
    },
  });
  const terminal = child.terminal;
  if (!terminal) throw new Error("this Bun has no terminals");
  return {
    text: () => text,
    type: (keys) => void terminal.write(keys),
    resize: (cols, rows) => terminal.resize(cols, rows),
    see: async (wanted, timeoutMs = 20_000) => {
      const pattern = typeof wanted === "string" ? new RegExp(RegExp.escape(wanted)) : wanted;
      const found = await until(
        `${pattern} in ${JSON.stringify(text.slice(from).slice(-500))}`,
        () => pattern.exec(text.slice(from)),
        timeoutMs,
      ).catch(() => {
        throw new Error(`${pattern} did not appear; the terminal shows: ${JSON.stringify(text.slice(-1500))}`);
      });
      from += found.index + found[0].length;
      return found;
    },
    exited: child.exited,
    pid: child.pid,
  };
}
