/** Runs in the suite's network: the hostile registry, and services that nobody may be sent to. Prints what each was asked, as JSON lines. */
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { archive, file, folder } from "../../src/formats/tar/testing/archive.ts";
import { HostileRegistry } from "./hostile-registry.ts";
import { metadataHost, otherHost, privateHost, publicHost } from "./namespace.ts";
import { lies } from "./registry-lies.ts";

/** One request, or one connection that never became one. */
export type Seen = { host: string; port: number; url: string; authorization: string };

const [certificate = "", key = ""] = process.argv.slice(2);
const tls = { cert: readFileSync(certificate), key: readFileSync(key) };
const registry = new HostileRegistry(
  (lie) => archive([folder("bin"), file("bin/sh", "#!", 0o755), file(lie, new Uint8Array(20_000))]),
  lies,
);

function note(host: string, port: number, request?: http.IncomingMessage): void {
  const { url = "", headers } = request ?? { headers: {} as http.IncomingHttpHeaders };
  process.stdout.write(`${JSON.stringify({ host, port, url, authorization: headers.authorization ?? "" })}\n`);
}

function listen(server: http.Server, host: string, port: number): Promise<void> {
  return new Promise((resolve) => server.listen(port, host, resolve));
}

const bystanders: [host: string, port: number][] = [];
for (const host of ["127.0.0.1", "::1", metadataHost, privateHost, otherHost])
  bystanders.push([host, 8080], [host, 8443]);
for (const [host, port] of bystanders) {
  const answer = (request: http.IncomingMessage, response: http.ServerResponse) => {
    note(host, port, request);
    if (host === otherHost && port === 8443) registry.answer(request, response);
    else response.end('{"token":"T"}');
  };
  const server = port === 8443 ? https.createServer(tls, answer) : http.createServer(answer);
  server.on("connection", () => note(host, port));
  await listen(server, host, port);
}
await listen(
  https.createServer(tls, (request, response) => {
    note(publicHost, 5443, request);
    registry.answer(request, response);
  }),
  publicHost,
  5443,
);
process.stdout.write("ready\n");
