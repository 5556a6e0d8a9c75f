/** Failures of `file_sync` and `vm sync`. */
import { Exit } from "../exit.ts";
import { spec } from "./spec.ts";

export const syncErrors = {
  SYNC_MISSING: spec({
    exit: Exit.NotFound,
    message: (p: { path: string }) => `${p.path} does not exist, and file_sync requires it`,
    hint: () => "create it, take `required` out of its entry in config.toml, or use --no-sync",
  }),
  SYNC_REFUSED: spec({
    exit: Exit.Usage,
    message: (p: { path: string; problem: string }) => `file_sync can't copy ${p.path}: ${p.problem}`,
    hint: () => "change or remove its entry in config.toml, or use --no-sync; docs/file-sync.md has the rules",
  }),
  SYNC_FAILED: spec({
    exit: Exit.Failure,
    message: (p: { vm: string; path: string; problem: string }) =>
      `copying ${p.path} into VM "${p.vm}" failed: ${p.problem}`,
    hint: (p) => `what was copied before is complete; try again with \`banger vm sync ${p.vm}\``,
  }),
};
