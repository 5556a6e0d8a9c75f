import { expect, test } from "bun:test";
import { vmRecord } from "../../store/testing/records.ts";
import { guestGrace } from "../life/stop.ts";
import { identityRequest } from "./identity.ts";

test("requested variables override the image's, and the image's override inherited ones", () => {
  const kept = { machineId: "0".repeat(32), sshHostKeys: [], network: null };
  const vm = { ...vmRecord(), spec: { ...vmRecord().spec, env: { B: "asked" } } };
  const environment = { A: "host", B: "host", C: "host", http_proxy: "http://host", HTTP_PROXY: "http://host" };
  const inherited = { authorizedKeys: [], environment, caCertificates: [], notes: [] };
  const config = {
    env: { A: "image", B: "image", HTTP_PROXY: "http://image" },
    entrypoint: [],
    cmd: [],
    workdir: "",
    user: "",
  };
  const fresh = { nowMs: 0, entropy: new Uint8Array(32) };
  expect(identityRequest(vm, kept, inherited, fresh, config).environment).toEqual({
    A: "image",
    B: "asked",
    C: "host",
    HTTP_PROXY: "http://image",
  });
});

test("a guest gets the grace period minus what its disk needs", () => {
  expect([60_000, 4000, 100, 0].map(guestGrace)).toEqual([58_000, 3000, 75, 0]);
});
