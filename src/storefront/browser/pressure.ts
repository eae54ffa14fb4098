/**
 * How crowded the shop is, 0 to 3: the page says it when it is made, every answer may say it again in a header. As it
 * rises the script asks less often and fetches nothing ahead.
 */
let pressure = Number(document.body.dataset.pressure) || 0;

export function hearPressure(response: Response): void {
  const told = response.headers.get("spillway-pressure");
  if (told === null) return;
  pressure = Math.min(3, Math.max(0, Number(told) || 0));
  if (pressure > 0) document.querySelector("script[type=speculationrules]")?.remove();
}

/** `seconds` in calm, longer under pressure, and spread so that pages opened together do not ask together. */
export const pace = (seconds: number): number => seconds * 1000 * 2 ** pressure * (0.8 + Math.random() * 0.4);
