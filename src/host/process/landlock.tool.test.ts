/** What Landlock alone prevents, without the filter and the namespaces that cover the same elsewhere. */
import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import net from "node:net";
import { parseCage } from "../../model/cage.ts";
import { agentBinary, gate } from "../testing/gate.ts";
import { createExec } from "./exec-node.ts";

const missing = gate("tool:banger-vsock-agent");
const agent = agentBinary() ?? "";
const version = missing === null ? landlockVersion() : 0;
const exec = createExec(process.env as Record<string, string>);

function landlockVersion(): number {
  return parseCage(execFileSync(agent, ["confine", "--check"], { encoding: "utf8" }))?.landlock ?? 0;
}

function reasonBelow(needed: number): string | null {
  if (missing !== null) return missing;
  return version < needed ? `Landlock has version ${version} here, and this came with version ${needed}` : null;
}

/** Prints what each attempt came to: `done`, or the error's code. */
const attempts = `
  const net = require("node:net");
  const [port, abstract, pid] = process.argv.slice(1);
  const outcome = (socket, done) => new Promise((resolve) => {
    socket.once(done, () => { resolve("done"); socket.destroy ? socket.destroy() : socket.close(); });
    socket.once("error", (error) => resolve(error.code));
  });
  const signal = () => { try { process.kill(Number(pid), 0); return "done"; } catch (error) { return error.code; } };
  console.log(JSON.stringify({
    connect: await outcome(net.connect(Number(port), "127.0.0.1"), "connect"),
    bind: await outcome(net.createServer().listen(0, "127.0.0.1"), "listening"),
    abstract: await outcome(net.connect({ path: "\\0" + abstract }), "connect"),
    signal: signal(),
    own: (() => { process.kill(process.pid, 0); return "done"; })(),
  }));
`;

/** Runs the attempts against listeners and a process of this user's. @param words of `confine`; null: outside any cage */
async function outcomes(words: readonly string[] | null): Promise<Record<string, string>> {
  const victim = Bun.spawn(["sleep", "600"]);
  const abstract = `banger-landlock-${process.pid}`;
  const listen = (address: { host: string; port: number } | { path: string }) =>
    new Promise<net.Server>((resolve) => {
      const server = net.createServer((socket) => socket.on("error", () => {}));
      server.listen(address, () => resolve(server));
    });
  const tcp = await listen({ host: "127.0.0.1", port: 0 });
  const servers = [tcp, await listen({ path: `\0${abstract}` })];
  try {
    const { port } = tcp.address() as net.AddressInfo;
    const program = [process.execPath, "-e", attempts, String(port), abstract, String(victim.pid)];
    // everything may be read: only what is not a file is tried
    const cage = words === null ? [] : [agent, "confine", "--ro", "/", "--dev", "/dev/null", ...words, "--"];
    const { stdout, stderr, exitCode } = await exec([...cage, ...program], { timeoutMs: 30_000 });
    expect([exitCode, Buffer.from(stderr).toString()]).toEqual([0, ""]);
    return JSON.parse(Buffer.from(stdout).toString());
  } finally {
    victim.kill("SIGKILL");
    for (const server of servers) server.close();
  }
}

const outside = { connect: "done", bind: "done", abstract: "done", signal: "done", own: "done" };

const network = reasonBelow(4);
describe.skipIf(network !== null)(network === null ? "Landlock" : `Landlock [${network}]`, () => {
  test("outside a cage, every attempt succeeds", async () => expect(await outcomes(null)).toEqual(outside));

  test("without a network, TCP is neither connected nor bound; with the host's, it is", async () => {
    expect(await outcomes(["--network", "none"])).toMatchObject({ connect: "EACCES", bind: "EACCES", own: "done" });
    expect(await outcomes(["--network", "host"])).toMatchObject({ connect: "done", bind: "done", own: "done" });
  });
});

const scopes = reasonBelow(6);
describe.skipIf(scopes !== null)(scopes === null ? "Landlock's scopes" : `Landlock's scopes [${scopes}]`, () => {
  test("abstract sockets and signals end at the cage, whatever its network", async () => {
    for (const kind of ["none", "host"]) {
      const { abstract, signal, own } = await outcomes(["--network", kind]);
      // the runtime has one code for all failures of connect(2)
      expect(abstract).toMatch(/^E(?:PERM|CONNREFUSED)$/);
      expect([signal, own]).toEqual(["EPERM", "done"]);
    }
  });
});
