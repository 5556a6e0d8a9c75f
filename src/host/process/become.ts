/** execve(2): this process becomes another program, and keeps its pid, its terminal and its standard streams. */
import { fail } from "../../base/errors/error.ts";

/**
 * @param program absolute path
 * @param argv with the program's own name first
 * @throws TOOL_FAILED when the system refuses to run it
 */
export function become(program: string, argv: readonly string[]): never {
  try {
    // the type has it optional, for systems without execve(2)
    process.execve?.(program, argv, process.env);
  } catch (error) {
    throw fail("TOOL_FAILED", { tool: program, status: "an error", said: String(error) }, error);
  }
  throw new Error("this runtime has no execve");
}
