/** HTTP by hand over a unix socket, so that tests can send what a well-behaved client would not. */
import net from "node:net";

export type Answer = { status: number; headers: Record<string, string>; body: string; json: unknown; lines: unknown[] };

/** One request, one response; either end closes the connection. */
export async function ask(
  socket: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
  const all: Record<string, string> = { host: "bangerd", connection: "close", ...headers };
  if (text !== "") all["content-type"] ??= "application/json";
  if (body !== undefined) all["content-length"] ??= String(Buffer.byteLength(text));
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return parse(await raw(socket, `${method} ${path} HTTP/1.1\r\n${head.join("")}\r\n${text}`));
}

/** Sends bytes and collects the response until the other end closes. */
export function raw(socket: string, bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    let received = "";
    const line = net.connect(socket, () => line.write(bytes));
    line.on("data", (chunk) => (received += chunk.toString("latin1")));
    line.on("error", () => {});
    line.on("close", () => resolve(received));
  });
}

/** A persistent connection: what was received so far, a wait for text, and its end. */
export class Line {
  received = "";
  readonly #socket: net.Socket;
  readonly closed: Promise<void>;
  #wake: () => void = () => {};

  constructor(path: string, bytes: string) {
    this.#socket = net.connect(path, () => this.#socket.write(bytes));
    this.#socket.on("data", (chunk) => {
      this.received += chunk.toString("latin1");
      this.#wake();
    });
    this.#socket.on("error", () => {});
    this.closed = new Promise((resolve) => this.#socket.on("close", () => resolve(this.#wake())));
  }

  async until(text: string): Promise<void> {
    while (!this.received.includes(text) && !this.#socket.destroyed) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (!this.received.includes(text)) throw new Error(`the connection ended before "${text}": ${this.received}`);
  }

  write(bytes: string): void {
    this.#socket.write(bytes);
  }

  end(): void {
    this.#socket.destroy();
  }
}

export function requestText(method: string, path: string, body?: unknown): string {
  const text = body === undefined ? "" : JSON.stringify(body);
  const type = text === "" ? "" : `content-type: application/json\r\ncontent-length: ${text.length}\r\n`;
  return `${method} ${path} HTTP/1.1\r\nhost: bangerd\r\n${type}\r\n${text}`;
}

function parse(text: string): Answer {
  const end = text.indexOf("\r\n\r\n");
  const [first = "", ...rest] = text.slice(0, end < 0 ? undefined : end).split("\r\n");
  const headers = Object.fromEntries(
    rest.map((line) => [line.split(":")[0]?.toLowerCase() ?? "", line.slice(line.indexOf(":") + 1).trim()]),
  );
  const payload = end < 0 ? "" : text.slice(end + 4);
  const body = headers["transfer-encoding"] === "chunked" ? unchunk(payload) : payload;
  const lines = body
    .split("\n")
    .filter((line) => line.startsWith("{") || line.startsWith("["))
    .map(tryJson);
  return { status: Number(first.split(" ")[1] ?? 0), headers, body, json: tryJson(body), lines };
}

function unchunk(text: string): string {
  let left = text;
  let whole = "";
  for (;;) {
    const at = left.indexOf("\r\n");
    const size = Number.parseInt(left.slice(0, at), 16);
    if (!(size > 0)) return whole;
    whole += left.slice(at + 2, at + 2 + size);
    left = left.slice(at + 4 + size);
  }
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
