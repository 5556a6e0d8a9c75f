/** A real guest behind passt, in a network namespace that stands for the host. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { which } from "../host/facts.ts";
import { agentBinary, gate } from "../host/testing/gate.ts";
import { vmPaths } from "../model/paths.ts";
import type { RunningVm } from "../vmm/driver.ts";
import { guestShell } from "../vmm/testing/guest-shell.ts";
import { type TinyVms, tinyVms } from "../vmm/testing/tiny-vm.ts";
import { connectAgent } from "../wire/agent/client.ts";
import type { AgentClient } from "../wire/agent/types.ts";
import { gateway, resolver } from "./plan.ts";
import { loopbackPort, makeNamespace, type Namespace, openPort, outside } from "./testing/namespace.ts";
import { createUserNetwork } from "./user.ts";

const skip = gate("root") ?? gate("tool:passt") ?? gate("tool:ip") ?? gate("vm");

describe.skipIf(skip !== null)("a guest's network", () => {
  let space: Namespace;
  let vms: TinyVms;
  let vm: RunningVm;
  let agent: AgentClient;
  let sh: (line: string) => Promise<string>;

  beforeAll(async () => {
    [space, vms] = await Promise.all([makeNamespace("user"), tinyVms("net")]);
    const spec = await vms.spec();
    const user = createUserNetwork({
      which,
      agent: agentBinary() ?? "",
      ...space,
    });
    const network = await user.prepare(vmPaths(spec.directory), [], ["stream"]);
    expect(network.note).toBeUndefined();
    vm = await vms.driver().boot({ ...spec, net: network.device }, AbortSignal.timeout(60_000));
    const { stream, resync } = await vm.agent();
    agent = await connectAgent(stream, { resync, timeoutMs: 60_000 });
    sh = (line) => guestShell(agent, line, network.identity);
  }, 300_000);
  afterAll(async () => {
    await vm?.kill();
    await space?.remove();
    vms?.remove();
  });

  test("names are resolved by the host's resolver", async () => {
    expect(await sh(`busybox nslookup service.example ${resolver} 2>&1`)).toContain(outside);
    expect(await sh("cat /etc/resolv.conf")).toContain(`nameserver ${resolver}`);
  }, 30_000);

  test("the guest reaches what the host reaches", async () => {
    expect(await sh(ask(outside, openPort, 20))).toEndWith("hello");
  }, 30_000);

  test("a service on the host's loopback is out of reach, whatever the guest's root does", async () => {
    const ways = [gateway, resolver, outside].map((to) => ask(to, loopbackPort, 2));
    const routed = `ip addr flush dev lo; echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet; ip route add 127.0.0.0/8 via ${gateway}`;
    ways.push(routed, ask("127.0.0.1", loopbackPort, 2));
    expect(await sh(`(${ways.join("; ")}) 2>/dev/null`)).toBe("");
  }, 60_000);
});

/** busybox's wget crashes when it is linked statically. */
function ask(host: string, port: number, seconds: number): string {
  return `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | timeout ${seconds} nc ${host} ${port}`;
}
