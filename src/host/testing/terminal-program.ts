/** A program for the terminal's tests: does what its argument says, with the real terminal or pipes of this process. */
import { writeFileSync } from "node:fs";
import { processTerminal } from "../terminal/terminal.ts";

const terminal = processTerminal();
const say = (text: string) => terminal.print("stdout", `${text}\r\n`);

/** Says each key in hex; `q` ends in order, `x` by an error that nobody catches. */
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
      // nobody may be there to read it
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

/** Says what it reads, and how that ends. */
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
