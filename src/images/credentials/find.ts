/**
 * Finds the user's credentials for a registry in docker's and podman's own files: credential helpers first, then stored
 * credentials (docs.docker.com, "docker login", "Credential stores"; containers-auth.json(5)). Nothing is stored or
 * logged.
 */
import { fail } from "../../base/errors/error.ts";
import type { Exec } from "../../host/process/exec.ts";
import type { Credential } from "../../model/credential.ts";
import { type AuthFile, parseAuthFile, storedFor } from "./auth-file.ts";
import { askHelper } from "./helper.ts";

export type CredentialDeps = {
  exec: Exec;
  /** null if the file does not exist */
  readTextIfAny(path: string, maxBytes: number): Promise<string | null>;
  env: Record<string, string | undefined>;
  home: string;
};

const maxFile = 1024 * 1024;

/** Null if there are none. @throws CREDENTIALS_INVALID naming the file or the helper, never its content */
export async function findCredential(
  deps: CredentialDeps,
  registry: string,
  repository = "",
): Promise<Credential | null> {
  for (const path of placesOf(deps)) {
    const text = await deps.readTextIfAny(path, maxFile).catch((error: unknown) => {
      throw fail("CREDENTIALS_INVALID", { source: path, problem: `it can't be read: ${(error as Error).message}` });
    });
    if (text === null) continue;
    const found = await credentialIn(deps, parseAuthFile(text, path), registry, repository);
    if (found) return found;
  }
  return null;
}

function placesOf({ env, home }: CredentialDeps): string[] {
  const docker = `${env["DOCKER_CONFIG"] || `${home}/.docker`}/config.json`;
  const runtime = env["XDG_RUNTIME_DIR"];
  const podman = env["REGISTRY_AUTH_FILE"] || (runtime ? `${runtime}/containers/auth.json` : null);
  return [docker, ...(podman ? [podman] : []), `${home}/.config/containers/auth.json`];
}

/** The keys to look for. Docker Hub is listed under an old URL of its API. */
function keysFor(registry: string): string[] {
  const hosts = registry === "docker.io" ? ["https://index.docker.io/v1/", "index.docker.io", "docker.io"] : [registry];
  return hosts;
}

async function credentialIn(
  deps: CredentialDeps,
  file: AuthFile,
  registry: string,
  repository: string,
): Promise<Credential | null> {
  for (const key of keysFor(registry)) {
    const helper = file.credHelpers.get(key);
    if (helper !== undefined) return askHelper(deps.exec, helper, key);
  }
  if (file.credsStore !== null) {
    for (const key of keysFor(registry)) {
      const found = await askHelper(deps.exec, file.credsStore, key);
      if (found) return found;
    }
  }
  return storedFor(file, keysFor(registry), repository);
}
