/** Images. */
import { pruneImagesSchema, pullImageSchema, tagImageSchema } from "../../api/schema.ts";
import { fail } from "../../base/errors/error.ts";
import type { HttpExchange } from "../../host/http-server.ts";
import { imageParts } from "../../images/rootfs/export.ts";
import { answerBytes, answerJson, answerWork } from "../answers.ts";
import { readJson } from "../body.ts";
import type { Handler } from "../daemon.ts";
import { isSet, queryName, sourceOf } from "../upload.ts";

export const listImages: Handler = async ({ machines }, exchange) => answerJson(exchange, await machines.images());

export const showImage: Handler = async ({ machines }, exchange, name) =>
  answerJson(exchange, await machines.showImage(name, isSet(exchange, "verify")));

export const importImage: Handler = async ({ machines, log }, exchange, name) => {
  const upload = uploadOf(exchange, name);
  const keeps = isSet(exchange, "twice");
  await answerWork(exchange, log, (emit) =>
    machines.importImage({ ...upload, keeps, tar: exchange.bodyStream() }, emit, exchange.signal),
  );
};

export const importDisk: Handler = async ({ machines, log }, exchange, name) => {
  const upload = uploadOf(exchange, name);
  await answerWork(exchange, log, (emit) =>
    machines.importDisk({ ...upload, tar: exchange.bodyStream() }, emit, exchange.signal),
  );
};

function uploadOf(exchange: HttpExchange, name: string) {
  const kernel = queryName(exchange, "kernel");
  return { name, source: sourceOf(exchange), ...(kernel === null ? {} : { kernel }) };
}

export const importArchive: Handler = async ({ machines, log }, exchange) => {
  const facts = {
    source: sourceOf(exchange),
    image: exchange.query.get("image")?.slice(0, 512) ?? null,
    name: queryName(exchange, "name"),
    fallback: queryName(exchange, "fallback"),
  };
  await answerWork(exchange, log, (emit) =>
    machines.importArchive({ ...facts, tar: exchange.bodyStream() }, emit, exchange.signal),
  );
};

export const pullImage: Handler = async ({ machines, log }, exchange, name) => {
  const { credential = null, insecure = false } = await readJson(exchange, pullImageSchema);
  await answerWork(exchange, log, (emit) => machines.pullImage({ name, credential, insecure }, emit, exchange.signal));
};

export const tagImage: Handler = async ({ machines }, exchange, name) => {
  const { name: to } = await readJson(exchange, tagImageSchema);
  answerJson(exchange, await machines.tagImage(name, to));
};

export const pruneImages: Handler = async ({ machines }, exchange) => {
  const { all = false, dryRun = false } = await readJson(exchange, pruneImagesSchema);
  answerJson(exchange, await machines.pruneImages({ all, dryRun }));
};

export const exportImage: Handler = async ({ machines }, exchange, name) =>
  machines.exportImage(name, exchange.signal, (tar) => answerBytes(exchange, tar));

export const rootfsImage: Handler = async ({ machines }, exchange, name) => {
  const wanted = exchange.query.get("part") ?? "rootfs";
  const part = imageParts.find((one) => one === wanted);
  if (!part) throw fail("REQUEST_INVALID", { problems: [`part must be one of ${imageParts.join(", ")}`] });
  await machines.exportRootfs(name, part, exchange.signal, (tar) => answerBytes(exchange, tar));
};

export const deleteImage: Handler = async ({ machines }, exchange, name) =>
  answerJson(exchange, await machines.deleteImage(name));
