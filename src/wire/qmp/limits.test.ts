/** Every limit of a monitor, at the limit and one past it. The numbers are written out here, so that a change fails. */
import { expect, jest, test } from "bun:test";
import { Deferred } from "../../base/async.ts";
import type { ByteStream } from "../../base/bytes.ts";
import { connectQmp, type Qmp } from "./client.ts";

const mebibyte = 1024 * 1024;

/** QEMU's side, controlled by the test. */
class FakeConnection implements ByteStream {
  readonly written: string[] = [];
  hasRoom = true;
  room = new Deferred<void>();
  isDestroyed = false;
  #receive: (chunk: Uint8Array) => void = () => {};

  onData(listener: (chunk: Uint8Array) => void): void {
    this.#receive = listener;
  }
  onEnd(): void {}
  onClose(): void {}
  write(chunk: Uint8Array): boolean {
    this.written.push(Buffer.from(chunk).toString());
    return this.hasRoom;
  }
  drained(): Promise<void> {
    return this.room.promise;
  }
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {
    this.isDestroyed = true;
  }

  send(...texts: string[]): void {
    for (const text of texts) this.#receive(Buffer.from(text));
  }

  async drain(): Promise<void> {
    this.room.resolve();
    this.room = new Deferred();
    await turns();
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

const greeting = (major: number) =>
  `${JSON.stringify({ QMP: { version: { qemu: { major, minor: 2, micro: 0 } } } })}\n`;

async function connected(): Promise<{ connection: FakeConnection; qmp: Qmp }> {
  const connection = new FakeConnection();
  const connecting = connectQmp(connection);
  connection.send(greeting(7));
  await turns();
  connection.send('{"return":{},"id":1}\n');
  const qmp = await connecting;
  return { connection, qmp };
}

/** The reason of the monitor's end; it must have ended. */
async function reasonOf(qmp: Qmp): Promise<unknown> {
  await qmp.closed;
  return await qmp.execute("late").catch((error: { details: { reason: string } }) => error.details.reason);
}

function seen(qmp: Qmp): string[] {
  const names: string[] = [];
  qmp.onEvent((name) => void names.push(name));
  return names;
}

/** An event whose line has `bytes` bytes without the newline. */
const event = (bytes: number) => {
  const empty = JSON.stringify({ event: "A", data: { a: "" } });
  return JSON.stringify({ event: "A", data: { a: "x".repeat(bytes - empty.length) } });
};

test("a line can have 1 MiB, and the next one too", async () => {
  const { connection, qmp } = await connected();
  const names = seen(qmp);
  connection.send(`${event(mebibyte)}\n`, `${event(mebibyte)}\n`);
  expect(names).toEqual(["A", "A"]);
  connection.send(`${event(mebibyte + 1)}\n`);
  expect(await reasonOf(qmp)).toBe("a line of its monitor is too long");
  expect(names).toHaveLength(2);
});

test.each([0, 1])("a greeting has 1 MiB, and %i past it or not", async (past) => {
  const connection = new FakeConnection();
  const connecting = connectQmp(connection).catch((error: { details: { reason: string } }) => error.details.reason);
  const plain = greeting(7).slice(0, -2);
  connection.send(`${plain},"x":"${"x".repeat(mebibyte + past - plain.length - 8)}"}\n`);
  await turns();
  connection.send('{"return":{},"id":1}\n');
  const outcome = await connecting;
  if (past === 0) expect((outcome as Qmp).version).toBe("7.2.0");
  else expect(outcome).toBe("a line of its monitor is too long");
});

test("a line that is too long ends the monitor before the newline", async () => {
  const { connection, qmp } = await connected();
  connection.send("x".repeat(mebibyte), "x");
  expect(await reasonOf(qmp)).toBe("a line of its monitor is too long");
});

test("a line can end at the start of a chunk", async () => {
  const { connection, qmp } = await connected();
  const names = seen(qmp);
  connection.send('{"event":"A"}', '\n{"event":"B"}\n', '{"event":"C"}\n');
  expect(names).toEqual(["A", "B", "C"]);
});

test("nothing after a line that ends the monitor is handled", async () => {
  const { connection, qmp } = await connected();
  const names = seen(qmp);
  connection.send('{"event":"A"}\n[]\n{"event":"B"}\n');
  expect(await reasonOf(qmp)).toBe("its monitor sent JSON that is not an object");
  expect([names, connection.isDestroyed]).toEqual([["A"], true]);
});

test("64 events are kept until there is a listener", async () => {
  const { connection, qmp } = await connected();
  for (let number = 1; number <= 65; number++) connection.send(`{"event":"${number}"}\n`);
  const names = seen(qmp);
  expect(names).toHaveLength(64);
  expect(names.at(-1)).toBe("64");
});

/** Sends commands that have `bytes` bytes together. */
function ask(connection: FakeConnection, qmp: Qmp, bytes: number): void {
  const next = (JSON.parse(connection.written.at(-1) ?? "") as { id: number }).id + 1;
  const empty = `${JSON.stringify({ execute: "x", arguments: { a: "" }, id: next })}\n`;
  qmp.execute("x", { a: "x".repeat(bytes - empty.length) }).catch(() => {});
}

test("256 KiB of commands can wait for a QEMU that does not read, and a byte more ends the monitor", async () => {
  const owed = 256 * 1024;
  const { connection, qmp } = await connected();
  connection.hasRoom = false;
  for (let fill = 0; fill < 2; fill++) {
    ask(connection, qmp, owed);
    await connection.drain();
    expect(connection.isDestroyed).toBe(false);
  }
  ask(connection, qmp, owed - 100);
  ask(connection, qmp, 100);
  await turns();
  expect(connection.isDestroyed).toBe(false);
  ask(connection, qmp, 100);
  expect(await reasonOf(qmp)).toBe("its monitor does not read");
});

test("a byte past 256 KiB in one command ends it too", async () => {
  const { connection, qmp } = await connected();
  connection.hasRoom = false;
  ask(connection, qmp, 256 * 1024 + 1);
  expect(await reasonOf(qmp)).toBe("its monitor does not read");
});

test("QEMU's message is truncated at 500 characters", async () => {
  const { connection, qmp } = await connected();
  const refused = qmp.execute("x").catch((error: { details: { reason: string } }) => error.details.reason);
  await turns();
  connection.send(`${JSON.stringify({ id: 2, error: { desc: "w".repeat(1001) } })}\n`);
  expect(await refused).toHaveLength(500);
});

test("only the first greeting counts, with numbers up to 999", async () => {
  const { connection, qmp } = await connected();
  connection.send(greeting(8));
  expect(qmp.version).toBe("7.2.0");
  for (const major of [999, 1000]) {
    const other = new FakeConnection();
    const connecting = connectQmp(other).catch((error: { details: { reason: string } }) => error.details.reason);
    other.send(greeting(major));
    await turns();
    other.send('{"return":{},"id":1}\n');
    const outcome = await connecting;
    if (major === 999) expect((outcome as Qmp).version).toBe("999.2.0");
    else expect(outcome).toBe("its monitor's greeting has no version");
  }
});

test("QEMU has a minute for the greeting, and half a minute for an answer", async () => {
  using _ = fakeTimers();
  const silent = new FakeConnection();
  const greeted = connectQmp(silent).catch((error: { details: { reason: string } }) => error.details.reason);
  await advance(59_999);
  expect(silent.isDestroyed).toBe(false);
  await advance(1);
  expect(await greeted).toBe("no greeting within 60 s");
  expect(silent.isDestroyed).toBe(true);

  const { qmp } = await connected();
  let reason: string | undefined;
  qmp.execute("x").catch((error: { details: { reason: string } }) => {
    reason = error.details.reason;
  });
  await advance(29_999);
  expect(reason).toBeUndefined();
  await advance(1);
  expect(reason).toContain("30 s");
});

/** Timers set while it is in use run only in `advance`; timers of other tests are not affected. */
function fakeTimers(): Disposable {
  jest.useFakeTimers();
  return { [Symbol.dispose]: () => jest.useRealTimers() };
}

async function advance(ms: number): Promise<void> {
  await microtasks();
  jest.advanceTimersByTime(ms);
  await microtasks();
}

async function microtasks(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await null;
}
