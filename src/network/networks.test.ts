import { expect, test } from "bun:test";
import type { VmId } from "../base/names.ts";
import { vmPaths } from "../model/paths.ts";
import type { BridgeNetwork } from "./bridge.ts";
import { combineNetworks } from "./networks.ts";
import type { UserNetwork } from "./user.ts";

const paths = vmPaths("/s/vms/abcd1234");
const process = { pid: 7, startTicks: 8 };

function door(hasBridge = true) {
  const calls: string[] = [];
  const note = (name: string) => async (one: unknown) => {
    calls.push(`${name} ${JSON.stringify(one)}`);
    return name as never;
  };
  const user: UserNetwork = { kind: note("user kind"), prepare: note("user"), stop: note("user stop") };
  const bridge: BridgeNetwork = {
    kind: note("bridge kind"),
    prepare: note("bridge"),
    stop: async () => void calls.push("bridge stop"),
    forget: (id) => void calls.push(`forget ${id}`),
    status: () => expect.unreachable(),
    settled: Promise.resolve(),
    close: () => {},
  };
  return { calls, door: combineNetworks(user, hasBridge ? bridge : null) };
}

test("a VM's network is made by the one that its spec names", async () => {
  const { calls, door: networks } = door();
  const asked = (kind: "user" | "bridge") => ({ kind, deny: ["lan"] });
  expect(await networks.kind(asked("user"), ["stream"])).toBe("user kind" as never);
  expect(await networks.kind(asked("bridge"), ["tap"])).toBe("bridge kind" as never);
  expect(await networks.prepare(paths, asked("bridge"), ["tap"])).toBe("bridge" as never);
  expect(calls.slice(0, 2)).toEqual(['user kind ["lan"]', 'bridge kind ["lan"]']);
});

test("a network is removed without knowing which it was", async () => {
  const { calls, door: networks } = door();
  await networks.stop(process, paths);
  await networks.stop(null, paths);
  networks.forget("abcd1234" as VmId);
  expect(calls).toEqual([`user stop ${JSON.stringify(process)}`, "bridge stop", "bridge stop", "forget abcd1234"]);
});

test("without a bridge a VM on one is refused, and there is nothing to remove", async () => {
  const { calls, door: networks } = door(false);
  const refused = { code: "NETWORK_NEEDS_SYSTEM" };
  await expect(networks.kind({ kind: "bridge", deny: [] }, ["tap"])).rejects.toMatchObject(refused);
  await expect(networks.prepare(paths, { kind: "bridge", deny: [] }, ["tap"])).rejects.toMatchObject(refused);
  await networks.stop(null, paths);
  networks.forget("abcd1234" as VmId);
  expect(calls).toEqual([]);
});
