/** Names of VMs without system mode: systemd-resolved asks the daemon of a user, as `banger doctor` says how. */
import { beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemSuite } from "./harness.ts";
import { small } from "./host/host.ts";
import { internet, makeOutside, namesAsked, uplink } from "./host/outside.ts";

type Finding = { name: string; status: string; text: string; fix?: string };

systemSuite("names without system mode", (host) => {
  const dns = async () =>
    (JSON.parse((await host().banger(["doctor", "--json"])).stdout) as Finding[]).find(({ name }) => name === "dns");
  const lookUp = async (name: string) => {
    const { stdout } = await host().as("other", ["getent", "ahostsv4", name]);
    return stdout.split(/\s/)[0] ?? "";
  };
  let address = "";

  beforeAll(async () => {
    await makeOutside(host());
    await host().ok(["vm", "create", "--name", "box", ...small]);
    address = (await host().json<{ loopbackAddress: string }>(["vm", "show", "box"])).loopbackAddress;
  }, 60_000);

  test("what doctor says to type makes every program resolve them", async () => {
    // the resolver outside has an address for every name
    const found = await dns();
    expect(found?.text).toEndWith(`resolver has ${internet} for a name below .vm`);
    const [, command = ""] = /run `(.*)`/.exec(found?.fix ?? "") ?? [];
    expect(command).toContain("/etc/systemd/resolved.conf.d/banger.conf");
    const typed = await host().as("owner", ["bash", "-c", command]);
    expect([typed.code, typed.stderr]).toEqual([0, ""]);
    expect(await lookUp("box.vm")).toBe(address);
    expect((await dns())?.text).toEndWith("and this host's resolver asks there");
  }, 60_000);

  test("a server on the guest's loopback is reached by the VM's name", async () => {
    await host().ok(["vm", "start", "box", "--wait=agent"], { timeoutMs: 300_000 });
    await host().inGuest("box", "mkdir /tmp/w; echo hello > /tmp/w/index.html; httpd -p 127.0.0.1:3000 -h /tmp/w");
    // forwarded up to half a second after it begins to listen
    const waiting = ["--retry", "10", "--retry-delay", "1", "--retry-connrefused"];
    const { code, stdout } = await host().as("other", ["curl", "-sS", ...waiting, "http://box.vm:3000"]);
    expect([code, stdout]).toEqual([0, "hello\n"]);
    await host().ok(["vm", "kill", "box"]);
  }, 400_000);

  test.each(["~.", "", "lan"])(
    "other names are looked up as before, with %p as the link's domain",
    async (domain) => {
      await host().run(["resolvectl", "domain", "uplink", domain]);
      await host().run(["resolvectl", "flush-caches"]);
      for (let at = 0; at < 20; at++) expect(await lookUp(`n${at}.example.test`)).toBe(internet);
      expect([await lookUp("box.vm"), await lookUp("nobody.vm")]).toEqual([address, ""]);
    },
    60_000,
  );

  test("without the daemon there are no names, other names are looked up, and it is asked again once it runs", async () => {
    await host().ok(["daemon", "stop"]);
    expect([await lookUp("box.vm"), await lookUp("example.test")]).toEqual(["", internet]);
    await host().ok(["vm", "rename", "box", "desk"]);
    expect((await dns())?.status).toBe("ok");
    expect([await lookUp("desk.vm"), await lookUp("box.vm")]).toEqual([address, ""]);
  }, 60_000);

  test("no query below .vm has left the host since", async () => {
    const asked = await namesAsked(host());
    expect(asked).toContain("example.test");
    expect(asked.filter((name) => name.endsWith(".vm") && name !== "_banger.vm")).toEqual([]);
  });

  test("where resolved has servers of its own, a link for the daemon does it", async () => {
    await host().shell(`set -e; cd /etc/systemd/resolved.conf.d; printf '[Resolve]\\nDNS=${uplink.resolver}\\n' >banger.conf
resolvectl revert uplink; systemctl restart systemd-resolved`);
    expect(await lookUp("desk.vm")).toBe(internet);
    for (const suffix of ["netdev", "network"]) {
      const file = `/etc/systemd/network/50-banger.${suffix}`;
      // a kernel without dummy devices has these
      const text = fromDocs(file).replace("dummy", "ifb");
      await host().shell(`cat >${file} <<'END'\n${text}END\n`);
    }
    const wait = "/lib/systemd/systemd-networkd-wait-online --interface=banger0:routable --timeout=30";
    await host().shell(`set -e; systemctl restart systemd-networkd; ${wait}`);
    const found = [await lookUp("desk.vm"), await lookUp("box.vm"), await lookUp("n.example.test")];
    expect(found).toEqual([address, "", internet]);
    // neither of them is asked of the daemon then
    const strict = "printf 'DNSSEC=yes\\nDNSOverTLS=yes\\n' >>/etc/systemd/resolved.conf.d/banger.conf";
    await host().shell(`set -e; ${strict}; systemctl restart systemd-resolved; ${wait}`);
    expect([await lookUp("desk.vm"), await lookUp("m.example.test")]).toEqual([address, ""]);
  }, 90_000);
});

/** The lines that the documentation has for a file. */
function fromDocs(path: string): string {
  const text = readFileSync(join(import.meta.dirname, "../../docs/dns-routing.md"), "utf8");
  const [, lines = ""] = text.slice(text.indexOf(`\`${path}\``)).match(/```text\n([^`]*)```/) ?? [];
  return lines;
}
