/** What banger authenticates to a registry with. Never logged, never stored. */
export type Credential = { username: string; password: string } | { identityToken: string };
