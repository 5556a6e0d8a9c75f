/** Images, and what catalogs offer. */
import type { HttpExchange } from "../../host/net/http-server.ts";
import { imageParts } from "../../model/artifact.ts";
import { chosen, isSet, queryName, sourceOf } from "../query.ts";
import { bytes, json, work } from "../route.ts";

export const imageRoutes = {
  ...json("listImages", ({ machines }) => machines.images()),
  ...json("showImage", ({ machines }, { name, exchange }) => machines.showImage(name, isSet(exchange, "verify"))),
  ...json("tagImage", ({ machines }, { name, body }) => machines.tagImage(name, body.name)),
  ...json("deleteImage", ({ machines }, { name }) => machines.deleteImage(name)),
  ...json("pruneImages", ({ machines }, { body }) => machines.pruneImages({ all: false, dryRun: false, ...body })),
  ...json("listCatalog", ({ machines }, { exchange }) => machines.catalog(exchange.signal)),

  ...work("importImage", ({ machines }, { name, exchange }, emit) => {
    const upload = { ...uploadOf(exchange, name), keeps: isSet(exchange, "twice"), tar: exchange.bodyStream() };
    return machines.importImage(upload, emit, exchange.signal);
  }),
  ...work("importDisk", ({ machines }, { name, exchange }, emit) =>
    machines.importDisk({ ...uploadOf(exchange, name), tar: exchange.bodyStream() }, emit, exchange.signal),
  ),
  ...work("importArchive", ({ machines }, { exchange }, emit) => {
    const facts = {
      source: sourceOf(exchange),
      image: exchange.query.get("image")?.slice(0, 512) ?? null,
      name: queryName(exchange, "name"),
      fallback: queryName(exchange, "fallback"),
    };
    return machines.importArchive({ ...facts, tar: exchange.bodyStream() }, emit, exchange.signal);
  }),
  ...work("pullImage", ({ machines }, { name, body, exchange }, emit) => {
    const { credential = null, insecure = false } = body;
    return machines.pullImage({ name, credential, insecure }, emit, exchange.signal);
  }),

  ...bytes("exportImage", ({ machines }, { name, exchange }, send) =>
    machines.exportImage(name, exchange.signal, send),
  ),
  ...bytes("rootfsImage", ({ machines }, { name, exchange }, send) =>
    machines.exportRootfs(name, chosen(exchange, "part", imageParts), exchange.signal, send),
  ),
};

function uploadOf(exchange: HttpExchange, name: string) {
  const kernel = queryName(exchange, "kernel");
  return { name, source: sourceOf(exchange), ...(kernel === null ? {} : { kernel }) };
}
