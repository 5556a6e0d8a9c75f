/** Debian's `docker-registry` on loopback, for tests. */
import { mkdirSync, writeFileSync } from "node:fs";
import net from "node:net";

export type TestRegistry = { /** `127.0.0.1:PORT` */ host: string; stop(): Promise<void> };

/** @param folder of its own @param more YAML: `auth`, as a line @param tls YAML, behind the address */
export async function startRegistry(folder: string, more = "", tls = ""): Promise<TestRegistry> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const storage = `storage: {filesystem: {rootdirectory: ${folder}/data}}`;
  const http = `http: {addr: 127.0.0.1:${port}${tls}}`;
  writeFileSync(`${folder}/config.yml`, `version: 0.1\n${more}log: {level: info}\n${storage}\n${http}\n`);
  const child = Bun.spawn(["docker-registry", "serve", `${folder}/config.yml`], { stdout: "ignore", stderr: "pipe" });
  await listening(child.stderr);
  const stop = async () => {
    child.kill("SIGKILL");
    await child.exited;
  };
  return { host: `127.0.0.1:${port}`, stop };
}

/** Keeps reading afterwards: a registry whose log is not read exits. */
function listening(log: ReadableStream<Uint8Array>): Promise<void> {
  return new Promise((resolve, reject) => {
    void (async () => {
      let said = "";
      for await (const chunk of log) {
        said = (said + new TextDecoder().decode(chunk)).slice(-10_000);
        if (/listening on/.test(said)) resolve();
      }
      reject(new Error(`docker-registry ended: ${said}`));
    })();
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
