/** A suite of attacks: skipped as a whole, with the reason in its name, where this host lacks what it needs. */
import { describe } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { gate, type Need } from "../../src/host/testing/gate.ts";
import { programs } from "../e2e/home.ts";
import { reasonAgainstTracing } from "./tracing.ts";

/** `programs`: the compiled `banger` and `bangerd`; `tracing`: other processes of one's own. Everything else is a need of `gate`. */
export type AttackNeed = Need | "programs" | "tracing";

/** What not every host of this suite can have: nobody packages Firecracker. */
const optional: readonly AttackNeed[] = ["firecracker"];

/** @throws when `BANGER_REQUIRE` has `attack` and something is missing */
export function attackSuite(name: string, needs: readonly AttackNeed[], body: () => void): void {
  const reason = needs.map(reasonAgainst).find((found) => found !== null) ?? null;
  const isRequired = !needs.some((need) => optional.includes(need));
  const required = (process.env["BANGER_REQUIRE"] ?? "").split(",").map((word) => word.trim());
  if (reason !== null && isRequired && required.includes("attack"))
    throw new Error(`BANGER_REQUIRE has attack, but ${reason}`);
  describe.skipIf(reason !== null)(reason === null ? name : `${name} [${reason}]`, body);
}

function reasonAgainst(need: AttackNeed): string | null {
  if (need === "tracing") return reasonAgainstTracing();
  if (need !== "programs") return gate(need);
  return existsSync(join(programs, "banger")) ? null : "the program is not built (`make build`)";
}
