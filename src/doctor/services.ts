/** Whether the two services of system mode are as they were installed. Pure. */
import type { Finding } from "./checks.ts";
import type { CheckFacts } from "./facts.ts";

export type ServicesFact =
  /** `isIgnored`: the metadata can't be trusted, so commands go to the user's own daemon */
  | { problem: string; fix: string; isIgnored: boolean }
  | {
      /** as installed */
      version: string;
      /** as systemctl(1) shows them: `active`, `failed`; `enabled`, `disabled` */
      units: readonly { name: string; active: string; enabled: string }[];
      /** by program: `as installed`, `changed`, `missing` */
      programs: Readonly<Record<string, string>>;
      /** an install was begun and not finished */
      interrupted: boolean;
    };

const name = "services";

/** None without system mode. */
export function services({ services: fact }: Pick<CheckFacts, "services">): Finding[] {
  if (fact === null) return [];
  if ("problem" in fact) {
    const text = fact.isIgnored
      ? `${fact.problem}; commands use your own daemon instead of the system service`
      : fact.problem;
    return [{ name, status: "failure", text, fix: fact.fix }];
  }
  const wrong = [...interruption(fact.interrupted), ...fact.units.flatMap(unit), ...programs(fact.programs)];
  if (wrong.length > 0) return wrong;
  const text = `${fact.units.map((one) => one.name).join(" and ")} are active, and version ${fact.version} is as installed`;
  return [{ name, status: "ok", text }];
}

function interruption(interrupted: boolean): Finding[] {
  const fix = "`sudo banger system install` finishes it";
  return interrupted ? [{ name, status: "warning", text: "an install was interrupted", fix }] : [];
}

function unit({ name: of, active, enabled }: { name: string; active: string; enabled: string }): Finding[] {
  if (active !== "active") {
    const fix = `run \`sudo banger system restart\`; \`sudo journalctl -u ${of}\` says why it is not`;
    return [{ name, status: "failure", text: `${of} is ${active || "unknown to systemd"}`, fix }];
  }
  if (enabled === "enabled") return [];
  const text = `${of} does not start at boot: it is ${enabled}`;
  return [{ name, status: "warning", text, fix: `run \`sudo systemctl enable ${of}\`` }];
}

function programs(states: Readonly<Record<string, string>>): Finding[] {
  const wrong = Object.entries(states).filter(([, state]) => state !== "as installed");
  return wrong.map(([program, state]): Finding => {
    const text = state === "changed" ? `${program} is not the program that was installed` : `${program} is ${state}`;
    return { name, status: "failure", text, fix: "`sudo banger system install` installs it again" };
  });
}
