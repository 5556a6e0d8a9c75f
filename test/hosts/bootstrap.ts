/** Root file systems of test hosts, built from Debian's packages as the product builds its image. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findArchive } from "../../src/artifacts/debian/archive.ts";
import { networkEnv } from "../../src/artifacts/debian/network-env.ts";
import { sourcesFile } from "../../src/artifacts/debian/sources.ts";
import { createExec } from "../../src/host/process/exec-node.ts";
import { mmdebstrapArgv, proxyEnv } from "../../src/images/debian/mmdebstrap.ts";
import { suite } from "./versions.ts";

const exec = createExec(process.env as Record<string, string>);

/** @param receiver argv of the program that reads the tree as a tar @param logs a folder for what both say */
export async function bootstrap(packages: readonly string[], receiver: string[], logs: string): Promise<void> {
  const archive = await findArchive({ exec }, suite);
  const argv = mmdebstrapArgv(archive, suite, process.getuid?.() ?? 0).map((word) =>
    word.startsWith("--include=") ? `--include=${packages.join(",")}` : word,
  );
  const made = Bun.spawn(argv, {
    env: { ...process.env, ...networkEnv(process.env), ...proxyEnv(archive), TMPDIR: "/var/tmp" },
    stdin: new TextEncoder().encode(sourcesFile(archive.mirrors, archive.keyring)),
    stderr: Bun.file(join(logs, "log")),
  });
  const received = Bun.spawn(receiver, {
    stdin: made.stdout,
    stdout: "ignore",
    stderr: Bun.file(join(logs, "receiver-log")),
  });
  const ended = await Promise.all([made.exited, received.exited]);
  if (ended.some((status) => status !== 0))
    throw new Error(`mmdebstrap and ${receiver[0]} ended with ${ended}: ${said(logs)}`);
}

function said(logs: string): string {
  return ["log", "receiver-log"].map((name) => readFileSync(join(logs, name), "utf8").slice(-2000)).join("\n");
}
