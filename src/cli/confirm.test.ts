import { expect, test } from "bun:test";
import { confirm } from "./confirm.ts";
import type { CliContext } from "./context.ts";

const asked = { loss: "all of it is given up", question: "go back" };

/** @param chunks what the user types, as it comes; then the end of input */
function typing(chunks: string[], terminals = { stdinIsTerminal: true, stderrIsTerminal: true }) {
  const said: string[] = [];
  const readInput: CliContext["stdio"]["readInput"] = (onChunk, onEnd) => {
    void (async () => {
      for (const chunk of chunks) await onChunk(new TextEncoder().encode(chunk));
      onEnd();
    })();
    return { stop() {} };
  };
  const stdio = { ...terminals, readInput };
  const context = { stdio, process: { stderr: { write: (text: string) => void said.push(text) } } };
  return { context: context as unknown as CliContext, said };
}

test.each([
  { chunks: ["y\n"] },
  { chunks: ["Y\n"] },
  { chunks: ["yes\r\n"] },
  { chunks: ["ye", "s\n"] },
  { chunks: ["y"] },
])("%j means yes", async ({ chunks }) => {
  const { context, said } = typing([...chunks]);
  await confirm(context, {}, asked);
  expect(said).toEqual(["all of it is given up\ngo back? [y/N] "]);
});

test.each(["", "\n", "n\n", "\ny\n", "yesterday\n", `${" ".repeat(5000)}y\n`, "\u001b[Ay\n"])(
  "%j means no",
  async (typed) => {
    const { context } = typing([typed]);
    await expect(confirm(context, {}, asked)).rejects.toMatchObject({ code: "NOT_CONFIRMED", exit: 1 });
  },
);

test("without a terminal the error names the flag; with the flag nothing is asked", async () => {
  const refused = { code: "CONFIRMATION_NEEDED", exit: 2, hint: expect.stringContaining("--force") };
  for (const [terminals, flags] of [
    [{ stdinIsTerminal: false, stderrIsTerminal: true }, {}],
    [{ stdinIsTerminal: true, stderrIsTerminal: false }, {}],
    [{ stdinIsTerminal: true, stderrIsTerminal: true }, { json: true }],
  ] as const) {
    const { context, said } = typing(["y\n"], terminals);
    await expect(confirm(context, flags, asked)).rejects.toMatchObject(refused);
    await confirm(context, { ...flags, force: true }, asked);
    expect(said).toEqual([]);
  }
});
