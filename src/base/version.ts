/** The version of this program, written in by the build. */
declare const BANGER_VERSION: string | undefined;

export const version: string = typeof BANGER_VERSION === "string" ? BANGER_VERSION : "0.0.0-dev";
