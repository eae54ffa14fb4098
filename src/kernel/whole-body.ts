/**
 * An answer whose body is all there may say so, or how long it is, and whoever writes it to a socket need not read a stream to find
 * out. Whoever changes the body makes another answer, which says nothing.
 */
export const wholeBody = Symbol("wholeBody");
/** In bytes. */
export const bodyLength = Symbol("bodyLength");
export type MayBeWhole = Response & { [wholeBody]?: Uint8Array; [bodyLength]?: number };

/**
 * An answer that is all there and of which no `Response` was made: that, its `Headers`, and reading them again take longer than most
 * answers of a program do. Whoever needs one makes it.
 */
export class WholeAnswer {
  readonly status: number;
  /** Names in lower case, without Content-Length. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: Uint8Array<ArrayBuffer>;

  constructor(status: number, fields: readonly (readonly [string, string])[], body: Uint8Array<ArrayBuffer>) {
    this.status = status;
    this.fields = fields;
    this.body = body;
  }

  get(name: string): string | null {
    let found: string | null = null;
    for (const [field, value] of this.fields) if (field === name) found = found === null ? value : `${found}, ${value}`;
    return found;
  }

  toResponse(): Response {
    const headers = this.fields as [string, string][];
    const response: MayBeWhole = new Response(this.body, { status: this.status, headers });
    response[wholeBody] = this.body;
    return response;
  }
}

export const responseOf = (given: Response | WholeAnswer): Response =>
  given instanceof WholeAnswer ? given.toResponse() : given;
