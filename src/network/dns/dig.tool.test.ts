/** The server as a real client sees it: dig(1). */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createExec } from "../../host/process/exec-node.ts";
import { gate } from "../../host/testing/gate.ts";
import { memoryLogger } from "../../host/testing/log.ts";
import { type DnsServer, startDns } from "./server.ts";
import { loopbackNetwork } from "./user-dns.ts";

const skip = gate("tool:dig");
const exec = createExec(process.env as Record<string, string>);

describe.skipIf(skip !== null)(`dig${skip === null ? "" : ` (skipped: ${skip})`}`, () => {
  let server: DnsServer;
  beforeAll(async () => {
    const names = {
      addressOf: (name: string) => (name === "sandbox" ? "127.0.0.5" : null),
      nameOf: (address: string) => (address === "127.0.0.5" ? "sandbox" : null),
    };
    server = await startDns({ network: loopbackNetwork, port: 0, names, log: memoryLogger() });
  });
  afterAll(() => server.close());

  async function dig(...words: string[]): Promise<string> {
    const argv = ["dig", "@127.0.0.1", "-p", String(server.port), "+tries=1", "+time=5", ...words];
    const { exitCode, stdout } = await exec(argv);
    expect(exitCode).toBe(0);
    return Buffer.from(stdout).toString();
  }

  /** The status, the flags, and the records without their white space. */
  async function asked(...words: string[]) {
    const text = await dig(...words);
    return {
      status: /status: (\w+)/.exec(text)?.[1],
      flags: /flags: ([a-z ]*);/.exec(text)?.[1],
      records: text
        .split("\n")
        .filter((line) => /^[^;\s]/.test(line))
        .map((line) => line.replace(/\s+/g, " ")),
      // a query that was sent twice, or an answer that dig could not read whole
      complaints: text.split("\n").filter((line) => /^;; (?:Warning|BADCOOKIE|Got bad|Truncated)/.test(line)),
    };
  }

  const soa = "vm. 0 IN SOA vm. hostmaster.vm. 1 86400 7200 3600000 0";
  const ok = { status: "NOERROR", flags: "qr aa rd", complaints: [] };

  test.each(["", "+tcp", "+noedns", "+bufsize=512", "+dnssec", "+padding=128", "+nsid +subnet=192.0.2.0/24"])(
    "an address %p",
    async (options) => {
      const words = options.split(" ").filter((word) => word !== "");
      expect(await asked(...words, "sandbox.vm")).toEqual({ ...ok, records: ["sandbox.vm. 0 IN A 127.0.0.5"] });
    },
  );

  test("the other answers", async () => {
    expect(await asked("SandBox.VM", "AAAA")).toEqual({ ...ok, records: [soa.replaceAll(/\bvm\./g, "VM.")] });
    expect(await asked("vm", "SOA")).toEqual({ ...ok, records: [soa] });
    expect(await asked("vm", "NS")).toEqual({ ...ok, records: ["vm. 0 IN NS vm."] });
    expect(await asked("-x", "127.0.0.5")).toEqual({
      ...ok,
      records: ["5.0.0.127.in-addr.arpa. 0 IN PTR sandbox.vm."],
    });
    expect(await asked("sandbox.vm", "ANY")).toEqual({ ...ok, records: ['sandbox.vm. 0 IN HINFO "RFC8482" ""'] });
    expect(await asked("other.vm")).toEqual({ ...ok, status: "NXDOMAIN", records: [soa] });
    expect(await asked("sandbox.vm", "+norecurse")).toMatchObject({ flags: "qr aa" });
  });

  test.each([
    [["example.com"], "REFUSED"],
    [["version.bind", "TXT", "CH"], "REFUSED"],
    [["sandbox.vm", "+opcode=NOTIFY"], "NOTIMP"],
    [["sandbox.vm", "+edns=1", "+noednsneg"], "BADVERS"],
  ])("%p: %s", async (words, status) => {
    expect(await asked(...words)).toMatchObject({ status, records: [], complaints: [] });
  });

  test("a transfer of the zone is refused", async () => {
    for (const type of ["AXFR", "IXFR=1"]) expect(await dig("vm", type)).toContain("Transfer failed");
  });

  test("several queries over one connection", async () => {
    const text = await dig("+keepopen", "+tcp", "+short", "sandbox.vm", "A", "vm", "NS", "other.vm", "A");
    expect(text).toBe("127.0.0.5\nvm.\n");
  });
});
