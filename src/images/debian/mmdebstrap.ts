/**
 * The mmdebstrap command line: builds a tree of packages, unpacked with the user's own rights, and writes it as a tar
 * to stdout.
 */
import type { DebianArchive } from "../../artifacts/debian/archive.ts";
import { mayHoldCredentials } from "../../base/proxy.ts";
import { excludedPaths, packages } from "./packages.ts";

/**
 * @param uid 0: root works in a plain folder within its own mount namespace, so that what a killed build had mounted
 * (the host's /sys, /dev/shm) goes away with it. Other users work in a user namespace with their subordinate ids
 */
export function mmdebstrapArgv(archive: DebianArchive, suite: string, uid: number): string[] {
  const options = archive.options.filter(({ value }) => !mayHoldCredentials(value));
  return [
    ...(uid === 0 ? ["unshare", "--mount", "--propagation", "private", "--"] : []),
    "mmdebstrap",
    `--mode=${uid === 0 ? "root" : "unshare"}`,
    "--variant=minbase",
    "--format=tar",
    "--architectures=amd64",
    `--include=${packages.join(",")}`,
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=APT::Install-Recommends "false"',
    ...options.map(({ key, value }) => `--aptopt=${key} "${value}"`),
    ...["force-unsafe-io", ...excludedPaths].map((option) => `--dpkgopt=${option}`),
    suite,
    "-",
    "-",
  ];
}

/**
 * Passes a proxy with credentials in the environment, where other users can't see it. Variables that the user has set
 * already win.
 */
export function proxyEnv(archive: DebianArchive): Record<string, string> {
  const secret = archive.options.filter(({ value }) => mayHoldCredentials(value));
  return Object.fromEntries(
    secret.flatMap(({ key, value }): [string, string][] => {
      const scheme = /^Acquire::(https?)::Proxy$/i.exec(key)?.[1];
      return scheme ? [[`${scheme.toLowerCase()}_proxy`, value]] : [];
    }),
  );
}

/** The progress text for one of mmdebstrap's `I:` lines. */
export function stepOf(line: string): string | undefined {
  const message = /^I: (.*?)(?:\.\.\.)?$/.exec(line.trim())?.[1];
  return message === undefined ? undefined : steps[message];
}

const steps: Record<string, string> = {
  "running apt-get update": "reading Debian's package lists",
  "downloading packages with apt": "downloading essential packages",
  "extracting archives": "unpacking essential packages",
  "installing essential packages": "installing essential packages",
  "installing remaining packages inside the chroot": "downloading and installing packages",
  "creating tarball": "packing the root file system",
};
