import { expect, test } from "bun:test";
import { makeHostKey } from "./keys.ts";
import { knownHostsText } from "./known-hosts.ts";

const lines = (text: string) => text.split("\n").slice(1, -1);

test("each host key of each VM has a line with the VM's name and address, without the key's comment", () => {
  const [one, other] = [makeHostKey().public, makeHostKey().public];
  const key = (line: string) => line.split(" ").slice(0, 2).join(" ");
  const hosts = [
    { name: "web", address: "172.16.0.3", keys: [one, other] },
    { name: "db", address: "172.16.0.2", keys: [one] },
  ];
  const text = knownHostsText(hosts);
  expect(new Set(lines(text))).toEqual(
    new Set([`web.vm,172.16.0.3 ${key(one)}`, `web.vm,172.16.0.3 ${key(other)}`, `db.vm,172.16.0.2 ${key(one)}`]),
  );
  expect(text).toStartWith("# ");
  expect(knownHostsText(hosts.toReversed())).toBe(text);
});

test("what is no key makes no line", () => {
  const keys = ["", "ssh-ed25519", "ssh-ed25519 AAAA\n* ssh-ed25519 BBBB", "@cert-authority * ssh-ed25519 AAAA"];
  expect(lines(knownHostsText([{ name: "web", address: "172.16.0.2", keys }]))).toEqual([]);
});
