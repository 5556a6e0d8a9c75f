import { expect, test } from "bun:test";
import { bridgeName, tapName } from "../model/bridge.ts";
import type { Link } from "./links.ts";
import { recover } from "./recover.ts";
import { rulesetOf } from "./ruleset.ts";
import { shapeOf } from "./ruleset-shape.ts";
import { tapA, tapB, vmA, vmB, wantedTwo } from "./testing/wanted.ts";
import { nothingWanted, type Wanted } from "./wanted.ts";

const link = (name: string, kind: string, addresses: string[] = []): Link => ({
  name,
  kind,
  addresses,
  isUp: true,
  mac: "",
  master: "",
  isIsolated: false,
});
const links = [link(bridgeName, "bridge", ["172.16.0.1/24"]), link(tapName(vmA), "tun"), link(tapName(vmB), "tun")];
const found = (wanted: Wanted) => {
  const [bridge = null, inet = null, flows = null] = rulesetOf(wanted).map(shapeOf);
  return { bridge, inet, flows };
};

test("all that was kept", () => {
  const deny = ["10.0.0.0-10.255.255.255"];
  expect(recover(links, found(wantedTwo))).toEqual({ ...wantedTwo, taps: [tapA, { ...tapB, deny }] });
  expect(recover(links, found({ ...wantedTwo, nat: false }))).toMatchObject({ nat: false });
});

test("nothing without a bridge, its address or a table", () => {
  const tables = found(wantedTwo);
  expect(recover(links.slice(1), tables)).toEqual(nothingWanted);
  expect(recover([link(bridgeName, "bridge"), ...links.slice(1)], tables)).toEqual(nothingWanted);
  expect(recover(links, { ...tables, inet: null })).toEqual(nothingWanted);
  expect(recover(links, { ...tables, bridge: null })).toEqual(nothingWanted);
});

test.each([
  ["whose interface is gone", links.filter(({ name }) => name !== tapName(vmA)), "bgr-aaaa1111 . MAC . 172.16.0.2"],
  ["with another MAC address", links, "bgr-aaaa1111 . 02:00:00:00:00:01 . 172.16.0.2"],
  ["with an address elsewhere", links, "bgr-aaaa1111 . MAC . 8.8.8.8"],
  ["that is none", links, "eth0"],
])("no guest %s", (_, has, element) => {
  const tables = found(wantedTwo);
  const mac = (tables.bridge?.sets["guests"] ?? []).find((one) => one.startsWith("bgr-aaaa"))?.split(" . ")[1] ?? "";
  if (tables.bridge) tables.bridge.sets["guests"] = [element.replace("MAC", mac)];
  expect(recover(has, tables).taps).toEqual([]);
});
