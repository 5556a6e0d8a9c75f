/** Failures of registries. */
import { Exit } from "../exit.ts";
import { spec } from "./spec.ts";

export const registryErrors = {
  REGISTRY_UNREACHABLE: spec({
    exit: Exit.Unavailable,
    message: (p: { registry: string; problem: string }) => `the registry ${p.registry} can't be reached: ${p.problem}`,
    hint: (p: { registry: string; problem: string; next?: string }) =>
      p.next ??
      (p.problem.includes("certificate")
        ? `put its CA certificate into /etc/docker/certs.d/${p.registry}/ca.crt, or name it in SSL_CERT_FILE (then run \`banger daemon stop\`)`
        : "check the name, the network and the proxy variables; what was downloaded so far is kept for the next try"),
  }),
  REGISTRY_AUTH: spec({
    exit: Exit.Failure,
    message: (p: { registry: string; what: string; problem: string; known?: boolean }) =>
      `the registry ${p.registry} denies access to ${p.what}: ${p.problem}`,
    hint: (p) =>
      p.known
        ? `check that \`docker login ${p.registry}\` accepts the credentials and that they may read ${p.what}; a name that does not exist is refused the same way`
        : `log in with \`docker login ${p.registry}\`, or give --username and --password-stdin; a name that does not exist is refused the same way`,
  }),
  CREDENTIALS_INVALID: spec({
    exit: Exit.Failure,
    message: (p: { source: string; problem: string }) => `the credentials from ${p.source} can't be used: ${p.problem}`,
    hint: (p: { source: string; problem: string; next?: string }) =>
      p.next ?? "log in again with `docker login`, or give --username and --password-stdin",
  }),
  REGISTRY_NOT_FOUND: spec({
    exit: Exit.NotFound,
    message: (p: { registry: string; what: string }) => `the registry ${p.registry} has no ${p.what}`,
    hint: () => "check the spelling of name and tag",
  }),
  REGISTRY_LIMITED: spec({
    exit: Exit.Unavailable,
    message: (p: { registry: string; problem: string }) =>
      `the registry ${p.registry} refuses further requests for now: ${p.problem}`,
    hint: () => "wait, or log in: many registries allow known users more; what was downloaded so far is kept",
  }),
  REGISTRY_ANSWER: spec({
    exit: Exit.Failure,
    message: (p: { registry: string; what: string; problem: string }) =>
      `the registry ${p.registry} sent an invalid answer for ${p.what}: ${p.problem}`,
    hint: () => "a proxy or a login page may stand in between; none of the answer was used",
  }),
};
