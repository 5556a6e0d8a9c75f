/**
 * The layers of the cage that `banger-vsock-agent confine` puts a VMM into: which of them this host has, and what a missing one leaves
 * open.
 */

export type Cage = {
  /** version of Landlock's interface (ABI); 0: not available */
  landlock: number;
  seccomp: boolean;
  /** why user and mount namespaces are not available; null: they are */
  namespaces: string | null;
  /** why a network namespace beside them is not available; null: it is */
  network: string | null;
  /** why the processes and threads of one VMM can't be limited separately; null: they can */
  processes: string | null;
  /**
   * why a program built with musl can't be let signal its own threads and nothing else, by Landlock or a supervisor; null: it can. Not
   * a layer: without it such signals are refused
   */
  signals: string | null;
};

/**
 * Open files of a confined program. The kernel counts descriptors that are on their way over unix sockets for the whole user, and refuses a
 * sender whose own limit is below that count (unix(7), ETOOMANYREFS). Most programs of the user may open 1024: what is confined has
 * so much less that it can't keep them from sending theirs. It can be ahead of its limit by one message, 253.
 */
export const maxOpenFiles = 512;

/** A layer that is missing. */
export type Gap = {
  layer: "landlock" | "seccomp" | "namespaces" | "network namespace" | "process limit" | "memory isolation";
  why: string;
  /** what a VMM under its guest's control can do without the layer, as a clause */
  leavesOpen: string;
};

/** Parses the answer of `confine --check`; null unless all of it is valid. */
export function parseCage(text: string): Cage | null {
  let answer: Partial<Record<keyof Cage, unknown>> | null;
  try {
    answer = JSON.parse(text);
  } catch {
    return null;
  }
  const { landlock, seccomp, namespaces, network, processes, signals } = answer ?? {};
  const isReason = (value: unknown): value is string | null => value === null || typeof value === "string";
  if (typeof landlock !== "number" || typeof seccomp !== "boolean") return null;
  if (!isReason(namespaces) || !isReason(network) || !isReason(processes) || !isReason(signals)) return null;
  return { landlock, seccomp, namespaces, network, processes, signals };
}

export function gapsOf(cage: Cage): Gap[] {
  const { landlock, seccomp, namespaces, network, processes } = cage;
  const gaps: (Gap | false)[] = [
    landlock === 0 && {
      layer: "landlock",
      why: "the kernel has no Landlock, or it is not among its security modules",
      leavesOpen:
        namespaces === null
          ? "it can create any number of files in the VM's folder, and only its own root keeps it from other files"
          : "it can read and write every file that you can",
    },
    !seccomp && {
      layer: "seccomp",
      why: "the kernel has no system call filters",
      leavesOpen: "it can change modes and owners of your files, and reach your processes and their sockets",
    },
    namespaces !== null && {
      layer: "namespaces",
      why: namespaces,
      leavesOpen: "it can see names, sizes and times of files that it can't open",
    },
    network !== null && {
      layer: "network namespace",
      why: network,
      leavesOpen: seccomp ? "only the filter keeps it from the host's network" : "it can use the host's network",
    },
    processes !== null && {
      layer: "process limit",
      why: processes,
      leavesOpen: "it can start threads until your user (for root: the whole machine) can start no more processes",
    },
  ];
  return gaps.filter((gap) => gap !== false);
}

/** For display: one line. */
export function describeGaps(gaps: readonly Gap[]): string {
  return gaps.map(({ layer, why, leavesOpen }) => `no ${layer} (${why}): ${leavesOpen}`).join("; ");
}
