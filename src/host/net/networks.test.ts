import { expect, test } from "bun:test";
import { attachedNetworks, hostNetworks, localAddresses } from "./networks.ts";

const header = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
const route = (destination: string, gateway: string, flags: string, mask: string) =>
  `${header}\neth0\t${destination}\t${gateway}\t${flags}\t0\t0\t0\t${mask}\t0\t0\t0   \n`;

test.each([
  ["a network on a cable", route("006433C6", "00000000", "0001", "00FFFFFF"), ["198.51.100.0/24"]],
  ["the other end of a point-to-point line", route("0902000A", "00000000", "0005", "FFFFFFFF"), ["10.0.2.9/32"]],
  ["the default route", route("00000000", "010200C0", "0003", "00000000"), []],
  ["a default route without a gateway", route("00000000", "00000000", "0001", "00000000"), []],
  ["half of the internet through a tunnel", route("00000080", "00000000", "0001", "00000080"), []],
  ["a network behind a gateway", route("0000000A", "010200C0", "0003", "000000FF"), []],
  ["a network that is refused", route("0000000A", "00000000", "0201", "000000FF"), []],
  ["the largest network that counts", route("0000000A", "00000000", "0001", "000000FF"), ["10.0.0.0/8"]],
  ["a line that is cut", `${header}\neth0\t0064`, []],
])("%s", (_, text, networks) => expect(attachedNetworks(text)).toEqual(networks));

test("the host's own addresses, each once, without loopback and broadcast", () => {
  const trie = [
    "Main:",
    "  +-- 0.0.0.0/0 3 0 5",
    "     |-- 0.0.0.0",
    "        /0 universe UNICAST",
    "           |-- 127.0.0.1",
    "              /32 host LOCAL",
    "           |-- 198.51.100.0",
    "              /24 link UNICAST",
    "           |-- 198.51.100.2",
    "              /32 host LOCAL",
    "        |-- 198.51.100.255",
    "           /32 link BROADCAST",
  ];
  expect(localAddresses([...trie, "Local:", ...trie.slice(1)].join("\n"))).toEqual(["198.51.100.2/32"]);
});

test("this host's tables are read", async () => {
  const networks = await hostNetworks();
  expect(networks.every((network) => /^\d+\.\d+\.\d+\.\d+\/\d+$/.test(network))).toBe(true);
  expect(networks.filter((network) => network.startsWith("127."))).toEqual([]);
  expect(hostNetworks("/nonexistent")).rejects.toThrow();
});
