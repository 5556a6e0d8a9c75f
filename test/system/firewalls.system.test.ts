/** Other firewalls of the host, the real ones: guests get through each of them, and nothing gets in. */
import { expect, test } from "bun:test";
import { systemSuite } from "./harness.ts";
import { small } from "./host/host.ts";
import { internet, makeOutside, uplink } from "./host/outside.ts";

systemSuite(
  "beside another firewall",
  (host) => {
    const addressOf = async (name: string) => (await host().json<{ address: string }>(["vm", "show", name])).address;
    const fetch = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 ${internet} 80 | grep . | tail -n 1 | grep . || echo none`;
    const lookUp = "nslookup sandbox.vm 172.16.0.1 >/dev/null && echo answered || echo none";
    const fromOutside = async (port: number) => {
      const url = `http://${await addressOf("sandbox")}:${port}/`;
      return (await host().run(["ip", "netns", "exec", "outside", "curl", "-sS", "--max-time", "2", url])).code;
    };
    const lines = async () => (await host().banger(["doctor"])).stdout;
    const requireThrough = async () => {
      expect(await host().inGuest("sandbox", `${fetch}; ${lookUp}`)).toBe(`${uplink.host}\nanswered`);
      expect(await host().shell("curl -sS --max-time 5 http://sandbox.vm:3000/")).toBe("hello\n");
      expect(await fromOutside(3000)).not.toBe(0);
    };

    test("none at first", async () => {
      await makeOutside(host());
      await host().install();
      await host().ok(["vm", "run", "--name", "sandbox", "--detach", ...small]);
      await host().inGuest("sandbox", "mkdir /tmp/w; echo hello > /tmp/w/index.html; httpd -p 3000 -h /tmp/w");
      await requireThrough();
    });

    test("ufw, which drops what comes in and what is forwarded", async () => {
      await host().whenMadeAgain("ufw --force enable >/dev/null");
      expect(await host().shell("iptables -S FORWARD")).toContain("-P FORWARD DROP");
      await requireThrough();
      expect(await lines()).toContain("ufw: accepted in the chain FORWARD");
      await host().shell("ufw reload");
      await requireThrough();
      await host().shell("ufw --force disable");
      await requireThrough();
    });

    test("firewalld, also after it is restarted", async () => {
      await host().whenMadeAgain("systemctl start firewalld");
      await requireThrough();
      expect(await lines()).toContain("firewalld: the bridge is in the zone trusted");
      await host().whenMadeAgain("systemctl restart firewalld");
      await requireThrough();
      await host().shell("systemctl stop firewalld");
      await requireThrough();
    });

    test("docker, which drops what is forwarded and is not for its containers", async () => {
      // docker is first: it drops only where it has turned forwarding on by itself
      await host().shell(
        "systemctl stop bangerd bangerd-root; sysctl -qw net.ipv4.ip_forward=0; systemctl start docker",
      );
      await host().shell("systemctl start bangerd-root bangerd");
      expect(await host().shell("iptables -S FORWARD")).toContain("-P FORWARD DROP");
      await requireThrough();
      expect(await lines()).toContain("docker: accepted in the chain FORWARD");
      await host().shell("systemctl restart docker");
      await requireThrough();
      await host().shell("systemctl stop docker docker.socket; iptables -P FORWARD ACCEPT");
    });

    test("the old iptables, which nftables does not show: doctor says what to type, and that is right", async () => {
      await host().shell("iptables-legacy -P FORWARD DROP; systemctl restart bangerd-root");
      await host().ok(["vm", "list"]);
      expect(await host().inGuest("sandbox", fetch)).toBe("none");
      const said = /run `sudo (iptables-legacy .*?)` and `sudo (iptables-legacy .*?)`/.exec(await lines()) ?? [];
      await host().shell(said.slice(1).join("; "));
      await requireThrough();
      await host().shell("iptables-legacy -P FORWARD ACCEPT; iptables-legacy -F");
    });
  },
  { hasFirewalls: true },
);
