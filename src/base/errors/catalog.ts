/**
 * Every expected failure of banger. A code is permanent: scripts match on it, so none is renamed or removed
 * (test/error-codes.txt lists them). Each domain has its own file.
 */
import { agentErrors } from "./agent.ts";
import { bundleErrors } from "./bundle.ts";
import { cliErrors } from "./cli.ts";
import { copyErrors } from "./copy.ts";
import { daemonErrors } from "./daemon.ts";
import { hostErrors } from "./host.ts";
import { imageErrors } from "./image.ts";
import { registryErrors } from "./registry.ts";
import { saveErrors } from "./save.ts";
import { syncErrors } from "./sync.ts";
import { systemErrors } from "./system.ts";
import { vmErrors } from "./vm.ts";
import { vmmErrors } from "./vmm.ts";
import { workspaceErrors } from "./workspace.ts";

export const catalog = {
  ...vmErrors,
  ...vmmErrors,
  ...saveErrors,
  ...imageErrors,
  ...registryErrors,
  ...bundleErrors,
  ...agentErrors,
  ...daemonErrors,
  ...hostErrors,
  ...systemErrors,
  ...workspaceErrors,
  ...copyErrors,
  ...syncErrors,
  ...cliErrors,
};
