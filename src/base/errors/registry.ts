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
        ? `put its authority into /etc/docker/certs.d/${p.registry}/ca.crt, or name it by SSL_CERT_FILE (after \`banger daemon stop\`)`
        : "look at the name, the network and the proxy variables; what was fetched so far is kept for the next try"),
  }),
  REGISTRY_AUTH: spec({
    exit: Exit.Failure,
    message: (p: { registry: string; what: string; problem: string; known?: boolean }) =>
      `the registry ${p.registry} does not let you have ${p.what}: ${p.problem}`,
    hint: (p) =>
      p.known
        ? `see whether \`docker login ${p.registry}\` takes them, and whether they may read ${p.what}; a name that does not exist is refused so too`
        : `log in with \`docker login ${p.registry}\`, or give --username and --password-stdin; a name that does not exist is refused so too`,
  }),
  CREDENTIALS_INVALID: spec({
    exit: Exit.Failure,
    message: (p: { source: string; problem: string }) => `no credentials from ${p.source}: ${p.problem}`,
    hint: (p: { source: string; problem: string; next?: string }) =>
      p.next ?? "log in again with `docker login`, or give --username and --password-stdin",
  }),
  REGISTRY_NOT_FOUND: spec({
    exit: Exit.NotFound,
    message: (p: { registry: string; what: string }) => `the registry ${p.registry} has no ${p.what}`,
    hint: () => "look at the spelling of name and tag",
  }),
  REGISTRY_LIMITED: spec({
    exit: Exit.Unavailable,
    message: (p: { registry: string; problem: string }) =>
      `the registry ${p.registry} answers no more for now: ${p.problem}`,
    hint: () => "wait, or log in: many registries give more to those they know; what was fetched so far is kept",
  }),
  REGISTRY_ANSWER: spec({
    exit: Exit.Failure,
    message: (p: { registry: string; what: string; problem: string }) =>
      `the registry ${p.registry} answered for ${p.what} with nonsense: ${p.problem}`,
    hint: () => "a proxy or a login page may stand in between; nothing of the answer was used",
  }),
};
