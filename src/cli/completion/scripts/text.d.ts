// biome-ignore-all lint/style/noDefaultExport: a file that is imported as text has no other name
/** Files that are built into the program as text: `import … with { type: "text" }`. */
declare module "*.bash" {
  const text: string;

  export { text as default };
}
declare module "*.zsh" {
  const text: string;

  export { text as default };
}
declare module "*.fish" {
  const text: string;

  export { text as default };
}
declare module "*.ps1" {
  const text: string;

  export { text as default };
}
