/** The tables `[[file_sync]]`: their schema, and where they are in the file. */
import * as z from "zod/mini";
import {
  type FileSyncEntry,
  guestProblem,
  hostProblem,
  isAtOrBelow,
  maxFileSyncEntries,
  parseFileMode,
} from "../model/file-sync.ts";

const listRule = `must be a list of up to ${maxFileSyncEntries} tables, each with \`host\` and \`guest\`: \`[[file_sync]]\``;
const modeRule =
  'must be a text of octal digits up to 0777 with which the owner can read the file, as in `mode = "0600"`';

function path(problem: (text: string) => string | null) {
  const rule = (input: unknown) => (typeof input === "string" ? problem(input) : null) ?? "must be a path";
  return z
    .string({ error: ({ input }) => rule(input) })
    .check(z.refine((text) => problem(text) === null, { error: ({ input }) => rule(input) }));
}

export const fileSyncTable = z.strictObject(
  {
    host: path(hostProblem),
    guest: path(guestProblem),
    mode: z.optional(
      z.string({ error: modeRule }).check(z.refine((text) => parseFileMode(text) !== null, { error: modeRule })),
    ),
    required: z.optional(z.boolean({ error: "must be true or false" })),
  },
  { error: (issue) => (issue.code === "invalid_type" ? listRule : undefined) },
);

export const fileSyncSchema = z
  .array(fileSyncTable, { error: listRule })
  .check(z.maxLength(maxFileSyncEntries, { error: listRule }), z.superRefine(noneWithinAnother));

type RawEntry = z.infer<typeof fileSyncTable>;

/** What two entries write to one path, one of them would replace. */
function noneWithinAnother(all: RawEntry[], ctx: z.core.$RefinementCtx<RawEntry[]>): void {
  for (const [at, { guest }] of all.entries()) {
    const other = all.findIndex((each, index) => index < at && isEither(guest, each.guest));
    if (other >= 0)
      ctx.addIssue({
        code: "custom",
        path: [at, "guest"],
        message: `is, contains or lies in the \`guest\` of file_sync.${other}`,
      });
  }
}

function isEither(one: string, other: string): boolean {
  return isAtOrBelow(one, [other]) || isAtOrBelow(other, [one]);
}

export function fileSyncEntry({ host, guest, mode, required }: RawEntry): FileSyncEntry {
  return {
    host: host.replace(/\/$/, ""),
    guest,
    mode: mode === undefined ? null : parseFileMode(mode),
    required: required ?? false,
  };
}

/** The same problems; those about a `[[file_sync]]` with the line of its header. */
export function withLines(problems: readonly string[], text: string): string[] {
  const lines = text.split("\n");
  const headers = lines.flatMap((line, at) => (/^\s*\[\[\s*["']?file_sync["']?\s*\]\]/.test(line) ? [at + 1] : []));
  return problems.map((problem) => {
    const line = headers[Number(/^file_sync\.(\d+)/.exec(problem)?.[1] ?? Number.NaN)];
    return line === undefined ? problem : `${problem} (in the table at line ${line})`;
  });
}
