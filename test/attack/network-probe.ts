/** Where a guest's packets get to: TCP and UDP to each address, with a connection that is known to be answered after each. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { which } from "../../src/host/facts.ts";
import { connectUnix } from "../../src/host/net/socket.ts";
import { agentBinary } from "../../src/host/testing/gate.ts";
import { type GuestLine, guardedPasst } from "../../src/network/passt.ts";
import { gateway, guestAddress } from "../../src/network/plan.ts";
import { HandMadeGuest } from "../../src/network/testing/frames.ts";
import { HandMadeVsock } from "../../src/network/testing/vsock.ts";
import { metadataHost, type Namespace, otherHost, privateHost, publicHost } from "./namespace.ts";
import type { Attack, Outcome } from "./report.ts";

const servicePort = 7777;
const deniedHost = otherHost;

export type Probe = {
  guest: HandMadeGuest;
  /** addresses whose service was reached since the last call */
  reached(): string[];
  /** settles when the service of the host that may be reached has said that it was */
  readonly publicReached: Promise<void>;
  end(): Promise<void>;
};

/** @param kind how the guest's frames come */
export async function makeProbe(space: Namespace, kind: GuestLine["kind"]): Promise<Probe> {
  const folder = mkdtempSync(join(tmpdir(), "ba-"));
  const socket = join(folder, "net");
  const hosts = ["127.0.0.1", "127.0.0.53", "127.255.255.254", metadataHost, privateHost, deniedHost, publicHost];
  const program = [process.execPath, join(import.meta.dirname, "services-program.ts"), String(servicePort), ...hosts];
  const services = Bun.spawn(space.inside(program), { stdio: ["ignore", "pipe", "inherit"] });
  const seen: string[] = [];
  const ready = Promise.withResolvers<void>();
  const publicReached = Promise.withResolvers<void>();
  const note = (host: string) => {
    seen.push(host);
    if (host === publicHost) publicReached.resolve();
  };
  createInterface({ input: Readable.fromWeb(services.stdout as never) })
    .on("line", (line) => (line === "ready" ? ready.resolve() : note(line)))
    .on("close", () => ready.reject(new Error("the services ended")));
  await ready.promise;
  await startNetwork(space, { kind, socket }, folder);
  const vsock = kind === "agent" ? await HandMadeVsock.listen(socket) : null;
  const line = vsock ? await vsock.next() : await connectUnix(socket);
  const guest = new HandMadeGuest(line, "02:00:00:00:00:01", guestAddress);
  await guest.resolveGateway(gateway);
  return {
    guest,
    reached: () => seen.splice(0),
    publicReached: publicReached.promise,
    async end() {
      await vsock?.end();
      guest.close();
      services.kill("SIGKILL");
      await services.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function startNetwork(space: Namespace, line: GuestLine, folder: string): Promise<void> {
  const facts = { agent: agentBinary() ?? "", program: (await which("passt")) ?? "", log: join(folder, "log") };
  const argv = guardedPasst({ ...facts, line, denied: [`${deniedHost}/32`] });
  const child = Bun.spawn(space.inside(argv), { stdio: ["ignore", "ignore", "pipe"] });
  const said = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(said);
}

/** As a guest would name them, and what they stand for. */
const targets: Record<string, string> = {
  "127.0.0.1": "the host's loopback",
  "127.0.0.53": "a resolver on the host's loopback",
  "127.255.255.254": "the end of the host's loopback",
  "0.0.0.0": "the address that Linux takes for its own",
  [gateway]: "the gateway's address",
  [metadataHost]: "the host's metadata service",
  "169.254.1.1": "a link-local address",
  [deniedHost]: "a network that was denied",
  "224.0.0.251": "multicast DNS",
  "255.255.255.255": "everybody, by broadcast",
};

export function probeAttacks(probe: () => Probe): Attack[] {
  return [
    { name: "the line carries what is allowed", run: () => control(probe()) },
    ...Object.entries(targets).map(([address, name]) => ({
      name: `sends TCP and UDP to ${name} (${address})`,
      run: () => send(probe(), address),
    })),
  ];
}

async function control(probe: Probe): Promise<Outcome> {
  probe.guest.syn(publicHost, servicePort);
  const answer = await probe.guest.until((one) => one.kind === "tcp" && one.port === servicePort);
  const held = answer.kind === "tcp" && answer.flags === "SA";
  // the service speaks by a pipe, later than the connection is there: no later attack is to be blamed for it
  if (held) await probe.publicReached;
  return { held, seen: held ? "a service that is allowed answers" : "nothing is reached at all" };
}

async function send(probe: Probe, address: string): Promise<Outcome> {
  const { guest } = probe;
  await refusedAfterwards(probe);
  guest.answers.length = 0;
  probe.reached();
  guest.syn(address, servicePort);
  guest.udp(address, servicePort, "x");
  await refusedAfterwards(probe);
  const answers = guest.answers.filter((one) => one.port === servicePort && (one.kind === "udp" || one.flags === "SA"));
  const reached = probe.reached();
  const held = answers.length === 0 && reached.length === 0;
  return {
    held,
    seen: held ? "nothing came, nobody was reached" : `reached: ${[...reached, ...answers.map((one) => one.from)]}`,
  };
}

let nextPort = 7800;

/** A port where nobody listens says so: whatever was sent before has been dealt with. */
async function refusedAfterwards({ guest }: Probe): Promise<void> {
  const port = nextPort++;
  guest.syn(publicHost, port);
  await guest.until((one) => one.kind === "tcp" && one.port === port);
}
