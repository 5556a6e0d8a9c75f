/** Which VMM runs new VMs, and what is to be said of each. Pure. */
import type { Finding } from "./checks.ts";
import type { CheckFacts, FirecrackerFact, ToolFact } from "./facts.ts";

const name = "vmm";

/** First the VMM of new VMs, then what is to be said of Firecracker, and of QEMU where it is not the one. */
export function vmms(facts: CheckFacts): Finding[] {
  const { vmm: choice, firecracker } = facts;
  const qemu = qemuOf(facts);
  if (choice === "qemu") return [named(qemu)];
  if (choice === "firecracker") return [named(firecrackerOf(firecracker)), ...cautions(firecracker)];
  if (!("version" in firecracker)) return [emulator(qemu), absent(firecracker, qemu)];
  const also = qemu.problem === null ? `, and ${qemu.label} those that it can't run` : "";
  const first: Finding = { name, status: "ok", text: `${firecrackerOf(firecracker).label} runs new VMs${also}` };
  return [first, ...cautions(firecracker), ...missingQemu(qemu)];
}

/** `problem`: why it can't run VMs; null: it can */
type Vmm = { label: string; problem: { text: string; fix: string } | null };

function qemuOf({ qemu, tools }: Pick<CheckFacts, "qemu" | "tools">): Vmm {
  const tool = tools.find(({ program }) => program === "qemu-system-x86_64");
  const fix = tool?.install ?? "install QEMU";
  const text = qemuProblem(tool, qemu);
  return { label: qemu ?? "QEMU", problem: text === null ? null : { text, fix } };
}

function qemuProblem(tool: ToolFact | undefined, qemu: string | null): string | null {
  if (tool?.path && tool.failure) return `${tool.path} ${tool.failure}`;
  return qemu === null ? "qemu-system-x86_64 is not installed" : null;
}

function firecrackerOf(fact: FirecrackerFact): Vmm {
  if ("version" in fact) return { label: `Firecracker ${fact.version}`, problem: null };
  return { label: "Firecracker", problem: { text: fact.why, fix: fact.fix } };
}

function emulator({ label, problem }: Vmm): Finding {
  if (problem) return { name, status: "failure", ...problem };
  return { name, status: "ok", text: `${label} runs new VMs` };
}

/** The config names one, so no other is taken. */
function named({ label, problem }: Vmm): Finding {
  if (!problem) return { name, status: "ok", text: `${label} runs new VMs, as the config says` };
  const fix = `${problem.fix}; or remove \`vmm\` from the config`;
  return { name, status: "failure", text: `${problem.text}, and the config names it: no new VM starts`, fix };
}

/** No fault: VMs run without it. */
function absent({ why, fix }: Extract<FirecrackerFact, { why: string }>, qemu: Vmm): Finding {
  const without = qemu.problem === null ? "; VMs run on QEMU" : "";
  return { name: "firecracker", status: "ok", text: `${why}${without}; to have it, ${fix}` };
}

function cautions(fact: FirecrackerFact): Finding[] {
  if (!("version" in fact)) return [];
  const { program, version, caution, install } = fact;
  const label = `${program} is version ${version}`;
  if (caution === null) return [{ name: "firecracker", status: "ok", text: label }];
  return [{ name: "firecracker", status: "warning", text: `${label}: ${caution}`, fix: install }];
}

function missingQemu({ problem }: Vmm): Finding[] {
  if (!problem) return [];
  const text = `${problem.text}; VMs that Firecracker can't run have no VMM`;
  return [{ name: "qemu", status: "warning", text, fix: problem.fix }];
}
