/** Does something that needs an image and a kernel, and obtains each once if it is missing. */
import { BangerError } from "../../base/errors/error.ts";
import type { Emit } from "../../model/event.ts";
import type { ArtifactNeeds } from "./obtain.ts";
import type { Missing } from "./obtain-missing.ts";

/** Runs `attempt`; if an image or a kernel is missing, obtains it and runs `attempt` again. @throws errors of `attempt` and of obtaining */
export async function withArtifacts<T>(
  needs: ArtifactNeeds,
  emit: Emit,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  const obtained = new Set<string>();
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const missing = missingOf(error);
      if (!missing || obtained.has(missing.kind)) throw error;
      obtained.add(missing.kind);
      // loaded here, since almost every command finds all that it needs
      const { obtainMissing } = await import("./obtain-missing.ts");
      await obtainMissing(needs, missing, emit, signal);
    }
  }
}

function missingOf(error: unknown): Missing | null {
  if (!(error instanceof BangerError)) return null;
  const { recipe, pull, name } = error.details;
  if (typeof name !== "string") return null;
  if (error.code === "KERNEL_NOT_FOUND") return { kind: "kernel", name };
  return error.code === "IMAGE_NOT_FOUND" ? { kind: "image", name, recipe, pull } : null;
}
