/** The server on a bridge that comes and goes, and what others than its guests get from it. All in network namespaces of the test's own. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { spawnPiped } from "../../host/process/children.ts";
import { createExec } from "../../host/process/exec-node.ts";
import { gate } from "../../host/testing/gate.ts";

const skip = gate("root") ?? gate("tool:ip") ?? gate("tool:dig") ?? gate("tool:python3");
const suite = skip === null ? describe : describe.skip;
const program = new URL("testing/server-program.ts", import.meta.url).pathname;
const host = `banger-dns-${process.pid}`;
const guest = `${host}-guest`;
const outside = `${host}-out`;
const exec = createExec({ PATH: process.env["PATH"] ?? "" });

async function run(space: string, words: string, mayFail = false): Promise<string> {
  const { exitCode, stdout, stderr } = await exec(["ip", "netns", "exec", space, ...words.split(" ")]);
  if (exitCode !== 0 && !mayFail) throw new Error(`${words}: ${Buffer.from(stderr)}`);
  return Buffer.from(stdout).toString().trim();
}

/** The host with a port for the guest in `br0`, and an address on another network. */
async function makeBridge(): Promise<void> {
  await run(host, "ip link add br0 type bridge");
  await run(host, "ip link set tap0 master br0");
  await run(host, "ip addr add 172.16.0.1/24 dev br0");
  await run(host, "ip link set br0 up");
}

type Served = {
  /** the first line that it prints */
  said: string;
  /** lines of its log so far */
  log: string[];
  /** the next line of its log */
  nextLine(): Promise<string>;
  kill(): void;
};

async function serve(): Promise<Served> {
  const child = spawnPiped(["ip", "netns", "exec", host, process.execPath, program, "172.16.0.1", "24", "53"]);
  const lines = createInterface({ input: Readable.from(child.stdout) });
  const log: string[] = [];
  const next = () => new Promise<string>((resolve) => lines.once("line", resolve));
  const said = await next();
  lines.on("line", (line) => log.push(line));
  return { said, log, nextLine: next, kill: () => child.kill("SIGKILL") };
}

const question = "+tries=1 +time=1 +short @172.16.0.1 sandbox.vm";

suite(`the DNS server on a bridge${skip === null ? "" : ` (skipped: ${skip})`}`, () => {
  let served: Served | undefined;
  beforeAll(async () => {
    for (const space of [host, guest, outside]) {
      await exec(["ip", "netns", "add", space]);
      await run(space, "ip link set lo up");
    }
    const links = [
      ["tap0", guest, "172.16.0.5/24"],
      ["uplink", outside, "192.0.2.9/24"],
    ] as const;
    for (const [name, space, address] of links) {
      await run(host, `ip link add ${name} type veth peer name eth0 netns ${space}`);
      await run(host, `ip link set ${name} up`);
      await run(space, "ip link set eth0 up");
      await run(space, `ip addr add ${address} dev eth0`);
    }
    await run(host, "ip addr add 192.0.2.1/24 dev uplink");
    await run(outside, "ip route add 172.16.0.0/24 via 192.0.2.1");
  });
  afterAll(async () => {
    for (const space of [host, guest, outside]) await exec(["ip", "netns", "del", space]);
  });
  beforeEach(makeBridge);
  afterEach(async () => {
    served?.kill();
    served = undefined;
    await run(host, "ip link del br0", true);
  });

  const ask = (space: string, more = "") => run(space, `dig ${more} ${question}`.replace("  ", " "), true);

  test("guests and the host get answers, whatever the host's source address is", async () => {
    served = await serve();
    expect(served.said).toBe("ready 53");
    for (const more of ["", "+tcp"]) {
      expect(await ask(guest, more)).toBe("172.16.0.5");
      for (const source of ["172.16.0.1", "127.0.0.1", "192.0.2.1"])
        expect(await ask(host, `${more} -b ${source}`.trim())).toBe("172.16.0.5");
    }
  });

  test("another network gets none, over UDP and TCP, and is named in the log", async () => {
    served = await serve();
    const logged = served.nextLine();
    expect(await ask(outside)).toContain("timed out");
    expect(await logged).toContain('"from":"192.0.2.9"');
    expect(await ask(outside, "+tcp")).not.toContain("172.16.0.5");
    expect(await ask(guest)).toBe("172.16.0.5");
  });

  test("without the bridge it does not start, and says so", async () => {
    await run(host, "ip link del br0");
    served = await serve();
    expect(served.said).toBe("EADDRNOTAVAIL");
  });

  test("a bridge that is deleted and made again is served again", async () => {
    served = await serve();
    await run(host, "ip link del br0");
    expect(await ask(host, "-b 127.0.0.1")).not.toContain("172.16.0.5");
    await makeBridge();
    for (const more of ["", "+tcp"]) {
      expect(await ask(guest, more)).toBe("172.16.0.5");
      expect(await ask(host, more)).toBe("172.16.0.5");
    }
    expect(served.log).toEqual([]);
  });

  test("a datagram from port 0 gets no answer and ends nothing", async () => {
    served = await serve();
    const query = "000701000001000000000000" + "0773616e64626f7802766d0000010001";
    // a UDP header of its own: source port 0, port 53, length, no checksum
    const send = `import socket;q=bytes.fromhex("${query}");u=(0).to_bytes(2,"big")+(53).to_bytes(2,"big")+(8+len(q)).to_bytes(2,"big")+bytes(2);socket.socket(socket.AF_INET,socket.SOCK_RAW,17).sendto(u+q,("172.16.0.1",0))`;
    const { exitCode, stderr } = await exec(["ip", "netns", "exec", guest, "python3", "-c", send]);
    expect([exitCode, Buffer.from(stderr).toString()]).toEqual([0, ""]);
    expect(await ask(guest)).toBe("172.16.0.5");
    expect(served.log).toEqual([]);
  });
});
