/**
 * What a hostile guest reaches through passt. The test plays the guest, so that it can send what no kernel would.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { which } from "../host/facts.ts";
import { exists } from "../host/files/files.ts";
import { connectUnix } from "../host/net/socket.ts";
import { waitForExit } from "../host/process/end.ts";
import { agentBinary, gate } from "../host/testing/gate.ts";
import { type VmPaths, vmPaths } from "../model/paths.ts";
import { makeTempFolder } from "../vmm/testing/temp.ts";
import { gateway, guestAddress, resolver } from "./plan.ts";
import { HandMadeGuest, type IpHead } from "./testing/frames.ts";
import {
  internet,
  loopbackPort,
  makeNamespace,
  metadata,
  multicastGroups,
  type Namespace,
  neighbour,
  openPort,
  outside,
  privateNeighbour,
  privateNetwork,
  recorderPort,
} from "./testing/namespace.ts";
import { HandMadeVsock } from "./testing/vsock.ts";
import { createUserNetwork, type PreparedNetwork } from "./user.ts";

/** of an IPv4 header: what is changed in it, and what is appended */
const fragmentsAndOptions: [string, IpHead][] = [
  ["more fragments to come", { flags: 0x2000 }],
  ["a fragment's offset", { flags: 0x0001 }],
  ["a source route", { options: "8307040101010100" }],
];

const skip = gate("root") ?? gate("tool:passt") ?? gate("tool:ip") ?? gate("vm");

const suite = skip === null ? describe : describe.skip;

/** A guest behind passt, in a network namespace that stands for its host. */
type Link = {
  space: Namespace;
  network: PreparedNetwork;
  guest: HandMadeGuest;
  paths: VmPaths;
  /** ends its VMM */
  end(): Promise<void>;
  remove(): Promise<void>;
};

type Kind = "stream" | "agent";
const kinds: [Kind, string][] = [
  ["stream", "through passt"],
  ["agent", "through passt, over a vsock"],
];

/** @param name of the namespace @param first a command that is run there before the VM's network is made */
async function makeLink(name: string, kind: Kind, deny: readonly string[], first?: readonly string[]): Promise<Link> {
  const folder = makeTempFolder(name);
  const paths = vmPaths(`${folder.path}/abcd1234`);
  const [space] = await Promise.all([makeNamespace(name), folder.make("abcd1234")]);
  if (first) await space.exec(first);
  const network = await createUserNetwork({ ...space, which, agent: agentBinary() ?? "" }).prepare(paths, deny, [kind]);
  const vsock = kind === "agent" ? await HandMadeVsock.listen(paths.vsock) : null;
  const line = vsock ? await vsock.next() : await connectUnix(paths.net);
  const guest = new HandMadeGuest(line, network.identity.mac, guestAddress);
  await guest.resolveGateway(gateway);
  const end = async () => {
    await vsock?.end();
    guest.close();
  };
  return {
    ...{ space, network, guest, paths, end },
    async remove() {
      await end();
      await space.remove();
      folder.remove();
    },
  };
}

/** Resolves with the answer to a query that is sent now. */
function resolved(guest: HandMadeGuest): Promise<unknown> {
  guest.answers.length = 0;
  guest.udp(resolver, 53, "ping");
  return guest.until((answer) => answer.kind === "udp" && answer.from === resolver);
}

suite.each(kinds)("%s: %s", (kind) => {
  let link: Link;
  let guest: HandMadeGuest;

  beforeAll(async () => {
    link = await makeLink(`passt-${kind}`, kind, []);
    ({ guest } = link);
  });
  afterAll(() => link?.remove());

  /** The packets that the other host has received so far: the query is answered after all earlier packets. */
  async function seenByNeighbour(): Promise<string> {
    guest.answers.length = 0;
    guest.udp(neighbour, recorderPort, "seen");
    const answer = await guest.until((a) => a.kind === "udp" && a.port === recorderPort && a.from === neighbour);
    return answer.kind === "udp" ? answer.text : "";
  }

  test("the host's resolver answers, though it is on the host's loopback", async () => {
    expect(await resolved(guest)).toMatchObject({ from: resolver, port: 53, text: "ping" });
  });

  test.each([outside, neighbour, privateNeighbour, privateNetwork, internet])(
    "%s is reached, which the host reaches without its loopback",
    async (address) => {
      guest.syn(address, openPort);
      const answer = await guest.until((a) => a.kind === "tcp" && a.port === openPort && a.from === address);
      expect(answer).toMatchObject({ flags: "SA" });
    },
  );

  test.each(metadata)("the host's metadata service at %s is out of reach", async (address) => {
    guest.syn(address, openPort);
    guest.udp(address, recorderPort, `for ${address}`);
    expect(await seenByNeighbour()).not.toContain(address);
    expect(guest.answers.filter((a) => a.from === address)).toEqual([]);
  });

  test.each([...multicastGroups, "255.255.255.255", "240.0.0.1"])("no packet is forwarded to %s", async (address) => {
    guest.udp(address, recorderPort, `for ${address}`);
    expect(await seenByNeighbour()).not.toContain(address);
  });

  test("IPv6 is dropped", async () => {
    guest.udp6("fd000ec2000000000000000000000254", recorderPort, "over IPv6");
    expect(await seenByNeighbour()).not.toContain("over IPv6");
  });

  test.each(fragmentsAndOptions)("a packet with %s is dropped", async (_, head) => {
    guest.udp(neighbour, recorderPort, "odd", head);
    expect(await seenByNeighbour()).not.toContain("odd");
  });

  test.each([gateway, resolver, "127.0.0.1", "127.0.0.53", "0.0.0.0", outside, guestAddress])(
    "a service on the host's loopback is out of reach by way of %s",
    async (address) => {
      guest.syn(address, loopbackPort);
      // a later query is answered, so the packet above was handled
      await resolved(guest);
      expect(guest.answers.filter((a) => a.kind === "tcp" && a.port === loopbackPort && a.flags === "SA")).toEqual([]);
    },
  );

  test("a resolver on the host's loopback is reached only by its virtual address", async () => {
    guest.udp("127.0.0.53", 53, "ping");
    await resolved(guest);
    expect(guest.answers.filter((a) => a.kind === "udp" && a.from !== resolver)).toEqual([]);
  });

  test("it ends with its VM and removes its socket", async () => {
    await link.end();
    if (link.network.process) await waitForExit(link.network.process);
    expect(await exists(link.paths.net)).toBe(false);
  });
});

suite.each(kinds)("%s: %s, with `lan` denied", (kind) => {
  let link: Link;
  let guest: HandMadeGuest;

  beforeAll(async () => {
    link = await makeLink(`lan-${kind}`, kind, ["lan"]);
    ({ guest } = link);
  });
  afterAll(() => link?.remove());

  test("names are resolved", async () => {
    expect(await resolved(guest)).toMatchObject({ from: resolver, text: "ping" });
  });

  test("the internet is reached", async () => {
    guest.syn(internet, openPort);
    expect(await guest.until((a) => a.kind === "tcp" && a.from === internet)).toMatchObject({ flags: "SA" });
  });

  test.each([
    ["the host's own address", outside],
    ["the host's own address on a network behind no gateway", "10.9.0.2"],
    ["a machine of a public network that the host is attached to", neighbour],
    ["a machine of a private network that the host is attached to", privateNeighbour],
    ["the host's gateway", "198.51.100.1"],
    ["a private network elsewhere", privateNetwork],
    ...metadata.map((address) => ["a metadata service", address] as const),
  ])("%s is out of reach: %s", async (_, address) => {
    guest.syn(address, openPort);
    // a later query is answered, so the packet above was handled
    await resolved(guest);
    expect(guest.answers.filter((a) => a.from === address)).toEqual([]);
  });
});

describe.skipIf(skip !== null)("through passt with one network denied", () => {
  let link: Link;
  beforeAll(async () => {
    link = await makeLink("deny", "stream", ["198.51.100.0/29", "203.0.113.9/32"]);
  });
  afterAll(() => link?.remove());

  test("that network is out of reach, and no other", async () => {
    const { guest } = link;
    for (const address of [neighbour, internet, privateNeighbour]) guest.syn(address, openPort);
    expect(await guest.until((a) => a.kind === "tcp" && a.from === privateNeighbour)).toMatchObject({ flags: "SA" });
    expect(guest.answers.filter((a) => a.from !== privateNeighbour)).toEqual([]);
  });
});

describe.skipIf(skip !== null)("on a host without a default route", () => {
  let link: Link;
  beforeAll(async () => {
    link = await makeLink("noway", "stream", [], ["ip", "route", "del", "default"]);
  });
  afterAll(() => link?.remove());
  const answered = async (address: string) => {
    link.guest.answers.length = 0;
    link.guest.syn(address, openPort);
    return link.guest.until((a) => a.kind === "tcp" && a.port === openPort && a.from === address);
  };

  test("a guest has its network, and reaches the resolver and the network that its host is on", async () => {
    expect(link.network.device.kind).toBe("stream");
    expect(link.network.note).toBeUndefined();
    expect(await resolved(link.guest)).toMatchObject({ from: resolver });
    expect(await answered(neighbour)).toMatchObject({ flags: "SA" });
  });

  test("it does not reach the host's loopback by that", async () => {
    for (const address of [gateway, resolver, "127.0.0.1"]) link.guest.syn(address, loopbackPort);
    await answered(neighbour);
    expect(link.guest.answers.filter((a) => a.kind === "tcp" && a.flags === "SA" && a.from !== neighbour)).toEqual([]);
  });

  test("it reaches everything once its host has a route, without a restart", async () => {
    await link.space.exec(["ip", "route", "add", "default", "via", "198.51.100.1"]);
    expect(await answered(internet)).toMatchObject({ flags: "SA" });
  });
});

test.skipIf(skip !== null)("a host without any interface that is up: a VM has its network nevertheless", async () => {
  const link = await makeLink("island", "stream", [], ["ip", "link", "set", "eth0", "down"]);
  expect(link.network.device.kind).toBe("stream");
  await link.remove();
});
