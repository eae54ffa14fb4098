/** OpenAPI 3.1, made from the same routes and schemas that serve and validate. */

import { json } from "./answer.ts";
import type { Route } from "./router.ts";

export function openApi(
  routes: readonly Route[],
  extra: readonly { method: string; path: string; describe: NonNullable<Route["describe"]> }[],
): Route {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { method, path, describe } of [...routes, ...extra]) {
    if (describe === undefined) continue;
    const parameters = [
      ...[...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
        name,
        in: "path",
        required: true,
        schema: { type: "string" },
      })),
      ...Object.entries(describe.query ?? {}).map(([name, description]) => ({
        name,
        in: "query",
        required: false,
        description,
        schema: { type: "string" },
      })),
      ...Object.entries(describe.headers ?? {}).map(([name, description]) => ({
        name,
        in: "header",
        required: true,
        description,
        schema: { type: "string" },
      })),
    ];
    const template = path.replace(/:(\w+)/g, "{$1}");
    const operations = paths[template] ?? {};
    paths[template] = operations;
    operations[method.toLowerCase()] = {
      summary: describe.summary,
      ...(describe.admin === true ? { security: [{ adminToken: [] }] } : {}),
      ...(parameters.length > 0 ? { parameters } : {}),
      ...(describe.body === undefined
        ? {}
        : { requestBody: { required: true, content: { "application/json": { schema: describe.body } } } }),
      responses: Object.fromEntries(
        Object.entries(describe.answers).map(([status, answer]) => [
          status,
          {
            description: answer.text,
            ...(answer.schema === undefined
              ? {}
              : {
                  content: {
                    [Number(status) >= 400 ? "application/problem+json" : "application/json"]: {
                      schema: answer.schema,
                    },
                  },
                }),
          },
        ]),
      ),
    };
  }
  const document = {
    openapi: "3.1.0",
    info: {
      title: "Spillway shop API",
      version: "1",
      description: "Amounts are integers in minor units. Errors are RFC 9457 problem details.",
    },
    paths,
    components: { securitySchemes: { adminToken: { type: "http", scheme: "bearer" } } },
  };
  return {
    method: "GET",
    path: "/api/openapi.json",
    handler: () => json(document, 200, { "cache-control": "public, max-age=60", "access-control-allow-origin": "*" }),
  };
}
