/**
 * One field of a form: label above, hint and complaint tied to it by aria-describedby, what was typed kept. And the
 * summary of complaints that a refused form opens with: it takes the focus, and each line leads to its field.
 */
import { type Html, html } from "./html.ts";

export type FieldProps = {
  /** Also its id. */
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly error?: string | undefined;
  readonly hint?: string;
  readonly type?: "text" | "email" | "tel" | "search";
  /** A token list of the HTML standard, "Autofill": "shipping postal-code". */
  readonly autocomplete: string;
  readonly inputmode?: "text" | "email" | "tel" | "numeric" | "search";
  readonly enterkeyhint?: "next" | "done" | "go" | "search" | "send";
  readonly autocapitalize?: "off" | "words" | "characters";
  readonly required?: boolean;
  readonly maxlength?: number;
  readonly half?: boolean;
};

export function field(props: FieldProps): Html {
  return html`<div class=${props.half === true ? "field half" : "field"}>${label(props)}<input id=${props.name} name=${
    props.name
  } type=${props.type ?? "text"} value=${props.value} autocomplete=${props.autocomplete} inputmode=${
    props.inputmode
  } enterkeyhint=${props.enterkeyhint} autocapitalize=${props.autocapitalize} spellcheck="false" maxlength=${
    props.maxlength
  } required=${props.required === true} aria-invalid=${props.error !== undefined && "true"} aria-describedby=${described(props)}></div>`;
}

export type ChoiceProps = Pick<FieldProps, "name" | "label" | "value" | "error" | "hint" | "autocomplete" | "half"> & {
  readonly options: readonly { readonly value: string; readonly text: string }[];
  /** The line that stands for no choice yet; without one the first option is chosen. */
  readonly empty?: string;
};

export function choice(props: ChoiceProps): Html {
  return html`<div class=${props.half === true ? "field half" : "field"}>${label({ ...props, required: true })}<select id=${
    props.name
  } name=${props.name} autocomplete=${props.autocomplete} required aria-invalid=${
    props.error !== undefined && "true"
  } aria-describedby=${described(props)}>${props.empty !== undefined && html`<option value="">${props.empty}</option>`}${props.options.map(
    (option) => html`<option value=${option.value} selected=${option.value === props.value}>${option.text}</option>`,
  )}</select></div>`;
}

function label(props: Pick<FieldProps, "name" | "label" | "error" | "hint" | "required">): Html {
  return html`<label for=${props.name}>${props.label}${props.required !== true && html` <span class="soft">(optional)</span>`}</label>${
    props.hint !== undefined && html`<p class="hint" id="${props.name}-hint">${props.hint}</p>`
  }${props.error !== undefined && html`<p class="error" id="${props.name}-error">${props.error}</p>`}`;
}

function described(props: Pick<FieldProps, "name" | "error" | "hint">): string | null {
  const ids = [
    ...(props.hint === undefined ? [] : [`${props.name}-hint`]),
    ...(props.error === undefined ? [] : [`${props.name}-error`]),
  ];
  return ids.length === 0 ? null : ids.join(" ");
}

/** `autofocus` moves the focus without script; browser/swap.ts does the same after a swap. */
export function errorSummary(
  title: string,
  errors: readonly { readonly name: string; readonly message: string }[],
  problem?: string | null,
): Html {
  const more = problem ?? "";
  if (errors.length === 0 && more === "") return html``;
  return html`<section class="errors" tabindex="-1" autofocus aria-labelledby="errors-title"><h2 id="errors-title">${title}</h2>${
    more !== "" && html`<p>${more}</p>`
  }${
    errors.length > 0 &&
    html`<ul>${errors.map((error) => html`<li><a href="#${error.name}">${error.message}</a></li>`)}</ul>`
  }</section>`;
}
