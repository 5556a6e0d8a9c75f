/** The `mise` bootstrap: installs the tools that a project names, in the background, on a best-effort basis. Pure. */
import { baseName, showPath } from "./names.ts";
import { type DetachedCommand, guestWorkspace, type PlanEntry } from "./types.ts";

const manifests = [".mise.toml", "mise.toml", ".tool-versions"];

/** A fixed script, run by the guest's shell: trusted there, because the guest is what confines the project. */
const script =
  "command -v mise >/dev/null || { echo 'mise is not in this image'; exit 0; }; mise trust --yes --all; exec mise install --yes";

/**
 * @param root the folder on the host; its name is in the log's name
 * @returns null when the project names no tools
 */
export function planTooling(root: string, entries: readonly PlanEntry[]): DetachedCommand | null {
  if (!entries.some((entry) => entry.kind === "file" && manifests.includes(entry.path))) return null;
  return {
    what: "start the mise bootstrap",
    argv: ["/bin/sh", "-c", script],
    cwd: guestWorkspace,
    env: { MISE_YES: "1", MISE_TRUSTED_CONFIG_PATHS: guestWorkspace },
    log: toolingLog(root),
  };
}

/** `/root/.cache/banger/vm-run-tooling-NAME.log`, NAME made of letters, digits, `.`, `_` and `-`. */
export function toolingLog(root: string): string {
  const name = showPath(baseName(root))
    .replaceAll(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[.-]+/, "")
    .slice(0, 64);
  return `/root/.cache/banger/vm-run-tooling-${name || "repo"}.log`;
}
