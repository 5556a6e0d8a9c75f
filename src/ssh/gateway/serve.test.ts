/** The gateway and clients that mean no good, or break off; the guest is a fake. */
import { expect, test } from "bun:test";
import { Client } from "ssh2";
import { fail } from "../../base/errors/error.ts";
import type { AgentListener } from "../../wire/agent/listen.ts";
import type { AgentStream, ExecRequest, Json } from "../../wire/agent/types.ts";
import { makeHostKey } from "../keys.ts";
import type { Guest, GuestCommand } from "./guest.ts";
import { serveSsh } from "./serve.ts";
import { connected, line } from "./testing/line.ts";

const [hostKey, mine, stranger] = [makeHostKey(), makeHostKey(), makeHostKey()];

/** Commands that wait until they are told to end, and what they were asked for. */
function fakeGuest() {
  const asked: ExecRequest[] = [];
  const ends: ((exit: Json) => void)[] = [];
  let closed = 0;
  const guest: Guest = {
    async command(request) {
      asked.push(request);
      const over = Promise.withResolvers<void>();
      let onEvent: (event: Json) => void = () => {};
      ends.push((exit) => {
        onEvent({ event: "exit", ...exit });
        over.resolve();
      });
      const stream: GuestCommand = {
        write: async () => {},
        eof: () => {},
        event: () => {},
        onData: () => {},
        onEvent: (listener) => {
          onEvent = listener;
        },
        closed: over.promise,
        close: () => {
          closed += 1;
          over.resolve();
        },
      };
      return stream;
    },
    dial: () => Promise.reject<AgentStream>(fail("AGENT_UNREACHABLE", { name: "box", reason: "a test" })),
    listen: () => Promise.reject<AgentListener>(fail("AGENT_UNREACHABLE", { name: "box", reason: "a test" })),
  };
  return { guest, asked, ends, closed: () => closed };
}

function served(guest: Guest) {
  const [socket, other] = line();
  const over = serveSsh(socket, { hostKey: hostKey.private, accepted: [mine.public], guest, say: () => {} });
  return { other, over, socket };
}

const exec = (client: Client, command: string) => {
  const { promise, resolve, reject } = Promise.withResolvers<import("ssh2").ClientChannel>();
  client.exec(command, (error, channel) => (error ? reject(error) : resolve(channel)));
  return promise;
};

test("a command's exit reaches the client, and its end the guest", async () => {
  const fake = fakeGuest();
  const { other, over } = served(fake.guest);
  const client = await connected(other, { privateKey: mine.private });
  const channel = await exec(client, "make");
  const exit = Promise.withResolvers<number>();
  channel.on("exit", (code: number) => exit.resolve(code));
  fake.ends[0]?.({ code: 7 });
  expect(await exit.promise).toBe(7);
  await exec(client, "sleep 1000");
  client.end();
  await over;
  expect(fake.asked.map(({ argv }) => argv?.at(-1))).toEqual(["make", "sleep 1000"]);
  expect(fake.closed()).toBeGreaterThan(0);
});

test.each([
  ["another key", { privateKey: stranger.private }],
  ["a password", { password: "root" }],
  ["no way at all", {}],
])("nobody gets in with %s", async (_, way) => {
  const fake = fakeGuest();
  const { other } = served(fake.guest);
  await expect(connected(other, way)).rejects.toThrow(/authentication methods failed/);
  expect(fake.asked).toEqual([]);
});

test("who tries one password after the other is cut off after six", async () => {
  const { other, over } = served(fakeGuest().guest);
  let tries = 0;
  const client = new Client();
  client.on("error", () => {});
  client.connect({
    sock: other,
    username: "root",
    authHandler: (_methods, _partial, next) => {
      tries += 1;
      next({ type: "password", username: "root", password: `p${tries}` } as never);
    },
  });
  await over;
  expect(tries).toBeLessThanOrEqual(8);
});

test.each([
  ["bytes that are no ssh", "GET / HTTP/1.1\r\n\r\n"],
  ["an ssh of the last century", "SSH-1.5-old\r\n"],
  ["a line without an end", "x".repeat(100_000)],
])("%s end the connection", async (_, bytes) => {
  const { other, over } = served(fakeGuest().guest);
  other.on("data", () => {});
  other.write(bytes);
  other.end();
  await over;
});

test("a thousand channels: 64 are served, the others refused", async () => {
  const fake = fakeGuest();
  const { other, over } = served(fake.guest);
  const client = await connected(other, { privateKey: mine.private });
  const opened = await Promise.allSettled(Array.from({ length: 1000 }, (_, at) => exec(client, `sleep ${at}`)));
  expect(opened.filter(({ status }) => status === "fulfilled").length).toBe(64);
  expect(fake.asked.length).toBe(64);
  const ends = opened.flatMap((one) =>
    one.status === "fulfilled" ? [new Promise((resolve) => one.value.resume().once("close", resolve))] : [],
  );
  for (const end of fake.ends) end({ code: 0 });
  await Promise.all(ends);
  await exec(client, "one more");
  client.end();
  await over;
});

test("a client that goes without a word leaves no command behind", async () => {
  const fake = fakeGuest();
  const { other, over, socket } = served(fake.guest);
  const client = await connected(other, { privateKey: mine.private });
  client.on("error", () => {});
  await exec(client, "sleep 1000");
  socket.destroy();
  await over;
  expect(fake.closed()).toBe(1);
});
