/** The API as its own description has it: what is served, and whether an answer is what was promised. */
import Schema from "typebox/schema";
import type { ShopProcess } from "../kit/shop.ts";

type JsonSchema = Readonly<Record<string, unknown>>;
type Answer = { readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>> };

export type Operation = {
  readonly method: string;
  readonly path: string;
  readonly isAdmin: boolean;
  readonly body: JsonSchema | undefined;
  readonly responses: Readonly<Record<string, Answer>>;
};

export type Description = {
  readonly document: Readonly<Record<string, unknown>>;
  readonly operations: readonly Operation[];
  /** What is wrong with an answer to this operation, by its description; empty when nothing is. */
  complaints(name: string, response: Response, body: unknown): string[];
};

export const problemType = "application/problem+json";

export async function describedApi(process: ShopProcess): Promise<Description> {
  const response = await process.fetch("/api/openapi.json");
  const document = (await response.json()) as {
    paths: Record<
      string,
      Record<string, { security?: unknown; requestBody?: Answer; responses: Record<string, Answer> }>
    >;
  };
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      isAdmin: operation.security !== undefined,
      body: operation.requestBody?.content?.["application/json"]?.schema,
      responses: operation.responses,
    })),
  );
  const compiled = new Map<JsonSchema, ReturnType<typeof Schema.Compile>>();
  return {
    document,
    operations,
    complaints(name, answer, body) {
      const operation = operations.find(({ method, path }) => `${method} ${path}` === name);
      if (operation === undefined) return [`${name} is not described`];
      const described = operation.responses[String(answer.status)];
      if (described === undefined) return [`${name}: the status ${answer.status} is not described`];
      const type = (answer.headers.get("content-type") ?? "").split(";")[0] ?? "";
      if (described.content === undefined) return [];
      const schema = described.content[type]?.schema;
      if (schema === undefined) return [`${name}, ${answer.status}: the type ${type} is not described`];
      let check = compiled.get(schema);
      if (check === undefined) {
        check = Schema.Compile(schema);
        compiled.set(schema, check);
      }
      if (check.Check(body)) return [];
      const [, errors] = check.Errors(body);
      return errors.map(({ instancePath, message }) => `${name}, ${answer.status}: ${instancePath} ${message}`);
    },
  };
}

/** What is wrong with a refusal: it must be a clear 4xx in problem details, with every field's complaint where it is about fields. */
export function refusalComplaints(response: Response, text: string): string[] {
  const { status } = response;
  if (status < 400 || status > 499) return [`the status is ${status}: ${text.slice(0, 300)}`];
  if (response.headers.get("content-type") !== problemType) return [`it is ${response.headers.get("content-type")}`];
  const problem = JSON.parse(text) as {
    type?: string;
    code?: string;
    status?: number;
    title?: string;
    detail?: string;
    errors?: { pointer: string; message: string }[];
  };
  const found: string[] = [];
  if (problem.type !== `urn:spillway:error:${problem.code}`) found.push(`type ${problem.type}, code ${problem.code}`);
  if (problem.status !== status) found.push(`status ${problem.status} inside of ${status}`);
  if ((problem.title ?? "") === "" || (problem.detail ?? "") === "") found.push("says nothing");
  if (!text.isWellFormed()) found.push("is not well-formed");
  if (problem.code === "invalid_request") {
    if ((problem.errors ?? []).length === 0) found.push("names no field");
    for (const { pointer, message } of problem.errors ?? []) {
      if (pointer !== "" && !/^(?:\/(?:[^~/]|~[01])*)+$/u.test(pointer)) found.push(`"${pointer}" is no JSON pointer`);
      if (message.length < 5) found.push(`"${message}" says nothing`);
    }
  }
  if (response.headers.has("set-cookie")) found.push("sets a cookie");
  return found;
}
