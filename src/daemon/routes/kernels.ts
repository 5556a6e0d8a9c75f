/** Kernels. */
import { answerBytes, answerJson, answerWork } from "../answers.ts";
import type { Handler } from "../daemon.ts";
import { isSet, sourceOf } from "../upload.ts";

export const listKernels: Handler = async ({ machines }, exchange) => answerJson(exchange, await machines.kernels());

export const showKernel: Handler = async ({ machines }, exchange, name) =>
  answerJson(exchange, await machines.showKernel(name, isSet(exchange, "verify")));

export const importKernel: Handler = async ({ machines, log }, exchange, name) => {
  const source = sourceOf(exchange);
  await answerWork(exchange, log, (emit) =>
    machines.importKernel({ name, source, tar: exchange.bodyStream() }, emit, exchange.signal),
  );
};

export const pullKernel: Handler = async ({ machines, log }, exchange, name) =>
  answerWork(exchange, log, (emit) => machines.pullKernel(name, emit, exchange.signal));

export const exportKernel: Handler = async ({ machines }, exchange, name) =>
  machines.exportKernel(name, exchange.signal, (tar) => answerBytes(exchange, tar));

export const deleteKernel: Handler = async ({ machines }, exchange, name) =>
  answerJson(exchange, await machines.deleteKernel(name));
