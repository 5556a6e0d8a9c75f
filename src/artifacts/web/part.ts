/** A file by URL, as a source for `Downloads`: failures that a retry may fix are transient. */
import { fail } from "../../base/errors/error.ts";
import type { OpenPart } from "../download.ts";
import { TransientError } from "../retry.ts";
import { openWeb, type WebDeps, WebError, type WebPlace } from "./get.ts";

/** @param what for messages */
export function webPart(deps: WebDeps, place: WebPlace, what: string): OpenPart {
  const { url } = place;
  return async (from, signal) => {
    try {
      const { body, ...part } = await openWeb(deps, place, from, signal);
      return { ...part, body: withDownloadErrors(body, url, what) };
    } catch (error) {
      throw downloadError(error, url, what);
    }
  };
}

async function* withDownloadErrors(
  body: AsyncIterable<Uint8Array>,
  url: string,
  what: string,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* body;
  } catch (error) {
    throw downloadError(error, url, what);
  }
}

function downloadError(error: unknown, url: string, what: string): unknown {
  if (!(error instanceof WebError)) return error;
  const failed = fail("DOWNLOAD_FAILED", { what, url, problem: error.problem }, error);
  return error.again ? new TransientError(failed, error.again.afterMs) : failed;
}
