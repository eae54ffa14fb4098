/** Bytes as people and documents write them: lower-case hexadecimal. */

export const toHex = (bytes: Uint8Array): string => bytes.toHex();

/** Undefined unless it is lower-case hexadecimal of whole bytes, and of `length` of them if given. */
export function fromHex(text: string, length?: number): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) return undefined;
  if (length !== undefined && text.length !== length * 2) return undefined;
  return Uint8Array.fromHex(text);
}
