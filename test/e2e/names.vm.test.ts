/** The names of VMs, as the daemon of a user answers for them on loopback. */
import { expect, test } from "bun:test";
import dgram from "node:dgram";
import { askTcp, askUdp } from "../../src/network/dns/testing/client.ts";
import { vmSuite } from "./harness.ts";

type Shown = { loopbackAddress: string };
type Finding = { name: string; status: string; text: string };

vmSuite("names", (home) => {
  const show = (name: string) => home().json<Shown>(["vm", "show", name]);
  const doctor = async () => {
    const { stdout } = await home().banger(["doctor", "--json"]);
    return (JSON.parse(stdout) as Finding[]).find(({ name }) => name === "dns");
  };
  /** Has the next daemon started with another configuration. @returns what doctor says once it answers */
  const restart = async (config: string) => {
    await home().banger(["daemon", "stop", "--force"]);
    home().configure(`warm_vms = false\n${config}`);
    await home().ok(["vm", "ls"]);
    return doctor();
  };
  const address = async (port: number, name: string) => {
    const { rcode, answers } = await askUdp(port, { name: [name, "vm"] });
    return rcode === 0 ? answers.map(({ data }) => data) : rcode;
  };

  test("a VM has its name and its address from its creation to its deletion, over both transports", async () => {
    const port = await freePort();
    await restart(`dns_port = ${port}\n`);
    await home().ok(["vm", "create", "--name", "box"]);
    await home().ok(["vm", "create", "--name", "other"]);
    const [box, other] = [await show("box"), await show("other")];
    expect(box.loopbackAddress).not.toBe(other.loopbackAddress);
    expect(await address(port, "box")).toEqual([box.loopbackAddress]);
    const reverse = [...box.loopbackAddress.split(".").toReversed(), "in-addr", "arpa"];
    const [a, aaaa, ptr] = await askTcp(port, [
      { name: ["other", "vm"] },
      { name: ["box", "vm"], type: "AAAA" },
      { name: reverse, type: "PTR" },
    ]);
    expect(a?.answers.map(({ data }) => data)).toEqual([other.loopbackAddress]);
    expect([aaaa?.rcode, aaaa?.answers]).toEqual([0, []]);
    expect(ptr?.answers.map(({ data }) => data)).toEqual(["box.vm."]);
    await home().ok(["vm", "rename", "box", "desk"]);
    expect([await address(port, "box"), await address(port, "desk")]).toEqual([3, [box.loopbackAddress]]);
    await home().ok(["vm", "delete", "desk"]);
    expect(await address(port, "desk")).toBe(3);
  }, 60_000);

  test("a daemon that is killed is followed by one at the same port, with the same addresses", async () => {
    const port = await freePort();
    await restart(`dns_port = ${port}\n`);
    const { loopbackAddress } = await show("other");
    await askTcp(port, [{ name: ["other", "vm"] }]);
    await home().killDaemon();
    await home().ok(["vm", "ls"]);
    expect((await doctor())?.text).toContain(`at 127.0.0.1 port ${port}`);
    expect(await address(port, "other")).toEqual([loopbackAddress]);
  }, 60_000);

  test("a port that is taken: the next one is used, and doctor says so; with port 0 nothing is", async () => {
    const taken = dgram.createSocket("udp4");
    await new Promise<void>((resolve) => taken.bind(0, "127.0.0.1", resolve));
    const { port } = taken.address();
    const said = await restart(`dns_port = ${port}\n`);
    const [, moved] = /at 127\.0\.0\.1 port (\d+), because port \d+ is taken/.exec(said?.text ?? "") ?? [];
    expect([said?.status, Number(moved) > port]).toEqual(["ok", true]);
    expect(await address(Number(moved), "other")).toEqual([(await show("other")).loopbackAddress]);
    taken.close();
    expect(await restart("dns_port = 0\n")).toMatchObject({
      status: "ok",
      text: expect.stringContaining("dns_port is 0"),
    });
  }, 60_000);
});

/** One that was free a moment ago. */
async function freePort(): Promise<number> {
  const socket = dgram.createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}
