/**
 * An answer whose body is all there may say so, or how long it is, and whoever writes it to a socket need not read a stream to find
 * out. Whoever changes the body makes another answer, which says nothing.
 */
export const wholeBody = Symbol("wholeBody");
/** In bytes. */
export const bodyLength = Symbol("bodyLength");
export type MayBeWhole = Response & { [wholeBody]?: Uint8Array; [bodyLength]?: number };
