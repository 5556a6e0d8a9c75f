/** Forwarded ports: how soon a new listener is reached, and what goes through one against the agent's own channel. */
import net from "node:net";
import { join } from "node:path";
import type { VmView } from "../src/model/vm.ts";
import type { AgentClient } from "../src/wire/agent/types.ts";
import type { Home } from "../test/e2e/home.ts";
import { bootRaw, execRaw, recipeOf } from "./raw-vm.ts";
import { type Row, rowOf } from "./stats.ts";
import { measureBothWays, say, timed } from "./timing.ts";

const mib = 1024 * 1024;
const bytes = 128 * mib;
/** Of the guest's server: takes what comes, or sends that many bytes; it closes when that is done. */
const [sinkPort, sourcePort] = [7001, 7002];

const server = `
import socket, threading
def serve(port, work):
  s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(("127.0.0.1", port)); s.listen(8)
  while True: work(s.accept()[0])
def sink(c):
  room = bytearray(1 << 20)
  while c.recv_into(room): pass
  c.close()
def source(c):
  data = bytes(1 << 20)
  for _ in range(${bytes / mib}): c.sendall(data)
  c.close()
threading.Thread(target=serve, args=(${sinkPort}, sink)).start()
serve(${sourcePort}, source)
`;
/** Leaves it running. */
const started = ["sh", "-c", 'setsid python3 -c "$1" >/dev/null 2>&1 </dev/null &', "sh", server];

export async function ports(home: Home, runs: number): Promise<Row[]> {
  await home.ok(["vm", "run", "--name", "bench", "--detach", "--cold"]);
  const { loopbackAddress } = await home.json<VmView>(["vm", "show", "bench"]);
  const raw = await bootRaw(recipeOf(home), join(home.folder, "raw"));
  try {
    (await raw.agent.open("services", {})).close();
    await home.ok(["vm", "exec", "bench", "--", ...started]);
    await execRaw(raw.agent, started);
    return [
      await newListeners(home, loopbackAddress, 4 * runs),
      ...(await throughput(loopbackAddress, raw.agent, runs)),
    ];
  } finally {
    await raw.end();
    await home.ok(["vm", "delete", "bench"]);
  }
}

/** From a program's word that it listens to a connection on the host. */
async function newListeners(home: Home, address: string, runs: number): Promise<Row> {
  const row = rowOf({ what: "a new listener in a VM is reached", reach: { ms: 1000 } });
  for (let run = 0; run < runs; run++) {
    const port = 5000 + run;
    const script = `import socket,time; s=socket.socket(); s.bind(("127.0.0.1",${port})); s.listen(); print(1,flush=True); time.sleep(60)`;
    const child = home.spawn(["vm", "exec", "bench", "--", "python3", "-c", script]);
    await child.stdout.getReader().read();
    row.ours.push(await timed(() => reached(address, port)));
    say(row);
    child.kill("SIGKILL");
    await child.exited;
  }
  return row;
}

async function reached(address: string, port: number): Promise<void> {
  for (;;) {
    const socket = net.connect(port, address);
    const isThere = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    socket.destroy();
    if (isThere) return;
    await Bun.sleep(5);
  }
}

async function throughput(address: string, agent: AgentClient, runs: number): Promise<Row[]> {
  const what = `${bytes / mib} MiB`;
  const reach = { ratio: 1 / 0.7 };
  const into = rowOf({ what: `${what} into a forwarded port`, floorWhat: "by the agent's dial", reach });
  const out = rowOf({ what: `${what} out of a forwarded port`, floorWhat: "by the agent's dial", reach });
  await reached(address, sourcePort);
  return measureBothWays(into, out, runs, async () => {
    const floorIn = await timed(() => sendRaw(agent));
    const oursIn = await timed(() => send(address));
    const floorOut = await timed(() => takeRaw(agent));
    const oursOut = await timed(() => take(address));
    return { in: { ours: oursIn, floor: floorIn }, out: { ours: oursOut, floor: floorOut } };
  });
}

const chunk = new Uint8Array(mib);

/** Until the guest has taken all of it, which its end says. */
async function send(address: string): Promise<void> {
  const socket = net.connect({ host: address, port: sinkPort, allowHalfOpen: true });
  const ended = new Promise<void>((resolve, reject) => {
    socket.on("end", resolve);
    socket.on("error", reject);
  });
  socket.on("data", () => {});
  for (let at = 0; at < bytes / mib; at++)
    if (!socket.write(chunk)) await new Promise<void>((resolve) => socket.once("drain", resolve));
  socket.end();
  await ended;
  socket.destroy();
}

async function sendRaw(agent: AgentClient): Promise<void> {
  const stream = await agent.open("dial", { host: "127.0.0.1", port: sinkPort });
  const ended = new Promise<void>((resolve) => stream.onEof(() => resolve()));
  stream.onData(() => {});
  for (let at = 0; at < bytes / mib; at++) await stream.write(0, chunk);
  stream.eof(0);
  await ended;
  stream.close();
}

async function take(address: string): Promise<void> {
  const socket = net.connect({ host: address, port: sourcePort });
  let got = 0;
  socket.on("data", (data) => {
    got += data.length;
  });
  await new Promise<void>((resolve, reject) => {
    socket.on("end", resolve);
    socket.on("error", reject);
  });
  if (got !== bytes) throw new Error(`${got} bytes came out of a forwarded port`);
}

async function takeRaw(agent: AgentClient): Promise<void> {
  const stream = await agent.open("dial", { host: "127.0.0.1", port: sourcePort });
  let got = 0;
  stream.onData((_, data) => {
    got += data.length;
  });
  await new Promise<void>((resolve) => stream.onEof(() => resolve()));
  stream.close();
  if (got !== bytes) throw new Error(`${got} bytes came out of the agent's dial`);
}
