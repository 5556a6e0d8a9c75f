/**
 * inotify on a folder, without lost events. The runtime drops an event that follows another one of the same kind within a millisecond,
 * for any file, so each event is followed by one more call a little later.
 */
import { watch } from "node:fs";

/** longer than the runtime's window, short for someone who waits */
const secondLookMs = 20;

/**
 * @param onChange called soon after each change, and also without one; `name` of what changed in the folder, null when anything may
 *   have changed
 * @throws when the folder is missing
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
