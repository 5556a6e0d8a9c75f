/** What the API's caller sees when the line to the daemon breaks. */
import { expect, test } from "bun:test";
import type { ByteStream } from "../base/bytes.ts";
import { isError } from "../base/errors/error.ts";
import { memoryPair } from "../host/testing/memory-pair.ts";
import { Api } from "./api.ts";

type Daemon = (line: ByteStream, request: string) => void;

/** Each connection gets the next of these daemons. */
function apiTo(...daemons: Daemon[]): { api: Api; requests: string[] } {
  const requests: string[] = [];
  const connect = async () => {
    const [ours, theirs] = memoryPair();
    const daemon = daemons.shift();
    if (!daemon) throw new Error("one connection too many");
    theirs.onData((chunk) => {
      const text = new TextDecoder().decode(chunk);
      requests.push(text.split("\r\n", 1)[0] ?? "");
      daemon(theirs, text);
    });
    return ours;
  };
  return { api: new Api({ connect, version: "1.0.0", socket: "/run/d.sock" }), requests };
}

const dies: Daemon = (line) => line.destroy();
const answers =
  (body: string, length = body.length): Daemon =>
  (line) => {
    line.write(new TextEncoder().encode(`HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n${body}`));
    line.end();
  };

test("if a daemon ends before it responds, a safe request is sent to its successor", async () => {
  const { api, requests } = apiTo(dies, answers("[]"));
  expect(await api.json("listVms")).toEqual([]);
  expect(requests).toEqual(["GET /v1/vms HTTP/1.1", "GET /v1/vms HTTP/1.1"]);
});

test("if the successor ends too, that is reported", async () => {
  const { api } = apiTo(dies, dies);
  const error = await api.json("listVms").catch((thrown: unknown) => thrown);
  expect(isError(error, "DAEMON_UNREACHABLE")).toBe(true);
});

test("a request that changes something is sent once", async () => {
  const { api, requests } = apiTo(dies, answers("{}"));
  const error = await api.json("killVm", { name: "web" }).catch((thrown: unknown) => thrown);
  expect(isError(error, "DAEMON_UNREACHABLE")).toBe(true);
  expect(requests).toHaveLength(1);
});

test("a response that is cut short or not JSON is reported, and the request not repeated", async () => {
  for (const broken of [answers("[1", 100), answers("<html>")]) {
    const { api, requests } = apiTo(broken, answers("[]"));
    const error = await api.json("listVms").catch((thrown: unknown) => thrown);
    expect(isError(error, "DAEMON_UNREACHABLE")).toBe(true);
    expect(requests).toHaveLength(1);
  }
});
