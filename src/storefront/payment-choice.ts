/**
 * The choice of a means of payment, at checkout and when another card is tried. Every token stands as a radio button, so
 * that choosing needs no script: with one provider the form sends `paymentProvider` and `paymentToken`; with several,
 * the button's value says both, and `readPaymentChoice` takes it apart again.
 */
import { type Html, html } from "./html.ts";

export type PaymentOption = {
  /** As in `payment.provider` of an order request. */
  readonly provider: string;
  readonly label: string;
  /** A sentence or two on how it works. */
  readonly description: string;
  readonly tokens: readonly { readonly token: string; readonly label: string }[];
  /** No money moves: shown so that nobody can miss it. */
  readonly test: boolean;
};

export type PaymentChoice = { readonly provider: string; readonly token: string };

export function paymentChoice(options: readonly PaymentOption[], chosen: PaymentChoice | null, error?: string): Html {
  const present = chosen ?? { provider: options[0]?.provider ?? "", token: options[0]?.tokens[0]?.token ?? "" };
  return html`${error !== undefined && html`<p class="error" id="paymentToken-error">${error}</p>`}${options.map(
    (option) =>
      html`<fieldset class="pay"><legend>${option.label}${
        option.test && html` <span class="test">Test: no money moves</span>`
      }</legend><p class="hint">${option.description}</p>${
        options.length === 1 && html`<input type="hidden" name="paymentProvider" value="${option.provider}">`
      }<div class="radios">${option.tokens.map(
        ({ token, label }, index) =>
          html`<label><input type="radio" name="paymentToken" id=${
            option === options[0] && index === 0 && "paymentToken"
          } value="${options.length === 1 ? token : `${option.provider}:${token}`}" checked=${
            present.provider === option.provider && present.token === token
          } aria-describedby=${error !== undefined && "paymentToken-error"} required> ${label}</label>`,
      )}</div></fieldset>`,
  )}`;
}

/** What a form said, from its `paymentProvider` (absent with several providers) and `paymentToken`; null when nothing. */
export function readPaymentChoice(provider: string | null, token: string | null): PaymentChoice | null {
  if (token === null || token === "") return null;
  if (provider !== null && provider !== "") return { provider, token };
  const colon = token.indexOf(":");
  return colon < 1 || colon === token.length - 1
    ? null
    : { provider: token.slice(0, colon), token: token.slice(colon + 1) };
}
