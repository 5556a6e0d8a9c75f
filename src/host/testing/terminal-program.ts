/** A program for the terminal's tests: does what its argument names, with this process's real terminal or pipes. */
import { writeFileSync } from "node:fs";
import { processTerminal } from "../terminal/terminal.ts";

const terminal = processTerminal();
const say = (text: string) => terminal.print("stdout", `${text}\r\n`);

/** Prints each key in hex; `q` ends normally, `x` with an uncaught error. */
function echoKeys(): void {
  terminal.raw();
  terminal.onResize(() => say(`size ${Object.values(terminal.size()).join("x")}`));
  terminal.readInput(
    async (keys) => {
      const hex = Buffer.from(keys).toString("hex");
      await terminal.write("stdout", `key ${hex}\r\n`);
      if (hex === "71") process.exit(3);
      if (hex === "78") setTimeout(() => raise(), 0);
    },
    () => {
      // there may be no reader any more
      if (process.argv[3]) writeFileSync(process.argv[3], terminal.hasHungUp() ? "gone" : "end");
      process.exit(4);
    },
  );
  say("ready");
}

function raise(): never {
  throw new Error("on purpose");
}

async function flood(lines: number): Promise<void> {
  for (let line = 0; line < lines; line++) terminal.print("stdout", `${String(line).padStart(99, "x")}\n`);
  const failure = await terminal.flush();
  terminal.print("stderr", (failure as { code?: string } | undefined)?.code ?? "all written");
  await terminal.flush();
  process.exit(0);
}

/** Prints what it reads, and how the input ends. */
function copyInput(): void {
  terminal.readInput(
    (chunk) => terminal.write("stdout", chunk),
    () => {
      terminal.print("stdout", "end\n");
      void terminal.flush().then(() => process.exit(0));
    },
  );
}

/** Which of the three are terminals. */
async function tell(): Promise<void> {
  const { stdinIsTerminal, stdoutIsTerminal, stderrIsTerminal } = terminal;
  say([stdinIsTerminal, stdoutIsTerminal, stderrIsTerminal].join(" "));
  await terminal.flush();
}

if (process.argv[2] === "keys") echoKeys();
else if (process.argv[2] === "tell") await tell();
else if (process.argv[2] === "copy") copyInput();
else await flood(Number(process.argv[3]));
