/** The lines of an NDJSON answer, as schemas: events while work runs, then one result or one error. */
import * as z from "zod/mini";
import type { WireError } from "../base/errors/error.ts";
import type { PortEvent, StateEvent, WorkEvent } from "../model/event.ts";
import { networkKinds } from "../model/network.ts";
import { type PortView, type PublishedPort, portKinds, portStates } from "../model/ports.ts";
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

const port = z.int();
export const publishedPort: z.ZodMiniType<PublishedPort> = z.strictObject({
  address: z.string(),
  hostPort: port,
  guestPort: port,
});

export const portView: z.ZodMiniType<PortView> = z.strictObject({
  guestPort: port,
  address: z.string(),
  hostPort: port,
  kind: z.enum(portKinds),
  state: z.enum(portStates),
  isService: z.boolean(),
  problem: z.nullable(z.string()),
});

export const portEvent: z.ZodMiniType<PortEvent> = z.strictObject({
  kind: z.literal("port"),
  id: z.string(),
  name: z.string(),
  port: portView,
  isAnnounced: z.boolean(),
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
