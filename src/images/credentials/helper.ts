/** docker's credential helpers: programs that store secrets (github.com/docker/docker-credential-helpers, "Usage"). */
import * as z from "zod/mini";
import { fail } from "../../base/errors/error.ts";
import { parsedJson } from "../../base/untrusted-json.ts";
import type { Exec } from "../../host/process/exec.ts";
import type { Credential } from "../../model/credential.ts";

const timeoutMs = 20_000;
const maxAnswer = 64 * 1024;
const schema = z.object({ Username: z.string(), Secret: z.string() });

/**
 * Null if the helper has no credentials. The registry goes to its stdin, the answer comes from its stdout. @throws
 * CREDENTIALS_INVALID
 */
export async function askHelper(exec: Exec, name: string, registry: string): Promise<Credential | null> {
  const program = `docker-credential-${name}`;
  const next =
    "repair it, or remove it from credHelpers and credsStore in docker's config.json; or use --username and --password-stdin";
  const invalid = (problem: string) => fail("CREDENTIALS_INVALID", { source: program.slice(0, 80), problem, next });
  if (!/^[A-Za-z0-9_.-]{1,64}$/.test(name)) throw invalid("that is not a valid name of a helper");
  const input = new TextEncoder().encode(`${registry}\n`);
  const answer = await exec([program, "get"], { input, timeoutMs, maxBytes: maxAnswer }).catch(() => {
    throw invalid("it can't be run");
  });
  const text = new TextDecoder().decode(answer.stdout);
  if (answer.exitCode !== 0) {
    if (/credentials not found/i.test(text) || /credentials not found/i.test(new TextDecoder().decode(answer.stderr)))
      return null;
    throw invalid(`it exited with status ${answer.exitCode ?? answer.signal}`);
  }
  const parsed = schema.safeParse(parsedJson(text));
  if (!parsed.success) throw invalid("its answer is not a credential helper's");
  const { Username, Secret } = parsed.data;
  if (Secret === "") return null;
  return Username === "<token>" ? { identityToken: Secret } : { username: Username, password: Secret };
}
