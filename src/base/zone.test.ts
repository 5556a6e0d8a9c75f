import { expect, test } from "bun:test";
import metadata from "../../protocol/metadata-addresses.json";
import { mayName, type Zone, zoneOfAddress, zoneOfHost } from "./zone.ts";

/** The first and last address of each network, and their neighbours outside it. */
const addresses: Record<Zone, string[]> = {
  loopback: [
    ...["127.0.0.0", "127.0.0.1", "127.255.255.255", "0.0.0.0", "0.255.255.255", "::1", "::", "0:0:0:0:0:0:0:1"],
    ...[
      "::ffff:127.0.0.1",
      "::ffff:7f00:1",
      "::127.0.0.1",
      "::ffff:0:127.0.0.1",
      "64:ff9b::127.0.0.1",
      "2002:7f00:1::",
    ],
    "::ffff:0.0.0.0",
  ],
  private: [
    ...["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255"],
    ...["100.64.0.0", "100.127.255.255", "192.0.0.0", "192.0.0.255", "198.18.0.0", "198.19.255.255"],
    ...["100.100.100.199", "100.100.100.201", "192.0.0.191", "192.0.0.193", "fd20:ce::253", "fd00:ec2::255"],
    ...["fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fec0::1", "feff::1", "64:ff9b:1::a00:1", "2001::1"],
    ...["64:ff9b:1:ffff:ffff:ffff:808:808", "2001:0:ffff:ffff::1"],
    ...["::ffff:10.0.0.1", "64:ff9b::a00:1", "64:ff9b::192.168.1.1", "2002:c0a8:101::1"],
  ],
  "link-local": [
    ...["169.254.0.0", "169.254.169.254", "169.254.255.255", "fe80::", "fe80::1%eth0", "febf::1", "fd00:ec2::254"],
    ...["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "::ffff:168.63.129.16", "2002:6464:64c8::"],
    ...metadata.map(({ address }) => address),
  ],
  reserved: [
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "ff02::1",
    "100::1",
    "",
    "no",
    "1.2.3",
    "1.2.3.256",
  ],
  public: [
    ...["1.0.0.0", "9.255.255.255", "11.0.0.0", "126.255.255.255", "128.0.0.0", "172.15.255.255", "172.32.0.0"],
    ...["192.167.255.255", "192.169.0.0", "100.63.255.255", "100.128.0.0", "169.253.255.255", "169.255.0.0"],
    ...[
      "168.63.129.15",
      "168.63.129.17",
      "192.0.1.0",
      "198.17.255.255",
      "198.20.0.0",
      "223.255.255.255",
      "2606:4700::1",
      "2001:4860::8888",
      "2001:1::1",
    ],
    ...[
      "::ffff:8.8.8.8",
      "64:ff9b::808:808",
      "::8.8.8.8",
      "::ffff:0:8.8.8.8",
      "2002:808:808::",
      "fbff::1",
      "fe00::1",
      "64:ff9b:0:0:0:1::",
    ],
  ],
};
for (const [zone, some] of Object.entries(addresses)) {
  test(`${zone} addresses`, () => {
    expect(some.map((address) => [address, zoneOfAddress(address)])).toEqual(some.map((one) => [one, zone as Zone]));
  });
}

const spellings: [url: string, zone: Zone | null][] = [
  ["http://127.0.0.1/", "loopback"],
  ["http://127.1/", "loopback"],
  ["http://2130706433/", "loopback"],
  ["http://0x7f000001/", "loopback"],
  ["http://0177.0.0.1/", "loopback"],
  ["http://017700000001/", "loopback"],
  ["http://127.0.0.1./", "loopback"],
  ["http://１２７.0.0.1/", "loopback"],
  ["http://0/", "loopback"],
  ["http://[::1]/", "loopback"],
  ["http://[::ffff:127.0.0.1]/", "loopback"],
  ["http://localhost/", "loopback"],
  ["http://LOCALHOST./", "loopback"],
  ["http://a.localhost/", "loopback"],
  ["http://ip6-localhost/", "loopback"],
  ["http://0xa9fea9fe/", "link-local"],
  ["http://[fe80::1]/", "link-local"],
  ["http://10.1/", "private"],
  ["http://[fd00::1]/", "private"],
  ["http://8.8.8.8/", "public"],
  ["http://registry.example/", null],
  ["http://localhost.example/", null],
  ["http://notlocalhost/", null],
];
for (const [url, zone] of spellings) {
  test(`the host of ${url} is ${zone ?? "to be resolved"}`, () => {
    expect(zoneOfHost(new URL(url).hostname)).toBe(zone);
  });
}

test("an empty name is not a server's address", () => {
  expect(["", ".", ".."].map(zoneOfHost)).toEqual(["reserved", "reserved", "reserved"]);
});

test("a zone id does not bypass the check: the URL parser refuses it", () => {
  for (const host of ["[fe80::1%eth0]", "[fe80::1%25eth0]", "[::1%25lo]"])
    expect(URL.canParse(`http://${host}/`)).toBe(false);
});

test("every server may name public servers; only servers of the same kind may name others", () => {
  const zones: Zone[] = ["public", "private", "link-local", "loopback", "reserved"];
  for (const from of zones)
    expect(zones.filter((to) => mayName(from, to)).toSorted()).toEqual([...new Set<Zone>(["public", from])].toSorted());
});

test("no server outside its zone may name a metadata service", () => {
  for (const { address } of metadata)
    for (const from of ["public", "private", "loopback"] as const)
      expect([address, mayName(from, zoneOfAddress(address))]).toEqual([address, false]);
});
