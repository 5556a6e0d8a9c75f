/**
 * inotify on a folder, without lost news. The runtime drops an event that comes within a millisecond of another one of
 * the same kind, for whichever file, so each event is followed by one more call a little later.
 */
import { watch } from "node:fs";

/** longer than the runtime's window, short for a reader who waits */
const secondLookMs = 20;

/**
 * @param onChange called soon after each change, and also without one; `name` of what changed in the folder, null for
 *   "something may have"
 * @throws when there is no such folder
 */
export function watchFolder(
  folder: string,
  onChange: (name: string | null) => void,
  options: { persistent?: boolean } = {},
): { close(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const lookAgain = () => {
    timer = undefined;
    onChange(null);
  };
  const watcher = watch(folder, { persistent: options.persistent ?? true }, (_event, name) => {
    timer ??= setTimeout(lookAgain, secondLookMs);
    onChange(name);
  });
  watcher.on("error", () => onChange(null));
  return {
    close() {
      clearTimeout(timer);
      watcher.close();
    },
  };
}
