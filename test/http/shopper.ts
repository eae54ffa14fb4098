/**
 * A shopper without script: follows links, fills in forms and presses buttons as an old browser would, keeps cookies,
 * and sends with each form where it came from. Speaks to the shop's handler itself.
 */
import type { ShopProcess } from "../kit/shop.ts";
import { origin } from "../kit/shop.ts";

export type Form = {
  readonly action: string;
  readonly method: string;
  /** As they stand in the page: names with their present values; radio buttons only where chosen. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly buttons: readonly { readonly name: string; readonly value: string; readonly label: string }[];
  /** What each select and radio button could be. */
  readonly choices: ReadonlyMap<string, readonly string[]>;
};

export type Page = {
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  readonly html: string;
  readonly forms: readonly Form[];
  /** The page's words, without markup. */
  readonly text: string;
};

const pageMoves = new Set([301, 302, 303, 307, 308]);

export class Shopper {
  readonly cookies = new Map<string, string>();
  readonly #process: Pick<ShopProcess, "fetch">;

  constructor(process: Pick<ShopProcess, "fetch">) {
    this.#process = process;
  }

  /** One request with this shopper's cookies; what comes back may set more. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.cookies.size > 0 && !headers.has("cookie"))
      headers.set("cookie", [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; "));
    const response = await this.#process.fetch(path, { ...init, headers });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      const at = pair.indexOf("=");
      this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return response;
  }

  async json<Body = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: Body }> {
    const response = await this.fetch(path, {
      method,
      headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Body };
  }

  async open(path: string): Promise<Page> {
    return await this.#page(path, await this.fetch(path, { headers: { accept: "text/html" } }));
  }

  /** Sends the form of that action; `more` fills in or replaces fields, null takes one out. Follows to where it leads. */
  async send(page: Page, action: string, more: Readonly<Record<string, string | null>> = {}): Promise<Page> {
    const form = page.forms.find((candidate) => candidate.action === action && fits(candidate, more));
    if (form === undefined) {
      throw new Error(`${page.path} has no form to ${action} with ${JSON.stringify(more)}: ${page.text.slice(0, 300)}`);
    }
    const fields = new URLSearchParams(form.fields.map(([name, value]): [string, string] => [name, value]));
    for (const [name, value] of Object.entries(more)) {
      if (value === null) fields.delete(name);
      else fields.set(name, value);
    }
    return await this.post(form.action === "" ? page.path : form.action, fields);
  }

  async post(path: string, fields: URLSearchParams | Readonly<Record<string, string>>): Promise<Page> {
    const response = await this.fetch(path, {
      method: "POST",
      headers: {
        accept: "text/html",
        "content-type": "application/x-www-form-urlencoded",
        "sec-fetch-site": "same-origin",
        origin,
      },
      body: new URLSearchParams(fields as Record<string, string>).toString(),
    });
    return await this.#page(path, response);
  }

  async #page(path: string, response: Response): Promise<Page> {
    const location = response.headers.get("location");
    if (pageMoves.has(response.status) && location !== null) {
      const next = new URL(location, origin);
      await response.body?.cancel();
      return await this.open(`${next.pathname}${next.search}`);
    }
    const html = await response.text();
    return {
      path,
      status: response.status,
      headers: response.headers,
      html,
      forms: await formsOf(html),
      text: textOf(html),
    };
  }
}

/** Whether the form has every field that is to be filled in, so that of several to one address the right one is sent. */
const fits = (form: Form, more: Readonly<Record<string, string | null>>): boolean =>
  Object.entries(more).every(
    ([name, value]) =>
      form.fields.some(
        ([field, present]) => field === name && (form.choices.has(name) || value !== null || present !== ""),
      ) ||
      form.choices.has(name) ||
      form.buttons.some((button) => button.name === name && (value === null || button.value === value)),
  );

const decode = (text: string): string =>
  text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal?: string, hex?: string, name?: string) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" }[(name ?? "").toLowerCase()] ?? whole;
  });

async function formsOf(html: string): Promise<Form[]> {
  type Open = {
    action: string;
    method: string;
    fields: [string, string][];
    buttons: { name: string; value: string; label: string }[];
    choices: Map<string, string[]>;
  };
  const forms: Open[] = [];
  let form: Open | undefined;
  let select: { name: string; options: { value: string; isChosen: boolean }[] } | undefined;
  let option: { value: string | null; text: string; isChosen: boolean } | undefined;
  let button: Open["buttons"][number] | undefined;
  const value = (element: HTMLRewriterTypes.Element, name: string) => decode(element.getAttribute(name) ?? "");
  await new HTMLRewriter()
    .on("form", {
      element(element) {
        form = {
          action: value(element, "action"),
          method: (element.getAttribute("method") ?? "get").toLowerCase(),
          fields: [],
          buttons: [],
          choices: new Map(),
        };
        forms.push(form);
        element.onEndTag(() => {
          form = undefined;
        });
      },
    })
    .on("input", {
      element(element) {
        const name = value(element, "name");
        if (form === undefined || name === "" || element.hasAttribute("disabled")) return;
        const type = element.getAttribute("type") ?? "text";
        const isChoice = type === "radio" || type === "checkbox";
        if (isChoice) form.choices.set(name, [...(form.choices.get(name) ?? []), value(element, "value")]);
        if (!isChoice || element.hasAttribute("checked")) form.fields.push([name, value(element, "value")]);
      },
    })
    .on("select", {
      element(element) {
        const open = { name: value(element, "name"), options: [] as { value: string; isChosen: boolean }[] };
        select = open;
        const owner = form;
        element.onEndTag(() => {
          const chosen = open.options.find(({ isChosen }) => isChosen) ?? open.options[0];
          owner?.choices.set(
            open.name,
            open.options.map(({ value: text }) => text),
          );
          if (chosen !== undefined) owner?.fields.push([open.name, chosen.value]);
          select = undefined;
        });
      },
    })
    .on("option", {
      element(element) {
        const open = {
          value: element.hasAttribute("value") ? value(element, "value") : null,
          text: "",
          isChosen: element.hasAttribute("selected"),
        };
        option = open;
        const owner = select;
        element.onEndTag(() => {
          owner?.options.push({ value: open.value ?? decode(open.text.trim()), isChosen: open.isChosen });
          option = undefined;
        });
      },
      text(chunk) {
        if (option !== undefined) option.text += chunk.text;
      },
    })
    .on("button", {
      element(element) {
        if (form === undefined || element.hasAttribute("disabled")) return;
        button = { name: value(element, "name"), value: value(element, "value"), label: "" };
        form.buttons.push(button);
        element.onEndTag(() => {
          button = undefined;
        });
      },
      text(chunk) {
        if (button !== undefined) button.label += chunk.text;
      },
    })
    .transform(new Response(html))
    .text();
  return forms;
}

const textOf = (html: string): string =>
  decode(html.replace(/<(head|script|style)\b[\s\S]*?<\/\1>/g, " ").replace(/<[^>]*>/g, " "))
    .replace(/\s+/g, " ")
    .trim();
