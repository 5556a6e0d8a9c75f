/** Failures of `vm cp`. */
import { Exit } from "../exit.ts";
import { spec } from "./spec.ts";

export const copyErrors = {
  COPY_MISSING: spec({
    exit: Exit.NotFound,
    message: (p: { path: string; next: string }) => `${p.path} does not exist`,
    hint: (p) => p.next,
  }),
  COPY_TARGET: spec({
    exit: Exit.Conflict,
    message: (p: { source: string; target: string; problem: string; next: string }) =>
      `${p.source} can't be copied to ${p.target}: ${p.problem}`,
    hint: (p) => p.next,
  }),
  COPY_FAILED: spec({
    exit: Exit.Failure,
    message: (p: { path: string; problem: string }) => `copying ${p.path} failed: ${p.problem}`,
    hint: (p: { path: string; problem: string; next?: string }) =>
      p.next ?? "what was copied before is complete; run the same command again to copy everything",
  }),
  COPY_UNSAFE: spec({
    exit: Exit.Failure,
    message: (p: { path: string; problem: string }) => `what came out of ${p.path} was refused: ${p.problem}`,
    hint: () =>
      "nothing was written outside the target; a guest sends this only if it was tampered with, so trust no other file of it either",
  }),
};
