/** A process that was taken over and wants to speak to others on its host. */
import { loopbackAddress, unixAddress } from "./listeners.ts";
import type { Attack } from "./report.ts";
import { refused, refusedSteps, type Scene } from "./scene.ts";
import { type Answer, buffer, type Call, type TakenOver } from "./taken-over.ts";

const [unix, inet, inet6, netlink, packet, vsock, alg] = [1, 2, 10, 16, 17, 40, 38];
const [stream, datagram, raw, seqpacket] = [1, 2, 3, 5];

export function networkAttacks(scene: () => Scene): Attack[] {
  return [
    refusedSteps(scene, "connects to a unix socket of the user, such as the session bus", (taken, { listeners }) =>
      connecting(taken, unix, unixAddress(listeners.unix)),
    ),
    refusedSteps(scene, "connects to an abstract unix socket of the user", (taken, { listeners }) =>
      connecting(taken, unix, unixAddress(`\0${listeners.abstract}`)),
    ),
    refusedSteps(scene, "connects to the host's loopback by TCP", (taken, { listeners }) =>
      connecting(taken, inet, loopbackAddress(listeners.tcp)),
    ),
    refusedSteps(scene, "sends to the host's loopback by UDP", (taken, { listeners }) => sending(taken, listeners.udp)),
    refusedSteps(scene, "listens for others by TCP", async function* (taken) {
      const socket = await taken.call("socket", inet, stream, 0);
      yield socket;
      if ("result" in socket) yield taken.call("bind", socket.result, loopbackAddress(0), 16);
    }),
    refused(scene, "makes a socket of any other family", () =>
      [inet6, netlink, packet, vsock, alg].map((family): Call => ["socket", family, datagram, 0]),
    ),
    refused(scene, "makes a raw socket", () => [["socket", inet, raw, 1]]),
    refused(scene, "makes a unix socket, connected or not", () => [
      ...[stream, datagram, seqpacket].map((type): Call => ["socket", unix, type, 0]),
      ["socketpair", unix, stream, 0, buffer],
    ]),
    {
      name: "nobody was reached by any of it",
      run: async () => ({ held: scene().listeners.visits() === 0, seen: `${scene().listeners.visits()} visits` }),
    },
  ];
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
