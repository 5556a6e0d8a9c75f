/**
 * The network of a guest whose VMM has no network device for it: the TAP of its agent, over a hand-made vsock, to `netguard` and passt.
 * Two network namespaces stand for the guest, whose kernel is this host's, and for the host.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import net from "node:net";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { which } from "../host/facts.ts";
import { spawnPiped } from "../host/process/children.ts";
import { waitForExit } from "../host/process/end.ts";
import { createExec } from "../host/process/exec-node.ts";
import { agentBinary, gate } from "../host/testing/gate.ts";
import { type VmPaths, vmPaths } from "../model/paths.ts";
import { makeTempFolder } from "../vmm/testing/temp.ts";
import { untilItServes } from "../wire/agent/testing/served-agent.ts";
import { gateway, guestAddress, guestPrefix } from "./plan.ts";
import { makeNamespace, type Namespace, neighbour, openPort } from "./testing/namespace.ts";
import { HandMadeVsock, type VsockConnection } from "./testing/vsock.ts";
import { createUserNetwork, type PreparedNetwork } from "./user.ts";

const skip = gate("root") ?? gate("tool:passt") ?? gate("tool:ip") ?? gate("vm");
const suite = skip === null ? describe : describe.skip;
const guestSpace = `banger-tap-guest-${process.pid}`;
const exec = createExec({});

/** Sends a request in two parts; the second after a line on stdin. */
const twoParts = `
  const socket = require("node:net").connect(${openPort}, "${neighbour}");
  socket.on("error", (error) => console.log(error.code));
  let text = "";
  socket.on("data", (chunk) => (text += chunk)).on("end", () => console.log(text.includes("hello") ? "hello" : text));
  socket.on("connect", () => socket.write("GET / HTTP/1.0\\r\\n", () => console.log("connected")));
  process.stdin.once("data", () => socket.write("\\r\\n"));
`;

suite(`a guest's network over a vsock${skip === null ? "" : ` (skipped: ${skip})`}`, () => {
  const folder = makeTempFolder("tap");
  let space: Namespace;
  let paths: VmPaths;
  let network: PreparedNetwork;
  let vsock: HandMadeVsock;
  let agent: ReturnType<typeof spawnPiped>;
  const tap = `${folder.path}/tap`;

  beforeAll(async () => {
    paths = vmPaths(await folder.make("abcd1234"));
    space = await makeNamespace("tap");
    network = await createUserNetwork({ ...space, which, agent: agentBinary() ?? "" }).prepare(paths, [], ["agent"]);
    await exec(["ip", "netns", "add", guestSpace]);
    const serve = [agentBinary() ?? "", "serve", "--unix", `${folder.path}/agent`, "--tap", tap];
    agent = spawnPiped(["ip", "netns", "exec", guestSpace, ...serve]);
    await untilItServes(agent, folder.path, tap);
    for (const line of [
      `addr add ${guestAddress}/${guestPrefix} dev eth0`,
      "link set eth0 up",
      `route add default via ${gateway}`,
    ]) {
      await exec(["ip", "-n", guestSpace, ...line.split(" ")]);
    }
    vsock = await HandMadeVsock.listen(paths.vsock);
  }, 60_000);
  afterEach(() => {
    expect(vsock.fates).toEqual([]);
  });
  afterAll(async () => {
    await vsock?.end();
    agent?.kill("SIGKILL");
    await exec(["ip", "netns", "del", guestSpace]);
    await space?.remove();
    folder.remove();
  }, 60_000);

  /** Connects the next connection from `netguard` to the agent. */
  async function connected(): Promise<void> {
    const [host, guest] = [await vsock.next(), net.connect(tap)];
    join(host, guest);
  }

  /** A connection of the guest's; `next` resolves with the next line of its output. */
  function client() {
    const running = spawnPiped(["ip", "netns", "exec", guestSpace, process.execPath, "-e", twoParts], {
      stdin: "pipe",
    });
    const lines = createInterface({ input: Readable.from(running.stdout) })[Symbol.asyncIterator]();
    return { next: async () => (await lines.next()).value, finish: () => running.stdin.write(Buffer.from("\n")) };
  }

  test("its device is named like a virtio one and takes large frames", async () => {
    const { stdout } = await exec(["ip", "-n", guestSpace, "-o", "link", "show", "eth0"]);
    expect(Buffer.from(stdout).toString()).toContain("mtu 16384");
  });

  test("TCP reaches what the host reaches", async () => {
    await connected();
    const one = client();
    expect(await one.next()).toBe("connected");
    one.finish();
    expect(await one.next()).toBe("hello");
  }, 30_000);

  test("a connection of the guest's survives that its VM is saved and resumed", async () => {
    const one = client();
    expect(await one.next()).toBe("connected");
    // the VM is paused, its vsock is reset, and so is the first connection after it runs again
    vsock.fates.push("refused", "lost", "garbage");
    vsock.reset();
    one.finish();
    await connected();
    expect(await one.next()).toBe("hello");
  }, 30_000);

  test("`netguard` asks for the agent's port each time, and ends with the VMM", async () => {
    expect(new Set(vsock.requests)).toEqual(new Set(["CONNECT 1025\n"]));
    await vsock.end();
    if (network.process) await waitForExit(network.process);
  }, 30_000);
});

function join(host: VsockConnection, guest: net.Socket): void {
  host.onData((chunk) => guest.write(chunk));
  host.onClose(() => guest.destroy());
  guest.on("data", (chunk: Buffer) => host.write(chunk)).on("error", () => {});
  guest.on("close", () => host.destroy());
}
