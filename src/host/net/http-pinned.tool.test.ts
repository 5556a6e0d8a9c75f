/** TLS to a pinned address: the certificate must still match the host name. */
import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { gatedTest } from "../testing/gate.ts";
import { tempFolder } from "../testing/temp.ts";
import { createHttp } from "./http-fetch.ts";
import type { RouteDeps } from "./http-route.ts";

const never = new AbortController().signal;
const toHere: RouteDeps = { resolve: async () => [{ address: "127.0.0.1", family: 4 }], env: {} };

gatedTest("tool:openssl", "a certificate is held to the name, not to the address", async () => {
  using temp = tempFolder();
  const argv = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key -out cert -days 2 -subj /CN=x";
  const name = ["-addext", "subjectAltName=DNS:s.example"];
  expect(Bun.spawnSync(["openssl", ...argv.split(" "), ...name], { cwd: temp.path }).exitCode).toBe(0);
  const [key, cert] = ["key", "cert"].map((file) => readFileSync(`${temp.path}/${file}`, "utf8")) as [string, string];
  const asked: (string | null)[] = [];
  using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: { key, cert },
    fetch(request) {
      asked.push(request.headers.get("host"));
      return new Response("here");
    },
  });
  const http = createHttp(cert, toHere);
  const get = async (host: string) => {
    const url = `https://${host}:${server.port}/`;
    const answer = await http({ method: "GET", url, signal: never, zones: ["loopback"] });
    for await (const _ of answer.body);
    return answer.status;
  };
  expect(await get("s.example")).toBe(200);
  await expect(get("other.example")).rejects.toMatchObject({ kind: "tls" });
  expect(await get("s.example")).toBe(200);
  expect(asked).toEqual([`s.example:${server.port}`, `s.example:${server.port}`]);
});
