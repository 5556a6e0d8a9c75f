/** A fake QEMU monitor for tests of saving: records its commands; the test decides what `migrate` sends. */
import type { ByteStream } from "../../../base/bytes.ts";
import { fail } from "../../../base/errors/error.ts";
import { streamOfDescriptor } from "../../../host/net/socket-pair.ts";
import { duplicate } from "../../../host/testing/descriptors.ts";
import type { Qmp } from "../../../wire/qmp/client.ts";

type Data = Record<string, unknown>;

export type FakeMonitor = Qmp & {
  /** names of the commands it got, in order */
  readonly commands: string[];
  /** resolves the calls of `event` that wait for it */
  emit(event: string, data: Data): void;
};

/** @param migrate gets QEMU's end of the stream */
export function fakeMonitor(
  migrate: (connection: ByteStream, emit: FakeMonitor["emit"]) => void,
  answers: Record<string, () => unknown> = {},
): FakeMonitor {
  const commands: string[] = [];
  const named = new Map<string, number>();
  const awaited: { name: string; passes: (data: Data) => boolean; resolve: (data: Data) => void }[] = [];
  const emit = (name: string, data: Data) => {
    for (const wait of awaited) if (wait.name === name && wait.passes(data)) wait.resolve(data);
  };
  return {
    version: "7.2.22",
    isUnresponsive: false,
    commands,
    emit,
    async execute(command, args) {
      commands.push(command);
      const answer = answers[command]?.() ?? {};
      if (command !== "migrate") return answer;
      const fd = named.get(String(args?.["uri"]).replace(/^fd:/, ""));
      if (fd === undefined) throw new Error(`no descriptor has the name in ${args?.["uri"]}`);
      const connection = streamOfDescriptor(fd);
      connection.onData(() => {});
      migrate(connection, emit);
      return answer;
    },
    async executeWith(descriptor, command, args) {
      commands.push(command);
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

/** An answer by which QEMU refuses the command. */
export function refusal(reason: string): () => never {
  return () => {
    throw fail("VMM_START_FAILED", { driver: "qemu", reason });
  };
}
