/** The agent's first frame, read narrowly: the guest is hostile. */
import { stripControl } from "../../base/text.ts";
import { protocolError } from "./frame.ts";
import type { Hello, Json } from "./types.ts";

/** @throws AGENT_PROTOCOL */
export function parseHello(json: Json): Hello {
  const { protocol, phase, generation, features } = json;
  if (protocol !== 1) throw protocolError(`protocol version ${String(protocol)}, this banger speaks 1`);
  if (phase !== "boot" && phase !== "up") throw protocolError("HELLO without a phase");
  if (typeof generation !== "number" || !Number.isSafeInteger(generation) || generation < 0)
    throw protocolError("HELLO without a generation");
  return {
    protocol,
    phase,
    generation,
    agent: textOf(json["agent"]),
    init: textOf(json["init"]),
    bootId: textOf(json["bootId"]),
    features: Array.isArray(features) ? features.filter((one) => typeof one === "string").slice(0, 64) : [],
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? stripControl(value).slice(0, 64) : "";
}
