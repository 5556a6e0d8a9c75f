/** The bridge, its packet filter and its names, with a world outside of the host. */
import { expect, test } from "bun:test";
import { systemSuite } from "./harness.ts";
import { small } from "./host/host.ts";
import { internet, makeOutside, namesAsked, uplink } from "./host/outside.ts";
import { startPython } from "./host/python.ts";

systemSuite("the bridge", (host) => {
  const dig = async (...args: string[]) =>
    host().shell(`dig +noall +comments +answer +authority +time=5 +tries=1 ${args.join(" ")}`);
  /** What a web server says to a guest, whose `wget` needs a resolver's libraries; `none` without an answer. */
  const fetch = (address: string) =>
    `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 ${address} 80 | grep . | tail -n 1 | grep . || echo none`;
  const addressOf = async (name: string) => (await host().json<{ address: string }>(["vm", "show", name])).address;
  const fromOutside = (url: string) =>
    host().run(["ip", "netns", "exec", "outside", "curl", "-sS", "--max-time", "2", url]);

  test("a query below .vm is answered by the host and never leaves it, without any VM", async () => {
    await makeOutside(host());
    await host().install();
    expect(await host().shell("resolvectl query --legend=no example.test")).toContain(internet);
    const { code, stderr } = await host().run(["resolvectl", "query", "sandbox.vm"]);
    expect([code === 0, stderr]).toEqual([false, expect.stringContaining("not found")]);
    await host().shell("! getent hosts sandbox.vm; ! getent hosts 172.16.0.77");
    expect(await namesAsked(host())).toEqual(expect.arrayContaining(["example.test"]));
    expect((await namesAsked(host())).filter((name) => /vm$|^77\./.test(name))).toEqual([]);
  });

  test("nor when the services are stopped, and it is answered again when resolved has restarted", async () => {
    await host().shell("systemctl stop bangerd bangerd-root");
    await host().shell("! resolvectl query --cache=no sandbox.vm");
    await host().shell("systemctl start bangerd-root bangerd; systemctl restart systemd-resolved");
    await host().ok(["vm", "run", "--name", "sandbox", "--detach", ...small]);
    expect(await host().shell("getent hosts sandbox.vm")).toContain(await addressOf("sandbox"));
    expect((await namesAsked(host())).filter((name) => name.endsWith("vm"))).toEqual([]);
  });

  test("names: A, AAAA, SOA, NS and the way back, over UDP and TCP", async () => {
    const address = await addressOf("sandbox");
    expect(await host().shell("resolvectl query --legend=no sandbox.vm")).toContain(address);
    expect(await host().shell(`getent hosts ${address}`)).toMatch(/\ssandbox\.vm\n/);
    for (const transport of ["+notcp", "+tcp"])
      expect(await dig("@172.16.0.1", "sandbox.vm", transport)).toContain(`IN\tA\t${address}`);
    expect(await dig("@172.16.0.1", "sandbox.vm", "AAAA")).toMatch(/status: NOERROR[\s\S]*ANSWER: 0[\s\S]*IN\tSOA/);
    expect(await dig("@172.16.0.1", "nobody.vm")).toMatch(/status: NXDOMAIN[\s\S]*IN\tSOA/);
    expect(await dig("@172.16.0.1", "vm", "NS")).toMatch(/status: NOERROR/);
    expect(await dig("@172.16.0.1", "example.test")).toMatch(/status: REFUSED/);
  });

  test("names are right through rename and delete", async () => {
    await host().ok(["vm", "run", "--name", "second", "--detach", ...small]);
    const address = await addressOf("second");
    await host().ok(["vm", "rename", "second", "renamed"]);
    expect(await host().shell(`getent hosts renamed.vm; ! getent hosts second.vm; getent hosts ${address}`)).toBe(
      (await host().shell("getent hosts renamed.vm")).repeat(2),
    );
  });

  test("guests reach the internet, as the host, and not each other", async () => {
    expect(await host().inGuest("sandbox", fetch(internet))).toBe(uplink.host);
    await host().inGuest("renamed", "mkdir /tmp/w; echo second > /tmp/w/index.html; httpd -p 80 -h /tmp/w");
    expect(await host().shell("curl -sS http://renamed.vm/")).toBe("second\n");
    const said = await host().inGuest("sandbox", fetch(await addressOf("renamed")));
    expect(said).toBe("none");
  });

  test("guests reach nothing of the host but its names", async () => {
    const server = `import socket, time
s = socket.create_server(("0.0.0.0", 8080)); print("ready", flush=True); time.sleep(1000)`;
    await startPython(host(), server);
    for (const address of ["172.16.0.1", uplink.host]) await host().shell(`: </dev/tcp/${address}/8080`);
    for (const address of ["172.16.0.1", uplink.host])
      expect(await host().inGuest("sandbox", `nc -w 5 ${address} 8080 </dev/null && echo open || echo closed`)).toBe(
        "closed",
      );
    expect(await host().inGuest("sandbox", "nslookup sandbox.vm 172.16.0.1 >/dev/null && echo answered")).toBe(
      "answered",
    );
    expect(await host().inGuest("sandbox", "nslookup example.test 172.16.0.1 >/dev/null 2>&1 || echo refused")).toBe(
      "refused",
    );
  });

  test("nothing comes from outside, neither to a guest nor to the names", async () => {
    expect((await fromOutside(`http://${await addressOf("renamed")}/`)).code).not.toBe(0);
    const asked = await host().run([
      "ip",
      "netns",
      "exec",
      "outside",
      "dig",
      "@172.16.0.1",
      "+time=1",
      "+tries=1",
      "sandbox.vm",
    ]);
    expect(asked.stdout).not.toContain("status: NOERROR");
  });

  test("a guest that takes another address or MAC has no network until it gives them up", async () => {
    const [own, victim] = [await addressOf("sandbox"), await addressOf("renamed")];
    const reaches = "ping -c 1 -W 2 172.16.0.1 >/dev/null && echo yes || echo no";
    await host().ok(["vm", "stop", "renamed"]);
    const as = (address: string) =>
      `ip addr flush dev eth0; ip addr add ${address}/24 dev eth0; ip route add default via 172.16.0.1`;
    expect(await host().inGuest("sandbox", `${as(victim)}; ${reaches}; ${as(own)}; ${reaches}`)).toBe("no\nyes");
    const mac = (text: string) =>
      `ip link set eth0 down; ip link set eth0 address ${text}; ip link set eth0 up; ip route add default via 172.16.0.1`;
    expect(
      await host().inGuest(
        "sandbox",
        `old=$(cat /sys/class/net/eth0/address); ${mac("02:00:00:00:00:09")}; ${reaches}; ${mac("$old")}; ${reaches}`,
      ),
    ).toBe("no\nyes");
    await host().ok(["vm", "delete", "renamed"]);
    await host().shell("! getent hosts renamed.vm");
  });

  for (const [what, change] of [
    ["`nft flush ruleset`", "nft flush ruleset"],
    ["the bridge is deleted", "ip link delete br-banger"],
    ["resolved forgets its links", "resolvectl revert br-banger"],
  ] as const)
    test(`all of it is made again after ${what}`, async () => {
      await host().whenMadeAgain(change);
      expect(await host().inGuest("sandbox", fetch(internet))).toBe(uplink.host);
      expect(await host().shell("resolvectl query --cache=no --legend=no sandbox.vm")).toContain(
        await addressOf("sandbox"),
      );
      expect((await fromOutside(`http://${await addressOf("sandbox")}/`)).code).not.toBe(0);
    });

  test("a firewall that drops what it forwards lets guests through", async () => {
    await host().shell("iptables -P FORWARD DROP; iptables -N DOCKER-USER; iptables -A FORWARD -j DOCKER-USER");
    await host().shell("systemctl restart bangerd-root");
    await host().ok(["vm", "exec", "sandbox", "--", "true"]);
    expect(await host().inGuest("sandbox", fetch(internet))).toBe(uplink.host);
    await host().shell("iptables -P FORWARD ACCEPT; iptables -F; iptables -X");
  });
});
