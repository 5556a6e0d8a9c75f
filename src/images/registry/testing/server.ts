/** A registry that does what a test tells it to, on loopback. */
import http from "node:http";
import type { AddressInfo } from "node:net";

export type Asked = { method: string; url: string; headers: http.IncomingHttpHeaders; body: string };
export type Answer = (request: Asked, response: http.ServerResponse) => void;

export type TestServer = {
  url: string;
  host: string;
  asked: Asked[];
  answer: Answer;
  [Symbol.asyncDispose](): Promise<void>;
};

export async function testServer(answer: Answer): Promise<TestServer> {
  const asked: Asked[] = [];
  const self = { asked, answer } as TestServer;
  const server = http.createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      const one = { method: request.method ?? "", url: request.url ?? "", headers: request.headers, body };
      asked.push(one);
      self.answer(one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  self.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  self.url = `http://${self.host}`;
  self[Symbol.asyncDispose] = () =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return self;
}

export function send(
  response: http.ServerResponse,
  status: number,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, headers);
  response.end(body);
}
