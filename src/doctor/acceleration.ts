/** Which accelerator VMs have: what the daemon decides, and what the next one would. Pure. */
import type { Finding } from "./checks.ts";
import type { CheckFacts } from "./facts.ts";

/** A decision, as a process with its rights and its environment makes it. */
export type AccelFact =
  | { accel: string /** why not KVM, or who asked for it */; why: string; fix?: string | undefined }
  /** no VM starts */
  | { failure: string; fix: string };

const name = "acceleration";

/** What ends the present daemon, so that another one starts. @param service null: it is the user's own */
export function restartOf(service: CheckFacts["system"]): string {
  return service ? "`sudo banger system restart`" : "`banger daemon stop`";
}

type Facts = Pick<CheckFacts, "accel"> & Partial<Pick<CheckFacts, "system">>;

export function acceleration({ accel: { own, daemon }, system = null }: Facts): Finding {
  const restart = `run ${restartOf(system)}; VMs keep running`;
  if (daemon === null) return judge(own, restart);
  const finding = judge(daemon, restart);
  if (decisionOf(daemon) === decisionOf(own)) return finding;
  const text = `${finding.text}; that is the running daemon's, and one started now would have ${nameOf(own)}`;
  const wouldHelp = "accel" in own && own.accel === "kvm";
  const fix = wouldHelp || finding.fix === undefined ? restart : finding.fix;
  return { name, status: finding.status === "failure" ? "failure" : "warning", text, fix };
}

function judge(fact: AccelFact, restart: string): Finding {
  if ("failure" in fact) return { name, status: "failure", text: fact.failure, fix: fact.fix };
  if (fact.accel === "kvm" || fact.why.startsWith("BANGER_VMM_ACCEL"))
    return { name, status: "ok", text: nameOf(fact) };
  // an older daemon does not say what to do
  return { name, status: "warning", text: `${nameOf(fact)}; VMs run several times slower`, fix: fact.fix ?? restart };
}

/** Whoever asked for it, and whatever stands in the way of another one. */
function decisionOf(fact: AccelFact): string {
  return "failure" in fact ? fact.failure : fact.accel;
}

function nameOf(fact: AccelFact): string {
  if ("failure" in fact) return `no accelerator: ${fact.failure}`;
  const method = fact.accel === "kvm" ? "KVM" : "emulation (TCG)";
  return fact.why === "" ? method : `${method}: ${fact.why}`;
}
