/**
 * Reads just enough of HTTP/1.1 answers to count them: the status, and where the answer ends. An answer mostly comes in
 * one piece, and answers of one kind have their length at the same place; both are tried first.
 */

const headEnd = Buffer.from("\r\n\r\n");
const acknowledgement = Buffer.from('"orderNumber":"');

export type Answer = {
  status: number;
  /** Of the body. */
  length: number;
  /** Bytes of the body that are still to come. */
  left: number;
  acknowledged: boolean;
};

export class AnswerScanner {
  /** Where the digits of content-length stood last time, counted from the answer's first byte. */
  #lengthAt = 0;
  readonly #answer: Answer = { status: 0, length: 0, left: 0, acknowledged: false };

  /**
   * The answer at the start of `bytes`, or undefined while its head is not complete; a 202 is wanted whole. Its object is used
   * again for the next. Throws when this is no answer with a length. No answer follows another unasked, so what is behind it
   * is refused.
   */
  scan(bytes: Buffer): Answer | undefined {
    const headLength = bytes.indexOf(headEnd);
    if (headLength < 0) return undefined;
    const status = ((bytes[9] as number) - 48) * 100 + ((bytes[10] as number) - 48) * 10 + ((bytes[11] as number) - 48);
    // A 304 has no body, whatever it says of a length (RFC 9110 15.4.5).
    const length = status === 304 ? 0 : this.#length(bytes, headLength);
    const end = headLength + 4 + length;
    if (bytes.length > end) throw new Error("more came than was asked for");
    if (bytes.length < end && status === 202) return undefined;
    const answer = this.#answer;
    answer.status = status;
    answer.length = length;
    answer.left = end - bytes.length;
    answer.acknowledged = status === 202 && bytes.indexOf(acknowledgement, headLength + 4) >= 0;
    return answer;
  }

  #length(bytes: Buffer, headLength: number): number {
    if (!this.#isLength(bytes, this.#lengthAt)) this.#lengthAt = findLength(bytes, headLength);
    let length = 0;
    for (let at = this.#lengthAt; ; at++) {
      const digit = (bytes[at] as number) - 48;
      if (digit < 0 || digit > 9) break;
      length = length * 10 + digit;
    }
    return length;
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
