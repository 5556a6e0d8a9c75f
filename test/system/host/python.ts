/** Python programs that run on in the test host: servers, and listeners of all kinds. */
import type { SystemHost } from "./host.ts";

const start = `folder=$(mktemp -d)
mkfifo "$folder/up"
setsid "$@" >"$folder/up" 2>"$folder/log" &
read -r said <"$folder/up"
[ "$said" = ready ] || { cat "$folder/log" >&2; exit 1; }
echo $!`;

/**
 * Starts a program that prints `ready` once others can rely on it; then resolves to its pid, as the test host counts.
 * @param options.within argv of what runs it, such as setpriv(1) @throws when the program ends before it is ready
 */
export async function startPython(
  host: SystemHost,
  program: string,
  { args = [], within = [] }: { args?: readonly string[]; within?: readonly string[] } = {},
): Promise<string> {
  const argv = ["/bin/bash", "-c", start, "bash", ...within, "python3", "-c", program, ...args];
  const { code, stdout, stderr } = await host.run(argv);
  if (code !== 0) throw new Error(`a program did not start in the test host: ${stderr.slice(-2000)}`);
  return stdout.trim();
}
