/** Names that the daemon has, each with what helps to choose. */
import { isDigest } from "../../base/names.ts";
import type { Api } from "../../client/api.ts";
import { shortDigest } from "../ui/artifacts.ts";
import { stateText } from "../ui/state.ts";
import type { LiveKind } from "./kinds.ts";
import type { Candidate } from "./propose.ts";

type Asked = { kind: LiveKind; vm?: string };

/** @throws as the API does */
export async function liveNames(api: Api, { kind, vm }: Asked): Promise<Candidate[]> {
  switch (kind) {
    case "vm":
      return (await api.json("listVms")).map((one) => [one.name, `${stateText(one)}, ${one.spec.image.name}`]);
    case "image":
      return (await api.json("listImages")).flatMap(({ name, source }) => (isDigest(name) ? [] : [[name, source]]));
    case "kernel":
      return (await api.json("listKernels")).map(({ name, release }) => [name, release]);
    case "snapshot":
      return (await snapshots(api, vm)).map(({ name, vmName }) => [name, `of ${vmName}`]);
    case "template":
      return (await api.json("listTemplates")).map(({ key, facts }) => [shortDigest(key), facts.image.name]);
  }
}

async function snapshots(api: Api, vm: string | undefined) {
  return vm === undefined ? api.json("listSnapshots") : api.json("snapshotsOfVm", { name: vm });
}
