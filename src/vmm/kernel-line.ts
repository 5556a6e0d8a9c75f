/** A guest's kernel command line from its arguments. Pure. */

/** Bytes. An x86 kernel truncates longer lines without an error (COMMAND_LINE_SIZE). */
export const maxCmdline = 2048;

/** @throws RangeError for an argument that would break the line, or too many of them: banger itself makes them, so that is a bug */
export function kernelLine(args: readonly string[], limit = maxCmdline): string {
  const line = args.map(checked).join(" ");
  if (line.length >= limit) throw new RangeError(`kernel command line of ${line.length} bytes`);
  return line;
}

function checked(arg: string): string {
  if (!/^[\x21-\x7e]+$/.test(arg) || arg.includes('"')) throw new RangeError(`kernel argument ${JSON.stringify(arg)}`);
  return arg;
}
