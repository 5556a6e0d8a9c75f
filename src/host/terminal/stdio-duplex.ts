/** This process's stdin and stdout as one duplex stream of the runtime, for libraries that want a socket. */
import { Duplex } from "node:stream";
import type { Terminal } from "./terminal.ts";

export function stdioDuplex({ readInput, write }: Pick<Terminal, "readInput" | "write">): Duplex {
  let onRoom: (() => void) | undefined;
  let input: { stop(): void } | undefined;
  const duplex = new Duplex({
    read() {
      input ??= readInput(take, () => duplex.push(null));
      onRoom?.();
      onRoom = undefined;
    },
    write: (chunk: Uint8Array, _encoding, done) => void write("stdout", chunk).then(() => done(), done),
    destroy(error, done) {
      input?.stop();
      done(error);
    },
  });
  const take = (chunk: Uint8Array) => {
    if (duplex.push(Buffer.from(chunk))) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    onRoom = resolve;
    return promise;
  };
  return duplex;
}
