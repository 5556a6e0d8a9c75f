/** What lifecycle policy needs from outside, layer by layer. */
import { guestTimings } from "./guest/context.ts";
import { type LifeDeps, lifeTimings } from "./life/context.ts";
import { startTimings } from "./start/context.ts";
import { templateTimings } from "./templates/context.ts";

export type MachinesDeps = LifeDeps;
export type MachineTimings = MachinesDeps["timings"];

export const defaultTimings: MachineTimings = { ...guestTimings, ...templateTimings, ...startTimings, ...lifeTimings };
