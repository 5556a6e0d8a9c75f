/**
 * Runs apt with private folders: it reads the archive's lists and downloads packages as the current user, verifies them
 * with Debian's keyring, and does not touch the host's apt.
 */
import { fail } from "../../base/errors/error.ts";
import { ensureFolder, listFolder, writeAtomic } from "../../host/files/files.ts";
import type { Exec, ExecResult } from "../../host/process/exec.ts";
import { lastLine, mustSucceed, stdoutText } from "../tools.ts";
import type { DebianArchive } from "./archive.ts";
import { networkEnv } from "./network-env.ts";
import { aptConf } from "./options.ts";
import { sourcesFile } from "./sources.ts";

export type PrivateApt = {
  /** Names of the packages that `name` depends on, without alternatives. */
  dependencies(name: string): Promise<string[]>;
  /** Downloads one package. @returns the path of the `.deb` */
  download(name: string): Promise<string>;
};

export type AptDeps = { exec: Exec; env: Record<string, string | undefined> };

/** Downloads the archive's lists. @param folder a scratch folder that the caller removes */
export async function openApt(
  deps: AptDeps,
  archive: DebianArchive,
  folder: string,
  signal: AbortSignal,
): Promise<PrivateApt> {
  const config = `${folder}/apt.conf`;
  for (const sub of ["state/lists/partial", "cache/archives/partial", "etc", "debs"])
    await ensureFolder(`${folder}/${sub}`);
  await writeAtomic(`${folder}/etc/debian.sources`, sourcesFile(archive.mirrors, archive.keyring));
  await writeAtomic(`${folder}/state/status`, "");
  await writeAtomic(config, settings(folder) + aptConf(archive.options));
  const env = { ...networkEnv(deps.env), APT_CONFIG: config };
  const run = (argv: string[], cwd = folder) => deps.exec(argv, { env, cwd, signal, timeoutMs: 600_000 });
  await succeed(run(["apt-get", "-qq", "update"]));
  return {
    async dependencies(name) {
      const shown = await run(["apt-cache", "depends", "--no-recommends", "--no-suggests", name]);
      return dependenciesIn(stdoutText(mustSucceed(shown)));
    },
    async download(name) {
      await succeed(run(["apt-get", "-qq", "download", name], `${folder}/debs`));
      const file = (await listFolder(`${folder}/debs`)).find(
        (one) => one.startsWith(`${name}_`) && one.endsWith(".deb"),
      );
      if (!file)
        throw fail("TOOL_FAILED", { tool: "apt-get", status: "status 0", said: `it did not download ${name}` });
      return `${folder}/debs/${file}`;
    },
  };
}

/** Excludes the host's apt configuration: `Dir::Etc::main` and `parts` point nowhere. */
function settings(folder: string): string {
  return `Dir::Etc "${folder}/etc";
Dir::Etc::main "none";
Dir::Etc::parts "none";
Dir::Etc::preferences "none";
Dir::Etc::preferencesparts "none";
Dir::Etc::sourcelist "${folder}/etc/debian.sources";
Dir::Etc::sourceparts "none";
Dir::State "${folder}/state";
Dir::State::status "${folder}/state/status";
Dir::Cache "${folder}/cache";
Dir::Log "${folder}";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "";
APT::Update::Post-Invoke-Success "";
Acquire::Languages "none";
Acquire::Retries "3";
`;
}

/** apt prints warnings first and the cause in its `E:` lines. */
async function succeed(running: Promise<ExecResult>): Promise<void> {
  const result = await running;
  if (result.exitCode === 0) return;
  const errors = new TextDecoder()
    .decode(result.stderr)
    .split("\n")
    .filter((line) => line.startsWith("E: "));
  if (errors.length === 0) mustSucceed(result);
  throw fail("TOOL_FAILED", {
    tool: "apt-get",
    status: `status ${result.exitCode}`,
    said: lastLine(errors[0] as string).slice("E: ".length),
  });
}

export function dependenciesIn(text: string): string[] {
  return text.split("\n").flatMap((line) => {
    const name = /^\s+(?:Pre)?Depends: ([a-z0-9][a-z0-9.+-]+)$/.exec(line)?.[1];
    return name === undefined ? [] : [name];
  });
}
