/** A registry's host and the schemes to try. */
import { isLoopback } from "../../base/reference.ts";

/** Docker Hub's API has another host name than its images. */
export function endpointOf(registry: string): string {
  return registry === "docker.io" ? "registry-1.docker.io" : registry;
}

/** Plain http only on loopback, or if the user allowed it. */
export function schemesOf(registry: string, insecure: boolean): ("https" | "http")[] {
  return insecure || isLoopback(registry) ? ["https", "http"] : ["https"];
}
