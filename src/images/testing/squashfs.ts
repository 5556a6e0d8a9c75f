/** The header of a squashfs file of that size, and zeros. */
export function squashfs(bytes: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(bytes));
  view.setUint32(0, 0x73717368, true);
  view.setUint16(20, 5, true);
  view.setUint16(28, 4, true);
  view.setBigUint64(40, BigInt(bytes), true);
  return new Uint8Array(view.buffer);
}
