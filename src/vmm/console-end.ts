/** What the last lines of a guest's console say about its end. The guest writes them, so they count only beside other facts. Pure. */

/** Text of a panic, `out of memory` when the kernel had none left; null: no panic. */
export function panicReason(console: readonly string[]): string | null {
  const at = console.findLastIndex((line) => /Kernel panic - not syncing|end Kernel panic/.test(line));
  if (at === -1) return null;
  const line = console.find((candidate) => candidate.includes("Kernel panic - not syncing")) ?? console[at] ?? "";
  const memory = /Out of memory|System is deadlocked on memory|invoked oom-killer/i;
  if (console.slice(0, at + 1).some((candidate) => memory.test(candidate))) return "out of memory";
  return line.replace(/^.*Kernel panic - not syncing:\s*/, "").replace(/^\[[\d. ]+\]\s*/, "");
}

/**
 * The kernel's own last message (kernel/reboot.c), which it prints at any log level. Without a way to power off, the agent has the
 * machine reset with the command `poweroff`.
 */
export function kernelsLastWord(console: readonly string[]): "poweroff" | "halt" | "reboot" | null {
  if (lastLinesMatch(console, /reboot: Power down|reboot: Restarting system with command 'poweroff'/))
    return "poweroff";
  if (lastLinesMatch(console, /reboot: System halted/)) return "halt";
  if (lastLinesMatch(console, /reboot: (?:Restarting system|machine restart)/)) return "reboot";
  return null;
}

/** Only the last three lines count: earlier ones can be from any program. */
function lastLinesMatch(console: readonly string[], pattern: RegExp): boolean {
  return console.slice(-3).some((line) => pattern.test(line));
}
