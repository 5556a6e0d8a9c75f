/** A process that was taken over and wants to speak to others on its host. */
import { loopbackAddress, unixAddress } from "./listeners.ts";
import type { Attack } from "./report.ts";
import { refused, refusedSteps, type Scene } from "./scene.ts";
import { type Answer, buffer, type Call, failed, type TakenOver } from "./taken-over.ts";

const [unix, inet, inet6, netlink, packet, vsock, alg] = [1, 2, 10, 16, 17, 40, 38];
const [stream, datagram, raw, seqpacket] = [1, 2, 3, 5];
const closeOnExec = 0o2_000_000;

/** For a process that has no use for any socket but those that it was given. */
export function networkAttacks(scene: () => Scene): Attack[] {
  return [...hostNetworkAttacks(scene), ...socketAttacks(scene)];
}

/** By the internet protocols, which a VMM with a network of its own must have. */
export function hostNetworkAttacks(scene: () => Scene): Attack[] {
  return [
    refusedSteps(scene, "connects to the host's loopback by TCP", (taken, { listeners }) =>
      connecting(taken, inet, loopbackAddress(listeners.tcp)),
    ),
    refusedSteps(scene, "sends to the host's loopback by UDP", (taken, { listeners }) => sending(taken, listeners.udp)),
    refusedSteps(scene, "listens for others by TCP", async function* (taken) {
      const socket = await taken.call("socket", inet, stream, 0);
      yield socket;
      if ("result" in socket) yield taken.call("bind", socket.result, loopbackAddress(0), 16);
    }),
    {
      name: "nobody was reached on the host's loopback",
      run: async () => {
        const { tcp, udp } = scene().listeners.visits();
        return { held: tcp + udp === 0, seen: `${tcp + udp} visits` };
      },
    },
  ];
}

/** By every other kind of socket. */
export function socketAttacks(scene: () => Scene): Attack[] {
  return [
    ...peerAttacks(scene),
    refused(scene, "makes a unix socket, connected or not", () => [
      ...unixTypes.map((type): Call => ["socket", unix, type, 0]),
      ["socketpair", unix, stream, 0, buffer],
    ]),
  ];
}

/** For a process that makes sockets by which others connect to it. */
export function listenerAttacks(scene: () => Scene): Attack[] {
  return [
    ...peerAttacks(scene),
    refused(scene, "makes a unix socket of any other type, or two connected ones", () => [
      ...unixTypes.filter((type) => type !== unixListener).map((type): Call => ["socket", unix, type, 0]),
      ["socketpair", unix, unixListener, 0, buffer],
    ]),
    refusedSteps(scene, "listens outside its folder", async function* (taken, { home }) {
      for (const path of [`${home}/sock`, "/sock", "/usr/sock", "/dev/sock"]) yield await listeningAt(taken, path);
    }),
    refusedSteps(scene, "puts a socket in place of a file", async function* (taken, { directory }) {
      yield await listeningAt(taken, `${directory}/disk.ext4`);
    }),
  ];
}

const unixTypes = [stream, datagram, seqpacket].flatMap((type) => [type, type | closeOnExec]);
const unixListener = stream | closeOnExec;

/** The answer to bind(2). @throws when there is no socket to bind: what follows would show nothing */
export async function listeningAt(taken: TakenOver, path: string): Promise<Answer> {
  const socket = await taken.call("socket", unix, unixListener, 0);
  if (!("result" in socket) || failed(socket)) throw new Error("it must be able to make a unix socket");
  const address = unixAddress(path);
  return taken.call("bind", socket.result, address, address.length);
}

function peerAttacks(scene: () => Scene): Attack[] {
  return [
    refusedSteps(scene, "connects to a unix socket of the user, such as the session bus", (taken, { listeners }) =>
      connecting(taken, unix, unixAddress(listeners.unix)),
    ),
    refusedSteps(scene, "connects to an abstract unix socket of the user", (taken, { listeners }) =>
      connecting(taken, unix, unixAddress(`\0${listeners.abstract}`)),
    ),
    refusedSteps(scene, "sends to a unix socket of the user by its name", async function* (taken, { listeners }) {
      const address = unixAddress(listeners.unix);
      const made = await taken.call("socket", unix, unixListener, 0);
      if (failed(made)) yield made;
      for (const socket of [firstInherited, ...("result" in made && !failed(made) ? [made.result] : [])]) {
        yield await taken.call("sendto", socket, "x", 1, 0, address, address.length);
        await taken.fill((at) => messageTo(address, at));
        yield await taken.call("sendmsg", socket, buffer, 0);
      }
    }),
    refused(scene, "makes a socket of any other family", () =>
      [inet6, netlink, packet, vsock, alg].flatMap((family): Call[] => [
        ["socket", family, datagram, 0],
        ["socket", family, stream | closeOnExec, 0],
      ]),
    ),
    refused(scene, "makes a raw socket", () => [["socket", inet, raw, 1]]),
    {
      name: "nobody was reached by a unix socket",
      run: async () => {
        const { unix: byPath, abstract } = scene().listeners.visits();
        return { held: byPath + abstract === 0, seen: `${byPath + abstract} visits` };
      },
    },
  ];
}

/** after standard input, output and errors: QEMU's first socket */
const firstInherited = 3;

/** struct msghdr of sendmsg(2), with the name and the byte that it points to behind it. @param at where it will be */
function messageTo(name: Uint8Array, at: bigint): Uint8Array {
  const [header, part] = [56, 16];
  const bytes = Buffer.alloc(header + part + 1 + name.length, "x");
  bytes.fill(0, 0, header + part);
  const places = { part: header, byte: header + part, name: header + part + 1 };
  bytes.writeBigUInt64LE(at + BigInt(places.name), 0);
  bytes.writeUInt32LE(name.length, 8);
  bytes.writeBigUInt64LE(at + BigInt(places.part), 16);
  bytes.writeBigUInt64LE(1n, 24);
  bytes.writeBigUInt64LE(at + BigInt(places.byte), places.part);
  bytes.writeBigUInt64LE(1n, places.part + 8);
  bytes.set(name, places.name);
  return bytes;
}

/** Whether somebody was reached there. */
export async function reachLoopback(scene: Scene): Promise<{ tcp: boolean; udp: boolean }> {
  const { listeners } = scene;
  const taken = await scene.taken();
  const came = listeners.nextVisits();
  for await (const answer of connecting(taken, inet, loopbackAddress(listeners.tcp))) {
    if (failed(answer)) return { tcp: false, udp: false };
  }
  for await (const answer of sending(taken, listeners.udp)) if (failed(answer)) return { tcp: true, udp: false };
  await Promise.all([came.tcp, came.udp]);
  return { tcp: true, udp: true };
}

async function* connecting(taken: TakenOver, family: number, address: Uint8Array): AsyncGenerator<Answer> {
  for (const type of [stream, stream | closeOnExec]) {
    const socket = await taken.call("socket", family, type, 0);
    if (!("result" in socket) || failed(socket)) yield socket;
    else yield await taken.call("connect", socket.result, address, address.length);
  }
}

async function* sending(taken: TakenOver, port: number): AsyncGenerator<Answer> {
  const socket = await taken.call("socket", inet, datagram, 0);
  if (!("result" in socket) || socket.result < 0n) yield socket;
  else yield taken.call("sendto", socket.result, "x", 1, 0, loopbackAddress(port), 16);
}
