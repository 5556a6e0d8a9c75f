/** A client that opens a command with endless output and never reads. */
import { expect, test } from "bun:test";
import { setImmediate } from "node:timers/promises";
import { makeHostKey } from "../keys.ts";
import type { GuestCommand } from "./guest.ts";
import { serveSsh } from "./serve.ts";
import { connected, line } from "./testing/line.ts";

const [hostKey, mine] = [makeHostKey(), makeHostKey()];
const chunk = new Uint8Array(64 * 1024);

test("the command is held up at the client's window, and ends when the client goes", async () => {
  let taken = 0;
  const stalled = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  let isClosed = false;
  const endless: Partial<GuestCommand> = {
    write: async () => {},
    eof: () => {},
    event: () => {},
    onEvent: () => {},
    closed: ended.promise,
    close: () => {
      isClosed = true;
      ended.resolve();
    },
    onData: (listener) => {
      void (async () => {
        while (!isClosed) {
          taken += chunk.length;
          let isSent = false;
          const sent = Promise.resolve(listener(1, chunk)).then(() => {
            isSent = true;
          });
          // both ends are in this process: what moves does so in these turns
          for (let turn = 0; turn < 1000 && !isSent; turn++) await setImmediate();
          if (!isSent) stalled.resolve();
          await sent;
        }
      })();
    },
  };
  const guest = {
    command: async () => endless as GuestCommand,
    dial: () => Promise.reject(new Error("not in this test")),
    listen: () => Promise.reject(new Error("not in this test")),
  };
  const [socket, other] = line();
  const over = serveSsh(socket, { hostKey: hostKey.private, accepted: [mine.public], guest, say: () => {} });
  const client = await connected(other, { privateKey: mine.private });
  client.exec("yes", () => {});
  await stalled.promise;
  // the window that ssh2's client grants, 2 MiB, and what it keeps for a reader
  expect(taken).toBeLessThanOrEqual(4 * 1024 * 1024);
  client.on("error", () => {});
  socket.destroy();
  await over;
  await ended.promise;
  expect(isClosed).toBe(true);
});
