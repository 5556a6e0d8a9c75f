import { afterEach, expect, test } from "bun:test";
import fc from "fast-check";
import { routes } from "../api/routes.ts";
import { ask, Line, raw } from "./testing/client.ts";
import { type Served, type ServeOptions, serve } from "./testing/serve.ts";

let served: Served | null = null;
afterEach(async () => {
  await served?.close();
  served = null;
});

async function daemon(options: ServeOptions = {}): Promise<string> {
  served = await serve(options);
  return served.socket;
}

/** The daemon answers as usual. */
async function isWell(socket: string): Promise<void> {
  expect((await ask(socket, "GET", "/v1/daemon")).status).toBe(200);
}

const codeOf = (answer: { json: unknown }) => (answer.json as { code?: string } | undefined)?.code;

test.each([
  ["origin", { origin: "http://evil.example" }],
  ["referer", { referer: "http://evil.example/" }],
  ["a foreign host", { host: "evil.example" }],
])("a request with %s is refused", async (_what, headers) => {
  const socket = await daemon();
  const answer = await ask(socket, "GET", "/v1/vms", undefined, headers as Record<string, string>);
  expect([answer.status, codeOf(answer)]).toEqual([403, "PEER_REFUSED"]);
});

test("another user and a VM's processes are refused before they can send a request", async () => {
  const other = await daemon({ peers: { uid: 4_000_000 } });
  // root is always allowed, so test the rule directly
  const asRoot = process.getuid?.() === 0;
  expect((await ask(other, "GET", "/v1/daemon")).status).toBe(asRoot ? 200 : 403);
  await served?.close();
  const vm = await daemon({ peers: { vmProcesses: () => [process.pid] } });
  const answer = await ask(vm, "GET", "/v1/daemon");
  expect([answer.status, codeOf(answer)]).toEqual([403, "PEER_REFUSED"]);
});

test("who is refused is in the log, but not each time that one asks in a flood", async () => {
  const socket = await daemon({ peers: { vmProcesses: () => [process.pid] } });
  for (let count = 0; count < 50; count++) await ask(socket, "GET", "/v1/daemon");
  const refusals = served?.logged.filter((line) => line.includes("refused a connection")) ?? [];
  expect(JSON.parse(refusals[0] ?? "")).toMatchObject({
    ...{ pid: process.pid, uid: process.getuid?.() },
    why: "your process belongs to a VM",
  });
  expect(refusals.length).toBeLessThan(50);
});

test("headers over the limit, in one or in many, and garbage: 400, and the connection is closed", async () => {
  const socket = await daemon();
  for (const bytes of [
    `GET /v1/daemon HTTP/1.1\r\nhost: bangerd\r\nx: ${"a".repeat(40_000)}\r\n\r\n`,
    `GET /v1/daemon HTTP/1.1\r\nhost: bangerd\r\n${"h: 1\r\n".repeat(10_000)}\r\n`,
    `GET /${"a".repeat(40_000)} HTTP/1.1\r\nhost: bangerd\r\n\r\n`,
    "\x00\x01\x02\r\n\r\n",
    "GET / HTTP/9.9\r\n\r\n",
    "POST /v1/vms HTTP/1.1\r\nhost: bangerd\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /v1/vms HTTP/1.1\r\nhost: bangerd\r\ncontent-length: -5\r\n\r\n",
  ]) {
    expect(await raw(socket, bytes)).toMatch(/^HTTP\/1.1 4\d\d /);
  }
  await isWell(socket);
});

test("a client that never finishes its headers or its body is disconnected", async () => {
  const socket = await daemon({ limits: { headersMs: 30, bodyMs: 30 } });
  expect(await raw(socket, "GET /v1/dae")).toBe("");
  const slow = await raw(
    socket,
    "POST /v1/vms HTTP/1.1\r\nhost: bangerd\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
  );
  expect(slow === "" || slow.startsWith("HTTP/1.1 400")).toBe(true);
  await isWell(socket);
});

test("an idle connection is closed, a quiet stream is not", async () => {
  const socket = await daemon({ limits: { idleMs: 30, headersMs: 30, bodyMs: 30 } });
  const idle = new Line(socket, "GET /v1/daemon HTTP/1.1\r\nhost: bangerd\r\n\r\n");
  const stream = new Line(socket, "GET /v1/events HTTP/1.1\r\nhost: bangerd\r\n\r\n");
  await idle.closed;
  expect(idle.received).toStartWith("HTTP/1.1 200");
  await Bun.sleep(60);
  await ask(socket, "POST", "/v1/vms", { name: "web" });
  await stream.until('"name":"web"');
  stream.end();
});

test("one connection serves one request after another", async () => {
  const socket = await daemon();
  const line = new Line(socket, "GET /v1/daemon HTTP/1.1\r\nhost: bangerd\r\n\r\n");
  await line.until("stateDirectory");
  line.received = "";
  line.write("GET /v1/vms HTTP/1.1\r\nhost: bangerd\r\n\r\n");
  await line.until("[]");
  line.end();
});

test("a body of 4 MiB is parsed, and one byte more is refused", async () => {
  const socket = await daemon();
  const sized = (bytes: number) => ask(socket, "POST", "/v1/vms", "1".padEnd(bytes, " "));
  expect(codeOf(await sized(4_194_304))).toBe("REQUEST_INVALID");
  expect(codeOf(await sized(4_194_305))).toBe("REQUEST_TOO_LARGE");
});

test("bodies that are too large, not JSON, not UTF-8 or of the wrong type are each refused with their code", async () => {
  const socket = await daemon();
  const large = await ask(socket, "POST", "/v1/vms", `"${"a".repeat(4 * 1024 * 1024)}"`);
  expect([large.status, codeOf(large)]).toEqual([413, "REQUEST_TOO_LARGE"]);
  for (const body of [
    "{",
    '"x"',
    "[]",
    "null",
    "1",
    '{"name":1}',
    '{"nmae":"x"}',
    '{"vcpu":0}',
    '{"vcpu":1.5}',
    '{"env":{"A=B":"x"}}',
    '{"env":{"A":"\\u0000"}}',
  ]) {
    const answer = await ask(socket, "POST", "/v1/vms", body);
    expect([body, answer.status, codeOf(answer)]).toEqual([body, 400, "REQUEST_INVALID"]);
  }
  const text = await ask(socket, "POST", "/v1/vms", "{}", { "content-type": "text/plain" });
  expect(codeOf(text)).toBe("REQUEST_INVALID");
  await isWell(socket);
});

test("all problems of a request are reported at once", async () => {
  const socket = await daemon();
  const answer = await ask(socket, "POST", "/v1/vms", { vcpu: "two", memoryMib: 1, extra: true });
  const { problems } = (answer.json as { details: { problems: string[] } }).details;
  expect(problems.map((text) => text.split(":")[0]).toSorted()).toEqual(["(body)", "memoryMib", "vcpu"]);
});

test("unknown routes, other methods and odd paths are not routes", async () => {
  const socket = await daemon();
  for (const [method, path] of [
    ["GET", "/"],
    ["PUT", "/v1/vms"],
    ["GET", "/v1/vms/"],
    ["GET", "/v1/vms/a/b/c"],
    ["GET", "/v1/../v1/vms"],
    ["GET", "//v1/vms"],
  ] as const) {
    expect([path, codeOf(await ask(socket, method, path))]).toEqual([path, "ROUTE_NOT_FOUND"]);
  }
  expect(codeOf(await ask(socket, "GET", "/v1/vms/%zz"))).toBe("REQUEST_INVALID");
  expect(codeOf(await ask(socket, "GET", "/v1/vms/..%2f..%2fetc"))).toBe("VM_NAME_INVALID");
});

test("any body on any route gets an answer with a code, and the daemon keeps serving", async () => {
  const socket = await daemon();
  const table = Object.values(routes).filter((route) => !/wait|events|hold|daemon\/stop/.test(route.path));
  const requests = fc.record({
    route: fc.constantFrom(...table),
    name: fc.oneof(fc.string({ maxLength: 40 }), fc.constant("web")),
    body: fc.oneof(fc.json({ maxDepth: 3 }), fc.string({ maxLength: 200 })),
  });
  const property = fc.asyncProperty(requests, async ({ route, name, body }) => {
    const path = route.path.replace("{name}", encodeURIComponent(name.replace(/[\ud800-\udfff]/g, "")));
    const answer = await ask(socket, route.method, path, body);
    expect(answer.status).toBeGreaterThanOrEqual(200);
    if (answer.status >= 400) expect(codeOf(answer)).toMatch(/^[A-Z_]+$/);
    expect(codeOf(answer)).not.toBe("INTERNAL");
  });
  await fc.assert(property, { numRuns: 300, seed: 7 });
  await isWell(socket);
});

test("the daemon survives arbitrary bytes", async () => {
  const socket = await daemon({ limits: { headersMs: 20 } });
  const starts = fc.constantFrom(
    "",
    "GET /v1/vms HTTP/1.1\r\n",
    "POST /v1/vms HTTP/1.1\r\nhost: bangerd\r\ntransfer-encoding: chunked\r\n\r\n",
  );
  const property = fc.asyncProperty(starts, fc.uint8Array({ maxLength: 300 }), async (start, bytes) => {
    const line = new Line(socket, start + Buffer.from(bytes).toString("latin1"));
    await Bun.sleep(1);
    line.end();
    await line.closed;
  });
  await fc.assert(property, { numRuns: 100, seed: 7 });
  await isWell(socket);
});
