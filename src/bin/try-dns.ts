/** Tries whether names of VMs are answered, and whether this host's resolver asks for them. */
import { parseIpv4 } from "../base/ipv4.ts";
import type { DnsFact } from "../doctor/dns.ts";
import { bindUdp } from "../host/net/udp.ts";
import type { Exec } from "../host/process/exec.ts";
import { probeLabel, vmZone } from "../model/bridge.ts";
import { answerTo } from "../network/dns/answers.ts";
import type { DnsNetwork } from "../network/dns/zones.ts";
import { plainUdpPayload, writeAnswer } from "../wire/dns/answer.ts";
import { readQuery } from "../wire/dns/query.ts";

export type TryDnsDeps = {
  exec: Exec;
  network: DnsNetwork;
  /** default 53 */
  port?: number;
  /** for the answer of the server, and for that of the resolver, in `ms` */
  timeoutMs: number;
};

/** Never rejects. */
export async function tryDns({ exec, network, port = 53, timeoutMs }: TryDnsDeps): Promise<DnsFact> {
  const [server, resolved] = await Promise.all([
    askServer(network, port, timeoutMs).catch(() => "none" as const),
    askResolver(exec, timeoutMs).catch(() => []),
  ]);
  return { address: network.address, server, resolved };
}

/** `_banger.vm`, A, without EDNS */
export const probeQuery = Buffer.from("626701000001000000000000075f62616e67657202766d0000010001", "hex");

const noVms = { addressOf: () => null, nameOf: () => null };

/** The right answer is the one that our own server would give, byte for byte. */
async function askServer(network: DnsNetwork, port: number, timeoutMs: number): Promise<DnsFact["server"]> {
  const answer = answerTo(readQuery(probeQuery), network, noVms);
  const right = answer && writeAnswer(answer, plainUdpPayload);
  const { promise, resolve } = Promise.withResolvers<DnsFact["server"]>();
  const onDatagram = (datagram: Uint8Array) => resolve(right?.equals(datagram) ? "right" : "other");
  const socket = await bindUdp("0.0.0.0", 0, onDatagram, () => resolve("none"));
  const timer = setTimeout(() => resolve("none"), timeoutMs);
  socket.send(probeQuery, { address: network.address, port });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

/** getent(1) asks as other programs do, through nsswitch.conf(5). */
async function askResolver(exec: Exec, timeoutMs: number): Promise<string[]> {
  const { exitCode, stdout } = await exec(["getent", "ahostsv4", `${probeLabel}.${vmZone}`], { timeoutMs });
  if (exitCode !== 0) return [];
  const lines = Buffer.from(stdout).toString().split("\n");
  return [...new Set(lines.map((line) => line.split(/\s/)[0] ?? "").filter((word) => parseIpv4(word) !== null))];
}
