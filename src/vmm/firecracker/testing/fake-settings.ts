/** What a test tells the fake Firecracker: in a file beside the program, as its environment and arguments are the driver's. */

/** What becomes of a request, in place of an answer. */
export type Fault =
  | { answer: "400" | "500"; text: string }
  /** bytes that are no HTTP */
  | { answer: "garbage" }
  /** no answer, and the connection stays open */
  | { answer: "never" }
  /** the process ends, with this status */
  | { answer: "dies"; status: number };

export type Settings = {
  version: string;
  /** by `METHOD /path` */
  faults: Record<string, Fault>;
  /** ends before it listens */
  diesAtStart?: number;
  /** never listens */
  silent?: boolean;
  /** `ms` from the start until the guest's agent listens */
  bootMs: number;
  /** leaves of CPUID that KVM offers */
  cpuLeaves: number[];
  /** names of the host's TAP interfaces that nothing is attached to */
  taps: string[];
  /** a sparse save misses the guest's notes, as if they were swapped out */
  isSwapped?: boolean;
  /** path of a file that gets a line for each save: its type, and how many pages were written */
  saves?: string;
};

export const defaultSettings: Settings = {
  version: "1.14.1",
  faults: {},
  bootMs: 5,
  cpuLeaves: [0x1, 0x80000001],
  taps: [],
};
