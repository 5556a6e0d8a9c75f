/** What can be pulled by a short name. */
import { answerJson } from "../answers.ts";
import type { Handler } from "../daemon.ts";

export const listCatalog: Handler = async ({ machines }, exchange) =>
  answerJson(exchange, await machines.catalog(exchange.signal));
