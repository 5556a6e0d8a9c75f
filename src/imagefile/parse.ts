/** Parses an image file: its content, or one error with every problem and its path. Pure. */
import { parse as parseToml, TomlError } from "smol-toml";
import { fail } from "../base/errors/error.ts";
import { execProblem } from "../base/exec-limits.ts";
import { type ImageName, isImageName } from "../base/names.ts";
import { type Issue, problemsOf, syntaxProblem } from "../base/problems.ts";
import { quoteArgs } from "../base/text.ts";
import { parseSize } from "../base/units.ts";
import { isPerVmFile } from "../images/per-vm-files.ts";
import type { ConfigChange } from "../model/artifact.ts";
import type { BuildBase, BuildPlan, RunStep } from "./plan.ts";
import { imageFileSchema, keysAt, type RawFile, type RawImageFile } from "./schema.ts";

/** A plan whose files have not been read yet. */
export type ParsedImageFile = Omit<BuildPlan, "files"> & { files: readonly RawFile[] };

/** @throws IMAGE_FILE_INVALID */
export function parseImageFile(file: string, text: string): ParsedImageFile {
  const result = imageFileSchema.safeParse(readToml(file, text));
  if (!result.success) throw invalid(file, problemsOf(result.error.issues as Issue[], { keysAt, advice }));
  const raw = result.data;
  const name = raw.name ?? nameFrom(file);
  const base = baseOf(raw);
  const problems = [
    ...(typeof base === "string" ? [base] : []),
    ...(name === null ? ['name: must be given, as in `name = "dev"`: the file\'s name is not a valid image name'] : []),
    ...(raw.files ?? []).flatMap(fileProblems),
    ...doubles(raw.files ?? []),
    ...tooLong(raw),
  ];
  if (problems.length > 0 || typeof base === "string") throw invalid(file, problems);
  return {
    name: name as ImageName,
    source: `build ${file.slice(file.lastIndexOf("/") + 1)}`,
    base,
    packages: raw.packages ?? [],
    files: raw.files ?? [],
    run: (raw.run ?? []).map(stepOf),
    env: raw.env ?? {},
    config: configOf(raw),
    vm: sizesOf(raw.vm ?? {}),
  };
}

/** @param next hint, if the file's keys are not the problem */
export function invalid(file: string, problems: readonly string[], next?: string): Error {
  const shown = problems.slice(0, 50);
  return fail("IMAGE_FILE_INVALID", { file, problems: shown, ...(next === undefined ? {} : { next }) });
}

function readToml(file: string, text: string): unknown {
  try {
    return parseToml(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw invalid(file, [syntaxProblem(error)]);
  }
}

/** Advice for a top-level key within a table: in TOML, everything after a table's header belongs to that table. */
function advice(path: readonly PropertyKey[], key: string): string | undefined {
  if (path.length === 0 || !keysAt([]).includes(key)) return undefined;
  return `it belongs to the top of the file, before the first [table]`;
}

/** `dev.toml` is `dev`. */
function nameFrom(file: string): ImageName | null {
  const base = file.slice(file.lastIndexOf("/") + 1).replace(/\.toml$/, "");
  return isImageName(base) ? base : null;
}

/** @returns the base, or a problem */
function baseOf({ base, suite }: RawImageFile): BuildBase | string {
  if (base !== undefined && suite !== undefined) return "suite: can't be combined with `base`";
  if (base !== undefined) return { image: base };
  if (suite !== undefined) return { suite };
  return 'base: must say what the image is made from, as in `base = "debian-bookworm"`, or `suite = "bookworm"`';
}

/** Folders that are the kernel's or each VM's own: files in them are not part of an image. */
const notOfImage = /^\/(?:dev|proc|sys|run|var\/run|var\/lock)(?=\/|$)/;

/** Why a file at this path would not be kept in the image; null if it would. @param path in the guest, absolute */
export function guestPathProblem(path: string): string | null {
  const folder = notOfImage.exec(path)?.[0];
  if (folder !== undefined) return `files in ${folder} are not kept in an image`;
  return isPerVmFile(path.slice(1)) ? `${path} belongs to each VM and is never kept in an image` : null;
}

function fileProblems({ path, content, source, mode: _ }: RawFile, at: number): string[] {
  const problems: string[] = [];
  if ((content === undefined) === (source === undefined))
    problems.push(`files.${at}: must have either \`content\` or \`source\``);
  const problem = guestPathProblem(path);
  if (problem !== null) problems.push(`files.${at}.path: ${problem}`);
  return problems;
}

function doubles(files: readonly RawFile[]): string[] {
  const seen = new Set<string>();
  return files.flatMap(({ path }, at) => {
    if (seen.has(path)) return [`files.${at}.path: ${path} occurs twice`];
    seen.add(path);
    return [];
  });
}

function tooLong({ run = [], packages = [], env = {} }: RawImageFile): string[] {
  return [
    ...(execProblem(packages, env) === null ? [] : ["packages: has too many packages for one command"]),
    ...run.flatMap((step, at) => {
      const problem = execProblem(stepOf(step).argv, env);
      return problem === null ? [] : [`run.${at}: ${problem}: put it into a file with \`files\` and run that`];
    }),
  ];
}

function stepOf(step: string | readonly string[]): RunStep {
  if (typeof step !== "string") return { argv: step, title: titleOf(quoteArgs(step)), isShell: false };
  return { argv: ["sh", "-eu", "-c", step], title: titleOf(step), isShell: true };
}

const maxTitle = 60;

/** The first line, shortened. */
function titleOf(text: string): string {
  const lines = text.trim().split("\n");
  const first = (lines[0] ?? "").trim();
  const isWhole = lines.length === 1 && first.length <= maxTitle;
  return isWhole ? first : `${first.slice(0, maxTitle)}…`;
}

function configOf({ entrypoint, cmd, user, workdir, environment }: RawImageFile): ConfigChange | null {
  const config: ConfigChange = {
    ...(environment ? { env: environment } : {}),
    ...(entrypoint ? { entrypoint } : {}),
    ...(cmd ? { cmd } : {}),
    ...(user === undefined ? {} : { user }),
    ...(workdir === undefined ? {} : { workdir }),
  };
  return Object.keys(config).length > 0 ? config : null;
}

function sizesOf({ vcpu, memory, disk }: NonNullable<RawImageFile["vm"]>): BuildPlan["vm"] {
  const mib = memory === undefined ? 0 : Math.floor((parseSize(memory) ?? 0) / 1024 ** 2);
  return {
    ...(vcpu === undefined ? {} : { vcpu }),
    ...(memory === undefined ? {} : { memoryMib: mib - (mib % 2) }),
    ...(disk === undefined ? {} : { diskBytes: parseSize(disk) ?? 0 }),
  };
}
