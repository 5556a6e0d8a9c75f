import { expect, test } from "bun:test";
import { memoryLogger } from "../host/testing/log.ts";
import { removeNetwork } from "./removal.ts";
import { removalText } from "./ruleset-text.ts";
import { fakeHost } from "./testing/fake-host.ts";
import { wantedTwo } from "./testing/wanted.ts";

const links =
  "ip -batch - <<link del dev bgr-aaaa1111\nlink del dev bgr-bbbb2222\nlink del dev banger-carrier\nlink del dev br-banger\n";
const tables = `nft -f - <<${removalText()}`;
const revert = "resolvectl revert br-banger";

test("everything goes: resolver, rules of other firewalls, interfaces, tables", async () => {
  const rule = "-i br-banger -m comment --comment banger -j ACCEPT";
  const host = fakeHost({
    [revert]: {},
    "iptables -S FORWARD": { stdout: `-P FORWARD DROP\n-A FORWARD ${rule}\n` },
    [`iptables -D FORWARD ${rule}`]: {},
    "firewall-cmd --zone=trusted --remove-interface=br-banger": {},
  });
  host.is(wantedTwo);
  const chains = [
    { chain: { family: "ip", table: "filter", name: "FORWARD", hook: "forward", policy: "drop" } },
    { chain: { family: "inet", table: "firewalld", name: "filter_INPUT" } },
  ];
  host.state.chains = JSON.stringify({ nftables: chains });
  await removeNetwork(host.exec, memoryLogger());
  expect(host.changes()).toEqual([
    revert,
    "iptables -S FORWARD",
    `iptables -D FORWARD ${rule}`,
    "firewall-cmd --zone=trusted --remove-interface=br-banger",
    links,
    tables,
  ]);
});

test("a step that fails does not keep the others, and is reported", async () => {
  const host = fakeHost({ [revert]: { exitCode: 1 }, "nft --json list chains": { exitCode: 1, stderr: "no netlink" } });
  host.is(wantedTwo);
  const log = memoryLogger();
  await expect(removeNetwork(host.exec, log)).rejects.toThrow("no netlink");
  expect(host.changes()).toEqual([revert, links, tables]);
  expect(log.lines).toHaveLength(1);
});

test("where nothing is there, nothing fails", async () => {
  const host = fakeHost({ [revert]: { exitCode: 1 } });
  await removeNetwork(host.exec, memoryLogger());
  expect(host.changes()).toEqual([revert, tables]);
});
