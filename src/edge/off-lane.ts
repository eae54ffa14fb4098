/** Back from a short way to what is left of the stages: an answer, or an error, that is no everyday one. */
import type { Exchange, Stage } from "./exchange.ts";
import type { Recipient } from "./ports.ts";
import type { Seeing, Sight } from "./seeing.ts";

export function leaveLane(
  stages: { readonly fallback: Stage; readonly seeing: Seeing },
  exchange: Exchange,
  sight: Sight,
  /** What the fallback gets from the stages behind it. */
  next: () => Response | Promise<Response>,
  /** Undefined when the client has gone meanwhile. */
  to: () => Recipient | undefined,
): void {
  const { fallback, seeing } = stages;
  const finish = (response: Response): void => {
    seeing.ends(exchange, response.status, sight);
    const recipient = to();
    if (recipient === undefined) response.body?.cancel().catch(() => {});
    else recipient.answer(response);
  };
  const fail = (error: unknown): void => {
    seeing.ends(exchange, 500, sight);
    to()?.broke(error);
  };
  let answer: Response | Promise<Response>;
  try {
    answer = fallback(exchange, next);
  } catch (error) {
    fail(error);
    return;
  }
  if (answer instanceof Promise) answer.then(finish, fail);
  else finish(answer);
}
