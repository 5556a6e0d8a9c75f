/** Package managers that a build can use, found by probing the base; no shell is needed. Pure. */

export type PackageManager = {
  name: string;
  /** succeeds if the manager is there */
  probe: readonly string[];
  /** commands to run in order */
  install(packages: readonly string[]): readonly (readonly string[])[];
  env?: Record<string, string>;
};

/** In probing order: some exist beside another distribution's own. */
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
      // Arch does not support partial upgrades
      ["pacman", "--noconfirm", "--needed", "-Syu", ...packages],
      ["pacman", "--noconfirm", "-Sc"],
    ],
  },
];

/** dnf and compatible managers. */
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
