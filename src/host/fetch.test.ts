import { afterAll, expect, test } from "bun:test";
import { fetchBytes } from "./fetch.ts";

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request) =>
    new URL(request.url).pathname === "/whole" ? new Response("x".repeat(5000)) : new Response("no", { status: 404 }),
});
afterAll(() => server.stop(true));

const never = new AbortController().signal;

test("the whole body comes, up to a limit", async () => {
  expect((await fetchBytes(`${server.url}whole`, 5000, never)).length).toBe(5000);
  await expect(fetchBytes(`${server.url}whole`, 4999, never)).rejects.toThrow("more than 4999 bytes");
});

test("anything but 200 is an error", async () => {
  await expect(fetchBytes(`${server.url}missing`, 5000, never)).rejects.toThrow("answered 404");
});

test("an abort ends it", async () => {
  await expect(fetchBytes(`${server.url}whole`, 5000, AbortSignal.abort(new Error("no longer")))).rejects.toThrow();
});
