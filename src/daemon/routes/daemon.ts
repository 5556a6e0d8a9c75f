/** The daemon itself and the host it runs on. */
import { answerJson } from "../answers.ts";
import type { Handler } from "../daemon.ts";

export const daemonInfo: Handler = async (daemon, exchange) => answerJson(exchange, daemon.info());

export const daemonStop: Handler = async (daemon, exchange) => {
  await daemon.stop();
  answerJson(exchange, daemon.info());
};

export const host: Handler = async (daemon, exchange) => answerJson(exchange, await daemon.host());
