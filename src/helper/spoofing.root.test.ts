/** A guest that sends what is not its own: MAC and IPv4 addresses, ARP, VLAN tags, IPv6, DHCP. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { VmId } from "../base/names.ts";
import { gate } from "../host/testing/gate.ts";
import { bridgeName, defaultBridge, macOf } from "../model/bridge.ts";
import { arpAnswer, ethernet, everyone, routerAdvertisement, udp } from "./testing/frames.ts";
import { type Guest, hostAddress, makeNetwork, type TestNetwork } from "./testing/network.ts";
import { listen, record, vmm } from "./testing/python.ts";
import type { WantedTap } from "./wanted.ts";

/** each program in a namespace is started by ip(8), and the machine may be busy */
setDefaultTimeout(60_000);

const skip = gate("root") ?? gate("tool:ip") ?? gate("tool:nft") ?? gate("tool:python3");
const suite = skip === null ? describe : describe.skip;
const bridge = { mac: macOf(bridgeName), address: defaultBridge.address };

/** all three are open: what isolation stops by itself would show nothing */
const taps: WantedTap[] = ["thief001", "victim01", "witness1"].map((vm, index) => ({
  vm: vm as VmId,
  address: `172.16.0.${index + 2}`,
  isolated: false,
  deny: [],
}));

suite(`a guest that spoofs${skip === null ? "" : ` (skipped: ${skip})`}`, () => {
  let net: TestNetwork;
  let thief: Guest;
  let victim: Guest;
  let witness: Guest;

  beforeAll(async () => {
    net = await makeNetwork("spoof");
    await net.keeper.handle({ verb: "bridge.ensure", ...defaultBridge });
    await net.keeper.handle({ verb: "nat.ensure" });
    for (const one of taps) await net.keeper.handle({ verb: "tap.create", ...one });
    [thief, victim, witness] = (await Promise.all(taps.map((one) => net.plug(one)))) as [Guest, Guest, Guest];
  });

  afterAll(() => net?.remove());

  /** What reached an interface of what the thief sent, as one hex text. */
  async function seen(space: string, device: string, frames: string[]): Promise<string> {
    const listener = await net.start(space, listen, device);
    const end = ethernet(thief.mac, everyone, "0800", udp(thief.tap.address, "255.255.255.255", [1, 9999], "end"));
    await thief.send(...frames, end);
    const line = await listener.lines.next();
    return String(line.value);
  }
  const marked = (text: string) => Buffer.from(text).toString("hex");
  const end = (guest: Guest) => ({ mac: guest.mac, address: guest.tap.address });

  test("frames: its own arrive, others' do not, at guests and at the host", async () => {
    const from = (mac: string, address: string, text: string) =>
      ethernet(mac, everyone, "0800", udp(address, "255.255.255.255", [5000, 5001], text));
    const own = udp(thief.tap.address, "255.255.255.255", [5000, 5001], "tagged");
    const frames = [
      from(thief.mac, thief.tap.address, "its-own"),
      from(victim.mac, thief.tap.address, "other-mac"),
      from(thief.mac, victim.tap.address, "other-address"),
      from(victim.mac, victim.tap.address, "both"),
      from(thief.mac, "0.0.0.0", "no-address"),
      from(thief.mac, "203.0.113.5", "address-elsewhere"),
      ethernet(thief.mac, everyone, "8100000a0800", own),
      ethernet(thief.mac, everyone, "810000000800", own.replace(marked("tagged"), marked("tag-of"))),
      ethernet(thief.mac, everyone, "88a8000a8100000a0800", own.replace(marked("tagged"), marked("double"))),
      ethernet(thief.mac, "33:33:00:00:00:01", "86dd", routerAdvertisement("router!!")),
      ethernet(thief.mac, everyone, "0800", udp(thief.tap.address, "255.255.255.255", [67, 68], "dhcp-offer")),
      ethernet(thief.mac, everyone, "88b5", marked("another-protocol")),
      ethernet(thief.mac, "01:80:c2:00:00:0e", "88cc", marked("lldp")),
    ];
    const [atGuest, atHost] = await Promise.all([
      seen(witness.space, "eth0", frames),
      seen(net.space, bridgeName, frames),
    ]);
    for (const place of [atGuest, atHost]) {
      expect(place).toContain(marked("its-own"));
      for (const text of ["other-mac", "other-address", "both", "no-address", "address-elsewhere"])
        expect([text, place.includes(marked(text))]).toEqual([text, false]);
      for (const text of ["tagged", "tag-of", "double", "router!!", "dhcp-offer", "another-protocol", "lldp"])
        expect([text, place.includes(marked(text))]).toEqual([text, false]);
    }
  });

  /** What programs of the host got of datagrams that the thief sent to one of these MAC addresses. */
  async function received(macs: string[]): Promise<unknown> {
    const recorder = await net.start(net.space, record);
    const to = (mac: string, from: string, address: string, text: string) =>
      ethernet(thief.mac, mac, "0800", udp(from, address, [5000, 9000], text));
    const frames = macs.flatMap((mac) => [
      to(mac, thief.tap.address, bridge.address, "own-address"),
      to(mac, "203.0.113.77", bridge.address, "foreign-address"),
      to(mac, thief.tap.address, hostAddress, "other-address-of-the-host"),
      to(mac, "203.0.113.77", hostAddress, "both"),
    ]);
    await thief.send(...frames);
    expect(await net.askFrom(net.space, "udp", "127.0.0.1", 9000)).toBe("!");
    return (await recorder.lines.next()).value;
  }

  test("frames for the bridge's own protocols, which pass no bridge, bring it to no service of the host", async () => {
    // IEEE 802.1D: 01:80:c2:00:00:0e is LLDP's, :03 that of 802.1X
    expect(await received(["01:80:c2:00:00:0e", "01:80:c2:00:00:03", bridge.mac, everyone])).toBe("");
  });

  test("an interface that was taken out of the bridge brings it to no service of the host either", async () => {
    await net.exec(["ip", "link", "set", "bgr-thief001", "nomaster"]);
    expect(await received([everyone])).toBe("");
    expect(await net.keeper.check()).toBe(true);
    expect(await thief.ask("udp", bridge.address, 53)).toBe(thief.tap.address);
  });

  test("ARP: it answers for itself alone, to the host and to guests", async () => {
    const macOfVictim = async (space: string) => {
      const { stdout } = await net.exec(["ip", "-n", space, "neigh", "show", victim.tap.address]);
      return /lladdr (\S+)/.exec(Buffer.from(stdout).toString())?.[1];
    };
    // both know the victim by now
    await net.askFrom(net.space, "udp", victim.tap.address);
    await witness.ask("udp", victim.tap.address);
    const places = [
      [net.space, bridgeName, bridge],
      [witness.space, "eth0", end(witness)],
    ] as const;
    for (const [space, device, to] of places) {
      const lies = [
        arpAnswer({ mac: thief.mac, claimed: victim.tap.address }, to),
        arpAnswer({ mac: victim.mac, says: thief.mac, claimed: victim.tap.address }, to),
        arpAnswer({ mac: thief.mac, says: victim.mac, claimed: thief.tap.address }, to),
        arpAnswer({ mac: victim.mac, says: thief.mac, claimed: thief.tap.address }, to),
        arpAnswer({ mac: thief.mac, claimed: bridge.address }, to),
      ];
      const truth = arpAnswer({ mac: thief.mac, claimed: thief.tap.address }, to);
      const arrived = await seen(space, device, [...lies, truth]);
      expect([truth, ...lies].map((frame) => arrived.includes(frame))).toEqual([
        true,
        false,
        false,
        false,
        false,
        false,
      ]);
    }
    expect(await macOfVictim(net.space)).toBe(victim.mac);
    expect(await macOfVictim(witness.space)).toBe(victim.mac);
  });

  test("a guest that takes another's MAC address is deaf, and the other is not", async () => {
    const setMac = (mac: string) => net.exec(["ip", "-n", thief.space, "link", "set", "eth0", "address", mac]);
    await setMac(victim.mac);
    expect(await thief.ask("udp", bridge.address, 53)).not.toBe(thief.tap.address);
    expect(await victim.ask("udp", bridge.address, 53)).toBe(victim.tap.address);
    await setMac(thief.mac);
    await net.exec(["ip", "-n", thief.space, "route", "replace", "default", "via", bridge.address]);
    expect(await thief.ask("udp", bridge.address, 53)).toBe(thief.tap.address);
  });

  test("its TAP interface is the owner's alone", async () => {
    const args = [`/run/netns/${net.space}`, "bgr-victim01", "64998", "mine"];
    await expect(net.start(net.outsideSpace, vmm, ...args)).rejects.toThrow("EPERM");
  });
});
