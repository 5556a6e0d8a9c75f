/** A running machine that gets the identity of a copy, seen from inside. Its agent is process 1. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import { gate } from "../../host/testing/gate.ts";
import type { RunningVm } from "../../vmm/driver.ts";
import { guestShell } from "../../vmm/testing/guest-shell.ts";
import { type TinyVms, tinyVms } from "../../vmm/testing/tiny-vm.ts";
import { connectAgent } from "./client.ts";
import type { AgentClient, IdentityReply, IdentityRequest, SettleReply, StatsReply } from "./types.ts";

const network = {
  address: "192.0.2.15",
  prefix: 24,
  gateway: "192.0.2.2",
  mac: "02:00:00:00:00:01",
  dns: ["192.0.2.3"],
  search: [],
};

const template: IdentityRequest = {
  generation: 1,
  template: true,
  hostname: "template",
  machineId: "1".repeat(32),
  network,
  environment: { WHO: "template" },
  authorizedKeys: [],
};

const copy: IdentityRequest = {
  ...template,
  template: false,
  generation: 2,
  hostname: "copy",
  machineId: "2".repeat(32),
  clock: "2000000000.5",
  entropy: Buffer.alloc(64, 7).toString("base64"),
  network: { ...network, address: "192.0.2.77", mac: "02:00:00:00:00:02", dns: ["192.0.2.9"], window: 65_536 },
  environment: { ME: "copy" },
};

const shownBootId = "cat /proc/sys/kernel/random/boot_id";
/** as a container would see it */
const kernelsBootId = "mkdir -p /tmp/p; mount -t proc proc /tmp/p; cat /tmp/p/sys/kernel/random/boot_id; umount /tmp/p";
const bootIdMounts = "grep -c boot_id /proc/self/mountinfo";
/** the limit of receive windows, in bytes; 0: the kernel's own */
const windowOfDefaultRoute = `awk '$2 == "00000000" { print $10 }' /proc/net/route`;

describe.skipIf(gate("vm") !== null)("a copy", () => {
  let vms: TinyVms;
  let vm: RunningVm;
  let agent: AgentClient;
  const sh = (line: string) => guestShell(agent, line);
  const identify = async (request: IdentityRequest) => {
    const stream = await agent.open("identity", request);
    stream.close();
    return stream.reply as IdentityReply;
  };

  beforeAll(async () => {
    vms = await tinyVms("copy");
    const net = { kind: "builtin", mac: network.mac } as const;
    vm = await vms.driver().boot(await vms.spec({ net }), AbortSignal.timeout(60_000));
    agent = await connected(vm);
    expect(agent.hello).toMatchObject({ phase: "boot", generation: 0, bootId: "" });
    const up = new Promise<void>((resolve) => agent.onNotice((notice) => notice["notice"] === "up" && resolve()));
    expect(await identify(template)).toEqual({ ok: true } as IdentityReply);
    await up;
    agent = await connected(vm);
    expect(agent.hello).toMatchObject({ phase: "up", generation: 1, bootId: expect.stringMatching(/^[\da-f-]{36}$/) });
  }, 300_000);
  afterAll(async () => {
    await vm?.kill();
    vms?.remove();
  });

  test("a template has a boot id other than its kernel's", async () => {
    expect(await sh(bootIdMounts)).toBe("1\n");
    expect(await sh(shownBootId)).toMatch(/^[\da-f]{8}-[\da-f-]{27}\n$/);
  });

  test("the first copy is another machine in every respect", async () => {
    await sh(
      "ip addr add 192.0.2.16/24 dev eth0; ip route add 198.51.100.0/24 via 192.0.2.2; " +
        "ip neigh add 192.0.2.8 lladdr 02:00:00:00:00:09 dev eth0; mkdir -p /var/log/journal/$(cat /etc/machine-id)",
    );
    const before = await sh(shownBootId);
    expect(await sh(windowOfDefaultRoute)).toBe("0\n");
    expect(await identify(copy)).toEqual({ ok: true } as IdentityReply);
    const seen = async (line: string) => (await sh(line)).trim();
    expect(await seen("hostname; cat /etc/hostname")).toBe("copy\ncopy");
    expect(await seen("cat /etc/machine-id; ls /var/log/journal")).toBe(`${copy.machineId}\n${copy.machineId}`);
    expect(await seen("echo $ME$WHO")).toBe("copy");
    expect(await seen("cat /etc/resolv.conf")).toBe("nameserver 192.0.2.9");
    expect(Number(await seen("date +%s"))).toBeWithin(2_000_000_000, 2_000_000_060);
    const link = await seen("ip -4 addr show eth0; ip link show eth0");
    expect(link.match(/(?:inet|ether) \S+/g)).toEqual(["inet 192.0.2.77/24", "ether 02:00:00:00:00:02"]);
    const routes = (await seen("ip route")).split("\n").map((line) => line.trim());
    expect(routes.sort()).toEqual([
      "192.0.2.0/24 dev eth0 scope link  src 192.0.2.77",
      "default via 192.0.2.2 dev eth0",
    ]);
    expect(await seen(windowOfDefaultRoute)).toBe("65536");
    expect(await seen("ip neigh show dev eth0")).not.toContain("192.0.2.8 ");
    const after = await sh(shownBootId);
    expect(after).not.toBe(before);
    expect(await sh(kernelsBootId)).toBe(after);
  });

  test("then the mount over the boot id and the IPv6 address of the old MAC are removed", async () => {
    const bootId = await sh(shownBootId);
    await sh("while grep -q boot_id /proc/self/mountinfo; do :; done");
    expect(await sh(shownBootId)).toBe(bootId);
    expect(await sh("ls /run/banger")).toBe("");
    expect(await sh("ip -6 addr show eth0")).toContain("fe80::ff:fe00:2/64");
    expect(await sh("ip -6 addr show eth0")).not.toContain("fe80::ff:fe00:1/64");
  });

  test("the clock alone can be set, and a lower generation can't", async () => {
    await sh("echo mine > /etc/hostname");
    expect(await identify({ generation: 2, clock: "2100000000" })).toEqual({ ok: true } as IdentityReply);
    expect(Number(await sh("date +%s"))).toBeWithin(2_100_000_000, 2_100_000_060);
    expect(await sh("cat /etc/hostname; echo $ME")).toBe("mine\ncopy\n");
    await expect(agent.open("identity", template)).rejects.toMatchObject({ details: { code: "bad_request" } });
  });

  test("copies of copies have their own boot ids, under a single mount", async () => {
    const ids = [await sh(shownBootId)];
    for (const generation of [3, 4, 5]) {
      await identify({ generation });
      ids.push(await sh(shownBootId));
      expect(await sh(bootIdMounts)).toBe("1\n");
    }
    expect(new Set(ids).size).toBe(4);
    await identify({ generation: 6, keepBootId: true });
    expect(await sh(shownBootId)).toBe(ids[3] ?? "");
  });

  test("omitted fields are cleared, and what can't be applied is skipped", async () => {
    await sh("mount -t tmpfs -o ro none /root");
    const reply = await identify({ generation: 7, authorizedKeys: ["ssh-ed25519 key"], hostname: "seven" });
    expect(reply.skipped).toEqual([expect.stringMatching(/^authorized keys: EROFS/)]);
    expect(await sh("hostname; echo $ME")).toBe("seven\n\n");
    await sh("umount /root");
  });

  test("stats count connections with other machines, and CPU time", async () => {
    const stats = async () => {
      const stream = await agent.open("stats", {});
      stream.close();
      return stream.reply as unknown as StatsReply;
    };
    const before = await stats();
    expect(before.connections).toBe(0);
    const { server, port, accepted } = await listenLocal();
    const client = await agent.open("exec", { argv: ["nc", "192.0.2.2", String(port)] });
    (await accepted).write("x");
    expect((await stats()).connections).toBe(1);
    client.close();
    await client.closed;
    server.close();
    await sh("i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done");
    expect((await stats()).cpuMs).toBeGreaterThan(before.cpuMs);
  });

  test("settle discards free blocks", async () => {
    const stream = await agent.open("settle", { trim: true, dropCaches: true });
    stream.close();
    expect((stream.reply as SettleReply).trimmed).toBeGreaterThan(1024 * 1024);
    const plain = await agent.open("settle", {});
    plain.close();
    expect(plain.reply).toEqual({ ok: true });
  });
});

async function connected(vm: RunningVm): Promise<AgentClient> {
  const { stream, resync } = await vm.agent();
  return connectAgent(stream, { resync, timeoutMs: 60_000 });
}

/** On the host's loopback, which QEMU's user-mode network can reach. */
async function listenLocal() {
  const { promise: accepted, resolve } = Promise.withResolvers<Socket>();
  const server = createServer(resolve);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return { server, port: (server.address() as { port: number }).port, accepted };
}
