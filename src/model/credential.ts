/** What a registry wants to see before it answers. Never logged, never stored. */
export type Credential = { username: string; password: string } | { identityToken: string };
