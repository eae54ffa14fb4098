/**
 * Which paths a limit is for: `:name` is one part of a path, a last `*` is any rest or none. A path is compared as an origin
 * might read it, so that neither /%63heckout nor /Checkout nor //checkout slips past a limit on /checkout.
 */
export function pathPattern(pattern: string): (path: string) => boolean {
  const parts = plain(pattern).split("/").slice(1);
  const isOpen = parts.at(-1) === "*";
  if (isOpen) parts.pop();
  return (given) => {
    const path = plain(given);
    // Just behind the slash that the next part begins with.
    let at = 1;
    for (const part of parts) {
      if (at > path.length) return false;
      const slash = path.indexOf("/", at);
      const end = slash < 0 ? path.length : slash;
      if (part.startsWith(":") ? end === at : end - at !== part.length || !path.startsWith(part, at)) return false;
      at = end + 1;
    }
    return isOpen || at === path.length + 1;
  };
}

/** Most paths are plain as they are, and nothing is made of them. */
function plain(path: string): string {
  if (isPlain(path)) return path;
  let text = path;
  try {
    text = decodeURIComponent(text);
  } catch {
    // Not UTF-8: compared as it was sent.
  }
  text = text.replace(/\/{2,}/g, "/").toLowerCase();
  return text.length > 1 && text.endsWith("/") ? text.slice(0, -1) : text;
}

function isPlain(path: string): boolean {
  let before = 0;
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === 37 || code > 126 || (code > 64 && code < 91) || (code === 47 && before === 47)) return false;
    before = code;
  }
  return before !== 47 || path.length === 1;
}
