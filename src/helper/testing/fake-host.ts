/** A host for the keeper's tests: each program's answer is a text that the test sets, and what it was given on stdin is kept. */
import { fakeExec } from "../../host/testing/exec.ts";
import { memoryLogger } from "../../host/testing/log.ts";
import { bridgeName, macOf, tapName } from "../../model/bridge.ts";
import { Keeper } from "../keeper.ts";
import { type NftTable, rulesetOf } from "../ruleset.ts";
import type { Wanted } from "../wanted.ts";

const listLinks = "ip -json -details address show";

export type FakeHost = ReturnType<typeof fakeHost>;

/** @param answers command lines that the test adds, or answers in another way */
export function fakeHost(answers: Parameters<typeof fakeExec>[0] = {}) {
  const state = {
    legacy: [] as string[],
    links: "[]",
    routes: "[]",
    chains: '{"nftables":[]}',
    bridge: "",
    inet: "",
    flows: "",
    forwards: true,
  };
  const inputs: string[] = [];
  const take = ({ input }: { input?: string | Uint8Array }) => {
    inputs.push(String(input));
    return {};
  };
  const table = (text: string) =>
    text === "" ? { exitCode: 1, stderr: "No such file or directory" } : { stdout: text };
  const exec = fakeExec({
    [listLinks]: () => ({ stdout: state.links }),
    "ip -4 -json route show table all": () => ({ stdout: state.routes }),
    "nft --json list chains": () => ({ stdout: state.chains }),
    "nft --json list table bridge banger": () => table(state.bridge),
    "nft --json list table inet banger": () => table(state.inet),
    "nft --json list table inet banger-flows": () => table(state.flows),
    "ip -batch -": take,
    "nft -f -": take,
    "ip link add name banger-carrier type dummy": {},
    ...answers,
  });
  const log = memoryLogger();
  const forwarding = {
    legacyTables: async () => state.legacy,
    forwards: async () => state.forwards,
    async forward() {
      state.forwards = true;
    },
  };
  const keeper = new Keeper({ exec, log, owner: 1000, version: "1.0.0", pid: 7, ...forwarding });
  return {
    state,
    exec,
    keeper,
    /** what was warned of */
    warnings: () =>
      log.lines
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter(({ level }) => level === "warn")
        .map(({ at: _at, level: _level, ...rest }) => rest),
    /** The programs that were run since the last call, and their input; without those that only look. */
    changes(): string[] {
      const calls = exec.calls.splice(0).filter((line) => !/^(?:ip -4 -json|ip -json|nft --json)/.test(line));
      return calls.map((line) => (line.endsWith(" -") ? `${line} <<${inputs.shift()}` : line));
    },
    /** From now on the host is as wanted. */
    is(wanted: Wanted): void {
      state.links = linksText(wanted);
      for (const one of rulesetOf(wanted)) state[one.id] = tableText(one);
    },
  };
}

/** As ip(8) prints the interfaces that are wanted. */
function linksText({ bridge, taps }: Wanted): string {
  const port = { flags: ["UP"], master: bridgeName, addr_info: [] };
  const isolated = (value: boolean) => ({ info_slave_data: { isolated: value } });
  return JSON.stringify([
    {
      ifname: bridgeName,
      flags: ["UP"],
      address: macOf(bridgeName),
      linkinfo: { info_kind: "bridge" },
      addr_info: [{ family: "inet", local: bridge?.address, prefixlen: bridge?.prefix }],
    },
    { ifname: "banger-carrier", ...port, linkinfo: { info_kind: "dummy", ...isolated(false) } },
    ...taps.map((tap) => ({
      ifname: tapName(tap.vm),
      ...port,
      linkinfo: { info_kind: "tun", ...isolated(tap.isolated) },
    })),
  ]);
}

/** As nft prints a table: `readShape` needs no more of it. */
function tableText({ sets, chains }: NftTable): string {
  const hook = (chain: NftTable["chains"][number]) =>
    chain.hook ? { type: chain.hook.type, hook: chain.hook.hook, prio: chain.hook.priority, policy: "accept" } : {};
  const nftables = [
    ...sets.map(({ name, elements = [] }) => ({ set: { name, elem: elements.map((one) => one.replaceAll('"', "")) } })),
    ...chains.map((chain) => ({ chain: { name: chain.name, ...hook(chain) } })),
    ...chains.flatMap(({ name, rules }) => rules.map(() => ({ rule: { chain: name } }))),
  ];
  return JSON.stringify({ nftables });
}
