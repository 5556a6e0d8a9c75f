import { expect, test } from "bun:test";
import { fail } from "../../base/errors/error.ts";
import type { AgentClient, AgentStream, Json } from "../../wire/agent/types.ts";
import { keepListening } from "./guest-listener.ts";

/** A session that takes listeners; what each was asked for, and how it ends. It is closed a moment after its streams, as a real one is. */
function fakeSession() {
  const closed = Promise.withResolvers<undefined>();
  const asked: Json[] = [];
  const ends: { lose: (error: Error) => void; isClosed: boolean }[] = [];
  const open = async (_verb: string, args: Json): Promise<AgentStream> => {
    asked.push(args);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const lose = (error: Error) => {
      reject(error);
      setImmediate(() => closed.resolve(undefined));
    };
    const end = { lose, isClosed: false };
    ends.push(end);
    const close = () => {
      end.isClosed = true;
      resolve();
    };
    const nothing = () => {};
    return {
      ...{ reply: { port: args["port"] || 40_000 }, closed: promise, close, write: () => undefined, eof: nothing },
      ...{ event: nothing, onData: nothing, onEof: nothing, onEvent: nothing },
    };
  };
  return { client: { open, closed: closed.promise } as unknown as AgentClient, asked, ends };
}

const lost = fail("SESSION_LOST", { name: "box", reason: "the daemon ended" });

test("a listener goes on over the next session, at the port that it had", async () => {
  const [first, second] = [fakeSession(), fakeSession()];
  let now = first.client;
  void first.client.closed.then(() => {
    now = second.client;
  });
  const listener = await keepListening(
    async () => now,
    { host: "", port: 0 },
    () => {},
  );
  expect(listener.port).toBe(40_000);
  first.ends[0]?.lose(lost);
  while (second.asked.length < 1) await new Promise((resolve) => setImmediate(resolve));
  expect([first.asked, second.asked]).toEqual([[{ host: "", port: 0 }], [{ host: "", port: 40_000 }]]);
  // the answer is there
  await new Promise((resolve) => setImmediate(resolve));
  listener.close();
  await listener.closed;
  expect(second.ends[0]?.isClosed).toBe(true);
});

test("it is over when there is no next session, or the guest ends it", async () => {
  const { client, ends } = fakeSession();
  const sessions = [client, client];
  const current = async () => {
    const next = sessions.shift();
    if (!next) throw fail("VM_NOT_FOUND", { name: "box" });
    return next;
  };
  const [first, second] = [
    await keepListening(current, { unix: "/a" }, () => {}),
    await keepListening(current, { unix: "/b" }, () => {}),
  ];
  ends[0]?.lose(lost);
  await expect(first.closed).rejects.toMatchObject({ code: "VM_NOT_FOUND" });
  ends[1]?.lose(fail("AGENT_REFUSED", { verb: "listen", reason: "no", code: "io" }));
  await expect(second.closed).rejects.toMatchObject({ code: "AGENT_REFUSED" });
});
