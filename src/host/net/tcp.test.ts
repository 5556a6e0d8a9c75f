import { expect, test } from "bun:test";
import net from "node:net";
import type { ByteStream } from "../../base/bytes.ts";
import { listenTcp } from "./tcp.ts";

/** What a client of one connection sees. @param serve gets the listener's end */
async function seen(serve: (stream: ByteStream) => void): Promise<string> {
  const listener = await listenTcp("127.0.0.9", 0, serve, () => {});
  const { promise, resolve } = Promise.withResolvers<string>();
  let got = "";
  const client = net.connect(listener.port, "127.0.0.9");
  client.on("data", (chunk) => {
    got += chunk;
  });
  client.on("error", (error) => resolve(`${got} ${(error as NodeJS.ErrnoException).code}`));
  client.on("end", () => resolve(`${got} end`));
  const said = await promise;
  client.destroy();
  listener.close();
  return said;
}

test("a connection that is reset is no orderly end", async () => {
  expect(await seen((stream) => stream.reset?.())).toBe(" ECONNRESET");
  expect(await seen((stream) => stream.destroy())).toBe(" end");
});

test("a listener that throws ends its connection, and listens on", async () => {
  expect(
    await seen(() => {
      throw new Error("no");
    }),
  ).toBe(" end");
});

test("a port that is taken, also by who listens on all addresses, is the system's error", async () => {
  const first = await listenTcp(
    "0.0.0.0",
    0,
    () => {},
    () => {},
  );
  const second = listenTcp(
    "127.0.0.9",
    first.port,
    () => {},
    () => {},
  );
  await expect(second).rejects.toMatchObject({ code: "EADDRINUSE" });
  first.close();
});
