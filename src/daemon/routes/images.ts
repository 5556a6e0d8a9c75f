/** Images. */
import { answerJson, answerWork } from "../answers.ts";
import type { Handler } from "../daemon.ts";
import { sourceOf } from "../upload.ts";

export const listImages: Handler = async ({ machines }, exchange) => answerJson(exchange, machines.images());

export const showImage: Handler = async ({ machines }, exchange, name) =>
  answerJson(exchange, machines.findImage(name));

export const importImage: Handler = async ({ machines, log }, exchange, name) => {
  const source = sourceOf(exchange);
  await answerWork(exchange, log, (emit) =>
    machines.importImage({ name, source, tar: exchange.bodyStream() }, emit, exchange.signal),
  );
};

export const deleteImage: Handler = async ({ machines }, exchange, name) =>
  answerJson(exchange, await machines.deleteImage(name));
