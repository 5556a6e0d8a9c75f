import { expect, test } from "bun:test";
import type { ByteStream } from "../../base/bytes.ts";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import { GuestStream } from "./guest-stream.ts";

const text = (value: string) => new TextEncoder().encode(value);

/** A stream whose connections the test plays, one `Far` for each try. */
function played(plays: ((far: ByteStream) => void)[], running = async () => {}) {
  let tries = 0;
  const stream = new GuestStream({
    running,
    async dial() {
      const play = plays[Math.min(tries++, plays.length - 1)];
      const [near, far] = memoryPair();
      if (!play) throw new Error("nobody listens");
      play(far);
      return near;
    },
  });
  return { stream, tries: () => tries };
}

const echo = (far: ByteStream) =>
  far.onData((chunk) => void far.write(text(`echo ${new TextDecoder().decode(chunk)}`)));
const first = (stream: ByteStream) =>
  new Promise<string>((resolve) => stream.onData((chunk) => resolve(new TextDecoder().decode(chunk))));

test("a connection that ends before the first byte is made anew, and gets what was written", async () => {
  const { stream, tries } = played([(far) => far.end(), (far) => far.destroy(), echo]);
  stream.onClose(() => expect.unreachable());
  const answer = first(stream);
  stream.write(text("hello"));
  expect(await answer).toBe("echo hello");
  expect(tries()).toBe(3);
});

test("one that can't be opened is tried again", async () => {
  let refusals = 3;
  const stream = new GuestStream({
    running: async () => {},
    async dial() {
      if (refusals-- > 0) throw new Error("nobody listens");
      const [near, far] = memoryPair();
      echo(far);
      return near;
    },
  });
  const answer = first(stream);
  stream.write(text("hello"));
  expect(await answer).toBe("echo hello");
});

test("after the first byte its end is the end", async () => {
  const { stream, tries } = played([
    (far) => {
      far.onData(() => {
        far.write(text("once"));
        far.destroy();
      });
    },
  ]);
  const closed = new Promise<void>((resolve) => stream.onClose(() => resolve()));
  const answer = first(stream);
  stream.write(text("hello"));
  expect(await answer).toBe("once");
  await closed;
  expect(tries()).toBe(1);
});

test("nothing is tried while the VM is paused, or after the stream was destroyed", async () => {
  const { promise: running, resolve: resume } = Promise.withResolvers<void>();
  const paused = played([echo], () => running);
  const answer = first(paused.stream);
  paused.stream.write(text("hello"));
  await new Promise(setImmediate);
  expect(paused.tries()).toBe(0);
  resume();
  expect(await answer).toBe("echo hello");
  const gone = played([(far) => far.destroy()]);
  const closed = new Promise<void>((resolve) => gone.stream.onClose(() => resolve()));
  void first(gone.stream);
  gone.stream.destroy();
  await closed;
  expect(gone.tries()).toBeLessThanOrEqual(1);
});

test("only a little may be written before the agent has answered", async () => {
  const { stream } = played([() => {}]);
  const closed = new Promise<Error | undefined>((resolve) => stream.onClose(resolve));
  stream.onData(() => {});
  for (let sent = 0; sent <= 64; sent++) stream.write(new Uint8Array(1024));
  expect((await closed)?.message).toContain("before the agent answered");
});
