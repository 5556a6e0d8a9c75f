/** Kernels. */

import { isSet, sourceOf } from "../query.ts";
import { bytes, json, work } from "../route.ts";

export const kernelRoutes = {
  ...json("listKernels", ({ machines }) => machines.kernels()),
  ...json("showKernel", ({ machines }, { name, exchange }) => machines.showKernel(name, isSet(exchange, "verify"))),
  ...json("deleteKernel", ({ machines }, { name }) => machines.deleteKernel(name)),
  ...work("importKernel", ({ machines }, { name, exchange }, emit) => {
    const upload = { name, source: sourceOf(exchange), tar: exchange.bodyStream() };
    return machines.importKernel(upload, emit, exchange.signal);
  }),
  ...work("pullKernel", ({ machines }, { name, exchange }, emit) => machines.pullKernel(name, emit, exchange.signal)),
  ...bytes("exportKernel", ({ machines }, { name, exchange }, send) =>
    machines.exportKernel(name, exchange.signal, send),
  ),
};
