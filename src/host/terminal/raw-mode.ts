/**
 * Raw mode of a terminal, as cfmakeraw(3) sets it. The runtime's raw mode keeps output processing, which turns a guest's bare line feed
 * into a carriage return and line feed: full-screen programs would draw in the wrong place.
 */

/** asm-generic/termbits.h; the flags to clear in the word at `at`, in bytes */
const dropped = [
  // IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON
  { at: 0, flags: 0o1 | 0o2 | 0o10 | 0o40 | 0o100 | 0o200 | 0o400 | 0o2000 },
  // OPOST
  { at: 4, flags: 0o1 },
  // CSIZE PARENB
  { at: 8, flags: 0o60 | 0o400 },
  // ISIG ICANON ECHO ECHONL IEXTEN
  { at: 12, flags: 0o1 | 0o2 | 0o10 | 0o100 | 0o100000 },
];
const controlFlags = 8;
const CS8 = 0o60;
const controlCharacters = 17;
const VTIME = 5;
const VMIN = 6;

/** @param mode the kernel's `struct termios` */
export function rawMode(mode: Uint8Array): Uint8Array {
  const raw = mode.slice();
  const words = new DataView(raw.buffer);
  for (const { at, flags } of dropped) words.setUint32(at, words.getUint32(at, true) & ~flags, true);
  words.setUint32(controlFlags, words.getUint32(controlFlags, true) | CS8, true);
  raw[controlCharacters + VMIN] = 1;
  raw[controlCharacters + VTIME] = 0;
  return raw;
}
