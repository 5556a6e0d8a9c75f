/** A process that was taken over and wants to speak to others on its host. */
import { loopbackAddress, unixAddress } from "./listeners.ts";
import type { Attack } from "./report.ts";
import { refused, refusedSteps, type Scene } from "./scene.ts";
import { type Answer, buffer, type Call, failed, type TakenOver } from "./taken-over.ts";

const [unix, inet, inet6, netlink, packet, vsock, alg] = [1, 2, 10, 16, 17, 40, 38];
const [stream, datagram, raw, seqpacket] = [1, 2, 3, 5];

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
    refusedSteps(scene, "connects to a unix socket of the user, such as the session bus", (taken, { listeners }) =>
      connecting(taken, unix, unixAddress(listeners.unix)),
    ),
    refusedSteps(scene, "connects to an abstract unix socket of the user", (taken, { listeners }) =>
      connecting(taken, unix, unixAddress(`\0${listeners.abstract}`)),
    ),
    refused(scene, "makes a socket of any other family", () =>
      [inet6, netlink, packet, vsock, alg].map((family): Call => ["socket", family, datagram, 0]),
    ),
    refused(scene, "makes a raw socket", () => [["socket", inet, raw, 1]]),
    refused(scene, "makes a unix socket, connected or not", () => [
      ...[stream, datagram, seqpacket].map((type): Call => ["socket", unix, type, 0]),
      ["socketpair", unix, stream, 0, buffer],
    ]),
    {
      name: "nobody was reached by a unix socket",
      run: async () => {
        const { unix: byPath, abstract } = scene().listeners.visits();
        return { held: byPath + abstract === 0, seen: `${byPath + abstract} visits` };
      },
    },
  ];
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
  const socket = await taken.call("socket", family, stream, 0);
  if (!("result" in socket) || socket.result < 0n) yield socket;
  else yield taken.call("connect", socket.result, address, address.length);
}

async function* sending(taken: TakenOver, port: number): AsyncGenerator<Answer> {
  const socket = await taken.call("socket", inet, datagram, 0);
  if (!("result" in socket) || socket.result < 0n) yield socket;
  else yield taken.call("sendto", socket.result, "x", 1, 0, loopbackAddress(port), 16);
}
