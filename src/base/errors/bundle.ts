/** Failures of catalogs and of the bundles that they list. */
import { Exit } from "../exit.ts";
import { spec } from "./spec.ts";

const certificate = "name its CA certificate in SSL_CERT_FILE, then run `banger daemon stop`: the next daemon reads it";

export const bundleErrors = {
  CATALOG_UNREACHABLE: spec({
    exit: Exit.Unavailable,
    message: (p: { url: string; problem: string }) => `the catalog ${p.url} is not available: ${p.problem}`,
    hint: (p) =>
      p.problem.includes("certificate")
        ? certificate
        : "check catalog_urls in config.toml, the network and the proxy variables",
  }),
  CATALOG_UNTRUSTED: spec({
    exit: Exit.Failure,
    message: (p: { url: string; problem: string }) => `the catalog ${p.url} is not trusted: ${p.problem}`,
    hint: (p) =>
      `its signature is expected at ${p.url}.sig, made with the key that catalog_urls in config.toml names; nothing from the catalog was used`,
  }),
  CATALOG_INVALID: spec({
    exit: Exit.Failure,
    message: (p: { url: string; problems: readonly string[] }) =>
      `the catalog ${p.url} has ${p.problems.length} problem${p.problems.length === 1 ? "" : "s"}:\n  ${p.problems.join("\n  ")}`,
    hint: () => "tell its publisher; if it is newer than this banger, update banger",
  }),
  CATALOG_EXPIRED: spec({
    exit: Exit.Failure,
    message: (p: { url: string; expired: string }) => `the catalog ${p.url} expired on ${p.expired}`,
    hint: () => "its publisher has to sign a new one, unless this host's clock is wrong",
  }),
  CATALOG_OLDER: spec({
    exit: Exit.Failure,
    message: (p: { url: string; problem: string; kept: string }) =>
      `the catalog ${p.url} is older than the copy that banger kept: ${p.problem}`,
    hint: (p) =>
      `somebody between its publisher and you may be serving an old one; if the publisher went back on purpose, remove ${p.kept}`,
  }),
  CATALOG_KEY_INVALID: spec({
    exit: Exit.Usage,
    message: (p: { path: string; problem: string }) => `the catalog key ${p.path} can't be used: ${p.problem}`,
    hint: () => "catalog_urls in config.toml takes the path of a public key in cosign's format (cosign.pub)",
  }),
  BUNDLE_INVALID: spec({
    exit: Exit.Failure,
    message: (p: { name: string; problem: string }) => `the bundle of "${p.name}" can't be used: ${p.problem}`,
    hint: () => "nothing was kept; tell its publisher, or update banger if the bundle is newer",
  }),
  DOWNLOAD_FAILED: spec({
    exit: Exit.Unavailable,
    message: (p: { what: string; url: string; problem: string }) =>
      `the download of ${p.what} from ${p.url} failed: ${p.problem}`,
    hint: (p) =>
      p.problem.includes("certificate")
        ? certificate
        : "run the same command again: what was downloaded so far is kept",
  }),
};
