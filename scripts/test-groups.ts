/** What `make test` runs, in order: quick things first, VMs last. */

/** One program whose exit status is the result. */
export type PlainGroup = { kind: "plain"; name: string; what: string; commands: { name: string; argv: string[] }[] };
export type CargoGroup = { kind: "cargo"; name: string; what: string; folder: string };
export type BunGroup = {
  kind: "bun";
  name: string;
  what: string;
  /** file name endings that belong to it; `unit`: all that belong to no other group */
  endings: string[];
  /** `ordinary`: never as root */
  user: "current" | "ordinary";
  /** one process for each file: a crash or hang of one leaves the others alone */
  apart: boolean;
  /** how many of these processes run at once, on a host with as many CPUs; default 1 */
  atOnce?: number;
  /** for one test, in `ms` */
  timeoutMs: number;
};
export type Group = PlainGroup | CargoGroup | BunGroup;

const bin = "node_modules/.bin";

/** Endings of tests that need something of the machine; all other `*.test.ts` are unit tests. */
export const gatedEndings = [
  ".tool.test.ts",
  ".root.test.ts",
  ".vm.test.ts",
  ".attack.test.ts",
  ".nested.test.ts",
  ".system.test.ts",
];

export const groups: Group[] = [
  {
    kind: "plain",
    name: "check",
    what: "types, format, lint, import rules",
    commands: [
      { name: "types", argv: [`${bin}/tsc`] },
      {
        name: "biome",
        argv: [`${bin}/biome`, "ci", "--colors=off", "--error-on-warnings", "--max-diagnostics=50", "."],
      },
      { name: "import rules", argv: [`${bin}/bun`, "scripts/import-rules.ts", "--check"] },
    ],
  },
  {
    kind: "bun",
    name: "unit",
    what: "tests that need nothing",
    endings: [],
    user: "current",
    apart: false,
    timeoutMs: 20_000,
  },
  { kind: "cargo", name: "agent", what: "the guest agent's own tests", folder: "agent" },
  {
    kind: "bun",
    name: "tool",
    what: "tests that need a tool of the host or the compiled program",
    endings: [".tool.test.ts"],
    user: "ordinary",
    apart: true,
    timeoutMs: 120_000,
  },
  {
    kind: "bun",
    name: "attack",
    what: "hostile guests, registries, archives and repositories, as an ordinary user",
    endings: [".attack.test.ts"],
    user: "ordinary",
    apart: true,
    timeoutMs: 120_000,
  },
  {
    kind: "bun",
    name: "root",
    what: "tests that need root",
    endings: [".root.test.ts"],
    user: "current",
    apart: true,
    timeoutMs: 600_000,
  },
  {
    kind: "bun",
    name: "vm",
    what: "real VMs, as an ordinary user",
    endings: [".vm.test.ts"],
    user: "ordinary",
    apart: true,
    // an emulated VM keeps one CPU busy
    atOnce: 2,
    timeoutMs: 600_000,
  },
  {
    kind: "bun",
    name: "nested",
    what: "the product in a test host that has KVM",
    endings: [".nested.test.ts"],
    user: "ordinary",
    apart: true,
    atOnce: 2,
    timeoutMs: 600_000,
  },
  {
    kind: "bun",
    name: "system",
    what: "system mode, in a Debian with systemd",
    endings: [".system.test.ts"],
    user: "current",
    apart: true,
    // most of it waits for a booting VM
    atOnce: 2,
    timeoutMs: 300_000,
  },
];
