/** Starts one VM's passt behind `netguard`. */
import { stripControl } from "../base/text.ts";
import { readTextIfAny, removeTree } from "../host/files/files.ts";
import { processRef } from "../host/process/children.ts";
import type { Exec } from "../host/process/exec.ts";
import { lan } from "../model/network.ts";
import type { VmPaths } from "../model/paths.ts";
import type { ProcessRef } from "../model/vm.ts";
import { deniedNetworks } from "./deny.ts";
import { type GuestLine, guardedPasst } from "./passt.ts";
import { passtError } from "./passt-error.ts";

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
    // left by an earlier start
    const socket = kind === "stream" ? paths.net : paths.vsock;
    await Promise.all([removeTree(socket), removeTree(paths.netLog)]);
    const argv = guardedPasst({ agent: deps.agent, program, line: { kind, socket }, log: paths.netLog, denied });
    const { exitCode, signal, stdout, stderr } = await deps.exec(argv, { timeoutMs: 10_000 });
    const process = exitCode === 0 ? startedProcess(stdout) : null;
    if (process !== null) return { process };
    const log = (await readTextIfAny(paths.netLog, maxLog)) ?? "";
    const reason = passtError({ program, stderr: new TextDecoder().decode(stderr), log });
    return { failure: reason || (signal ?? `it ended with status ${exitCode}`), isMissing: false };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { failure: stripControl(message), isMissing: false };
  }
}

function startedProcess(stdout: Uint8Array): ProcessRef | null {
  const text = new TextDecoder().decode(stdout).trim();
  return /^\d{1,9}$/.test(text) ? processRef(Number(text)) : null;
}
