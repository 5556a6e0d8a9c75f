/** A full disk, as users are told of it. */
import { BangerError, fail } from "../base/errors/error.ts";
import type { Context } from "./context.ts";

/** Runs `body`; a full file system becomes DISK_FULL. */
export async function sayingDiskFull<T>(
  ctx: Context,
  path: string,
  during: string,
  body: () => Promise<T>,
): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof BangerError || !ctx.isDiskFull(error)) throw error;
    throw fail("DISK_FULL", { path, during }, error);
  }
}
