/** Gathers the facts for `registries.ts`: variables, and the files in which pip, npm and go keep the same settings. */
import { readTextOrNothing } from "./proxy-facts.ts";
import type { RegistryFacts } from "./registries.ts";

/** An unreadable file counts as absent. @param etc the host's `/etc` */
export function readRegistryFacts(env: Record<string, string | undefined>, etc = "/etc"): RegistryFacts {
  const home = env["HOME"];
  const inHome = (...paths: string[]) => (home?.startsWith("/") ? paths.map((path) => `${home}/${path}`) : []);
  const named = (name: string) => (env[name]?.startsWith("/") ? [env[name]] : []);
  const texts = (paths: readonly string[]) => paths.map(readTextOrNothing).filter((text) => text !== "");
  return {
    env,
    pip: texts([`${etc}/pip.conf`, ...inHome(".pip/pip.conf", ".config/pip/pip.conf"), ...named("PIP_CONFIG_FILE")]),
    npm: texts([`${etc}/npmrc`, ...inHome(".npmrc"), ...named("npm_config_userconfig")]),
    go: texts([...inHome(".config/go/env"), ...named("GOENV")]),
  };
}
