/** The lines of an NDJSON answer, as schemas: events while work runs, then one result or one error. */
import * as z from "zod/mini";
import type { WireError } from "../base/errors/error.ts";
import type { StateEvent, WorkEvent } from "../model/event.ts";
import { networkKinds } from "../model/network.ts";
import { troubleKinds, vmStates } from "../model/vm.ts";

export const networkSpec = z.strictObject({ kind: z.enum(networkKinds), deny: z.readonly(z.array(z.string())) });

export const vmmSpec = z.strictObject({ driver: z.string(), why: z.string() });

export const wireError: z.ZodMiniType<WireError> = z.strictObject({
  code: z.string(),
  message: z.string(),
  hint: z.string(),
  exit: z.int(),
  details: z.looseObject({}) as unknown as z.ZodMiniType<WireError["details"]>,
});

export const stateEvent: z.ZodMiniType<StateEvent> = z.strictObject({
  kind: z.literal("state"),
  id: z.string(),
  name: z.string(),
  state: z.enum(vmStates),
  reason: z.string(),
  trouble: z.exactOptional(z.enum(troubleKinds)),
});

export const workEvent: z.ZodMiniType<WorkEvent> = z.union([
  z.strictObject({
    kind: z.literal("progress"),
    step: z.string(),
    text: z.string(),
    done: z.exactOptional(z.number()),
    total: z.exactOptional(z.number()),
  }),
  z.strictObject({ kind: z.literal("note"), level: z.enum(["info", "warn"]), text: z.string() }),
  z.strictObject({ kind: z.literal("log"), step: z.int(), text: z.string() }),
  z.strictObject({
    kind: z.literal("spec"),
    text: z.string(),
    vcpu: z.int(),
    memoryMib: z.int(),
    diskBytes: z.int(),
    image: z.string(),
    kernel: z.string(),
    network: networkSpec,
    vmm: vmmSpec,
    provenance: z.record(z.string(), z.string()),
  }),
  z.strictObject({
    kind: z.literal("timing"),
    phases: z.array(z.strictObject({ name: z.string(), ms: z.number() })),
  }),
  stateEvent,
]);
