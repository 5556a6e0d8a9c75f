/** A full disk, as an error for users. */
import { BangerError, fail } from "../../base/errors/error.ts";
import { formatSize } from "../../base/units.ts";
import type { RunningVm, VmmStop } from "../../vmm/driver.ts";
import type { GuestContext } from "./context.ts";

/** Runs `body`; a full file system becomes DISK_FULL. */
export async function withDiskFullError<T>(
  ctx: GuestContext,
  path: string,
  during: string,
  body: () => Promise<T>,
): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof BangerError || !ctx.isDiskFull(error)) throw error;
    throw await diskFullError(ctx, path, during, error);
  }
}

/**
 * For an unlisted VM, which can't be resumed: aborted when its VMM stops the guest, with DISK_FULL if that is the cause.
 * @param during as in DISK_FULL's message
 */
export function abortedByStop(ctx: GuestContext, running: RunningVm, name: string, during: string): AbortSignal {
  const abort = new AbortController();
  const take = (stop: VmmStop) => void stopError(ctx, stop, name, during).then((error) => abort.abort(error));
  const already = running.stopped();
  if (already) take(already);
  running.onStopped(take);
  return abort.signal;
}

/** The error of work whose guest was stopped by its VMM. Never rejects. */
export async function stopError(
  ctx: GuestContext,
  { kind, reason }: VmmStop,
  name: string,
  during: string,
): Promise<BangerError> {
  if (kind === "disk-full") return diskFullError(ctx, ctx.paths.vms, during);
  return fail("VM_FAILED", { name, reason: `its VMM stopped it while ${during}: ${reason}` });
}

/** DISK_FULL with the free space at `path`. @param path a file or folder below the state folder, which need not exist yet */
async function diskFullError(ctx: GuestContext, path: string, during: string, cause?: unknown): Promise<BangerError> {
  const bytes = await ctx.files.freeBytes(path).catch(() => ctx.files.freeBytes(ctx.paths.vms).catch(() => null));
  return fail("DISK_FULL", { path, during, ...(bytes === null ? {} : { free: formatSize(bytes) }) }, cause);
}
