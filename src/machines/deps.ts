/** What lifecycle policy needs from outside, layer by layer. */
import { guestTimings } from "./guest/context.ts";
import { type LifeDeps, lifeTimings } from "./life/context.ts";
import { startTimings } from "./start/context.ts";
import { templateTimings } from "./templates/context.ts";

export type MachinesDeps = LifeDeps;
export type MachineTimings = MachinesDeps["timings"];

export const defaultTimings: MachineTimings = { ...guestTimings, ...templateTimings, ...startTimings, ...lifeTimings };

/** What is waited for is as fast as the host's CPU: programs of ours, and guests. */
const pacedLimits = [
  ...[
    "agentMs",
    "restoredAgentMs",
    "reconnectMs",
    "tellMs",
    "growMs",
    "servicesMs",
    "readerMs",
    "endingMs",
    "rehearsalMs",
  ],
  ...["syncMs", "powerOffMs", "statsMs", "graceMs"],
] as const;

/** @param pace how many times slower than usual the host is */
export function pacedTimings(pace: number): MachineTimings {
  return {
    ...defaultTimings,
    ...Object.fromEntries(pacedLimits.map((name) => [name, Math.round(defaultTimings[name] * pace)])),
  };
}
