import { expect, test } from "bun:test";
import { type PasstFacts, passtArgs } from "./passt.ts";

const facts: PasstFacts = {
  program: "/usr/bin/passt",
  socket: "/s/vms/abcd1234/net.sock",
  log: "/s/vms/abcd1234/net.log",
  pidFile: "/s/vms/abcd1234/net.pid",
  uid: 1000,
  gid: 1000,
  resolvConf: "nameserver 9.9.9.9\n",
  knowsDnsHost: false,
};

test("the whole command line", () => {
  expect(passtArgs(facts).join(" ")).toBe(
    "/usr/bin/passt --one-off --no-map-gw --ipv4-only --address 192.0.2.15 --netmask 24 --gateway 192.0.2.2 " +
      "--dns-forward 192.0.2.3 --no-dhcp --no-dhcpv6 --no-ndp --no-ra --tcp-ports none --udp-ports none " +
      "--socket /s/vms/abcd1234/net.sock --log-file /s/vms/abcd1234/net.log --log-size 262144 --pid /s/vms/abcd1234/net.pid",
  );
});

test.each([
  ["root stays root, without capabilities", { uid: 0, gid: 0 }, "--runas 0:0", true],
  ["a user is left alone", {}, "--runas", false],
  ["systemd-resolved is named for an old passt", { resolvConf: "nameserver 127.0.0.53\n" }, "--dns 127.0.0.53", true],
  ["a newer one finds it", { resolvConf: "nameserver 127.0.0.53\n", knowsDnsHost: true }, "--dns 127", false],
  ["a resolver elsewhere is found by itself", {}, "--dns 9", false],
] as const)("%s", (_, change, words, there) => {
  expect(passtArgs({ ...facts, ...change }).join(" ").includes(words)).toBe(there);
});
