/**
 * The layers of the cage that `banger-vsock-agent confine` puts a VMM into: which ones this host has, and what is left open where
 * one is missing.
 */

export type Cage = {
  /** version of Landlock's interface, 0 without it */
  landlock: number;
  seccomp: boolean;
  /** why there can be no user and mount namespaces; null: there can */
  namespaces: string | null;
  /** why there can be no network namespace beside them; null: there can */
  network: string | null;
  /** why the processes and threads of one VMM can't be limited by themselves; null: they can */
  processes: string | null;
};

/** A layer that is missing. */
export type Gap = {
  layer: "landlock" | "seccomp" | "namespaces" | "network namespace" | "process limit" | "memory isolation";
  why: string;
  /** what a VMM that its guest has taken over can do without it, as a clause */
  leavesOpen: string;
};

/** The answer of `confine --check`. */
export function parseCage(text: string): Cage | null {
  let answer: Partial<Record<keyof Cage, unknown>> | null;
  try {
    answer = JSON.parse(text);
  } catch {
    return null;
  }
  const { landlock, seccomp, namespaces, network, processes } = answer ?? {};
  const isReason = (value: unknown): value is string | null => value === null || typeof value === "string";
  if (typeof landlock !== "number" || typeof seccomp !== "boolean") return null;
  if (!isReason(namespaces) || !isReason(network) || !isReason(processes)) return null;
  return { landlock, seccomp, namespaces, network, processes };
}

export function gapsOf(cage: Cage): Gap[] {
  const { landlock, seccomp, namespaces, network, processes } = cage;
  const gaps: (Gap | false)[] = [
    landlock === 0 && {
      layer: "landlock",
      why: "the kernel has no Landlock, or it is not among its security modules",
      leavesOpen:
        namespaces === null
          ? "it makes any number of files in the VM's folder, and nothing but its own root keeps it from others"
          : "it reads and writes every file that you can",
    },
    !seccomp && {
      layer: "seccomp",
      why: "the kernel has no filters for system calls",
      leavesOpen: "it changes modes and owners of your files, and reaches your processes and their sockets",
    },
    namespaces !== null && {
      layer: "namespaces",
      why: namespaces,
      leavesOpen: "it sees names, sizes and times of files that it can't open",
    },
    network !== null && {
      layer: "network namespace",
      why: network,
      leavesOpen: seccomp ? "nothing but the filter keeps it from the host's network" : "it uses the host's network",
    },
    processes !== null && {
      layer: "process limit",
      why: processes,
      leavesOpen: "it makes threads until your user, or root's whole machine, can start no more processes",
    },
  ];
  return gaps.filter((gap) => gap !== false);
}

/** For people: one line. */
export function describeGaps(gaps: readonly Gap[]): string {
  return gaps.map(({ layer, why, leavesOpen }) => `no ${layer} (${why}): ${leavesOpen}`).join("; ");
}
