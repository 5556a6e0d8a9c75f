import { expect, test } from "bun:test";
import type { ByteStream } from "../../base/bytes.ts";
import { strangeTexts } from "../../base/testing/strange.ts";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import { connectQmp } from "./client.ts";

const greeting = { QMP: { version: { qemu: { micro: 22, minor: 2, major: 7 }, package: "" }, capabilities: ["oob"] } };

type Command = { execute: string; arguments?: unknown; id: number };

/** QEMU's side: sends the greeting, then answers each command from a table, or never if it is not there. */
function fakeMonitor(connection: ByteStream, answers: Record<string, (command: Command) => object | null> = {}) {
  const commands: Command[] = [];
  const send = (value: unknown) =>
    connection.write(Buffer.from(`${typeof value === "string" ? value : JSON.stringify(value)}\r\n`));
  let text = "";
  connection.onData((chunk) => {
    text += Buffer.from(chunk).toString();
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      const command = JSON.parse(text.slice(0, end)) as Command;
      text = text.slice(end + 1);
      commands.push(command);
      const answer = command.execute === "qmp_capabilities" ? { return: {} } : answers[command.execute]?.(command);
      if (answer) send({ ...answer, id: command.id });
    }
  });
  send(greeting);
  return { commands, send };
}

test("negotiates, executes with arguments, matches replies by id", async () => {
  const [connection, other] = memoryPair();
  let first: Command | undefined;
  const { commands, send } = fakeMonitor(other, {
    slow: (command) => {
      first = command;
      return null;
    },
    "query-status": () => ({ return: { status: "running" } }),
  });
  const qmp = await connectQmp(connection);
  expect(qmp.version).toBe("7.2.22");
  const slow = qmp.execute("slow", { bytes: 7 });
  expect(await qmp.execute("query-status")).toEqual({ status: "running" });
  send({ return: "late", id: first?.id });
  expect(await slow).toBe("late");
  expect(commands.map(({ execute, arguments: args }) => [execute, args])).toEqual([
    ["qmp_capabilities", undefined],
    ["slow", { bytes: 7 }],
    ["query-status", undefined],
  ]);
});

test("an error has QEMU's message; a reply to no command is ignored", async () => {
  const [connection, other] = memoryPair();
  const { send } = fakeMonitor(other, { cont: () => ({ error: { class: "GenericError", desc: "Not now" } }) });
  const qmp = await connectQmp(connection);
  send({ return: {}, id: 999 });
  send({ error: { desc: "of no command" } });
  await expect(qmp.execute("cont")).rejects.toMatchObject({ code: "VMM_START_FAILED", details: { reason: "Not now" } });
});

test("events are kept until there is a listener", async () => {
  const [connection, other] = memoryPair();
  const { send } = fakeMonitor(other, { ok: () => ({ return: {} }) });
  const qmp = await connectQmp(connection);
  send({ event: "SHUTDOWN", data: { guest: true, reason: "guest-reset" }, timestamp: {} });
  send({ event: "STOP" });
  await qmp.execute("ok");
  const seen: unknown[] = [];
  qmp.onEvent((name, data) => void seen.push([name, data]));
  expect(seen).toEqual([
    ["SHUTDOWN", { guest: true, reason: "guest-reset" }],
    ["STOP", {}],
  ]);
});

test("an awaited event resolves once, and goes to the listener too", async () => {
  const [connection, other] = memoryPair();
  const { send } = fakeMonitor(other);
  const qmp = await connectQmp(connection);
  const seen: unknown[] = [];
  qmp.onEvent((name, data) => void seen.push([name, data["status"]]));
  const done = qmp.event("MIGRATION", ({ status }) => status !== "active");
  const never = qmp.event("STOP", () => true);
  for (const status of ["active", "failed", "completed"]) send({ event: "MIGRATION", data: { status } });
  expect(await done).toEqual({ status: "failed" });
  other.destroy();
  await expect(never).rejects.toMatchObject({ code: "VMM_START_FAILED" });
  await expect(qmp.event("STOP", () => true)).rejects.toMatchObject({ code: "VMM_START_FAILED" });
  expect(seen).toEqual(["active", "failed", "completed"].map((status) => ["MIGRATION", status]));
});

test("when the monitor goes away, every wait is rejected", async () => {
  const [connection, other] = memoryPair();
  fakeMonitor(other);
  const qmp = await connectQmp(connection);
  const waiting = Promise.allSettled([qmp.execute("never")]);
  other.destroy();
  await qmp.closed;
  expect(await waiting).toMatchObject([{ status: "rejected", reason: { code: "VMM_START_FAILED" } }]);
  await expect(qmp.execute("more")).rejects.toMatchObject({ code: "VMM_START_FAILED" });
});

test("no greeting in time", async () => {
  const [connection, other] = memoryPair();
  const closed = Promise.withResolvers<void>();
  other.onClose(() => closed.resolve());
  other.onData(() => {});
  await expect(connectQmp(connection, 1)).rejects.toMatchObject({ code: "VMM_START_FAILED" });
  await closed.promise;
});

for (const [name, text] of [
  ["a line that is not JSON", "hello"],
  ["JSON that is not an object", "[1]"],
  ["a line over 1 MiB", `"${"x".repeat(1024 * 1024)}"`],
] as const) {
  test(`${name} ends it`, async () => {
    const [connection, other] = memoryPair();
    const { send } = fakeMonitor(other);
    const qmp = await connectQmp(connection);
    const waiting = Promise.allSettled([qmp.execute("never")]);
    send(text);
    await qmp.closed;
    expect(await waiting).toMatchObject([{ status: "rejected" }]);
  });
}

test("lines can be split into any chunks", async () => {
  const [connection, other] = memoryPair();
  const connecting = connectQmp(connection);
  for (const byte of Buffer.from(`${JSON.stringify(greeting)}\r\n\r\n`)) other.write(Uint8Array.of(byte));
  other.onData((chunk) => {
    const { id } = JSON.parse(Buffer.from(chunk).toString()) as Command;
    for (const byte of Buffer.from(`{"return":{},"id":${id}}\n`)) other.write(Uint8Array.of(byte));
  });
  expect((await connecting).version).toBe("7.2.22");
});

test("a descriptor is sent with its command; a connection that can't send it fails only that command", async () => {
  const [connection, other] = memoryPair();
  const { commands } = fakeMonitor(other, { getfd: () => ({ return: {} }), stop: () => ({ return: {} }) });
  const passed: number[] = [];
  const carrying: ByteStream = Object.assign(connection, {
    async writeWith(descriptor: number, chunk: Uint8Array) {
      if (descriptor < 0) throw new Error("the other end takes no descriptor");
      passed.push(descriptor);
      connection.write(chunk);
    },
  });
  const qmp = await connectQmp(carrying);
  expect(await qmp.executeWith(7, "getfd", { fdname: "a" })).toEqual({});
  expect(passed).toEqual([7]);
  expect(commands.at(-1)).toMatchObject({ execute: "getfd", arguments: { fdname: "a" } });
  await expect(qmp.executeWith(-1, "getfd", { fdname: "b" })).rejects.toMatchObject({ code: "VMM_START_FAILED" });
  expect(await qmp.execute("stop")).toEqual({});
  qmp.close();
  await expect(qmp.executeWith(7, "getfd")).rejects.toMatchObject({ code: "VMM_START_FAILED" });

  const [plain, end] = memoryPair();
  fakeMonitor(end);
  await expect((await connectQmp(plain)).executeWith(7, "getfd")).rejects.toMatchObject({
    details: { reason: "this monitor's connection can't carry descriptors" },
  });
});

const strangeGreetings = strangeTexts.map((value) => `{"QMP":{"version":{"qemu":{"major":${value}}}}}`);

test.each(strangeGreetings)("a greeting with another thing for a number ends the monitor (%#)", async (text) => {
  const [connection, other] = memoryPair();
  const connecting = connectQmp(connection);
  other.write(Buffer.from(`${text}\n`));
  await expect(connecting).rejects.toMatchObject({ code: "VMM_START_FAILED" });
});

test("malformed ids, errors and event data are ignored, and the monitor continues", async () => {
  const [connection, other] = memoryPair();
  const { commands, send } = fakeMonitor(other, { "query-status": () => ({ return: 1 }) });
  const qmp = await connectQmp(connection);
  qmp.onEvent(() => {});
  for (const value of strangeTexts.filter((text) => text.length < 1000)) {
    send(`{"return":{},"id":${value === "1" ? "null" : value}}`);
    send(`{"event":"SHUTDOWN","data":${value}}`);
    const failing = qmp.execute("stop");
    failing.catch(() => {});
    await Bun.sleep(0);
    send(`{"error":{"desc":${value},"class":${value}},"id":${commands.at(-1)?.id}}`);
    await expect(failing).rejects.toMatchObject({ code: "VMM_START_FAILED" });
  }
  expect(await qmp.execute("query-status")).toBe(1);
});

test("a listener that throws ends the monitor, for kept and for new events", async () => {
  for (const isLate of [false, true]) {
    const [connection, other] = memoryPair();
    const { send } = fakeMonitor(other);
    const qmp = await connectQmp(connection);
    const listen = () =>
      qmp.onEvent(() => {
        throw new TypeError("no text");
      });
    if (!isLate) listen();
    send({ event: "STOP" });
    await Bun.sleep(0);
    if (isLate) listen();
    await qmp.closed;
    await expect(qmp.execute("cont")).rejects.toMatchObject({
      code: "VMM_START_FAILED",
      message: expect.stringContaining("no text"),
    });
  }
});

test("a condition that throws ends the monitor and rejects the wait", async () => {
  const [connection, other] = memoryPair();
  const { send } = fakeMonitor(other);
  const qmp = await connectQmp(connection);
  const waiting = qmp.event("MIGRATION", ({ status }) => (status as string).startsWith("x"));
  send({ event: "MIGRATION", data: { status: 1 } });
  await expect(waiting).rejects.toMatchObject({ code: "VMM_START_FAILED" });
});

test("too many commands without an answer end the monitor", async () => {
  const [connection, other] = memoryPair();
  const { commands } = fakeMonitor(other);
  const qmp = await connectQmp(connection);
  const asked = Promise.allSettled(Array.from({ length: 1000 }, () => qmp.execute("query-status")));
  const answers = await asked;
  expect(answers.every(({ status }) => status === "rejected")).toBe(true);
  await qmp.closed;
  expect(commands.length).toBeLessThanOrEqual(65);
  expect(qmp.isUnresponsive).toBe(true);
});

test("too many bytes for a QEMU that does not read end the monitor", async () => {
  const [connection, other] = memoryPair();
  fakeMonitor(other);
  let written = 0;
  const full: ByteStream = {
    ...connection,
    write(chunk) {
      written += chunk.length;
      connection.write(chunk);
      return written < 1000;
    },
    drained: () => new Promise(() => {}),
  };
  const qmp = await connectQmp(full);
  const big = { text: "x".repeat(100_000) };
  await Promise.allSettled([1, 2, 3].map(() => qmp.execute("never", big)));
  await qmp.closed;
  expect(written).toBeLessThan(400_000);
});

test("a flood of events ends the monitor", async () => {
  const [connection, other] = memoryPair();
  fakeMonitor(other);
  const qmp = await connectQmp(connection);
  let seen = 0;
  qmp.onEvent(() => {
    seen += 1;
  });
  other.write(Buffer.from('{"event":"STOP"}\n'.repeat(30_000)));
  await qmp.closed;
  expect(seen).toBeLessThanOrEqual(10_000);
});

test("a command without an answer fails after its time limit, also with a descriptor, and the monitor is unresponsive until it answers", async () => {
  const [connection, other] = memoryPair();
  let first: Command | undefined;
  const { send } = fakeMonitor(other, {
    cont: () => ({ return: {} }),
    stop: (command) => {
      first = command;
      return null;
    },
  });
  const stuck: ByteStream = Object.assign(connection, { writeWith: () => new Promise<void>(() => {}) });
  const qmp = await connectQmp(stuck, 60_000, 20);
  await expect(qmp.executeWith(7, "getfd")).rejects.toMatchObject({
    details: { reason: "no answer to getfd within 0.02 s" },
  });
  await expect(qmp.execute("stop")).rejects.toMatchObject({
    details: { reason: "no answer to stop within 0.02 s" },
  });
  expect(qmp.isUnresponsive).toBe(true);
  send({ return: {}, id: first?.id });
  await qmp.execute("cont").catch(() => {});
  expect(qmp.isUnresponsive).toBe(false);
});
