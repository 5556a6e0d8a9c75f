/** Query parameters by route: each with the values it takes, as JSON schema, and what it does. */
import { imageParts } from "../model/artifact.ts";
import type { RouteName } from "./routes.ts";
import { logSources, stopTimes } from "./types.ts";

export type QueryParameter = { description: string; schema: Record<string, unknown> };

const text = (description: string, maxLength?: number): QueryParameter => ({
  description,
  schema: { type: "string", ...(maxLength === undefined ? {} : { maxLength }) },
});
const oneOf = (description: string, values: readonly string[]): QueryParameter => ({
  description,
  schema: { type: "string", enum: values, default: values[0] },
});
const set = (description: string): QueryParameter => ({ description, schema: { type: "string", enum: ["1"] } });

const source = text("where the content came from, for people; cut at 200 characters");
const kernel = text("the kernel that the image is for, by name");
const verify = set("also compare the stored files with their digests");

export const queries: Partial<Record<RouteName, Record<string, QueryParameter>>> = {
  daemonStop: { when: oneOf("now; only if nothing is in use; or once nothing is in use", stopTimes) },
  logsVm: {
    source: oneOf("the guest's console, or the VMM's log", logSources),
    follow: set("stay open and send what is added"),
  },
  agentVm: { wake: oneOf("0: do not wake a suspended VM", ["1", "0"]) },
  showImage: { verify },
  showKernel: { verify },
  importImage: {
    source,
    kernel,
    twice: set("keep the stream on disk while it is read, so that a name can occur twice in it"),
  },
  importDisk: { source, kernel },
  importArchive: {
    source,
    image: text("which image of the archive: a name, a tag, or the first digits of a digest", 512),
    name: text("the imported image's name"),
    fallback: text("the name for an image that has none in the archive"),
  },
  rootfsImage: {
    part: oneOf("the root file system, or the folders that are not part of the overlay", imageParts),
  },
  importKernel: { source },
};
