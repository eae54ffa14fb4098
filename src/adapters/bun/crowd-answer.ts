/**
 * Reads the answers of one connection for a crowd: where each ends, and of it no more than somebody asks for. A shop's answers
 * mostly begin with the same head, the date apart, so the last head that was understood is compared first.
 */
import type { Answer } from "#rehearse/ports.ts";
import { AnswerError, type AnswerHead, ChunkedReader, parseHead } from "./http1-answer.ts";

const headMaxBytes = 65_536;
const interimMax = 32;
/** A longer answer is given up on: nobody shops in it, and it would be all that is measured. */
const answerMaxBytes = 256 * 1024 * 1024;
const headEnd = Buffer.from("\r\n\r\n");

/** What all connections of a wire share. */
export type LastHead = { text: string; head: AnswerHead | undefined };

export class AnswerReader implements Answer {
  readonly #last: LastHead;
  #isHead = false;
  #keepBytes = 0;
  #partial: Buffer | undefined;
  #interim = 0;
  #head: AnswerHead | undefined;
  #left = 0;
  #chunks: ChunkedReader | undefined;
  #kept: Uint8Array[] | undefined;
  #keptBytes = 0;
  bytes = 0;

  constructor(last: LastHead) {
    this.#last = last;
  }

  begin(isHead: boolean, keepBytes: number): void {
    this.#isHead = isHead;
    this.#keepBytes = keepBytes;
    this.#partial = undefined;
    this.#interim = 0;
    this.#head = undefined;
    this.#chunks = undefined;
    this.#kept = undefined;
    this.#keptBytes = 0;
    this.bytes = 0;
  }

  get status(): number {
    return this.#head?.status ?? 0;
  }

  get isKept(): boolean {
    return this.#head?.isKept ?? false;
  }

  get keptSeconds(): number | undefined {
    return this.#head?.keptSeconds;
  }

  /** Whether anything came. */
  get isSilent(): boolean {
    return this.bytes === 0;
  }

  /** The connection ended; whether that was the answer's end. */
  get endsWithConnection(): boolean {
    return this.#head?.framing === "close" || this.#chunks?.hasWholeBody === true;
  }

  field(name: string): string | undefined {
    return this.fields(name)[0];
  }

  fields(name: string): readonly string[] {
    const fields = this.#head?.fields ?? [];
    let found: string[] | undefined;
    for (let at = 0; at < fields.length; at += 2) {
      const candidate = fields[at] as string;
      if (candidate.length !== name.length || candidate.toLowerCase() !== name) continue;
      found ??= [];
      found.push((fields[at + 1] as string).trim());
    }
    return found ?? none;
  }

  text(): string {
    return this.#kept === undefined ? "" : Buffer.concat(this.#kept).toString("utf8");
  }

  /** True when the answer is whole. Throws an AnswerError when it is none. */
  read(bytes: Buffer): boolean {
    this.bytes += bytes.length;
    if (this.bytes > answerMaxBytes) throw new AnswerError(`it is longer than ${answerMaxBytes / 1024 / 1024} MB`);
    if (this.#head !== undefined) return this.#readBody(bytes, 0);
    let from = 0;
    let all = bytes;
    if (this.#partial !== undefined) {
      all = Buffer.concat([this.#partial, bytes]);
      this.#partial = undefined;
    }
    for (;;) {
      const end = all.indexOf(headEnd, from);
      if ((end < 0 ? all.length : end) - from > headMaxBytes)
        throw new AnswerError(`its head is longer than ${headMaxBytes} bytes`);
      if (end < 0) {
        this.#partial = from === 0 ? all : all.subarray(from);
        // What cannot become a head is not waited for.
        if (!"HTTP/1.".startsWith(this.#partial.toString("latin1", 0, Math.min(7, this.#partial.length))))
          throw new AnswerError("it does not begin as HTTP/1.1 does");
        return false;
      }
      const text = all.toString("latin1", from, end);
      const head = this.#headOf(text);
      from = end + headEnd.length;
      if (head === undefined) {
        if (++this.#interim > interimMax) throw new AnswerError("it has too many interim answers");
        continue;
      }
      this.#head = head;
      this.#left = head.length;
      if (head.framing === "none") return this.#isEnd(from, all.length);
      if (head.framing === "chunked") this.#chunks = new ChunkedReader();
      return this.#readBody(all, from);
    }
  }

  #headOf(text: string): AnswerHead | undefined {
    const last = this.#last;
    if (!this.#isHead && text === last.text) return last.head;
    const head = parseHead(text, this.#isHead);
    if (!this.#isHead && head !== undefined) {
      last.text = text;
      last.head = head;
    }
    return head;
  }

  #readBody(bytes: Buffer, from: number): boolean {
    if (this.#chunks !== undefined) {
      const pieces: Uint8Array[] = [];
      const end = this.#chunks.read(bytes, from, pieces);
      for (const piece of pieces) this.#keep(piece);
      return end >= 0 && this.#isEnd(end, bytes.length);
    }
    if (this.#head?.framing === "close") {
      this.#keep(bytes.subarray(from));
      return false;
    }
    const end = Math.min(bytes.length, from + this.#left);
    this.#left -= end - from;
    // The beginning of a short answer costs nothing to remember, and says what is wrong when it is a refusal.
    if (this.#keepBytes > 0 || (this.#head as AnswerHead).status >= 400) this.#keep(bytes.subarray(from, end));
    return this.#left === 0 && this.#isEnd(end, bytes.length);
  }

  #isEnd(end: number, length: number): true {
    if (end < length) throw new AnswerError("more came than was asked for");
    return true;
  }

  #keep(piece: Uint8Array): void {
    const most = Math.max(this.#keepBytes, (this.#head as AnswerHead).status >= 400 ? refusalBytes : 0);
    if (this.#keptBytes >= most || piece.length === 0) return;
    this.#kept ??= [];
    this.#kept.push(piece.subarray(0, most - this.#keptBytes));
    this.#keptBytes += piece.length;
  }
}

const refusalBytes = 1024;
const none: readonly string[] = [];
