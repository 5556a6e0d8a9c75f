/**
 * The cage around a host program that reads untrusted bytes (an archive, a package, a repository): `banger-vsock-agent confine` with the
 * files that it needs. It has no network, no sockets, can't signal other processes, and sees none of the user's other files.
 */
import { fail } from "../../base/errors/error.ts";
import { type Cage, describeGaps, gapsOf, maxOpenFiles } from "../../model/cage.ts";
import { realPath } from "../files/files.ts";
import { missingTool } from "../packages.ts";
import { probeCage } from "./cage.ts";
import type { Exec } from "./exec.ts";

/** Absolute paths. Only these, and the system's programs and libraries, exist for the program. */
export type ToolAccess = {
  /** files, and folders with everything below them */
  readOnly?: readonly string[];
  /** folders in which it creates, renames and removes regular files */
  readWrite?: readonly string[];
  /** files that it overwrites from the beginning; created when missing, mode 0600 */
  outputs?: readonly string[];
  /** whether it starts other programs or copies of itself */
  hasChildren?: boolean;
  /** the largest file size, in bytes; default: no limit if it writes files at all */
  largestFile?: number;
};

export interface ToolCage {
  /**
   * The arguments before the program's command line; empty if the agent's binary is missing.
   * @throws TOOL_MISSING, and CONFINEMENT_INCOMPLETE if the config requires a complete cage and a layer is missing
   */
  around(tool: string, access: ToolAccess): Promise<readonly string[]>;
  /** why tools run without a cage; null: they have one */
  missing(): Promise<string | null>;
}

/** `confine` skips those that do not exist. */
const systemPaths = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives", "/nix/store"];

const gib = 1024 ** 3;
/** git maps packs in windows of 1 GiB; an allocator reserves 64 MiB for each of many threads. */
const addressSpace = 64 * gib;

export type ToolFacts = {
  /** path of `banger-vsock-agent` */
  agent: string;
  /** the layers that this host has */
  cage: Cage;
  /** where the program was found, and the targets of the links there */
  program: readonly string[];
};

/** Pure. */
export function toolCage(access: ToolAccess, { agent, cage, program }: ToolFacts): string[] {
  const { readOnly = [], readWrite = [], outputs = [], hasChildren = false } = access;
  const own = program.filter((place) => !systemPaths.some((path) => place.startsWith(`${path}/`)));
  const writesFiles = readWrite.length > 0 || outputs.length > 0;
  const largestFile = access.largestFile ?? (writesFiles ? null : 0);
  // git, which keeps packs open, closes some before it comes to its limit
  const limits = [`address-space=${addressSpace}`, `open-files=${maxOpenFiles}`];
  if (largestFile !== null) limits.push(`file-size=${largestFile}`);
  return [
    ...[agent, "confine"],
    ...[...systemPaths, ...own, ...readOnly].flatMap((path) => ["--ro", path]),
    ...readWrite.flatMap((path) => ["--rw", path]),
    ...outputs.flatMap((path) => ["--out", path]),
    ...["--dev", "/dev/null", "--dev", "/dev/urandom"],
    ...(cage.namespaces === null ? ["--isolate", cage.network === null ? "all" : "all-but-network"] : []),
    ...["--network", "none"],
    ...limits.flatMap((limit) => ["--limit", limit]),
    ...(cage.seccomp ? ["--profile", hasChildren ? "tool-with-children" : "tool"] : []),
    "--",
  ];
}

export type ToolCageDeps = {
  exec: Exec;
  which(program: string): Promise<string | null>;
  agent: string;
  /** called only when a layer is missing */
  confinement(): Promise<"auto" | "required">;
};

/** The host's layers are probed once, when the first tool is needed. */
export function createToolCage({ exec, which, agent, confinement }: ToolCageDeps): ToolCage {
  let asked: Promise<Cage | null> | null = null;
  const ask = () => {
    asked ??= probeCage(exec, agent);
    return asked;
  };
  const noAgent = `${agent} does not answer`;
  return {
    async around(tool, access) {
      const [cage, found] = await Promise.all([ask(), which(tool)]);
      if (found === null) throw fail("TOOL_MISSING", { tool, ...missingTool(tool) });
      const missing = cage === null ? noAgent : describeGaps(gapsOf(cage));
      if (missing !== "" && (await confinement()) === "required") {
        throw fail("CONFINEMENT_INCOMPLETE", { program: tool, missing });
      }
      return cage === null ? [] : toolCage(access, { agent, cage, program: [found, await realPath(found)] });
    },
    missing: async () => ((await ask()) === null ? noAgent : null),
  };
}
