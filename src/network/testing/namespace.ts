/**
 * A simulated host for tests of the guest's network, and a neighbour on its network: two network namespaces joined by a veth pair.
 * Packets of a guest behind a passt in there never leave this machine.
 */
import { mkdir, rm, rmdir, writeFile } from "node:fs/promises";
import { hostNetworks } from "../../host/net/networks.ts";
import { spawnPiped } from "../../host/process/children.ts";
import type { Exec } from "../../host/process/exec.ts";
import { createExec } from "../../host/process/exec-node.ts";

/** the namespace's own address: the host's, from a guest's view */
export const outside = "198.51.100.2";
/** the other host's addresses: on the network that both are attached to, public and private */
export const neighbour = "198.51.100.7";
export const privateNeighbour = "10.9.0.7";
/** also the other host's, reached by routing: stand for the internet, a private network and metadata services */
export const internet = "203.0.113.9";
export const privateNetwork = "172.16.9.9";
export const metadata = ["169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192"] as const;
/** groups that the other host has joined */
export const multicastGroups = ["224.0.0.251", "239.255.255.250"] as const;
/** the other host's IPv6 address, on the same network as the namespace's */
export const neighbour6 = "fd00:ec2::254";

/** TCP, only on 127.0.0.1 */
export const loopbackPort = 8080;
/** TCP, on every address of both; answers `hello` over HTTP */
export const openPort = 8081;
/** UDP, on every address of the other host: answers `seen` with all other texts received before */
export const recorderPort = 7000;

export type Namespace = {
  /** runs a program in it */
  exec: Exec;
  /** its resolv.conf, which names 127.0.0.53; the resolver there answers every query with 198.51.100.2 */
  resolvConf: string;
  /** of the namespace, for `createUserNetwork` */
  hostNetworks(): Promise<string[]>;
  mayFallBack(): Promise<boolean>;
  remove(): Promise<void>;
};

const hostLines = [
  "link set lo up",
  `addr add ${outside}/24 dev eth0`,
  "addr add 10.9.0.2/24 dev eth0",
  "addr add fd00:ec2::2/64 dev eth0 nodad",
  "link set eth0 up",
  "route add default via 198.51.100.1",
];

/** it answers from its first address */
const neighbourLines = [
  "link set lo up",
  ...[neighbour, "198.51.100.1", privateNeighbour].map((address) => `addr add ${address}/24 dev eth0`),
  ...[internet, privateNetwork, ...metadata].map((address) => `addr add ${address}/32 dev lo`),
  `addr add ${neighbour6}/64 dev eth0 nodad`,
  "link set eth0 up",
];

const hostServices = `
  Bun.serve({ hostname: "127.0.0.1", port: ${loopbackPort}, fetch: () => new Response("secret") });
  Bun.serve({ hostname: "0.0.0.0", port: ${openPort}, fetch: () => new Response("hello") });
  const head = Buffer.from("81800001000100000000", "hex");
  const answer = Buffer.from("c00c00010001000000000004c6336402", "hex");
  await Bun.udpSocket({ hostname: "127.0.0.53", port: 53, socket: { data(socket, ask, port, address) {
    const end = ask.indexOf(0, 12) + 5;
    socket.send(ask.length < 17 ? ask : Buffer.concat([ask.subarray(0, 2), head, ask.subarray(12, end), answer]), port, address);
  } } });
  console.log("ready");
`;

const neighbourServices = `
  Bun.serve({ hostname: "0.0.0.0", port: ${openPort}, fetch: () => new Response("hello") });
  const seen = [];
  const record = (socket) => (data, from) => {
    if (String(data) !== "seen") seen.push(String(data));
    else socket.send(JSON.stringify(seen), from.port, from.address);
  };
  const { createSocket } = require("node:dgram");
  const [four, six] = [createSocket("udp4"), createSocket({ type: "udp6", ipv6Only: true })];
  for (const socket of [four, six]) socket.on("message", record(socket));
  four.bind(${recorderPort}, "0.0.0.0", () => {
    for (const group of ${JSON.stringify(multicastGroups)}) four.addMembership(group, "${neighbour}");
    six.bind(${recorderPort}, "${neighbour6}", () => console.log("ready"));
  });
`;

/** Needs root. @param label makes the name unique together with the pid */
export async function makeNamespace(label: string): Promise<Namespace> {
  const exec = createExec({});
  const name = `banger-${label}-${process.pid}`;
  const other = `${name}-lan`;
  const folder = `/etc/netns/${name}`;
  await mkdir(folder, { recursive: true });
  await writeFile(`${folder}/resolv.conf`, "nameserver 127.0.0.53\n");
  for (const space of [name, other]) await must(exec, ["ip", "netns", "add", space]);
  await must(exec, within(name, ["ip", ..."link add eth0 type veth peer name eth0 netns".split(" "), other]));
  for (const line of neighbourLines) await must(exec, within(other, ["ip", ...line.split(" ")]));
  for (const line of hostLines) await must(exec, within(name, ["ip", ...line.split(" ")]));
  const running = await Promise.all([serve(name, hostServices), serve(other, neighbourServices)]);
  return {
    exec: (argv, options) => exec(within(name, argv), options),
    resolvConf: `${folder}/resolv.conf`,
    hostNetworks: () => hostNetworks(`/proc/${running[0].pid}/net`),
    mayFallBack: async () => false,
    async remove() {
      for (const one of running) one.kill("SIGKILL");
      for (const space of [name, other]) await exec(["ip", "netns", "del", space]);
      await rm(folder, { recursive: true, force: true });
      await rmdir("/etc/netns").catch(() => {});
    },
  };
}

function within(space: string, argv: readonly string[]): string[] {
  return ["ip", "netns", "exec", space, ...argv];
}

async function serve(space: string, services: string) {
  const running = spawnPiped(within(space, [process.execPath, "-e", services]));
  for await (const chunk of running.stdout) if (Buffer.from(chunk).includes("ready")) break;
  return running;
}

async function must(exec: Exec, argv: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await exec(argv);
  if (exitCode !== 0) throw new Error(`${argv.join(" ")}: ${Buffer.from(stderr).toString()}`);
}
