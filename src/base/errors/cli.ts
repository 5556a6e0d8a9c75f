/** Failures of flags, arguments and config. */
import { Exit } from "../exit.ts";
import { spec } from "./spec.ts";

export const cliErrors = {
  BENCH_FAILED: spec({
    exit: Exit.Failure,
    message: (p: { what: string; reason: string }) => `"${p.what}" failed, so there is nothing to measure: ${p.reason}`,
    hint: () => "run it by hand; `banger doctor` checks this host",
  }),
  USAGE: spec({
    exit: Exit.Usage,
    message: (p: { problem: string; next: string }) => p.problem,
    hint: (p) => p.next,
  }),
  FLAG_INVALID: spec({
    exit: Exit.Usage,
    message: (p: { flag: string; value: string; problem: string; example: string }) =>
      `${p.flag}: "${p.value}" ${p.problem}`,
    hint: (p) => `for example ${p.example}`,
  }),
  CONFIRMATION_NEEDED: spec({
    exit: Exit.Usage,
    message: (p: { loss: string; flag?: string }) => `${p.loss}; there is no terminal to confirm it on`,
    hint: (p) => `add ${p.flag ?? "--force"} to skip the question`,
  }),
  NOT_CONFIRMED: spec({
    exit: Exit.Failure,
    message: (_: { flag?: string }) => "not confirmed, so nothing was done",
    hint: (p) => `answer \`y\`, or add ${p.flag ?? "--force"} to skip the question`,
  }),
  CONFIG_INVALID: spec({
    exit: Exit.Usage,
    message: (p: { file: string; problems: readonly string[] }) =>
      `${p.file} has ${p.problems.length} problem${p.problems.length === 1 ? "" : "s"}:\n  ${p.problems.join("\n  ")}`,
    hint: (p) => `edit ${p.file}; docs/config.md lists every key`,
  }),
  OUTPUT_FAILED: spec({
    exit: Exit.Failure,
    message: (p: { reason: string }) => `the output could not be written: ${p.reason}`,
    hint: () => "check where it goes: the disk may be full",
  }),
  INTERRUPTED: spec({
    exit: Exit.Failure,
    message: (p: { signal: string }) => `interrupted by ${p.signal}`,
    hint: () => "nothing incomplete was left behind",
  }),
};
