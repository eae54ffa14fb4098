/**
 * Reads just enough of HTTP/1.1 answers to count them: the status, and where the answer ends. An answer mostly comes in
 * one piece, and answers of one kind have their length at the same place; both are tried first.
 */

const headEnd = Buffer.from("\r\n\r\n");
const acknowledgement = Buffer.from('"orderNumber":"');

export type Answer = { status: number; acknowledged: boolean };

export class AnswerScanner {
  /** Where the digits of content-length stood last time, counted from the answer's first byte. */
  #lengthAt = 0;
  readonly #answer: Answer = { status: 0, acknowledged: false };

  /**
   * The answer at the start of `bytes`, or undefined while it is not complete. Its object is used again for the next.
   * Throws when this is no answer with a length. No answer follows another unasked, so what is behind it is refused.
   */
  scan(bytes: Buffer): Answer | undefined {
    const headLength = bytes.indexOf(headEnd);
    if (headLength < 0) return undefined;
    if (!this.#isLength(bytes, this.#lengthAt)) this.#lengthAt = findLength(bytes, headLength);
    let length = 0;
    for (let at = this.#lengthAt; ; at++) {
      const digit = (bytes[at] as number) - 48;
      if (digit < 0 || digit > 9) break;
      length = length * 10 + digit;
    }
    const end = headLength + 4 + length;
    if (bytes.length < end) return undefined;
    if (bytes.length > end) throw new Error("more came than was asked for");
    const status = ((bytes[9] as number) - 48) * 100 + ((bytes[10] as number) - 48) * 10 + ((bytes[11] as number) - 48);
    this.#answer.status = status;
    this.#answer.acknowledged = status === 202 && bytes.indexOf(acknowledgement, headLength + 4) >= 0;
    return this.#answer;
  }

  /** Whether "…t-length: " stands before this place. */
  #isLength(bytes: Buffer, at: number): boolean {
    return (
      at > 4 &&
      bytes[at - 1] === 32 &&
      bytes[at - 2] === 58 &&
      bytes[at - 3] === 104 &&
      bytes[at - 4] === 116 &&
      bytes[at - 5] === 103
    );
  }
}

function findLength(bytes: Buffer, headLength: number): number {
  const found = /\r\ncontent-length: (?=\d)/i.exec(bytes.toString("latin1", 0, headLength + 2));
  if (found === null) throw new Error("an answer came without its length");
  return found.index + found[0].length;
}
