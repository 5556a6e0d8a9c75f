/** QEMU's monitor for tests of saving: what it is told is written down, and `migrate` sends what a test says. */
import type { ByteStream } from "../../../base/bytes.ts";
import { fail } from "../../../base/errors/error.ts";
import { streamOfDescriptor } from "../../../host/net/socket-pair.ts";
import { duplicate } from "../../../host/testing/descriptors.ts";
import type { Qmp } from "../../../wire/qmp/client.ts";

type Data = Record<string, unknown>;

export type FakeMonitor = Qmp & {
  /** names of commands, in order */
  readonly told: string[];
  /** tells whoever waits for it */
  say(event: string, data: Data): void;
};

/** @param migrate gets QEMU's end of the stream */
export function fakeMonitor(
  migrate: (line: ByteStream, say: FakeMonitor["say"]) => void,
  answers: Record<string, () => unknown> = {},
): FakeMonitor {
  const told: string[] = [];
  const named = new Map<string, number>();
  const awaited: { name: string; passes: (data: Data) => boolean; resolve: (data: Data) => void }[] = [];
  const say = (name: string, data: Data) => {
    for (const wait of awaited) if (wait.name === name && wait.passes(data)) wait.resolve(data);
  };
  return {
    version: "7.2.22",
    isUnresponsive: false,
    told,
    say,
    async execute(command, args) {
      told.push(command);
      const answer = answers[command]?.() ?? {};
      if (command !== "migrate") return answer;
      const fd = named.get(String(args?.["uri"]).replace(/^fd:/, ""));
      if (fd === undefined) throw new Error(`no descriptor has the name in ${args?.["uri"]}`);
      const line = streamOfDescriptor(fd);
      line.onData(() => {});
      migrate(line, say);
      return answer;
    },
    async executeWith(descriptor, command, args) {
      told.push(command);
      answers[command]?.();
      named.set(String(args?.["fdname"]), duplicate(descriptor));
      return {};
    },
    event: (name, passes) => new Promise((resolve) => awaited.push({ name, passes, resolve })),
    onEvent: () => {},
    closed: new Promise(() => {}),
    close: () => {},
  };
}

/** An answer that is QEMU's refusal. */
export function refusal(reason: string): () => never {
  return () => {
    throw fail("VMM_START_FAILED", { driver: "qemu", reason });
  };
}
