/**
 * A host with guests and an outside, each a network namespace that the test makes: packets never leave this machine. Guests hang on real TAP
 * interfaces, opened by a program that plays their VMM as the owner.
 */
import { createInterface, type Interface } from "node:readline";
import { Readable } from "node:stream";
import { type PipedProcess, spawnPiped } from "../../host/process/children.ts";
import type { Exec } from "../../host/process/exec.ts";
import { createExec } from "../../host/process/exec-node.ts";
import { memoryLogger } from "../../host/testing/log.ts";
import { macOf, tapName } from "../../model/bridge.ts";
import { Keeper } from "../keeper.ts";
import type { WantedTap } from "../wanted.ts";
import * as python from "./python.ts";

/** the host's own address on the outside network */
export const hostAddress = "198.51.100.2";
/** the other host on it */
export const neighbour = "198.51.100.1";
/** addresses of the outside: the internet, a private network, and clouds' metadata services */
export const outside = {
  internet: "203.0.113.9",
  lan: "10.9.9.9",
  link: "169.254.169.254",
  cloud: "168.63.129.16",
} as const;

/** who may open the TAP interfaces; no user of the machine that runs the test */
export const owner = 64_999;

export type Guest = {
  space: string;
  tap: WantedTap;
  mac: string;
  /** what the guest is answered; `none` without an answer, or the error's name */
  ask(kind: "tcp" | "udp", address: string, port?: number): Promise<string>;
  /** sends raw frames */
  send(...frames: string[]): Promise<void>;
  /** ends its VMM, and removes its namespace */
  remove(): Promise<void>;
};

export type TestNetwork = {
  /** runs a program in the host's namespace */
  exec: Exec;
  space: string;
  keeper: Keeper;
  /** @param exec how it runs programs; default: in the host's namespace */
  makeKeeper(exec?: Exec): Keeper;
  /** the host's forwarding setting, as text */
  forwarding(): Promise<string>;
  /** plugs a guest into the TAP interface, which is there */
  plug(tap: WantedTap): Promise<Guest>;
  askFrom(space: string, kind: "tcp" | "udp", address: string, port?: number): Promise<string>;
  outsideSpace: string;
  /** the lines that a Python program in a namespace prints */
  start(space: string, program: string, ...args: string[]): Promise<Running>;
  remove(): Promise<void>;
};

export type Running = { process: PipedProcess; lines: AsyncIterator<string>; reader: Interface };

const plain = createExec({});

/** Needs root. @param label makes the names unique together with the pid */
export async function makeNetwork(label: string): Promise<TestNetwork> {
  const space = `bgr-${label}-${process.pid}`;
  const outsideSpace = `${space}-net`;
  const exec: Exec = (argv, options) => plain(within(space, argv), options);
  for (const one of [space, outsideSpace]) await must(["ip", "netns", "add", one]);
  await must(["ip", "-n", space, ..."link add eth0 type veth peer name eth0 netns".split(" "), outsideSpace]);
  await links(space, ["link set lo up", `address add ${hostAddress}/24 dev eth0`, "link set eth0 up"]);
  await links(outsideSpace, [
    "link set lo up",
    `address add ${neighbour}/24 dev eth0`,
    "link set eth0 up",
    ...Object.values(outside).map((address) => `address add ${address}/32 dev lo`),
    // a neighbour may well send packets for guests to the host
    `route add 172.16.0.0/24 via ${hostAddress}`,
  ]);
  await links(space, [`route add default via ${neighbour}`]);
  const guests: Promise<Guest>[] = [];
  const running = [await start(space, python.echo), await start(outsideSpace, python.echo)];
  const forwarding = async () => text((await exec(["cat", "/proc/sys/net/ipv4/ip_forward"])).stdout).trim();
  const makeKeeper = (its = exec) =>
    new Keeper({
      exec: its,
      log: memoryLogger(),
      owner,
      version: "0",
      pid: process.pid,
      legacyTables: async () => [],
      forwards: async () => (await forwarding()) === "1",
      forward: async () => void (await exec(["tee", "/proc/sys/net/ipv4/ip_forward"], { input: "1\n" })),
    });
  return {
    exec,
    space,
    outsideSpace,
    keeper: makeKeeper(),
    makeKeeper,
    forwarding,
    askFrom,
    start,
    plug(tap) {
      const guest = plugGuest(space, tap);
      guests.push(guest);
      return guest;
    },
    async remove() {
      for (const plugged of await Promise.allSettled(guests))
        if (plugged.status === "fulfilled") await plugged.value.remove();
      for (const one of running) one.process.kill("SIGKILL");
      for (const one of [space, outsideSpace]) {
        await endAll(one);
        await plain(["ip", "netns", "del", one]);
      }
    },
  };
}

async function plugGuest(host: string, tap: WantedTap): Promise<Guest> {
  const space = `${host}-${tap.vm}`;
  const mac = macOf(tap.vm);
  await must(["ip", "netns", "add", space]);
  const joined = start(space, python.vmm, `/run/netns/${host}`, tapName(tap.vm), String(owner));
  const vmm = await joined.catch(async (error: unknown) => {
    await plain(["ip", "netns", "del", space]);
    throw error;
  });
  await links(space, [
    "link set lo up",
    `link set eth0 address ${mac}`,
    `address add ${tap.address}/24 dev eth0`,
    "link set eth0 up",
    "route add default via 172.16.0.1",
  ]);
  const echo = await start(space, python.echo);
  return {
    space,
    tap,
    mac,
    ask: (kind, address, port) => askFrom(space, kind, address, port),
    send: async (...frames) => void (await must(within(space, ["python3", "-c", python.send, ...frames]))),
    async remove() {
      for (const one of [vmm, echo]) one.process.kill("SIGKILL");
      await plain(["ip", "netns", "del", space]);
    },
  };
}

async function askFrom(space: string, kind: "tcp" | "udp", address: string, port = 8081): Promise<string> {
  const { stdout } = await must(within(space, ["python3", "-c", python.ask, kind, address, String(port)]));
  return text(stdout).trim();
}

/** Resolves once the program has printed `ready`. @throws with what it said when it ended before */
async function start(space: string, program: string, ...args: string[]): Promise<Running> {
  const process = spawnPiped(within(space, ["python3", "-c", program, ...args]), { stdin: "pipe" });
  const reader = createInterface(Readable.from(process.stdout));
  const lines = reader[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.value !== "ready") throw new Error(`${(await process.done).exitCode}: ${process.stderrTail().trim()}`);
  return { process, lines, reader };
}

/** What a killed helper left running there: nft(8) waits for events without looking whether anybody reads. */
async function endAll(space: string): Promise<void> {
  const { stdout } = await plain(["ip", "netns", "pids", space]);
  const pids = text(stdout).split("\n").filter(Boolean);
  if (pids.length > 0) await plain(["kill", "-KILL", ...pids]);
}

async function links(space: string, lines: readonly string[]): Promise<void> {
  for (const line of lines) await must(["ip", "-n", space, ...line.split(" ")]);
}

export function within(space: string, argv: readonly string[]): string[] {
  return ["ip", "netns", "exec", space, ...argv];
}

async function must(argv: readonly string[]) {
  const result = await plain(argv);
  if (result.exitCode !== 0) throw new Error(`${argv.join(" ").slice(0, 200)}: ${text(result.stderr)}`);
  return result;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}
