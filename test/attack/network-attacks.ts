/** A taken-over VMM that wants to speak to others on its host. */
import { loopbackAddress, unixAddress } from "./listeners.ts";
import type { Attack } from "./report.ts";
import { refused, refusedSteps, type Scene } from "./scene.ts";
import { type Answer, buffer, type Call, type TakenOver } from "./taken-over.ts";

const [unix, inet, inet6, netlink, packet, vsock, alg] = [1, 2, 10, 16, 17, 40, 38];
const [stream, datagram, raw, seqpacket] = [1, 2, 3, 5];

export function networkAttacks(scene: () => Scene): Attack[] {
  return [
    refusedSteps(scene, "connects to a unix socket of the user, such as the session bus", (vmm, { listeners }) =>
      connecting(vmm, unix, unixAddress(listeners.unix)),
    ),
    refusedSteps(scene, "connects to an abstract unix socket of the user", (vmm, { listeners }) =>
      connecting(vmm, unix, unixAddress(`\0${listeners.abstract}`)),
    ),
    refusedSteps(scene, "connects to the host's loopback by TCP", (vmm, { listeners }) =>
      connecting(vmm, inet, loopbackAddress(listeners.tcp)),
    ),
    refusedSteps(scene, "sends to the host's loopback by UDP", (vmm, { listeners }) => sending(vmm, listeners.udp)),
    refusedSteps(scene, "listens for others by TCP", async function* (vmm) {
      const socket = await vmm.call("socket", inet, stream, 0);
      yield socket;
      if ("result" in socket) yield vmm.call("bind", socket.result, loopbackAddress(0), 16);
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

async function* connecting(vmm: TakenOver, family: number, address: Uint8Array): AsyncGenerator<Answer> {
  const socket = await vmm.call("socket", family, stream, 0);
  if (!("result" in socket) || socket.result < 0n) yield socket;
  else yield vmm.call("connect", socket.result, address, address.length);
}

async function* sending(vmm: TakenOver, port: number): AsyncGenerator<Answer> {
  const socket = await vmm.call("socket", inet, datagram, 0);
  if (!("result" in socket) || socket.result < 0n) yield socket;
  else yield vmm.call("sendto", socket.result, "x", 1, 0, loopbackAddress(port), 16);
}
