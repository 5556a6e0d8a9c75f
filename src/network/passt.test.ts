import { expect, test } from "bun:test";
import { guardedPasst } from "./passt.ts";

const facts = {
  agent: "/l/agent",
  program: "/usr/bin/passt",
  log: "/s/vms/abcd1234/net.log",
  denied: ["10.0.0.0/8", "198.51.100.7/32"],
};

test("the whole command line", () => {
  const argv = guardedPasst({ ...facts, line: { kind: "stream", socket: "/s/vms/abcd1234/net.sock" } });
  expect(argv.join(" ")).toBe(
    "/l/agent netguard --listen /s/vms/abcd1234/net.sock " +
      "--resolver 192.0.2.3 --deny 10.0.0.0/8 --deny 198.51.100.7/32 -- " +
      "/usr/bin/passt --fd 3 --no-map-gw --ipv4-only --address 192.0.2.15 --netmask 24 --gateway 192.0.2.2 " +
      "--dns-forward 192.0.2.3 --no-dhcp --no-dhcpv6 --no-ndp --no-ra --tcp-ports none --udp-ports none " +
      "--log-file /s/vms/abcd1234/net.log --log-size 262144",
  );
});

test("over a VMM's vsock only the line to the guest is another one", () => {
  const stream = guardedPasst({ ...facts, line: { kind: "stream", socket: "/s/net.sock" } });
  const agent = guardedPasst({ ...facts, line: { kind: "agent", socket: "/s/v.sock" } });
  expect(agent.join(" ")).toBe(stream.join(" ").replace("--listen /s/net.sock", "--vsock /s/v.sock"));
});
