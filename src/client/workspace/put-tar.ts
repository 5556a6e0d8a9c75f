/** Sends a tar stream into an open `put`. */
import { fail } from "../../base/errors/error.ts";
import type { AgentStream, Json } from "../../wire/agent/types.ts";

/** @param path for messages @throws WORKSPACE_COPY, errors of `tar` */
export async function putTar(stream: AgentStream, tar: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  let isOver = false;
  let isDone = false;
  const ended = stream.closed.finally(() => {
    isOver = true;
  });
  ended.catch(() => {});
  stream.onEvent((event: Json) => {
    isDone ||= event["event"] === "done";
  });
  try {
    for await (const chunk of tar) {
      if (isOver) break;
      await stream.write(0, chunk);
    }
  } catch (error) {
    stream.close();
    throw error;
  }
  stream.eof(0);
  await ended.catch((error: Error) => {
    throw fail("WORKSPACE_COPY", { path, problem: error.message }, error);
  });
  if (!isDone) throw fail("WORKSPACE_COPY", { path, problem: "the guest stopped receiving it" });
}
