/** Copies the files of a build into the guest, one after the other. */
import { isError } from "../../base/errors/error.ts";
import { type Ids, idsOf, needsNames } from "../../imagefile/accounts.ts";
import type { FilePlan } from "../../imagefile/plan.ts";
import { noAccounts, readAccounts } from "../accounts.ts";
import { putTar } from "../workspace/put-tar.ts";
import { type BuildVm, failedStep, type Step } from "./steps.ts";

/** @throws IMAGE_BUILD_FAILED */
export async function putFiles(
  build: BuildVm,
  step: Step,
  files: readonly FilePlan[],
  signal: AbortSignal,
): Promise<void> {
  const accounts = files.some(({ owner }) => needsNames(owner)) ? await readAccounts(build.client, signal) : noAccounts;
  for (const file of files) {
    const ids = idsOf(file.owner, accounts.passwd, accounts.group);
    if (typeof ids === "string") {
      const next = "give the owner as numbers, or change it in a step: files are copied before the steps run";
      throw failedStep(build, step, `can't give ${file.path} to "${file.owner}": no ${ids} in the base`, { next });
    }
    await putFile(build, step, file, ids);
  }
}

async function putFile(build: BuildVm, step: Step, { path, entries }: FilePlan, { uid, gid }: Ids): Promise<void> {
  const folder = path.slice(0, path.lastIndexOf("/")) || "/";
  const gone: string[] = [];
  const plan = { async prepare() {}, entries: [...entries], git: async function* () {} };
  const tar = build.needs.workspaceTar(plan, { onVanished: (name) => void gone.push(name) });
  try {
    const stream = await build.client.open("put", { path: folder, create: true, uid, gid });
    await putTar(stream, tar, path);
  } catch (error) {
    const problem = isError(error, "WORKSPACE_COPY") ? error.details["problem"] : undefined;
    const refusal = isError(error, "AGENT_REFUSED") ? error.details["reason"] : undefined;
    const reason = problem ?? refusal;
    throw reason === undefined ? error : failedStep(build, step, `can't write ${path}: ${String(reason)}`);
  }
  if (gone.length > 0) throw failedStep(build, step, `can't write ${path}: ${gone[0]} vanished while it was read`);
}
