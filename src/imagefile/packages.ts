/** Package managers, as a build calls them: found by what the base has, needing no shell. Pure. */

export type PackageManager = {
  name: string;
  /** ends well where the manager is there */
  probe: readonly string[];
  /** run one after the other */
  install(packages: readonly string[]): readonly (readonly string[])[];
  env?: Record<string, string>;
};

/** In the order in which they are asked for: some are there beside another distribution's own. */
export const packageManagers: readonly PackageManager[] = [
  {
    name: "apt",
    probe: ["apt-get", "--version"],
    env: { DEBIAN_FRONTEND: "noninteractive" },
    install: (packages) => [
      ["apt-get", "-q", "update"],
      ["apt-get", "-q", "-y", "install", ...packages],
      ["apt-get", "-q", "clean"],
      // apt makes the folder anew
      ["rm", "-rf", "/var/lib/apt/lists"],
    ],
  },
  { name: "apk", probe: ["apk", "--version"], install: (packages) => [["apk", "add", "--no-cache", ...packages]] },
  dnfLike("dnf"),
  dnfLike("microdnf"),
  dnfLike("yum"),
  {
    name: "zypper",
    probe: ["zypper", "--version"],
    install: (packages) => [
      ["zypper", "--non-interactive", "refresh"],
      ["zypper", "--non-interactive", "install", ...packages],
      ["zypper", "--non-interactive", "clean", "--all"],
    ],
  },
  {
    name: "pacman",
    probe: ["pacman", "--version"],
    install: (packages) => [
      // a partial upgrade is none that Arch supports
      ["pacman", "--noconfirm", "--needed", "-Syu", ...packages],
      ["pacman", "--noconfirm", "-Sc"],
    ],
  },
];

/** dnf, and those that take its words. */
function dnfLike(name: string): PackageManager {
  return {
    name,
    probe: [name, "--version"],
    install: (packages) => [
      [name, "-y", "install", ...packages],
      [name, "-y", "clean", "all"],
    ],
  };
}
