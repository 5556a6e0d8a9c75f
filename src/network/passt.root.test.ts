/**
 * What a hostile guest reaches through passt. passt runs in a network namespace of the test's own, so nothing leaves this machine;
 * the guest is made by hand, so that it can send what no kernel would.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, rm, writeFile } from "node:fs/promises";
import type { Exec } from "../host/exec.ts";
import { createExec } from "../host/exec-node.ts";
import { which } from "../host/facts.ts";
import { isAlive, type PipedProcess, spawnPiped } from "../host/process.ts";
import { connectUnix } from "../host/socket.ts";
import { agentBinary, gate } from "../host/testing/gate.ts";
import { vmPaths } from "../model/paths.ts";
import { makeTempFolder } from "../vmm/testing/temp.ts";
import { gateway, guestAddress, resolver } from "./plan.ts";
import { HandMadeGuest } from "./testing/frames.ts";
import { createUserNetwork, type PreparedNetwork } from "./user.ts";

const skip = gate("root") ?? gate("tool:passt") ?? gate("tool:ip") ?? gate("vm");
const agent = agentBinary() ?? "";
const exec = createExec({});
const space = `banger-test-${process.pid}`;
const folder = makeTempFolder("passt");
/** the namespace's own address: as far as a guest can see, the host's */
const outside = "198.51.100.2";
const port = 8080;

/** A loopback service (TCP), one on all addresses (TCP 8081), and a resolver on 127.0.0.53 that says `pong` to everything. */
const services = `
  Bun.listen({ hostname: "127.0.0.1", port: ${port}, socket: { data() {}, open(s) { s.end(); } } });
  Bun.listen({ hostname: "0.0.0.0", port: ${port + 1}, socket: { data() {}, open(s) { s.end(); } } });
  const udp = await Bun.udpSocket({ hostname: "127.0.0.53", port: 53, socket: { data(s, d, p, a) { s.send("pong", p, a); } } });
  console.log("ready");
`;

const namespaceLines = [
  "link set lo up",
  "link add eth0 type veth peer name nowhere",
  `addr add ${outside}/24 dev eth0`,
  "link set eth0 up",
  "link set nowhere up",
  "route add default via 198.51.100.1",
];

const inside = (argv: readonly string[]) => ["ip", "netns", "exec", space, ...argv];
const execInside: Exec = (argv, options) => exec(inside(argv), options);

describe.skipIf(skip !== null)("through passt", () => {
  const paths = vmPaths(`${folder.path}/abcd1234`);
  let running: PipedProcess;
  let network: PreparedNetwork;
  let guest: HandMadeGuest;
  const user = createUserNetwork({ exec: execInside, which, agent, resolvConf: `/etc/netns/${space}/resolv.conf` });

  beforeAll(async () => {
    await mkdir(`/etc/netns/${space}`, { recursive: true });
    await writeFile(`/etc/netns/${space}/resolv.conf`, "nameserver 127.0.0.53\n");
    await exec(["ip", "netns", "add", space]);
    for (const line of namespaceLines) expect((await execInside(["ip", ...line.split(" ")])).exitCode).toBe(0);
    running = spawnPiped(inside([process.execPath, "-e", services]));
    for await (const chunk of running.stdout) if (Buffer.from(chunk).includes("ready")) break;
    await folder.make("abcd1234");
    network = await user.prepare(paths);
    expect(network.note).toBeUndefined();
    guest = new HandMadeGuest(await connectUnix(paths.net), network.identity.mac, guestAddress);
    await guest.greet(gateway);
  });
  afterAll(async () => {
    guest?.close();
    if (network?.process) await user.stop(network.process, paths);
    running?.kill("SIGKILL");
    await exec(["ip", "netns", "del", space]);
    await rm(`/etc/netns/${space}`, { recursive: true, force: true });
    folder.remove();
  });

  test("the host's resolver answers, though it is on the host's loopback", async () => {
    guest.udp(resolver, 53, "ping");
    expect(await guest.until((a) => a.kind === "udp")).toMatchObject({ from: resolver, port: 53, text: "pong" });
  });

  test("a service on one of the host's real addresses is reached: the line carries TCP", async () => {
    guest.syn(outside, port + 1);
    expect(await guest.until((a) => a.kind === "tcp" && a.port === port + 1)).toMatchObject({
      from: outside,
      flags: "SA",
    });
  });

  test.each([gateway, resolver, "127.0.0.1", "127.0.0.53", "0.0.0.0", outside, guestAddress])(
    "a service on the host's loopback is out of reach by way of %s",
    async (address) => {
      guest.syn(address, port);
      // what is asked afterwards is answered, so the question above was dealt with
      guest.answers.length = 0;
      guest.udp(resolver, 53, "ping");
      await guest.until((a) => a.kind === "udp");
      expect(guest.answers.filter((a) => a.kind === "tcp" && a.port === port && a.flags === "SA")).toEqual([]);
    },
  );

  test("it ends with its VM", async () => {
    guest.close();
    while (network.process && isAlive(network.process)) await Bun.sleep(1);
    expect(network.process && isAlive(network.process)).toBe(false);
  });
});
