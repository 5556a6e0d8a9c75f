/** The host's TSC frequency, measured once per boot of the host. Only needed under TCG. */

import { readTextIfAny, writeAtomic } from "../host/files/files.ts";
import type { Exec } from "../host/process/exec.ts";

export type TscDeps = {
  exec: Exec;
  /** path of `banger-vsock-agent` */
  agent: string;
  /** file for the result: `<boot id> <kHz>` */
  file: string;
};

/** `kHz`; null when it can't be measured: the guest then calibrates by itself, which can hang under TCG. */
export async function tscKhz(deps: TscDeps): Promise<number | null> {
  const boot = (await readTextIfAny("/proc/sys/kernel/random/boot_id", 64))?.trim() ?? "";
  const known = parseSaved(await readTextIfAny(deps.file, 128), boot);
  if (known !== null) return known;
  const measured = await measure(deps);
  if (measured !== null && boot !== "") await writeAtomic(deps.file, `${boot} ${measured}\n`);
  return measured;
}

async function measure(deps: TscDeps): Promise<number | null> {
  const result = await deps.exec([deps.agent, "tsc"], { timeoutMs: 10_000 });
  return result.exitCode === 0 ? plausible(new TextDecoder().decode(result.stdout)) : null;
}

function parseSaved(text: string | null, boot: string): number | null {
  const [savedBoot, khz] = (text ?? "").trim().split(" ");
  return boot !== "" && savedBoot === boot ? plausible(khz ?? "") : null;
}

/** 100 MHz to 20 GHz: anything else is a broken measurement, and a wrong number is worse than none. */
function plausible(text: string): number | null {
  const khz = /^\d{6,8}$/.test(text.trim()) ? Number(text) : 0;
  return khz >= 100_000 && khz <= 20_000_000 ? khz : null;
}
