/** The version of this program; the build fills it in. */
declare const BANGER_VERSION: string | undefined;

export const version: string = typeof BANGER_VERSION === "string" ? BANGER_VERSION : "0.0.0-dev";
