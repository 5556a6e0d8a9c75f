/** The VM that is held ready, as the daemon knows it, and its end. */
import type { Digest, VmId } from "../base/names.ts";
import type { SavedState } from "../model/saved-state.ts";
import type { VmSpec } from "../model/vm.ts";
import type { RunningVm } from "../vmm/driver.ts";
import type { Context } from "./context.ts";
import type { PreparedNetwork } from "./deps.ts";
import type { AgentSession } from "./session.ts";

/** What kind of VM is held ready. */
export type SpareKind = {
  key: Digest;
  spec: VmSpec;
  /** its disk need not survive the host's crash */
  ephemeral: boolean;
};

export type Spare = SpareKind & {
  kind: "spare";
  /** of the VM that takes it over */
  id: VmId;
  /** in a few words, for people: `template 1f2e3d4c5b6a` */
  what: string;
  running: RunningVm;
  session: AgentSession;
  net: PreparedNetwork | null;
  /** what it was restored from */
  save: SavedState;
  /** of its disk while it stands still */
  diskStamp: string | null;
  /** Its processes are a VM's now, and noted as such. */
  handOver(): void;
  /** Ends its processes; its folder stays, for the VM that took it over. Idempotent. */
  abandon(): Promise<void>;
  /** Ends it and removes its folder. */
  end(): Promise<void>;
};

type Coming = {
  kind: SpareKind;
  ready: Promise<Spare | null>;
  /** a VM waits for it: it need not be better than ready */
  hurry: AbortController;
  cancelExpiry: () => void;
};

export type Spares = {
  /** of the VM that was made last */
  wanted: SpareKind | null;
  /** being made, or ready */
  current: Coming | null;
  cancelMaking: () => void;
  isRetired: boolean;
};

export function noSpares(): Spares {
  return { wanted: null, current: null, cancelMaking: () => {}, isRetired: false };
}

/** Nothing is held ready any more, and nothing will be. */
export async function retireSpares(ctx: Context): Promise<void> {
  ctx.spares.isRetired = true;
  ctx.spares.cancelMaking();
  await dropSpare(ctx, ctx.spares.current);
}

export async function dropSpare(ctx: Context, which: Spares["current"]): Promise<void> {
  if (!which || ctx.spares.current !== which) return;
  ctx.spares.current = null;
  await endCurrent(ctx, which);
}

export async function endCurrent(ctx: Context, which: Spares["current"]): Promise<void> {
  if (!which) return;
  which.cancelExpiry();
  which.hurry.abort();
  await (await which.ready)
    ?.end()
    .catch((error: unknown) => ctx.log.warn("ending a spare failed", { error: String(error) }));
}

/** It shares its memory with the template: what is wrong with that is wrong with it. */
export async function dropSpareOf(ctx: Context, key: Digest): Promise<void> {
  const { current } = ctx.spares;
  if (current?.kind.key === key) await dropSpare(ctx, current);
}
