/** Starts one VM's passt behind `netguard`. */
import { stripControl } from "../base/text.ts";
import { readTextIfAny, removeTree } from "../host/files/files.ts";
import { processRef } from "../host/process/children.ts";
import type { Exec } from "../host/process/exec.ts";
import { lan } from "../model/network.ts";
import type { VmPaths } from "../model/paths.ts";
import type { ProcessRef } from "../model/vm.ts";
import { deniedNetworks } from "./deny.ts";
import { type GuestLine, guardedPasst, type PasstFacts } from "./passt.ts";
import { isWithoutRoute, passtError } from "./passt-error.ts";

export type PasstDeps = {
  exec: Exec;
  which: (program: string) => Promise<string | null>;
  /** path of `banger-vsock-agent`, whose `netguard` filters the guest's frames */
  agent: string;
  /** the host's networks and own addresses, as `10.0.0.0/8`; called when a VM denies `lan` */
  hostNetworks: () => Promise<string[]>;
};

export type Started = { process: ProcessRef } | { failure: string; isMissing: boolean };

/** bytes; `--log-size` of passt keeps its log smaller */
const maxLog = 1024 * 1024;

/** Never rejects. @param deny entries from the VM's spec @param kind of the network device that the VM gets */
export async function startPasst(
  deps: PasstDeps,
  paths: VmPaths,
  deny: readonly string[],
  kind: GuestLine["kind"],
): Promise<Started> {
  const program = await deps.which("passt");
  if (program === null) return { failure: "it is not installed", isMissing: true };
  try {
    const attached = deny.includes(lan) ? await deps.hostNetworks() : [];
    const denied = deniedNetworks(deny, attached);
    const line = { kind, socket: kind === "stream" ? paths.net : paths.vsock };
    const facts = { agent: deps.agent, program, line, log: paths.netLog, denied };
    const started = await tryPasst(deps, facts);
    if ("process" in started || !isWithoutRoute(started.failure)) return started;
    const offline = await tryPasst(deps, { ...facts, isOffline: true });
    return "process" in offline ? offline : started;
  } catch (error) {
    return failedWith(error);
  }
}

/** Never rejects. */
async function tryPasst({ exec }: PasstDeps, facts: PasstFacts): Promise<Started> {
  const { program, line, log } = facts;
  try {
    // left by an earlier start
    await Promise.all([removeTree(line.socket), removeTree(log)]);
    const { exitCode, signal, stdout, stderr } = await exec(guardedPasst(facts), { timeoutMs: 10_000 });
    const process = exitCode === 0 ? startedProcess(stdout) : null;
    if (process !== null) return { process };
    const logged = (await readTextIfAny(log, maxLog)) ?? "";
    const reason = passtError({ program, stderr: new TextDecoder().decode(stderr), log: logged });
    return { failure: reason || (signal ?? `it ended with status ${exitCode}`), isMissing: false };
  } catch (error) {
    return failedWith(error);
  }
}

function failedWith(error: unknown): Started {
  const message = error instanceof Error ? error.message : String(error);
  return { failure: stripControl(message), isMissing: false };
}

function startedProcess(stdout: Uint8Array): ProcessRef | null {
  const text = new TextDecoder().decode(stdout).trim();
  return /^\d{1,9}$/.test(text) ? processRef(Number(text)) : null;
}
